"""Grey from colour, and how much of a clip is coloured."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

CLEAR_CHROMA = 24.0
"""Distance in the CbCr plane (0-255 scale) from the clip's tint that counts as clearly coloured: a tenth of the
scale, well above what JPEG and chroma subsampling leave on grey pictures, well below Doppler's red and blue."""

CLEAR_CHANGE = 12
"""Change of a channel (0-255) over the clip above which a pixel belongs to the moving picture."""

_SAMPLE_SIDE_PX = 128
_THINNEST_PATCH = np.ones((3, 3), np.uint8)
_MOST_SAMPLES = 16
_LUMA_BINS = 32
_SMOOTHING_BINS = 2


def grey_from_rgb(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the luma (..., height, width) of RGB pictures (..., height, width, 3), uint8.

    ITU-R BT.601: Y = 0.299 R + 0.587 G + 0.114 B; equal channels keep their value exactly.
    """
    flat = rgb.reshape(-1, rgb.shape[-2], 3)
    grey: NDArray[np.uint8] = np.asarray(cv2.cvtColor(flat, cv2.COLOR_RGB2GRAY), np.uint8)
    return grey.reshape(rgb.shape[:-1])


class ColourMeter:
    """Measures the fraction of clearly coloured pixels over a clip, on up to 16 frames spread evenly over it.

    Three things are colour on the screen but no flow, and do not count:

    - A tinted map (sepia, blue): there the colour follows from the brightness alone. So the usual chroma at each
      brightness is taken as the tint, and only what departs from it is colour.
    - Screen furniture (a banner, a logo, the colour bar) stands still: only pixels that change over the clip are
      looked at. In a single frame all are.
    - Text, markers, an ECG trace and what codecs do to chroma are thin: patches narrower than 3 pixels, in a
      picture shrunk to 128, are left out.
    """

    def __init__(self) -> None:
        self._every = 1
        self._samples: list[NDArray[np.uint8]] = []

    def wants(self, index: int) -> bool:
        """True where frame `index` is to be sampled; the longer the clip, the fewer."""
        return index % self._every == 0

    def add(self, rgb: NDArray[np.uint8]) -> None:
        """Take a sample, RGB (height, width, 3) uint8."""
        height, width = rgb.shape[:2]
        shrink = max(1.0, max(height, width) / _SAMPLE_SIDE_PX)
        size = max(1, round(width / shrink)), max(1, round(height / shrink))
        self._samples.append(np.array(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8))
        if len(self._samples) > _MOST_SAMPLES:  # keep every other sample, and sample half as often from here
            self._samples = self._samples[::2]
            self._every *= 2

    def fraction(self) -> float:
        """Return the mean over the samples of the fraction of pixels that are clearly coloured, 0-1."""
        if not self._samples:
            return 0.0
        pixels = np.stack(self._samples)
        moving = np.ones(pixels.shape[1:3], bool)
        if len(pixels) > 1:
            moving = (np.ptp(pixels, axis=0) > CLEAR_CHANGE).any(axis=-1)
        coloured = np.zeros(pixels.shape[:3], np.uint8)
        coloured[:, moving] = _coloured(pixels[:, moving])
        patches = [cv2.morphologyEx(mask, cv2.MORPH_OPEN, _THINNEST_PATCH) for mask in coloured]
        return float(np.mean(patches))


def _coloured(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell which of the RGB pixels (..., 3) depart from the tint that they have together."""
    if pixels.size == 0:
        return np.zeros(pixels.shape[:-1], bool)
    ycrcb = cv2.cvtColor(np.ascontiguousarray(pixels.reshape(1, -1, 3)), cv2.COLOR_RGB2YCrCb)[0]
    luma_bin = ycrcb[:, 0].astype(np.intp) * _LUMA_BINS // 256
    chroma = ycrcb[:, 1:].astype(np.float32) - 128.0
    departure = np.linalg.norm(chroma - _tint(luma_bin, chroma)[luma_bin], axis=1)
    return np.asarray(departure > CLEAR_CHROMA).reshape(pixels.shape[:-1])


def _tint(luma_bin: NDArray[np.intp], chroma: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the usual chroma (bins, 2) at each brightness: medians, smoothed over neighbouring bins."""
    tint = np.full((_LUMA_BINS, 2), np.nan, np.float32)
    for index in range(_LUMA_BINS):
        members = chroma[luma_bin == index]
        if len(members):
            tint[index] = np.median(members, axis=0)
    smooth = np.zeros_like(tint)
    for index in np.flatnonzero(np.isfinite(tint[:, 0])).tolist():
        neighbours = tint[max(0, index - _SMOOTHING_BINS) : index + _SMOOTHING_BINS + 1]
        smooth[index] = np.nanmedian(neighbours, axis=0)
    return smooth
