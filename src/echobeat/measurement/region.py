"""The ventricle's region: one connected piece without holes, cropped, of a size that is quick to measure."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from echobeat.records import FloatArray

BoolArray = NDArray[np.bool_]

MIN_AREA_PX = 12
"""A smaller region has no axis worth the name: it is treated as no ventricle."""

MAX_SIDE = 192
"""Longer regions are averaged down to this many samples a side: finer than the contour is known."""


@dataclass(frozen=True)
class Region:
    """A mask's largest connected region, holes filled, cropped to its bounding box.

    Attributes
    ----------
    coverage : ndarray
        (rows, columns), float32, 0-1: how much of each sample the region covers. A sample is a pixel,
        or, in a region longer than `MAX_SIDE` pixels, a block of them.
    origin_px : (row, column)
        Where the outer corner of sample (0, 0) lies, in pixels; the centre of pixel (0, 0) is at (0, 0).
    step_px : (row, column)
        Size of a sample in pixels.
    area_px : int
        Pixels in the region.
    """

    coverage: NDArray[np.float32]
    origin_px: tuple[float, float]
    step_px: tuple[float, float]
    area_px: int

    def to_px(self, points: FloatArray) -> FloatArray:
        """Turn sample coordinates (n, 2), counted from the outer corner of sample (0, 0), into pixels."""
        moved: FloatArray = np.asarray(self.origin_px) + points * np.asarray(self.step_px)
        return moved


def clean_mask(mask: BoolArray) -> BoolArray:
    """Keep the largest 4-connected region of a mask and fill its holes.

    Parameters
    ----------
    mask : ndarray
        (height, width), bool.

    Returns
    -------
    ndarray
        (height, width), bool; all False where `mask` is.
    """
    cleaned = np.zeros(mask.shape, bool)
    largest = _largest(mask)
    if largest is not None:
        pixels, row, column = largest
        cleaned[row : row + pixels.shape[0], column : column + pixels.shape[1]] = pixels > 0
    return cleaned


def find_region(mask: BoolArray) -> Region | None:
    """Clean a mask (see `clean_mask`) and crop it; None where fewer than `MIN_AREA_PX` pixels are left."""
    largest = _largest(mask)
    if largest is None:
        return None
    pixels, row, column = largest
    area = int(np.count_nonzero(pixels))
    if area < MIN_AREA_PX:
        return None
    height, width = pixels.shape
    rows, columns = min(height, MAX_SIDE), min(width, MAX_SIDE)
    coverage = pixels.astype(np.float32)
    if (rows, columns) != (height, width):
        coverage = np.asarray(cv2.resize(coverage, (columns, rows), interpolation=cv2.INTER_AREA), np.float32)
    return Region(coverage, (row - 0.5, column - 0.5), (height / rows, width / columns), area)


def _largest(mask: BoolArray) -> tuple[NDArray[np.uint8], int, int] | None:
    """Crop of the largest region, holes filled (0 and 1), with the row and column of its first pixel."""
    pixels = np.ascontiguousarray(mask, dtype=bool).view(np.uint8)
    column, row, width, height = cv2.boundingRect(pixels)
    if width == 0:
        return None
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        pixels[row : row + height, column : column + width], connectivity=4
    )
    if count > 2:
        label = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
        left, top, width, height = (int(v) for v in stats[label, :4])
        labels = labels[top : top + height, left : left + width] == label
        row, column = row + top, column + left
    region = (labels > 0).astype(np.uint8)
    contours, _ = cv2.findContours(region, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(region, contours, -1, 1, cv2.FILLED)
    return region, row, column
