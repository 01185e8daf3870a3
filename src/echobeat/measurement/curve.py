"""The volume curve: area, long axis and volume of every frame, and the volume smoothed in time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from echobeat.frames import FrameStack
from echobeat.measurement.axis import UNIT_SPACING, region_axis
from echobeat.measurement.region import BoolArray, find_region
from echobeat.measurement.smoothing import heart_period_s, heart_width_s, local_quadratic, reject_outliers, runs
from echobeat.measurement.volume import region_disks_volume
from echobeat.records import FloatArray, Spacing, VolumeCurve

Masks = FrameStack | NDArray[np.bool_]
"""(frames, height, width), bool: a lazy stack or an array."""

HELD_S = 0.25
"""A picture that is repeated for so long was held: one of a slow recording stored at a higher rate is shorter."""

_SMOOTHING_FRACTION, _SMOOTHING_BOUNDS_S = 0.06, (0.025, 0.05)
"""Kernel width as a fraction of the heart's period, and its bounds in seconds; `smoothing.CURVATURE_RIDGE` tells
the bias."""


def volume_curve(masks: Masks, times_s: FloatArray, spacing_mm: Spacing | None = None) -> VolumeCurve:
    """Measure the ventricle in every frame.

    Parameters
    ----------
    masks : FrameStack or ndarray
        (frames, height, width), bool; read block by block, each frame's largest region is measured.
    times_s : ndarray
        (frames,), seconds, increasing.
    spacing_mm : (row, column), optional
        Pixel spacing in mm; without it volumes are in cubic pixels and lengths in pixels.

    Returns
    -------
    VolumeCurve
    """
    count = len(times_s)
    area, volume, length = (np.full(count, np.nan) for _ in range(3))
    apex, base = np.full((count, 2), np.nan), np.full((count, 2), np.nan)
    spacing = spacing_mm or UNIT_SPACING
    for index, mask in enumerate(_frames(masks)):
        region = find_region(mask)
        if region is None:
            continue
        axis = region_axis(region, spacing)
        area[index] = region.area_px
        apex[index], base[index] = axis.apex_px, axis.base_px
        length[index] = axis.length(spacing)
        volume[index] = region_disks_volume(region, axis, spacing)
    if spacing_mm is not None:
        volume /= 1000.0  # mm3 to ml
    return VolumeCurve(
        times_s=np.asarray(times_s, np.float64),
        area_px=area,
        area_cm2=None if spacing_mm is None else area * spacing_mm[0] * spacing_mm[1] / 100.0,
        apex_px=apex,
        base_px=base,
        long_axis=length,
        volume=volume,
        volume_smoothed=smooth_volume(np.asarray(times_s, np.float64), volume),
        spacing_mm=spacing_mm,
    )


def without_held(curve: VolumeCurve, frames: FrameStack) -> VolumeCurve:
    """The curve without the stretches in which the clip holds one picture for `HELD_S`: nothing beats there.

    Parameters
    ----------
    curve : VolumeCurve
    frames : FrameStack
        (frames, height, width) uint8: the pictures, compared pixel by pixel.

    Returns
    -------
    VolumeCurve
        Its volumes are NaN where a picture is repeated; the first of each stretch stays.
    """
    same = np.array([False, *(np.array_equal(one, other) for one, other in pairwise(frames))])
    held = np.zeros(len(same), bool)
    for first, after in runs(same):
        held[first:after] = curve.times_s[after - 1] - curve.times_s[first - 1] >= HELD_S
    if not held.any():
        return curve
    volume, smoothed = (np.where(held, np.nan, values) for values in (curve.volume, curve.volume_smoothed))
    return replace(curve, volume=volume, volume_smoothed=smoothed)


def _frames(masks: Masks) -> Iterator[BoolArray]:
    return iter(masks) if isinstance(masks, FrameStack) else iter(np.asarray(masks))


def smooth_volume(times_s: FloatArray, volume: FloatArray) -> FloatArray:
    """Smooth a volume curve: bad single frames out, then a local quadratic fit as wide as the heart allows.

    Parameters
    ----------
    times_s, volume : ndarray
        (frames,), float64; NaN where no ventricle was seen.

    Returns
    -------
    ndarray
        (frames,), float64; gaps longer than `smoothing.LONGEST_GAP_S` stay NaN.
    """
    kept = reject_outliers(times_s, volume)
    width = heart_width_s(heart_period_s(times_s, kept), _SMOOTHING_FRACTION, _SMOOTHING_BOUNDS_S)
    return local_quadratic(times_s, kept, width, times_s)
