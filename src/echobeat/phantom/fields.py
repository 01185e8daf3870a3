"""Small operations on fields of numbers: levels in dB, interpolation, smooth noise."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.float32]


def linear(level_db: NDArray[np.floating] | float) -> Grid:
    """Amplitude of a level in dB."""
    return np.asarray(np.exp(np.asarray(level_db, np.float32) * np.float32(np.log(10) / 20)), np.float32)


def sample(field: Grid, where: Grid) -> Grid:
    """Linear interpolation of `field` at (column, row) in `where`, (rows, 256, 2)."""
    return np.asarray(cv2.remap(field, where[..., 0], where[..., 1], cv2.INTER_LINEAR), np.float32)


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], sigma: float) -> Grid:
    """Gaussian noise of unit standard deviation, smooth over `sigma` samples."""
    noise = cv2.GaussianBlur(rng.standard_normal(shape).astype(np.float32), (0, 0), sigma)
    return (noise / max(float(noise.std()), 1e-6)).astype(np.float32)
