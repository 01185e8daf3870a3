"""The way of decoded DICOM pixels to 8-bit grey."""

from __future__ import annotations

import math
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels.processing import apply_color_lut

from echobeat.sources.colour import grey_from_rgb
from echobeat.sources.dicom.header import PALETTE, numbers, photometric
from echobeat.sources.recording import decoding


class GreyScale:
    """Brings decoded frames to 8-bit grey, by the rules of their photometric interpretation.

    - 8 bits, unsigned: as they are. MONOCHROME1 is inverted.
    - Fewer or more bits, or signed: by Window Center and Width where stated (PS3.3 C.11.2.1.2), otherwise the
      range that Bits Stored allows is mapped to 0-255, or another one (`between`).
    - Colour: luma of the RGB picture. PALETTE COLOR goes through its table first.

    Attributes
    ----------
    low, high : float
        Stored values that become 0 and 255.
    is_stated : bool
        The file says which these are; otherwise they are only what its bits allow.
    """

    def __init__(self, attributes: Dataset, source: str) -> None:
        self._invert = photometric(attributes) == "MONOCHROME1"
        self._palette: NDArray[np.uint8] | None = None
        with decoding(source, "its DICOM header is damaged"):
            self._bits = int(attributes.get("BitsStored") or attributes.BitsAllocated)
            if not 1 <= self._bits <= 16:
                raise ValueError(f"Bits Stored is {self._bits}")
            signed = int(attributes.get("PixelRepresentation") or 0) == 1
        window = _window(attributes)
        self.low, self.high = window or _allowed(self._bits, signed)
        self._as_stored = self._bits == 8 and not signed
        colour = photometric(attributes) not in ("MONOCHROME1", "MONOCHROME2")
        self.is_stated = window is not None or self._bits <= 8 or colour
        if photometric(attributes) == PALETTE:
            with decoding(source, "its colour palette is damaged"):
                self._palette = _palette(attributes, self._bits)

    def between(self, low: float, high: float) -> GreyScale:
        """The same scale with other values for 0 and 255."""
        other = copy(self)
        other.low, other.high = low, high
        return other

    def __call__(self, pixels: NDArray[Any]) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
        """Return grey (rows, columns), and RGB (rows, columns, 3) where the frame has colour; both uint8."""
        if self._palette is not None:
            rgb = self._palette[np.clip(pixels, 0, len(self._palette) - 1)]
            return grey_from_rgb(rgb), rgb
        if pixels.ndim == 3:
            rgb = pixels if pixels.dtype == np.uint8 else _to_8_bits(pixels, 0.0, 2.0**self._bits - 1)
            return grey_from_rgb(rgb), rgb
        grey = np.minimum(pixels, 255).astype(np.uint8) if self._as_stored else _to_8_bits(pixels, self.low, self.high)
        return (255 - grey if self._invert else grey), None


def _allowed(bits: int, signed: bool) -> tuple[float, float]:
    """Return the least and greatest value that so many bits can hold."""
    return (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1) if signed else (0.0, 2.0**bits - 1)


def _window(attributes: Dataset) -> tuple[float, float] | None:
    """Return the stored values at the ends of the window; None where there is none."""
    centre, width = numbers(attributes, "WindowCenter"), numbers(attributes, "WindowWidth")
    slope = (numbers(attributes, "RescaleSlope") or [1.0])[0] or 1.0
    intercept = (numbers(attributes, "RescaleIntercept") or [0.0])[0]
    if centre and width and width[0] > 1:
        ends = (centre[0] - 0.5 - (width[0] - 1) / 2, centre[0] - 0.5 + (width[0] - 1) / 2)
        window = sorted((end - intercept) / slope for end in ends)
        if window[1] > window[0] and math.isfinite(window[1] - window[0]):
            return window[0], window[1]
    return None


def _to_8_bits(pixels: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    scaled = (pixels.astype(np.float32) - np.float32(low)) * np.float32(255.0 / (high - low))
    return np.asarray(np.rint(np.clip(scaled, 0.0, 255.0)), np.uint8)


def _palette(attributes: Dataset, bits: int) -> NDArray[np.uint8]:
    """Return the colour table (values, 3), uint8."""
    table: NDArray[Any] = apply_color_lut(np.arange(2**bits, dtype=np.uint16 if bits > 8 else np.uint8), attributes)
    if table.dtype == np.uint8 or table.max(initial=0) < 256:  # some writers keep 8-bit entries in 16-bit words
        return np.asarray(table, np.uint8)
    return np.asarray(table >> 8, np.uint8)
