"""Polygons and pixels: exact masks, areas, and chords as EchoNet's tracings have them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def polygon_mask(points_px: FloatArray, height: int, width: int) -> NDArray[np.bool_]:
    """Pixels whose centre lies inside a polygon (even-odd rule).

    Parameters
    ----------
    points_px : ndarray
        (points, 2), float64, (column, row); pixel (row, column) has its centre at (column, row).

    Returns
    -------
    ndarray
        (height, width), bool.
    """
    x0, y0 = points_px[:, 0], points_px[:, 1]
    x1, y1 = np.roll(x0, -1), np.roll(y0, -1)
    low, high = np.minimum(y0, y1), np.maximum(y0, y1)
    first = np.ceil(low).astype(int)
    rows_per_edge = np.clip(np.ceil(high).astype(int) - first, 0, None)  # rows with low <= row < high
    edge = np.repeat(np.arange(len(x0)), rows_per_edge)
    row = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(rows_per_edge) - rows_per_edge, rows_per_edge)
    inside = (row >= 0) & (row < height)
    edge, row = edge[inside], row[inside]
    crossing = x0[edge] + (row - y0[edge]) * (x1[edge] - x0[edge]) / (y1[edge] - y0[edge])
    column = np.clip(np.ceil(crossing), 0, width).astype(int)
    toggles = np.bincount(row * (width + 1) + column, minlength=height * (width + 1))
    result: NDArray[np.bool_] = (np.cumsum(toggles.reshape(height, width + 1), axis=1)[:, :width] & 1).astype(bool)
    return result


def polygon_area(points: FloatArray) -> float:
    """Area of a simple polygon (shoelace formula), in the square of its unit."""
    x, y = points[:, 0], points[:, 1]
    return 0.5 * abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))))


def chords(outline_px: FloatArray, count: int = 20) -> FloatArray:
    """Long axis and chords across an outline, as EchoNet-Dynamic's tracings have them.

    Parameters
    ----------
    outline_px : ndarray
        (points, 2), (column, row), from one end of the mitral plane over the apex to its other end.
    count : int
        Number of chords.

    Returns
    -------
    ndarray
        (1 + count, 4): x1, y1, x2, y2. First the long axis from the apex to the middle of the mitral plane,
        then the chords across it from apex to base, evenly spaced; side 1 is the outline's first half.
    """
    base = (outline_px[0] + outline_px[-1]) / 2
    apex = outline_px[np.argmax(np.linalg.norm(outline_px - base, axis=1))]
    axis = base - apex
    length = float(np.linalg.norm(axis))
    axis = axis / length
    across = np.array([axis[1], -axis[0]])
    first = outline_px[0] - base
    across = across if first @ across > 0 else -across
    height, side = (outline_px - apex) @ axis, (outline_px - apex) @ across
    lines = [np.concatenate([apex, base])]
    closed_h, closed_s = np.append(height, height[0]), np.append(side, side[0])
    low, high = float(height.min()), float(height.max())
    for level in low + (np.arange(count) + 0.5) / count * (high - low):
        crossed = np.flatnonzero((closed_h[:-1] <= level) != (closed_h[1:] <= level))
        share = (level - closed_h[crossed]) / (closed_h[crossed + 1] - closed_h[crossed])
        where = closed_s[crossed] + share * (closed_s[crossed + 1] - closed_s[crossed])
        middle = apex + level * axis
        lines.append(np.concatenate([middle + where.max() * across, middle + where.min() * across]))
    return np.array(lines)
