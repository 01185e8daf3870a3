"""Apex, middle of the mitral plane and the long axis between them, found from a mask alone."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from echobeat.measurement.region import BoolArray, Region, find_region
from echobeat.records import FloatArray, Spacing

UNIT_SPACING: Spacing = (1.0, 1.0)
"""Stands in for an unknown pixel spacing: lengths are then in pixels."""

_OUTLINE_POINTS = 128
_ITERATIONS = 3
_FLATNESS = 6
"""Exponent on the cosine between the outward normal and the axis: the closing line faces away from the apex."""


@dataclass(frozen=True)
class LongAxis:
    """The long axis of the ventricle, as (row, column) in pixels, sub-pixel; (0, 0) is the centre of a pixel.

    Attributes
    ----------
    apex_px : the apex, on the endocardium.
    base_px : the middle of the mitral plane.
    """

    apex_px: tuple[float, float]
    base_px: tuple[float, float]

    def length(self, spacing: Spacing | None = None) -> float:
        """Distance from apex to mitral plane, in mm with a pixel spacing (row, column), otherwise in pixels."""
        rows, columns = spacing or UNIT_SPACING
        return float(
            np.hypot((self.base_px[0] - self.apex_px[0]) * rows, (self.base_px[1] - self.apex_px[1]) * columns)
        )


def long_axis(mask: BoolArray, spacing: Spacing | None = None) -> LongAxis | None:
    """Find apex and middle of the mitral plane of the ventricle in a mask.

    As in a standard apical view, the apex is taken to point upwards, tilted by up to about 45 degrees. The
    mitral plane is the part of the outline that faces away from the apex; the apex is the point of the
    outline that lies farthest from the plane's middle (Lang et al. 2015, doi:10.1016/j.echo.2014.10.003:
    the length is measured from the middle of the line between the mitral hinge points to the most distant
    point of the contour). The two depend on each other and are found in turns, from the vertical on.

    Parameters
    ----------
    mask : ndarray
        (height, width), bool.
    spacing : (row, column), optional
        Pixel spacing in mm; matters only where rows and columns differ.

    Returns
    -------
    LongAxis or None
        None where the mask holds no region of a dozen pixels.
    """
    region = find_region(mask)
    return None if region is None else region_axis(region, spacing or UNIT_SPACING)


def region_axis(region: Region, spacing: Spacing) -> LongAxis:
    """`long_axis` of a region that is already clean."""
    points, normals = outline(region, spacing)
    down = np.array([1.0, 0.0])
    for _ in range(_ITERATIONS):
        base = _mitral_middle(points, normals, down)
        distances = np.hypot(*(points - base).T) * ((points - base) @ down < 0)
        length = max(float(distances.max()), 1e-9)
        near_apex = np.exp((distances - length) / (0.01 * length))  # a soft maximum: sub-pixel, and steady
        towards_apex = near_apex @ (points - base)
        down = -towards_apex / max(float(np.hypot(*towards_apex)), 1e-9)
    apex_px, base_px = np.stack([base - down * length, base]) / np.asarray(spacing)
    return LongAxis((float(apex_px[0]), float(apex_px[1])), (float(base_px[0]), float(base_px[1])))


def _mitral_middle(points: FloatArray, normals: FloatArray, down: FloatArray) -> FloatArray:
    """Middle of the part of the outline whose outward normal points `down` (unit vector), away from the apex."""
    along, across = points @ down, points @ np.array([-down[1], down[0]])
    weights = np.maximum(normals @ down, 0.0) ** _FLATNESS
    weights[along < 0.5 * (along.min() + along.max())] = 0.0
    total = weights.sum()
    if total <= 0:
        return np.asarray(points[int(np.argmax(along))])
    middle = weights @ across / total
    weights = weights * np.exp(-0.5 * ((across - middle) / (0.3 * np.ptp(across) + 1e-9)) ** 2)
    height = weights @ along / weights.sum()
    found: FloatArray = height * down + middle * np.array([-down[1], down[0]])
    return found


def outline(region: Region, spacing: Spacing) -> tuple[FloatArray, FloatArray]:
    """Sub-pixel outline of a region.

    The region is blurred by 0.8 samples, enlarged, and cut at one half, so that a line drawn through a
    staircase of pixels comes back as a line.

    Returns
    -------
    points, normals : ndarray
        (128, 2) each, (row, column): points equally spaced along the closed outline in mm from the centre
        of pixel (0, 0) (in pixels where `spacing` is 1), and unit normals pointing outwards.
    """
    margin = 3
    factor = max(1, min(4, 160 // max(region.coverage.shape)))
    padded = cv2.copyMakeBorder(region.coverage, margin, margin, margin, margin, cv2.BORDER_CONSTANT)
    smooth = cv2.GaussianBlur(padded, (0, 0), 0.8)
    if factor > 1:
        smooth = cv2.resize(smooth, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)
    level = min(0.5, 0.99 * float(smooth.max()))  # a region one pixel wide blurs below one half
    contours, _ = cv2.findContours((smooth >= level).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    traced = max(contours, key=cv2.contourArea)[:, 0, ::-1].astype(np.float64)
    scale = np.asarray(spacing)
    closed = region.to_px((traced + 0.5) / factor - margin) * scale
    points = _equally_spaced(np.vstack([closed, closed[:1]]))
    before, after = _neighbours(points)
    tangents = after - before
    normals = np.stack([-tangents[:, 1], tangents[:, 0]], axis=1)
    normals /= np.maximum(np.hypot(normals[:, 0], normals[:, 1]), 1e-12)[:, None]
    if np.sum((points - points.mean(axis=0)) * normals) < 0:
        normals = -normals
    # the tracer follows the centres of the outermost samples: half a sample inside the outline
    half_sample = 0.5 / factor * float(np.mean(np.asarray(region.step_px) * scale))
    return points + half_sample * normals, normals


def _equally_spaced(closed: FloatArray) -> FloatArray:
    """Resample a closed polygon (first point repeated last) to `_OUTLINE_POINTS` points, lightly smoothed."""
    steps = np.hypot(*np.diff(closed, axis=0).T)
    reached = np.concatenate([[0.0], np.cumsum(steps)])
    wanted = np.arange(_OUTLINE_POINTS) * (reached[-1] / _OUTLINE_POINTS)
    points = np.stack([np.interp(wanted, reached, closed[:, 0]), np.interp(wanted, reached, closed[:, 1])], axis=1)
    for _ in range(2):
        before, after = _neighbours(points)
        points = 0.5 * points + 0.25 * (before + after)
    return points


def _neighbours(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The point before and the one after each point of a closed outline."""
    around = np.concatenate([points[-1:], points, points[:1]])
    return around[:-2], around[2:]
