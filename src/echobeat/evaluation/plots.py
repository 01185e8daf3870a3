"""How evaluation's pictures look and are kept: PNG and PDF for print, SVG that follows the page's colours.

Colours are those of Okabe & Ito, told apart by readers of every colour vision
(https://jfly.uni-koeln.de/color/), and every line also has a mark or a stroke of its own.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from echobeat.whole import whole_file

COLUMN_INCHES = 3.5
"""Width of a journal's column, 89 mm."""

DPI = 300


@dataclass(frozen=True)
class Palette:
    """Colours, ``#rrggbb``; `series` in the order in which they are used."""

    paper: str
    ink: str
    faint: str
    series: tuple[str, ...]


PRINT = Palette("#ffffff", "#16212c", "#6b7885", ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"))
STAND_INS = Palette("#010101", "#010102", "#010103", tuple(f"#01011{index}" for index in range(5)))
_VARIABLES = {STAND_INS.paper: "--paper", STAND_INS.ink: "--ink", STAND_INS.faint: "--faint"} | {
    colour: f"--s{index}" for index, colour in enumerate(STAND_INS.series)
}

MARKS = "osD^v"
STROKES = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (8, 2)))

Drawing = Callable[[Palette], Figure]
"""Draws a figure in the colours that it is given."""


@dataclass(frozen=True)
class Picture:
    """A figure that can be drawn.

    Attributes
    ----------
    name : str
        Of its files, without a suffix.
    title : str
        Above it on the page.
    description : str
        In words, for those who cannot see it.
    draw : callable
    """

    name: str
    title: str
    description: str
    draw: Drawing


def style(palette: Palette) -> AbstractContextManager[None]:
    """Our own style, whatever the user's matplotlib is set to."""
    own: Any = {
        "font.family": ["DejaVu Sans"],
        "font.size": 7.5,
        "axes.labelsize": 8,
        "axes.edgecolor": palette.faint,
        "axes.facecolor": palette.paper,
        "axes.labelcolor": palette.ink,
        "axes.linewidth": 0.7,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "figure.facecolor": palette.paper,
        "legend.frameon": False,
        "legend.labelcolor": palette.ink,
        "pdf.fonttype": 42,
        "svg.fonttype": "none",
        "svg.hashsalt": "echobeat",
        "text.color": palette.ink,
        "xtick.color": palette.faint,
        "xtick.labelcolor": palette.ink,
        "ytick.color": palette.faint,
        "ytick.labelcolor": palette.ink,
    }
    return mpl.rc_context(mpl.rcParamsDefault | own)


def new_figure(height_inches: float = 3.1, width_inches: float = COLUMN_INCHES) -> tuple[Figure, Axes]:
    """An empty figure of a journal's column, whose labels are kept apart by themselves."""
    figure = Figure(figsize=(width_inches, height_inches), layout="constrained")
    return figure, figure.add_subplot()


def write_picture(picture: Picture, folder: Path) -> None:
    """Write ``NAME.png`` and ``NAME.pdf``, each whole or not at all.

    Raises
    ------
    OutputError
    """
    with style(PRINT):
        figure = picture.draw(PRINT)
        for suffix, facts in (
            ("png", {"Software": "echobeat"}),
            ("pdf", {"Creator": "echobeat", "CreationDate": None}),
        ):
            with whole_file(folder / f"{picture.name}.{suffix}") as beside:
                figure.savefig(beside, format=suffix, dpi=DPI, metadata=facts)


def svg(picture: Picture) -> str:
    """The figure as an ``<svg>`` element whose colours follow the page (CSS variables ``--ink``, ``--s0`` ...)."""
    buffer = io.StringIO()
    with style(STAND_INS):
        picture.draw(STAND_INS).savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    document = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", document[document.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*pt"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*pt"', r"\1", text))
    text = text.replace("'DejaVu Sans'", "system-ui, sans-serif")
    text = re.sub(r'(\b(?:id|xlink:href|clip-path)="(?:url\()?#?)', rf"\g<1>{picture.name}-", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    return text.replace("<svg", '<svg aria-hidden="true" focusable="false"', 1)
