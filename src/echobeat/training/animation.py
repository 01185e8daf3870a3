"""Animated stills: an end-diastolic and an end-systolic image become a beat of any ejection fraction.

A data set of two labelled images a patient (CAMUS: Leclerc et al. 2019, doi:10.1109/TMI.2019.2900516) holds no video.
But its experts' contours say how far every point of the wall moves. A smooth field carries the end-diastolic
contour onto the end-systolic one; a part of it, or more than all of it, makes a beat of another strength. Real
texture then moves with a known ejection fraction.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator

from echobeat.datasets.camus import CamusImage
from echobeat.measurement import disks_volume, long_axis
from echobeat.measurement.axis import outline
from echobeat.measurement.region import find_region

GRID = 24
"""Nodes a side on which the field is computed; it is smooth, and spread over the image by interpolation."""
POINTS = 48
"""Of the endocardium, from one mitral hinge over the apex to the other and back along the mitral plane."""
SMOOTHING = 4.0
"""Of the thin-plate spline, in px^2: contours drawn by hand on two images disagree by a pixel or two."""
REACH = 0.22
"""The field fades with the distance from the cavity, over this share of the image: the sector's border stays."""
INVERSIONS = 6
"""Fixed-point steps for the inverse of the field (Chen et al. 2008, doi:10.1118/1.2816107)."""

Float32 = NDArray[np.float32]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class StillPair:
    """A patient's two images in one square, and the field between them.

    Attributes
    ----------
    images : (2, size, size) float32, 0-255: ED, ES.
    cavity : (2, size, size) float32, 0-1.
    field : (2, 2, size, size) float32: from ED to ES, and from ES to ED; (x, y) in px, at the points it starts from.
    """

    images: Float32
    cavity: Float32
    field: Float32

    @classmethod
    def of(cls, ed: CamusImage, es: CamusImage, size: int) -> StillPair | None:
        """Find the field; None where a contour is missing."""
        images, cavity, contours = [], [], []
        scale = size / max(*ed.image.shape, *es.image.shape)
        for sample in (ed, es):
            matrix = _placed(sample.image.shape, size, scale)
            images.append(_moved(sample.image.astype(np.float32), matrix, scale, size))
            mask = _moved((sample.labels == 1).astype(np.float32), matrix, scale, size)
            cavity.append(mask)
            points = contour(mask > 0.5)
            if points is None:
                return None
            contours.append(points)
        still = _frame_points(size)
        fade = _fade(np.maximum(cavity[0], cavity[1]))
        forth = fade * _field(contours[0], contours[1] - contours[0], still, size)
        back = fade * _field(contours[1], contours[0] - contours[1], still, size)
        return cls(np.stack(images), np.stack(cavity), np.stack([forth, back]))

    def at(self, progress: float, blend: float) -> tuple[Float32, Float32]:
        """Image and cavity where the wall has gone `progress` of its way from ED (0) to ES (1).

        Parameters
        ----------
        progress : float
            Below 0 wider than at ED, above 1 smaller than at ES.
        blend : float
            Share of the end-systolic image's texture, 0-1.

        Returns
        -------
        image : (size, size) float32, 0-255
        cavity : (size, size) float32, 0-1, carried from the end-diastolic mask.
        """
        maps = _inverse(self.field[0], progress)
        cavity = _warped(self.cavity[0], maps)
        image = np.zeros_like(cavity)
        if blend < 1:
            image += np.float32(1 - blend) * _warped(self.images[0], maps)
        if blend > 0:
            image += np.float32(blend) * _warped(self.images[1], _inverse(self.field[1], 1 - progress))
        return image, cavity


def volume(cavity: Float32) -> float:
    """Single-plane method of disks, in cubic pixels; 0 without a cavity."""
    mask = cavity > 0.5
    axis = long_axis(mask)
    return disks_volume(mask, axis) if axis else 0.0


def contour(mask: NDArray[np.bool_]) -> FloatArray | None:
    """(POINTS, 2) of (x, y): the same anatomical places on every mask, from the apex around."""
    region = find_region(mask)
    axis = long_axis(mask)
    if region is None or axis is None:
        return None
    points, _ = outline(region, (1.0, 1.0))
    apex, base = np.array(axis.apex_px), np.array(axis.base_px)
    first = int(np.argmin(np.hypot(*(points - apex).T)))
    points = np.roll(points, -first, axis=0)
    across = np.array([-(base - apex)[1], (base - apex)[0]])
    if (points[len(points) // 4] - apex) @ across < 0:  # always round in the same direction
        points = np.roll(points[::-1], 1, axis=0)
    middle = int(np.argmin(np.hypot(*(points - base).T)))
    sides = [points[: middle + 1], np.vstack([points[middle:], points[:1]])]
    return np.vstack([_spaced(side, POINTS // 2) for side in sides])[:, ::-1].copy()


def _spaced(line: FloatArray, count: int) -> FloatArray:
    reached = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    wanted = np.linspace(0, reached[-1], count, endpoint=False)
    return np.stack([np.interp(wanted, reached, line[:, k]) for k in (0, 1)], axis=1)


def _frame_points(size: int) -> FloatArray:
    """Points that stay: the image's border."""
    edge = np.linspace(0, size - 1, 7)
    sides = [[(x, y), (y, x)] for x in edge for y in (0.0, size - 1.0)]
    return np.unique(np.array(sides, np.float64).reshape(-1, 2), axis=0)


def _field(points: FloatArray, steps: FloatArray, still: FloatArray, size: int) -> Float32:
    spline = RBFInterpolator(
        np.vstack([points, still]),
        np.vstack([steps, np.zeros_like(still)]),
        smoothing=SMOOTHING,
        kernel="thin_plate_spline",
    )
    nodes = np.linspace(0, size - 1, GRID)
    grid = np.stack(np.meshgrid(nodes, nodes), axis=-1).reshape(-1, 2)
    coarse = spline(grid).reshape(GRID, GRID, 2).astype(np.float32)
    at = (np.arange(size, dtype=np.float32) * ((GRID - 1) / (size - 1))).astype(np.float32)
    x, y = np.meshgrid(at, at)
    return np.stack([cv2.remap(coarse[..., k], x, y, cv2.INTER_LINEAR) for k in (0, 1)])


def _fade(cavity: Float32) -> Float32:
    away = cv2.distanceTransform((cavity <= 0.5).astype(np.uint8), cv2.DIST_L2, 3)
    return np.asarray(np.exp(-((away / (REACH * len(cavity))) ** 2)), np.float32)


def _inverse(field: Float32, progress: float) -> tuple[Float32, Float32]:
    """Where each pixel of the moved image comes from."""
    size = field.shape[1]
    x, y = np.meshgrid(np.arange(size, dtype=np.float32), np.arange(size, dtype=np.float32))
    share = np.float32(progress)
    from_x, from_y = x, y
    for _ in range(INVERSIONS):
        from_x, from_y = (
            x - share * cv2.remap(field[0], from_x, from_y, cv2.INTER_LINEAR),
            y - share * cv2.remap(field[1], from_x, from_y, cv2.INTER_LINEAR),
        )
    return from_x, from_y


def _warped(image: Float32, maps: tuple[Float32, Float32]) -> Float32:
    return np.asarray(cv2.remap(image, *maps, cv2.INTER_LINEAR), np.float32)


def _placed(shape: tuple[int, ...], size: int, scale: float) -> FloatArray:
    shift = (size - np.array([shape[1], shape[0]]) * scale) / 2 + (scale - 1) / 2
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])


def _moved(image: Float32, matrix: FloatArray, scale: float, size: int) -> Float32:
    source = cv2.GaussianBlur(image, (0, 0), 0.4 / scale) if scale < 0.75 else image
    return np.asarray(cv2.warpAffine(source, matrix, (size, size), flags=cv2.INTER_LINEAR), np.float32)
