"""Volume of the ventricle from one plane by the method of disks."""

from __future__ import annotations

import numpy as np

from echobeat.measurement.axis import UNIT_SPACING, LongAxis
from echobeat.measurement.region import BoolArray, Region, find_region
from echobeat.records import FloatArray, Spacing

DISKS = 20
"""Disks in the method of disks (Lang et al. 2015, doi:10.1016/j.echo.2014.10.003)."""


def disks_volume(mask: BoolArray, axis: LongAxis, spacing: Spacing | None = None, disks: int = DISKS) -> float:
    """Volume by the single-plane method of disks: pi/4 * sum(d_i^2) * L / n.

    Lang et al., "Recommendations for cardiac chamber quantification by echocardiography in adults",
    J Am Soc Echocardiogr 28:1-39 (2015), doi:10.1016/j.echo.2014.10.003.

    The n disks stand upright on the long axis of length L. The diameter d_i is the area of the region
    within the disk, divided by the disk's height: every pixel counts, so a jagged contour does no harm. What
    lies beyond an end of the axis counts to the disk at that end: where the mitral plane is oblique, the
    corner beyond its middle fills the gap on the other side.

    Parameters
    ----------
    mask : ndarray
        (height, width), bool; its largest region is measured.
    axis : LongAxis
        From `long_axis`.
    spacing : (row, column), optional
        Pixel spacing in mm.
    disks : int
        Their number n.

    Returns
    -------
    float
        In ml with `spacing`, otherwise in cubic pixels; NaN where the mask is empty.
    """
    region = find_region(mask)
    if region is None:
        return float("nan")
    volume = region_disks_volume(region, axis, spacing or UNIT_SPACING, disks)
    return volume if spacing is None else volume / 1000.0


def region_disks_volume(region: Region, axis: LongAxis, spacing: Spacing, disks: int = DISKS) -> float:
    """`disks_volume` of a region that is already clean, in the cubed unit of `spacing`."""
    scale = np.asarray(spacing)
    apex, base = np.asarray(axis.apex_px) * scale, np.asarray(axis.base_px) * scale
    length = axis.length(spacing)
    if length <= 0:
        return float("nan")
    direction = (base - apex) / length
    # each sample is split so finely that a disk is several parts high
    split = max(1, min(6, 160 // max(region.coverage.shape)))
    rows, columns = (_centres(size, split) for size in region.coverage.shape)
    places = region.to_px(np.stack([rows, np.zeros_like(rows)], axis=1))[:, 0] * scale[0] - apex[0]
    across = region.to_px(np.stack([np.zeros_like(columns), columns], axis=1))[:, 1] * scale[1] - apex[1]
    along = places[:, None] * direction[0] + across[None, :] * direction[1]
    disk = np.clip(along * (disks / length), 0, disks - 1).astype(np.intp)
    weights = np.repeat(np.repeat(region.coverage, split, axis=0), split, axis=1)
    part_area = float(np.prod(np.asarray(region.step_px) * scale)) / split**2
    areas = np.bincount(disk.ravel(), weights=weights.ravel(), minlength=disks) * part_area
    height = length / disks
    return float(np.pi / 4 * np.sum((areas / height) ** 2) * height)


def _centres(size: int, split: int) -> FloatArray:
    """Centres of `split` parts of each of `size` samples, counted from the outer edge of the first."""
    return (np.arange(size * split) + 0.5) / split
