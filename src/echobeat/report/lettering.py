"""Text in pictures: crisp, cached, in the font that matplotlib ships (so that no system font is needed)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFont

from echobeat.report.panels import Picture

KEPT = 16
"""Texts kept drawn. Few, because most change with every frame: small memory kept between large pieces that come
and go leaves the system's heap in shreds."""


@lru_cache(maxsize=32)
def _font(size_px: int, bold: bool) -> ImageFont.FreeTypeFont:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts" / "ttf" / name, size_px)


@lru_cache(maxsize=KEPT)
def _set(text: str, size_px: int, colour: str, paper: str, bold: bool) -> NDArray[np.uint8]:
    font = _font(size_px, bold)
    ascent, descent = font.getmetrics()
    image = Image.new("RGB", (max(1, round(font.getlength(text))), ascent + descent), ImageColor.getrgb(paper))
    ImageDraw.Draw(image).text((0, 0), text, font=font, fill=ImageColor.getrgb(colour))
    return np.asarray(image)


@lru_cache(maxsize=KEPT)
def text_width_px(text: str, size_px: int, *, bold: bool = False) -> int:
    """Width that a text will take."""
    return round(_font(size_px, bold).getlength(text))


def shortened(text: str, size_px: int, width_px: int) -> str:
    """`text`, cut with an ellipsis where it would be wider than `width_px`."""
    if text_width_px(text, size_px) <= width_px:
        return text
    while text and text_width_px(text + "…", size_px) > width_px:
        text = text[:-1]
    return text.rstrip() + "…"


def in_two_lines(text: str, size_px: int, width_px: int) -> tuple[str, str]:
    """`text` broken between words so that the first line is at most `width_px` wide; the second one is shortened."""
    words = text.split(" ")
    fitting = len(words)
    while fitting > 1 and text_width_px(" ".join(words[:fitting]), size_px) > width_px:
        fitting -= 1
    first, rest = " ".join(words[:fitting]), " ".join(words[fitting:])
    return shortened(first, size_px, width_px), shortened(rest, size_px, width_px)


class Lettering:
    """Writes on pictures with a paper of one colour."""

    def __init__(self, paper: str) -> None:
        self.paper = paper

    def write(
        self, picture: Picture, text: str, at: tuple[int, int], size_px: int, colour: str, *, bold: bool = False
    ) -> int:
        """Write `text` with its upper left corner at (x, y), clipped to the picture; returns its width in pixels."""
        sprite = _set(text, size_px, colour, self.paper, bold)
        x, y = at
        window = picture[max(y, 0) : y + sprite.shape[0], max(x, 0) : x + sprite.shape[1]]
        window[:] = sprite[max(-y, 0) :, max(-x, 0) :][: window.shape[0], : window.shape[1]]
        return int(sprite.shape[1])
