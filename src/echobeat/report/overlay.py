"""``overlay.mp4``: the video beside its segmentation, the volume curve below with a dot moving in time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from echobeat import __version__
from echobeat.records import NOTICE, Assessment
from echobeat.report import wording
from echobeat.report.lettering import Lettering, in_two_lines, shortened, text_width_px
from echobeat.report.panels import Painter, Picture, Scale
from echobeat.report.plots import DARK, CurveView, draw_curve, draw_legend, plain_style

ENCODER = {
    "preset": "ultrafast",
    "crf": "20",
    "g": "25",
    "x264-params": "cabac=1:deblock=0,0:aq-mode=1",
}
"""x264: fast enough for two cores, no B-frames and a key frame twice a second, so that scrubbing is immediate. What the
preset leaves out and costs little is put back: without it the file is a third larger."""

TICKS_A_SECOND = 90_000
"""Time base of the video: the usual one of MPEG, fine enough to show each frame at its own time."""

LONGEST_WINDOW_S = 10.0
"""A longer clip's curve is shown in pages of equal length, as a monitor does."""

CURVE_DPI = 100
MARGIN, HEADER, CAPTION, CURVE, FOOTER = 12, 58, 24, 216, 30
TIME_WIDTH = 118
"""Kept free for the time, at the right of the header."""

SMALLEST_PANEL_WIDTH = 336


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


PAPER, FAINT, WHITE = _rgb(DARK.paper), _rgb(DARK.faint), (255, 255, 255)


@dataclass(frozen=True)
class Layout:
    """Where things stand on the picture; all in pixels."""

    panel: Scale
    box_width: int
    box_height: int

    @classmethod
    def of(cls, panel: Scale) -> Layout:
        """The layout around two panels."""
        return cls(panel, max(panel.width, SMALLEST_PANEL_WIDTH), panel.height)

    @property
    def width(self) -> int:
        """Of the whole picture; even."""
        return 2 * self.box_width + 3 * MARGIN + (3 * MARGIN) % 2

    @property
    def height(self) -> int:
        """Of the whole picture; even."""
        return self.curve_top + CURVE + FOOTER

    @property
    def panel_top(self) -> int:
        """First row of the panels."""
        return HEADER + CAPTION

    @property
    def curve_top(self) -> int:
        """First row of the curve."""
        return self.panel_top + self.box_height + MARGIN

    def panel_left(self, which: int) -> int:
        """First column of panel 0 (ultrasound) or 1 (segmentation)."""
        indent = (self.box_width - self.panel.width) // 2
        return MARGIN + which * (self.box_width + MARGIN) + indent


class CurvePages:
    """The curve under the video: drawn once a page, dim and bright; the bright one is uncovered as time passes.

    Parameters
    ----------
    view : CurveView
        What is drawn.
    width, height : int
        Size in pixels.
    """

    def __init__(self, view: CurveView, width: int, height: int) -> None:
        self._view, self._width, self._height = view, width, height
        self._pages = max(1, int(np.ceil(view.duration_s / LONGEST_WINDOW_S)))
        self._page_s = view.duration_s / self._pages
        self._page = -1
        self._dim = self._bright = np.empty((height, width, 3), np.uint8)
        self._picture = self._dim.copy()
        self._xy: NDArray[np.float64] = np.empty((0, 2))

    def picture(self, frame: int) -> Picture:
        """The curve at a frame, (height, width, 3); the next call overwrites it."""
        page = min(int(self._view.times_s[frame] / self._page_s + 1e-9), self._pages - 1)
        if page != self._page:
            self._turn_to(page, (page * self._page_s, (page + 1) * self._page_s))
        x, y = self._xy[frame]
        picture = self._picture
        np.copyto(picture, self._dim)
        picture[:, : round(x)] = self._bright[:, : round(x)]
        sixteenths = [round(value * 16) for value in (x, y)]  # 4 bits of a pixel
        cv2.line(picture, (sixteenths[0], 8 * 16), (sixteenths[0], (self._height - 40) * 16), FAINT, 1, cv2.LINE_AA, 4)
        if np.isfinite(self._view.line[frame]):
            cv2.circle(picture, sixteenths, 7 * 16, PAPER, -1, cv2.LINE_AA, 4)
            cv2.circle(picture, sixteenths, 5 * 16, WHITE, -1, cv2.LINE_AA, 4)
        return picture

    def _turn_to(self, page: int, window: tuple[float, float]) -> None:
        width, height = self._width, self._height
        with plain_style():
            figure = Figure(figsize=(width / CURVE_DPI, height / CURVE_DPI), dpi=CURVE_DPI, facecolor=DARK.paper)
            canvas = FigureCanvasAgg(figure)
            axes = figure.add_axes((62 / width, 40 / height, 1 - 84 / width, 1 - 48 / height))
            line = draw_curve(axes, self._view, DARK, window)
            if self._view.beats:
                draw_legend(figure, DARK, "lower right")
            self._bright = _pixels(canvas)
            if line is not None:
                line.set_alpha(0.4)
            self._dim = _pixels(canvas)
        xy = axes.transData.transform(np.column_stack([self._view.times_s, np.nan_to_num(self._view.line)]))
        self._xy = np.column_stack([xy[:, 0], height - 1 - xy[:, 1]])
        self._page = page


def _pixels(canvas: FigureCanvasAgg) -> Picture:
    canvas.draw()  # type: ignore[no-untyped-call]  # matplotlib types its backends in part
    rgba = canvas.buffer_rgba()  # type: ignore[no-untyped-call]  # the same
    return np.array(rgba, np.uint8)[..., :3].copy()


class Overlay:
    """The pictures of ``overlay.mp4``, one at a time."""

    def __init__(self, assessment: Assessment) -> None:
        self.assessment = assessment
        self.layout = Layout.of(Scale.of(assessment.clip))
        self._painter = Painter(self.layout.panel)
        self._letters = Lettering(DARK.paper)
        self._header = np.empty((HEADER, self.layout.width, 3), np.uint8)
        self._headed: tuple[str, str] | None = None  # what is written in it
        self._curve = CurvePages(CurveView.of(assessment), self.layout.width, CURVE)
        self._verdict = wording.verdict(assessment.result)
        self._judged = wording.is_judged(assessment.result)
        self._beats = wording.beats_by_frame(assessment)

    @cached_property
    def _canvas(self) -> Picture:
        """What never changes."""
        layout = self.layout
        canvas = np.empty((layout.height, layout.width, 3), np.uint8)
        canvas[:] = PAPER
        for which, caption in enumerate(("ULTRASOUND", "LEFT VENTRICLE")):
            left = MARGIN + which * (layout.box_width + MARGIN)
            canvas[layout.panel_top : layout.panel_top + layout.box_height, left : left + layout.box_width] = 0
            self._letters.write(canvas, caption, (left + 2, HEADER + 4), 11, DARK.faint, bold=True)
        footer = layout.height - FOOTER + 8
        name = f"echobeat {__version__}"
        notice = shortened(NOTICE, 11, layout.width - 3 * MARGIN - text_width_px(name, 11))
        self._letters.write(canvas, notice, (MARGIN + 2, footer), 11, DARK.faint)
        right = layout.width - MARGIN - text_width_px(name, 11)
        self._letters.write(canvas, name, (right, footer), 11, DARK.faint)
        return canvas

    def picture(self, frame: int) -> Picture:
        """The picture of one frame: a view that the next call overwrites."""
        clip, masks = self.assessment.clip, self.assessment.masks
        return self._compose(frame, clip.frames[frame], masks.lv[frame])

    def pictures(self) -> Iterator[Picture]:
        """All pictures in order; each is overwritten by the next."""
        clip, masks = self.assessment.clip, self.assessment.masks
        for start, images in clip.frames.blocks():
            for offset, (image, mask) in enumerate(zip(images, masks.lv[start : start + len(images)], strict=True)):
                yield self._compose(start + offset, image, mask)

    def _compose(self, frame: int, image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> Picture:
        canvas, layout, curve = self._canvas, self.layout, self.assessment.curve
        plain = self._painter.plain(image)
        drawn = self._painter.ventricle(plain, mask, curve.apex_px[frame], curve.base_px[frame])
        for which, panel in enumerate((plain, drawn)):
            left = layout.panel_left(which)
            canvas[layout.panel_top : layout.panel_top + panel.shape[0], left : left + panel.shape[1]] = panel
        canvas[layout.curve_top : layout.curve_top + CURVE] = self._curve.picture(frame)
        if (text := self.beat_text(frame)) != self._headed:
            self._write_header(*text)
            self._headed = text
        canvas[:HEADER] = self._header
        self._write_time(canvas, frame)
        return canvas

    def _write_header(self, headline: str, detail: str) -> None:
        """All of the header that changes from beat to beat only."""
        header = self._header
        header[:] = PAPER
        room = self.layout.width - 2 * MARGIN - TIME_WIDTH - 24
        colour = DARK.ink if self._judged else "#ffcf5c"
        x = MARGIN + 2
        x += self._letters.write(header, shortened(headline, 26, room), (x, 14), 26, colour, bold=True) + 16
        left = MARGIN + room - x
        size = 13 if text_width_px(detail, 13) <= left else 12
        first, rest = in_two_lines(detail, size, left)
        self._letters.write(header, first, (x, 13 if rest else 25), size, DARK.faint)
        self._letters.write(header, rest, (x, 30), size, DARK.faint)

    def beat_text(self, frame: int) -> tuple[str, str]:
        """What stands above a frame, large and small: the EF of its beat, or why there is none."""
        beat = self._beats[frame]
        if not self._judged:
            return self._verdict.headline, self._verdict.detail
        study = f"clip {self._verdict.headline}"
        if beat is None:
            return "EF –", f"between beats  ·  {study}"
        facts = [f"beat {beat.index + 1} of {len(self.assessment.beats)}"]
        facts += [note] if (note := wording.beat_note(beat)) else []
        if beat.edv_ml is not None and beat.esv_ml is not None:
            facts.append(f"{wording.number(beat.edv_ml)} → {wording.number(beat.esv_ml)} ml")
        headline = "EF –" if beat.ef is None else f"EF {wording.percent(beat.ef)} %"
        return headline, "  ·  ".join([*facts, study])

    def _write_time(self, canvas: Picture, frame: int) -> None:
        """Time, frame and phase at the right."""
        phase = self.assessment.phases[frame]
        colour = {"ED": DARK.ed, "diastole": DARK.ed, "ES": DARK.es, "systole": DARK.es}.get(phase, DARK.faint)
        words = {"ED": "end-diastole", "ES": "end-systole"}.get(phase, phase)
        clock = f"{self.assessment.clip.times_s[frame]:.2f} s"
        count = f"frame {frame}"
        right = self.layout.width - MARGIN
        for text, y, size, shade, bold in (
            (words, 11, 13, colour, True),
            (f"{clock}  ·  {count}", 32, 11, DARK.faint, False),
        ):
            x = right - text_width_px(text, size, bold=bold)
            self._letters.write(canvas, text, (x, y), size, shade, bold=bold)


def _ticks(times_s: NDArray[np.float64]) -> NDArray[np.int_]:
    """(frames,) times in ticks, each after the one before: two frames may lie closer together than a tick."""
    order = np.arange(len(times_s))
    return np.maximum.accumulate(np.round(times_s * TICKS_A_SECOND).astype(int) - order) + order


def write_overlay(overlay: Overlay, path: Path) -> None:
    """Write ``overlay.mp4``: H.264, 4:2:0, its index in front, each frame shown at its own time.

    Memory does not grow with the length of the clip.
    """
    clip = overlay.assessment.clip
    rate = Fraction(clip.fps or 1.0).limit_denominator(1001)
    ticks = _ticks(clip.times_s)
    planes = np.empty((overlay.layout.height * 3 // 2, overlay.layout.width), np.uint8)
    frame = av.VideoFrame.from_numpy_buffer(planes, format="yuv420p")  # one for all pictures: the encoder copies it
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=rate, options=ENCODER)
        stream.width, stream.height, stream.pix_fmt = overlay.layout.width, overlay.layout.height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, TICKS_A_SECOND)
        stream.codec_context.colorspace, stream.codec_context.color_range = Colorspace.ITU601, ColorRange.MPEG
        stream.codec_context.thread_type = "FRAME"  # encodes one frame while the next is drawn
        for tick, picture in zip(ticks, overlay.pictures(), strict=True):
            cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420, dst=planes)
            frame.pts, frame.time_base = int(tick), Fraction(1, TICKS_A_SECOND)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
