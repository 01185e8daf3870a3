"""Curves and polygons that the anatomy is drawn with; all (points, 2), x and y in cm."""

from __future__ import annotations

import numpy as np

from echobeat.phantom.heart import FloatArray, outward_normals


def smooth_polygon(corners: FloatArray) -> FloatArray:
    """Corners cut twice (Chaikin's scheme)."""
    for _ in range(2):
        following = np.roll(corners, -1, axis=0)
        pairs = np.stack([0.75 * corners + 0.25 * following, 0.25 * corners + 0.75 * following], axis=1)
        corners = pairs.reshape(-1, 2)
    return corners


def offset(curve: FloatArray, distance: float) -> FloatArray:
    """The curve moved outward by `distance`; closed polygons and open curves run clockwise around what is inside."""
    middle = curve.mean(axis=0)
    normal = outward_normals(curve)
    flip = np.sign(np.sum(normal * (curve - middle))) or 1.0
    return curve + distance * flip * normal


def ellipse(centre: FloatArray, a: float, b: float, angle: float) -> FloatArray:
    """An ellipse with half axes `a`, `b`, the first one turned by `angle`."""
    t = np.linspace(0, 2 * np.pi, 18, endpoint=False)
    x, y = a * np.cos(t), b * np.sin(t)
    cos, sin = np.cos(angle), np.sin(angle)
    result: FloatArray = centre + np.stack([x * cos - y * sin, x * sin + y * cos], axis=1)
    return result


def line(start: FloatArray, end: FloatArray, count: int) -> FloatArray:
    """`count` points from start to end."""
    t = np.linspace(0, 1, count)[:, None]
    return start + t * (end - start)
