"""Appearances held out from training: they stand in for the scanners nobody has data of.

Each function takes and gives a (height, width) uint8 image. None of these operations is among
`augment.change_appearance`'s: despeckling filters, histogram equalisation, posterised grey levels, smear
along the arc, photon noise. A model is chosen on these as much as on plain validation images.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def despeckled(image: Image) -> Image:
    """Speckle reduction: non-local means, then a median; the smooth look of recent scanners."""
    return np.asarray(cv2.medianBlur(cv2.fastNlMeansDenoising(image, None, 18, 5, 11), 5), np.uint8)


def equalised(image: Image) -> Image:
    """Contrast-limited histogram equalisation: bright, noisy cavity."""
    even = cv2.createCLAHE(clipLimit=4.0, tileGridSize=(6, 6)).apply(image)
    return np.where(image > 2, even, image).astype(np.uint8)


def arc_smeared(image: Image) -> Image:
    """Poor lateral resolution: a long blur along the arc about the sector's apex."""
    height, width = image.shape
    polar_size, centre = (height, 360), (width / 2, 0.0)
    flags = cv2.WARP_POLAR_LINEAR | cv2.WARP_FILL_OUTLIERS  # without: whatever the memory held, another each time
    polar = cv2.blur(cv2.warpPolar(image, polar_size, centre, float(height), flags), (1, 7))
    back = cv2.warpPolar(polar, (width, height), centre, float(height), flags | cv2.WARP_INVERSE_MAP)
    return np.asarray(back, np.uint8)


def posterised_small(image: Image) -> Image:
    """112 pixels a side, twelve grey levels, low contrast, JPEG of quality 20."""
    scale = 112 / max(image.shape)
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    small = (small // 21 * 21 * 0.55 + 12 * (small > 3)).astype(np.uint8)
    _, code = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 20])
    decoded = np.asarray(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE))
    return np.asarray(cv2.resize(decoded, image.shape[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)


def photon_noise(image: Image) -> Image:
    """Coarse signal-dependent noise over a dim picture."""
    rng = np.random.default_rng(int(image.sum()))  # the same noise for the same image
    coarse = cv2.resize(image, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA).astype(np.float64)
    noisy = rng.poisson(coarse / 255 * 9) / 9 * 255
    return np.asarray(cv2.resize(np.minimum(noisy, 255).astype(np.uint8), image.shape[::-1]), np.uint8)


def black_cavity(image: Image) -> Image:
    """Hard grey map: everything dim is black, walls are saturated, as with a low dynamic range."""
    smooth = cv2.bilateralFilter(image, 7, 40, 3).astype(np.float32)
    middle = np.percentile(smooth[smooth > 8], 60) if (smooth > 8).any() else 128
    return (255 / (1 + np.exp(-(smooth - middle) / 18))).astype(np.uint8)


SHIFTS: dict[str, Callable[[Image], Image]] = {
    "despeckled": despeckled,
    "equalised": equalised,
    "arc smeared": arc_smeared,
    "posterised": posterised_small,
    "photon noise": photon_noise,
    "black cavity": black_cavity,
}
