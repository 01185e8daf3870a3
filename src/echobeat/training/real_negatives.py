"""Real texture in views that no real image at hand shows, from labelled four-chamber images.

Where every real image is a four-chamber view, a network learns that real texture is one. These pictures have
the texture without the view: a ventricle with a lateral wall on both sides and no right heart (as in the
two-chamber view), a heart lying on its side (subcostal), parts of a sector without a ventricle, a cavity
filled with contrast agent.

All images are (height, width) uint8 with labels as in CAMUS: 1 LV cavity, 2 myocardium, 3 left atrium.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Labelled = tuple[Image, Image]
Rng = np.random.Generator


def long_axis(labels: Image) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Apex and middle of the base, (column, row) each; None where no cavity is labelled."""
    rows, columns = np.nonzero(labels == 1)
    if len(rows) < 50:
        return None
    points = np.stack([columns, rows], axis=1).astype(np.float64)
    middle = points.mean(axis=0)
    axis = np.linalg.svd(points[:: max(1, len(points) // 2000)] - middle, full_matrices=False)[2][0]
    axis = axis if axis[1] > 0 else -axis
    along = (points - middle) @ axis
    return middle + along.min() * axis, middle + along.max() * axis


def without_right_heart(right: Labelled, left: Labelled, rng: Rng) -> Image | None:
    """The lateral half of one heart, and that of another one mirrored in place of septum and right heart."""
    here, there = long_axis(right[1]), long_axis(left[1])
    if here is None or there is None:
        return None
    (apex, base), (other_apex, other_base) = here, there
    height, width = right[0].shape
    along, across = base - apex, np.array([base[1] - apex[1], apex[0] - base[0]])
    other_across = -np.array([other_base[1] - other_apex[1], other_apex[0] - other_base[0]])
    source = np.array([other_apex, other_base, other_apex + rng.uniform(0.85, 1.1) * other_across], np.float32)
    target = np.array([apex, base, apex + across], np.float32)
    moved = cv2.warpAffine(left[0], cv2.getAffineTransform(source, target), (width, height))
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    side = ((columns - apex[0]) * along[1] - (rows - apex[1]) * along[0]) / np.hypot(*along)
    share = 1 / (1 + np.exp(-np.clip(side / rng.uniform(2, 6), -30, 30)))
    both = np.asarray(share * right[0] + (1 - share) * moved, np.uint8)
    place = np.array([apex, base, apex + across], np.float32)
    top, length = height * float(rng.uniform(0.05, 0.2)), height * float(rng.uniform(0.55, 0.75))
    lean = float(rng.normal(0, 0.15))
    down, aside = length * np.array([np.sin(lean), np.cos(lean)]), length * np.array([np.cos(lean), -np.sin(lean)])
    start = np.array([width * float(rng.uniform(0.45, 0.55)) - 0.5 * down[0], top])
    upright = cv2.getAffineTransform(place, np.array([start, start + down, start + aside], np.float32))
    return _under_sector(np.asarray(cv2.warpAffine(both, upright, (width, height)), np.uint8), rng)


def lying(sample: Labelled, rng: Rng) -> Image:
    """The heart turned by 60 to 120 degrees under its sector."""
    image = sample[0]
    height, width = image.shape
    angle = float(rng.choice([-1, 1], p=[0.25, 0.75])) * float(rng.uniform(60, 120))  # clockwise is negative in cv2
    centre = (width * float(rng.uniform(0.45, 0.55)), height * float(rng.uniform(0.4, 0.5)))
    matrix = cv2.getRotationMatrix2D(centre, -angle, float(rng.uniform(1.1, 1.5)))
    turned = cv2.warpAffine(image, matrix, (width, height))
    return _under_sector(np.asarray(turned, np.uint8), rng)


def elsewhere(sample: Labelled, rng: Rng) -> Image | None:
    """A part of the image with hardly any ventricle in it, under a sector of its own."""
    image, labels = sample
    height, width = image.shape
    for _ in range(12):
        side = int(min(height, width) * rng.uniform(0.3, 0.55))
        row, column = int(rng.integers(0, height - side)), int(rng.integers(0, width - side))
        window = (slice(row, row + side), slice(column, column + side))
        if np.mean(np.isin(labels[window], (1, 2))) < 0.12 and np.mean(image[window] > 0) > 0.8:
            return _under_sector(np.ascontiguousarray(image[window]), rng)
    return None


def filled(sample: Labelled, rng: Rng) -> Image:
    """A contrast agent in the cavities: they are bright, the muscle dark."""
    image, labels = sample
    size = image.shape[0]
    cavity = np.isin(labels, (1, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(cavity, (0, 0), size / 120)
    grain = cv2.GaussianBlur(rng.standard_normal(image.shape).astype(np.float32), (0, 0), float(rng.uniform(0.6, 1.6)))
    rows = np.arange(size)[:, None] / size
    bright = (
        rng.uniform(120, 235) * (1 - rng.uniform(0, 0.6) * rows) * (1 + rng.uniform(0.1, 0.3) * grain / grain.std())
    )
    dark = image * rng.uniform(0.25, 0.7)
    if rng.random() < 0.6:  # the right heart is left of the muscle, and filled first
        wall = cv2.dilate((labels == 2).astype(np.uint8), np.ones((3, 3), np.uint8))
        rough = cv2.GaussianBlur(image, (0, 0), size / 60).astype(np.float32)
        hollow = (rough < np.percentile(rough[image > 0], 40)) & (image > 0) & (wall == 0)
        soft = np.maximum(soft, cv2.GaussianBlur(hollow.astype(np.float32), (0, 0), size / 100))
    return np.asarray(np.clip(soft * bright + (1 - soft) * dark, 0, 255) * (image > 0), np.uint8)


def _under_sector(image: Image, rng: Rng) -> Image:
    """Black outside a sector whose tip is on top; what is black inside it becomes haze like its surroundings."""
    height, width = image.shape
    rows, columns = np.mgrid[0:height, 0:width]
    tip = -height * rng.uniform(0, 0.15)
    angle = np.abs(np.arctan2(columns - width / 2, rows - tip))
    inside = (angle < np.deg2rad(rng.uniform(32, 48))) & (np.hypot(columns - width / 2, rows - tip) < height - tip)
    lit = cv2.morphologyEx((image > 2).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    seen = cv2.erode(lit, np.ones((11, 11), np.uint8)).astype(np.float32)
    grain = cv2.GaussianBlur(rng.standard_normal(image.shape).astype(np.float32), (0, 0), 2.0, sigmaY=1.0)
    wide = height / 12
    haze = cv2.GaussianBlur(image * seen, (0, 0), wide) / (cv2.GaussianBlur(seen, (0, 0), wide) + 0.02)
    haze = haze * np.clip(1 + 0.22 * grain / grain.std(), 0, 3)
    soft = cv2.GaussianBlur(seen, (0, 0), 3.0)
    return np.asarray(np.clip(soft * image + (1 - soft) * haze, 0, 255) * inside, np.uint8)
