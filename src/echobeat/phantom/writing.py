"""Writing burnt into frames, as scanners do it: what a detector of burnt-in text is taught with and judged on.

Names, numbers and dates are made up.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Frames = NDArray[np.uint8]
Coverage = NDArray[np.float32]
Place = Literal["outside", "dark", "tissue"]

FONTS = {
    "training": ("DejaVuSans", "DejaVuSansMono", "DejaVuSerif", "cmss10", "simplex", "plain"),
    "judging": ("DejaVuSans-Bold", "DejaVuSansMono-Oblique", "STIXGeneral", "cmtt10", "duplex", "complex"),
}
"""Fonts by what they are for: a detector is judged on fonts that it was not taught with."""

_STROKED = {
    "simplex": cv2.FONT_HERSHEY_SIMPLEX,
    "plain": cv2.FONT_HERSHEY_PLAIN,
    "duplex": cv2.FONT_HERSHEY_DUPLEX,
    "complex": cv2.FONT_HERSHEY_COMPLEX,
}
_FAMILY = ("Doe", "Smith", "Garcia", "Nguyen", "Miller", "Okafor", "Larsen", "Rossi", "Kowalska", "Tanaka", "Haddad")
_GIVEN = ("Jane", "John", "Maria", "Thi", "Ada", "Emeka", "Ingrid", "Luca", "Zofia", "Yuki", "Omar", "J")
_SITES = ("St. Mary", "Echo Lab 2", "City Hospital", "CARDIO EAST", "Univ. Clinic", "Dr. Brandt", "Dr Weiss")
DARK_GREY, TISSUE_GREY = 30, 50
"""Mean grey value of a place that counts as dark, at most, and as tissue, at least."""


class Box(NamedTuple):
    """A rectangle in pixels; the last row and column are not included."""

    top: int
    left: int
    bottom: int
    right: int

    def touches(self, other: Box) -> bool:
        """True where the two share a pixel."""
        return self.top < other[2] and other[0] < self.bottom and self.left < other[3] and other[1] < self.right


@dataclass(frozen=True)
class Ink:
    """How writing is laid over a picture.

    Attributes
    ----------
    grey : of the letters, 0-255.
    opacity : 0-1.
    outline : the letters have a black rim.
    shown : share of the clip, from its start, during which it is shown; 0-1.
    """

    grey: float = 230
    opacity: float = 1.0
    outline: bool = False
    shown: float = 1.0


def made_up_text(rng: np.random.Generator) -> str:
    """A name, number, date, time or place such as stands on a screen."""
    family, given = str(rng.choice(_FAMILY)), str(rng.choice(_GIVEN))
    day, month, year = int(rng.integers(1, 29)), int(rng.integers(1, 13)), int(rng.integers(1930, 2025))
    number = int(rng.integers(100_000, 99_999_999))
    forms = (
        f"{family.upper()}^{given.upper()}",
        f"{family}, {given}",
        f"{family} {given} {int(rng.integers(18, 95))}y",
        f"MRN {number}",
        f"ID:{number}",
        f"{day:02}/{month:02}/{year}",
        f"{year}-{month:02}-{day:02}",
        f"{int(rng.integers(24)):02}:{int(rng.integers(60)):02}:{int(rng.integers(60)):02}",
        str(rng.choice(_SITES)),
        f"DOB {day:02}.{month:02}.{year}",
    )
    return forms[int(rng.integers(len(forms)))]


def draw_ink(rng: np.random.Generator) -> Ink:
    """Ink as met on screens: mostly opaque, bright and there all the time."""
    return Ink(
        grey=float(rng.uniform(150, 255)),
        opacity=1.0 if rng.random() < 0.8 else float(rng.uniform(0.7, 1.0)),
        outline=bool(rng.random() < 0.3),
        shown=1.0 if rng.random() < 0.85 else float(rng.uniform(0.6, 1.0)),
    )


def letters(text: str, font: str, height_px: int) -> Coverage:
    """(rows, columns) float32, 0-1: how much of each pixel the letters cover; capitals are `height_px` tall.

    Parameters
    ----------
    font : str
        One of `FONTS`.
    """
    if font in _STROKED:
        return _stroked(text, _STROKED[font], height_px)
    import matplotlib

    file = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{font}.ttf"
    drawn = ImageFont.truetype(str(file), max(4, round(height_px / 0.73)))
    left, top, right, bottom = (int(side) for side in drawn.getbbox(text))
    picture = Image.new("L", (right - left + 2, bottom - top + 2))
    ImageDraw.Draw(picture).text((1 - left, 1 - top), text, fill=255, font=drawn)
    return np.asarray(picture, np.float32) / np.float32(255)


def _stroked(text: str, font: int, height_px: int) -> Coverage:
    thickness = 1 if height_px < 18 else 2
    scale = cv2.getFontScaleFromHeight(font, height_px, thickness)
    (width, height), below = cv2.getTextSize(text, font, scale, thickness)
    picture = np.zeros((height + below + 4, width + 4), np.uint8)
    cv2.putText(picture, text, (2, height + 1), font, scale, (255,), thickness, cv2.LINE_AA)
    used = np.argwhere(picture)
    (first_row, first_column), (row, column) = used.min(axis=0), used.max(axis=0)
    return np.asarray(picture[first_row : row + 1, first_column : column + 1], np.float32) / np.float32(255)


def burn_in(frames: Frames, coverage: Coverage, corner: tuple[int, int], ink: Ink) -> tuple[Frames, Box]:
    """Lay writing over frames.

    Parameters
    ----------
    frames : ndarray
        (frames, rows, columns) uint8; left as they are.
    coverage : ndarray
        From `letters`.
    corner : (row, column)
        Of its upper left pixel; it has to fit.
    ink : Ink

    Returns
    -------
    frames : ndarray
        As given, with the writing.
    box : Box
        Where it is.
    """
    (row, column), (height, width) = corner, coverage.shape
    box = Box(row, column, row + height, column + width)
    written = frames.copy()
    shown = slice(0, max(1, round(ink.shown * len(frames))))
    under = written[shown, row : box.bottom, column : box.right].astype(np.float32)
    if ink.outline:
        under *= 1 - ink.opacity * cv2.dilate(coverage, np.ones((3, 3), np.uint8))
    alpha = ink.opacity * coverage
    written[shown, row : box.bottom, column : box.right] = np.rint(under * (1 - alpha) + ink.grey * alpha)
    return written, box


def find_place(
    frames: Frames, sector: NDArray[np.bool_], size: tuple[int, int], place: Place, rng: np.random.Generator
) -> tuple[int, int] | None:
    """A random corner (row, column) where writing of a size (rows, columns) fits; None where there is none.

    Wholly outside the sector (rows, columns), or wholly inside and over dark (mean grey at most `DARK_GREY`), or over
    tissue (at least `TISSUE_GREY`).
    """
    rows, columns = frames.shape[1:]
    height, width = size
    if height >= rows or width >= columns:
        return None
    area = ~sector if place == "outside" else sector
    fits = _box_mean(area.astype(np.float32), size) > 1 - 0.5 / (height * width)
    if place != "outside":
        mean = _box_mean(frames.mean(axis=0, dtype=np.float32), size)
        fits &= mean <= DARK_GREY if place == "dark" else mean >= TISSUE_GREY
    corners = np.argwhere(fits)
    if not len(corners):
        return None
    row, column = corners[int(rng.integers(len(corners)))]
    return int(row), int(column)


def _box_mean(values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float64]:
    """Mean over each box of a size that lies in the picture, by its upper left corner."""
    height, width = size
    sums = cv2.integral(values, sdepth=cv2.CV_64F)
    boxes = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    return np.asarray(boxes / (height * width), np.float64)
