"""Appearance and geometry of other scanners, drawn at random: what makes a network serve where it was not trained.

All images are (height, width) float32, 0-1; labels (height, width) uint8. Every step takes the generator
that it draws from, so that one seed fixes everything.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
Labels = NDArray[np.uint8]
Rng = np.random.Generator


@dataclass(frozen=True)
class Augmentation:
    """How far geometry and appearance may stray; `strength` 0 switches appearance off."""

    zoom: tuple[float, float] = (0.75, 1.5)
    aspect: tuple[float, float] = (0.78, 1.28)
    rotation_deg: float = 25.0
    shift: float = 0.10
    strength: float = 1.0

    def __call__(self, image: Labels, labels: Labels, size: int, rng: Rng) -> tuple[Image, Labels]:
        """Draw one variant of a labelled image, letterboxed to `size` x `size`.

        Parameters
        ----------
        image, labels : ndarray
            (height, width), uint8; any size.
        size : int
            Side of the output.
        rng : Generator

        Returns
        -------
        image : ndarray (size, size) float32, 0-1
        labels : ndarray (size, size) uint8
        """
        matrix, scale = self._draw_affine(image.shape, size, rng)
        moved = warp_image(image, matrix, scale, size)
        moved_labels = warp_labels(labels, matrix, size)
        if self.strength > 0:
            moved = change_appearance(moved, rng, self.strength)
        return moved, moved_labels

    def _draw_affine(self, shape: tuple[int, ...], size: int, rng: Rng) -> tuple[NDArray[np.float64], float]:
        """2 x 3 matrix from source to output pixels, and its mean scale."""
        height, width = shape
        fit = size / max(height, width)
        squashed = rng.random() < 0.15  # to a square, as some exports do
        stretch = np.array([size / width, size / height]) if squashed else np.array([fit, fit])
        zoom = np.exp(rng.uniform(*np.log(self.zoom)))
        aspect = np.exp(rng.uniform(*np.log(self.aspect))) ** 0.5
        stretch = stretch * zoom * np.array([aspect, 1 / aspect])
        angle = np.deg2rad(np.clip(rng.normal(0, self.rotation_deg / 2), -self.rotation_deg, self.rotation_deg))
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        shear = np.array([[1, rng.normal(0, 0.05)], [0, 1]])
        linear = rotation @ shear @ np.diag(stretch)
        # The heart lies above the middle of a sector; zooming about it keeps it in sight.
        centre = np.array([width * 0.5, height * rng.uniform(0.35, 0.55)])
        target = np.array([size * 0.5, size * centre[1] / height]) + rng.normal(0, self.shift, 2) * size
        return np.hstack([linear, (target - linear @ centre)[:, None]]), float(np.sqrt(stretch.prod()))


def warp_image(image: Labels, matrix: NDArray[np.float64], scale: float, size: int) -> Image:
    """Move an image; blurred first where it shrinks, so that nothing aliases."""
    source = cv2.GaussianBlur(image, (0, 0), 0.4 / scale) if scale < 0.75 else image
    moved = cv2.warpAffine(source, matrix, (size, size), flags=cv2.INTER_LINEAR)
    return np.asarray(moved, np.float32) / np.float32(255)


def warp_labels(labels: Labels, matrix: NDArray[np.float64], size: int) -> Labels:
    """Move labels class by class with sub-pixel edges; the strongest class wins."""
    classes = np.stack([(labels == index).astype(np.float32) for index in (1, 2, 3)], axis=-1)
    moved = cv2.warpAffine(classes, matrix, (size, size), flags=cv2.INTER_LINEAR)
    best = moved.argmax(axis=-1)
    return np.where(moved.sum(axis=-1) > 0.5, best + 1, 0).astype(np.uint8)


def change_appearance(image: Image, rng: Rng, strength: float) -> Image:
    """Draw a scanner's look: tone, gain, speckle, haze, shadows, resolution, compression, the sector's edge."""
    steps = [
        (_tone_curve, 0.8),
        (_gain_field, 0.6),
        (_speckle, 0.5),
        (_haze, 0.3),
        (_shadows, 0.3),
        (_dropout, 0.3),
        (_resolution, 0.6),
        (_dynamic_range, 0.5),
        (_sector_edge, 0.35),
        (_marks, 0.15),
        (_jpeg, 0.5),
    ]
    strength = strength * rng.uniform(0.3, 1.0)
    inside = (cv2.blur(image, (5, 5)) > 0.004).astype(np.float32)  # the sector; outside stays black
    for step, probability in steps:
        if rng.random() < probability * min(strength, 1.0):
            image = np.clip(step(image, rng, strength), 0, 1)
            if step not in (_marks, _jpeg):
                image = image * inside
    return image.astype(np.float32)


def _float(image: NDArray[np.generic]) -> Image:
    return np.asarray(image, np.float32)


def _smooth_field(size: int, cells: int, rng: Rng) -> Image:
    """Smooth noise, mean 0, deviation about 1, with about `cells` bumps along a side."""
    coarse = rng.standard_normal((cells + 2, cells + 2)).astype(np.float32)
    return _float(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC))


def _tone_curve(image: Image, rng: Rng, strength: float) -> Image:
    """A random monotone grey map: gamma, then knots moved up and down."""
    image = _float(image ** np.exp(rng.normal(0, 0.35 * strength)))
    knots = np.linspace(0, 1, 6)
    steps = rng.dirichlet(np.full(5, 8.0 / max(strength, 0.2)))
    return _float(np.interp(image, knots, np.concatenate([[0], np.cumsum(steps)])))


def _gain_field(image: Image, rng: Rng, strength: float) -> Image:
    """Gain that varies over the sector (TGC, lateral gain, poor contact)."""
    field = _smooth_field(image.shape[0], int(rng.integers(1, 5)), rng)
    return _float(image * np.exp(0.3 * strength * field))


def _speckle(image: Image, rng: Rng, strength: float) -> Image:
    """Multiplicative grain of random size and direction."""
    white = rng.standard_normal(image.shape).astype(np.float32)
    sigma_x, sigma_y = rng.uniform(0.3, 2.0), rng.uniform(0.3, 1.2)
    noise = _float(cv2.GaussianBlur(white, (0, 0), sigma_x, sigmaY=sigma_y))
    noise /= noise.std() + 1e-6
    return _float(image * (1 + rng.uniform(0.05, 0.4) * strength * noise) + rng.uniform(0, 0.02) * np.abs(noise))


def _haze(image: Image, rng: Rng, strength: float) -> Image:
    """A veil over part of the image: near-field clutter or reverberation inside the cavity."""
    size = image.shape[0]
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32) / size
    row, column = rng.uniform(0, 0.7), rng.uniform(0.2, 0.8)
    tall, wide = rng.uniform(0.05, 0.4), rng.uniform(0.08, 0.5)
    veil = np.exp(-(((rows - row) / tall) ** 2) - ((columns - column) / wide) ** 2)
    veil *= 0.6 + 0.4 * _smooth_field(size, int(rng.integers(3, 40)), rng)
    return _float(image + rng.uniform(0.05, 0.4) * strength * veil)


def _shadows(image: Image, rng: Rng, strength: float) -> Image:
    """Dark wedges from the transducer: ribs and lung."""
    size = image.shape[0]
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    angle = np.arctan2(columns - size * rng.uniform(0.4, 0.6), rows + size * rng.uniform(0.02, 0.2))
    for _ in range(int(rng.integers(1, 3))):
        centre, width = rng.uniform(-0.7, 0.7), rng.uniform(0.03, 0.2)
        dark = np.exp(-(((angle - centre) / width) ** 2))
        image = _float(image * (1 - rng.uniform(0.3, 0.95) * min(strength, 1) * dark))
    return image


def _dropout(image: Image, rng: Rng, strength: float) -> Image:
    """Patches of wall that the beam does not bring back."""
    size = image.shape[0]
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32) / size
    for _ in range(int(rng.integers(1, 5))):
        row, column, radius = rng.uniform(0.05, 0.75), rng.uniform(0.15, 0.85), rng.uniform(0.03, 0.12)
        hole = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / radius**2)
        image = _float(image * (1 - rng.uniform(0.3, 0.9) * min(strength, 1) * hole))
    return image


def _resolution(image: Image, rng: Rng, strength: float) -> Image:
    """Blur along or across the beam, or sharpening, or pixels lost and interpolated."""
    kind = rng.random()
    if kind < 0.45:
        blurred = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.2, 1.6), sigmaY=rng.uniform(0.2, 1.2))
        return _float(blurred)
    if kind < 0.75:
        blurred = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.6, 2.0))
        return _float(image + rng.uniform(0.3, 1.5) * strength * (image - blurred))
    size = image.shape[0]
    small = int(size * rng.uniform(0.4, 0.9))
    shrunk = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
    method = int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC]))
    return _float(cv2.resize(shrunk, (size, size), interpolation=method))


def _dynamic_range(image: Image, rng: Rng, strength: float) -> Image:
    """Low contrast, a raised or cut floor, a burnt-out top."""
    low, high = rng.uniform(-0.15, 0.2) * strength, rng.uniform(0.6, 1.4)
    return _float((image - max(low, 0)) / max(high - max(low, 0), 0.2) + max(-low, 0) * (image > 0.01))


def _sector_edge(image: Image, rng: Rng, strength: float) -> Image:
    """Cut the sector's sides, its top or its bottom, as other masks do."""
    size = image.shape[0]
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    top = -size * rng.uniform(0.0, 0.25)
    centre = size * rng.uniform(0.4, 0.6)
    angle = np.abs(np.arctan2(columns - centre, rows - top))
    depth = np.hypot(columns - centre, rows - top)
    keep = (angle < np.deg2rad(rng.uniform(30, 55))) & (depth < size * rng.uniform(0.85, 1.4))
    if rng.random() < 0.3:
        keep &= depth > -top + size * rng.uniform(0, 0.06)
    return _float(image * keep)


def _marks(image: Image, rng: Rng, strength: float) -> Image:
    """Depth ticks, a caliper or a few letters."""
    size = image.shape[0]
    image = np.ascontiguousarray(image)
    grey = float(rng.uniform(0.4, 1))
    if rng.random() < 0.6:
        column = int(rng.choice([rng.integers(0, 6), rng.integers(size - 6, size), size // 2]))
        for row in range(int(rng.integers(2, 12)), size, int(rng.integers(6, 20))):
            image[row, max(column - 1, 0) : column + 1] = grey
    if rng.random() < 0.5:
        place = (int(rng.integers(0, size * 3 // 4)), int(rng.integers(6, size)))
        letters = np.zeros(image.shape, np.uint8)
        cv2.putText(letters, str(rng.integers(10, 9999)), place, cv2.FONT_HERSHEY_SIMPLEX, 0.25, 255, 1)
        image = np.maximum(image, letters.astype(np.float32) * (grey / 255))
    return image


def _jpeg(image: Image, rng: Rng, strength: float) -> Image:
    quality = int(rng.uniform(25, 95))
    _, code = cv2.imencode(".jpg", (image * 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE), np.float32) / np.float32(255)
