"""The volume curve: one drawing, used on paper (``volume.png``), on the page (SVG) and in the video."""

from __future__ import annotations

import io
import re
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from echobeat.measurement.smoothing import gaps
from echobeat.records import Assessment, Beat, FloatArray
from echobeat.report import wording
from echobeat.report.lettering import text_width_px

FONT_SIZE = 9
NOTE_SIZE = 7
"""Of the letters of a curve, and of what stands below a beat's EF, in points."""


def plain_style() -> AbstractContextManager[None]:
    """Draw with our own style, whatever the user's matplotlib is set to."""
    own: Any = {
        "font.family": ["DejaVu Sans"],
        "font.size": FONT_SIZE,
        "svg.fonttype": "none",
        "svg.hashsalt": "echobeat",
    }
    return mpl.rc_context(mpl.rcParamsDefault | own)


LABELLED_BEATS = 14
"""With more beats in one drawing, their labels would touch; the markers stay."""

LETTER_GAP = 3
"""Between the labels of neighbouring beats at least, in points."""


@dataclass(frozen=True)
class Palette:
    """Colours of a curve: ``#rrggbb``."""

    paper: str
    ink: str
    faint: str
    line: str
    ed: str
    es: str


LIGHT = Palette(paper="#ffffff", ink="#1c2733", faint="#5b6875", line="#0f8f78", ed="#1f6fd0", es="#c8442b")
DARK = Palette(paper="#0b0f14", ink="#e6edf3", faint="#7d8a97", line="#39e2be", ed="#6cb6ff", es="#ff8a70")
_STAND_INS = Palette(paper="#010101", ink="#010102", faint="#010103", line="#010104", ed="#010105", es="#010106")
_CSS = {"paper": "--paper", "ink": "--ink", "faint": "--faint", "line": "--lv", "ed": "--ed", "es": "--es"}


@dataclass(frozen=True)
class CurveView:
    """What of an assessment is drawn over time.

    Attributes
    ----------
    times_s : ndarray (frames,), seconds.
    line, raw : ndarray (frames,), the curve and the values of the single frames behind it; NaN where unknown.
    label : what it is, with its unit.
    beats : the beats whose ED, ES and EF are marked.
    judged : False where no EF may be shown.
    """

    times_s: FloatArray
    line: FloatArray
    raw: FloatArray
    label: str
    beats: tuple[Beat, ...]
    judged: bool

    @classmethod
    def of(cls, assessment: Assessment) -> CurveView:
        """Volume in ml; where uncalibrated in percent of the largest; area where no volume is known."""
        curve = assessment.curve
        line, raw, label = curve.volume_smoothed, curve.volume, "LV volume (ml)"
        if not np.isfinite(line).any():
            calibrated = curve.area_cm2 is not None
            line = raw = curve.area_cm2 if curve.area_cm2 is not None else curve.area_px
            label = "LV area (cm²)" if calibrated else "LV area (px)"
        elif not curve.calibrated:
            largest = float(np.nanmax(line))
            scale = 100.0 / largest if largest > 0 else 1.0
            line, raw, label = line * scale, raw * scale, "LV volume (% of largest)"
        judged = wording.is_judged(assessment.result)
        return cls(curve.times_s, line, raw, label, assessment.beats, judged)

    @property
    def limits(self) -> tuple[float, float]:
        """Lower and upper end of the vertical axis."""
        known = self.line[np.isfinite(self.line)]
        if not len(known):
            return 0.0, 1.0
        top = float(known.max())
        return 0.0, 1.0 if top <= 0 else top * 1.24  # room above for the beats' labels

    @property
    def duration_s(self) -> float:
        """From the first frame to the end of the last."""
        if len(self.times_s) < 2:
            return 1.0
        return float(self.times_s[-1] + np.median(np.diff(self.times_s)))


def draw_curve(
    axes: Axes, view: CurveView, palette: Palette, window: tuple[float, float] | None = None
) -> Line2D | None:
    """Draw the part of a curve within `window` (start, end in seconds; everything if None); returns the line."""
    start, end = window or (0.0, view.duration_s)
    inside = np.flatnonzero((view.times_s >= start) & (view.times_s <= end))
    axes.set_xlim(start, end)
    axes.set_ylim(*view.limits)
    _style(axes, view, palette)
    if not np.isfinite(view.line).any():
        axes.set_yticks([])  # a scale of nothing
        axes.set_ylabel("")
        axes.text(0.5, 0.5, "no left ventricle seen", color=palette.faint, ha="center", transform=axes.transAxes)
        return None
    times = view.times_s[inside]
    axes.plot(times, view.raw[inside], ".", color=palette.faint, markersize=2, alpha=0.55, zorder=1)
    (line,) = axes.plot(*_broken(times, view.line[inside]), color=palette.line, linewidth=1.8, zorder=2)
    shown = [beat for beat in view.beats if _overlaps(beat, view, start, end)]
    _shade_systoles(axes, view, shown, palette)
    if view.judged and len(shown) <= LABELLED_BEATS:
        _label_beats(axes, view, shown, palette)
    ed_frames = {frame for beat in shown for frame in (beat.ed_frame, beat.end_frame) if frame is not None}
    es_frames = {beat.es_frame for beat in shown if beat.es_frame is not None}
    _mark(axes, view, sorted(ed_frames & set(inside)), "o", palette.ed, palette.paper)
    _mark(axes, view, sorted(es_frames & set(inside)), "D", palette.es, palette.paper)
    return line


def _overlaps(beat: Beat, view: CurveView, start: float, end: float) -> bool:
    known = [view.times_s[frame] for frame in (beat.ed_frame, beat.es_frame, beat.end_frame) if frame is not None]
    return bool(known) and max(known) >= start and min(known) <= end


def _style(axes: Axes, view: CurveView, palette: Palette) -> None:
    axes.set_facecolor(palette.paper)
    axes.set_xlabel("time (s)", color=palette.faint)
    axes.set_ylabel(view.label, color=palette.ink)
    axes.tick_params(colors=palette.faint, length=3)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.grid(True, axis="y", color=palette.faint, alpha=0.22, linewidth=0.6)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(palette.faint)


def _shade_systoles(axes: Axes, view: CurveView, beats: list[Beat], palette: Palette) -> None:
    for beat in beats:
        if beat.ed_frame is not None and beat.es_frame is not None:
            systole = view.times_s[[beat.ed_frame, beat.es_frame]]
            axes.axvspan(systole[0], systole[1], color=palette.es, alpha=0.09, linewidth=0, zorder=0)


def _label_beats(axes: Axes, view: CurveView, beats: list[Beat], palette: Palette) -> None:
    """Write each beat's EF above it, and below that why it does not count; nothing that would touch its neighbour."""
    start, end = axes.get_xlim()
    width = axes.get_window_extent().width * 72 / axes.figure.dpi  # in points, as the letters
    taken = {FONT_SIZE: 0.0, NOTE_SIZE: 0.0}
    for beat in beats:
        place = (_middle_s(beat, view) - start) / (end - start) * width
        if beat.ef is None or not 0 <= place <= width:
            continue
        lines = [(f"{wording.percent(beat.ef)} %", 0.985, FONT_SIZE)]
        if not beat.counts:
            lines.append(("ectopic" if beat.ectopic else "not counted", 0.9, NOTE_SIZE))
        for text, height, size in lines:
            half = text_width_px(text, 10 * size, bold=True) / 20  # large letters are measured without rounding
            centre = min(max(place, half), width - half)
            if centre - half < taken[size]:
                break  # and no note without the number that it belongs to
            taken[size] = centre + half + LETTER_GAP
            axes.text(
                start + centre / width * (end - start),
                view.limits[1] * height,
                text,
                color=palette.ink if beat.counts else palette.faint,
                size=size,
                weight="bold",
                ha="center",
                va="top",
            )


def _broken(times_s: FloatArray, line: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The line with an end where frames are missing: what the heart did there was not seen."""
    behind = np.flatnonzero(gaps(times_s)) + 1
    return np.insert(times_s, behind, np.nan), np.insert(line, behind, np.nan)


def _middle_s(beat: Beat, view: CurveView) -> float:
    known = [frame for frame in (beat.ed_frame, beat.es_frame, beat.end_frame) if frame is not None]
    return float(view.times_s[[known[0], known[-1]]].mean())


def _mark(axes: Axes, view: CurveView, frames: list[int], shape: str, colour: str, edge: str) -> None:
    axes.plot(
        view.times_s[frames],
        view.line[frames],
        shape,
        color=colour,
        markersize=6.5 if shape == "o" else 5.5,
        markeredgecolor=edge,
        markeredgewidth=1.0,
        clip_on=False,  # the first and last frame's markers stay whole
        zorder=4,
    )


def _figure(view: CurveView, palette: Palette, size_inches: tuple[float, float]) -> Figure:
    width, height = size_inches
    figure = Figure(figsize=size_inches, facecolor=palette.paper)
    axes = figure.add_axes((0.62 / width, 0.45 / height, 1 - 0.8 / width, 1 - 0.78 / height))
    draw_curve(axes, view, palette)
    if view.beats:
        draw_legend(figure, palette, "upper right")
        said = "dots: single frames · shaded: systole" + (" · %: EF of the beat" if axes.texts else "")
        left, top = 0.62 / width, 1 - 0.055 / height
        figure.text(left, top, said, color=palette.faint, size=FONT_SIZE, va="top")
    return figure


def draw_legend(figure: Figure, palette: Palette, where: Literal["upper right", "lower right"]) -> None:
    """Say what the markers are, above or below the right end of the axes."""
    figure.legend(
        [
            Line2D([], [], marker=shape, color=colour, linestyle="")
            for shape, colour in (("o", palette.ed), ("D", palette.es))
        ],
        ["end-diastole", "end-systole"],
        loc=where,
        bbox_to_anchor=(0, 0, figure.axes[0].get_position().x1, 1),
        ncols=2,
        frameon=False,
        labelcolor=palette.faint,
        handletextpad=0.1,
        columnspacing=1.2,
        borderaxespad=0.1,
        markerscale=0.85,
    )


def write_volume_png(assessment: Assessment, path: Path) -> None:
    """Write ``volume.png``: the curve with each ED, ES and beat's EF, 1600 x 640 pixels, on white."""
    with plain_style():
        figure = _figure(CurveView.of(assessment), LIGHT, (8.0, 3.2))
        figure.savefig(path, dpi=200, metadata={"Software": "echobeat"})


def curve_svg(assessment: Assessment) -> str:
    """The curve as an ``<svg>`` element whose colours follow the page (CSS variables ``--ink``, ``--lv`` ...)."""
    buffer = io.StringIO()
    with plain_style():
        figure = _figure(CurveView.of(assessment), _STAND_INS, (8.0, 2.3))
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return _themed(buffer.getvalue())


def _themed(document: str) -> str:
    svg = document[document.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*pt"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*pt"', r"\1", svg))
    svg = svg.replace("'DejaVu Sans'", "system-ui, sans-serif").replace(
        "<svg", '<svg aria-hidden="true" focusable="false"', 1
    )
    for name, variable in _CSS.items():
        svg = svg.replace(getattr(_STAND_INS, name), f"var({variable})")
    return svg
