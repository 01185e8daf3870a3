"""``report.html``: one self-contained page about a clip, readable on a screen, on paper and by a screen reader."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from echobeat import __version__
from echobeat.records import Assessment, Beat, Estimate, Result, StudyEstimate
from echobeat.report import wording
from echobeat.report.overlay import Overlay
from echobeat.report.panels import Painter, Picture, Scale, ventricle_picture
from echobeat.report.plots import curve_svg

EMBEDDED_VIDEO_LIMIT_BYTES = 20 * 2**20
"""A larger ``overlay.mp4`` is linked instead of embedded: browsers open such pages slowly, or not at all."""

SCALE_FROM, SCALE_TO = 10.0, 80.0
"""Ends of the drawn EF scale in percent; values beyond are drawn at its ends."""

STRIP_BEATS = 2
PRINTED_BEATS = 6
PRINTED_NOTES = 5
"""Rows of the table of beats, and notes, that fit on one sheet with everything else."""

ROOMY_LINES = 8
"""With no more rows and notes than this together, pictures and curve are printed larger."""

EF_COLUMN = {"geometric": ("EF,", "%"), "video": ("EF from", "video, %"), "combined": ("EF of", "both, %")}
"""Heading of the beats' EF, in two lines: beside volumes that it does not come from, it says so."""

JPEG_QUALITY = 88


@dataclass(frozen=True)
class Still:
    """A frame with its contour, for paper."""

    picture: str
    caption: str
    description: str


@dataclass(frozen=True)
class Note:
    """A warning, or the reason of a refusal, and what to do about it."""

    code: str
    message: str
    remedy: str


@dataclass(frozen=True)
class BeatRow:
    """One row of the table of beats, in words."""

    number: int
    ed: str
    es: str
    rate: str
    edv: str
    esv: str
    ef: str
    interval: str
    note: str
    counts: bool


@dataclass(frozen=True)
class Scaled:
    """An estimate on the EF scale: positions in percent of its width."""

    value: float
    low: float | None
    high: float | None


def write_page(assessment: Assessment, path: Path, overlay: Overlay | None = None) -> None:
    """Write ``report.html``; embeds the ``overlay.mp4`` beside it, if there is one.

    Every text is escaped: names of files and warnings are untrusted.

    Parameters
    ----------
    assessment : Assessment
        What the page is about.
    path : Path
    overlay : Overlay, optional
        The one that drew the video. It draws the video's still, too, and need not draw its curve again.
    """
    path.write_text(page_html(assessment, path.with_name("overlay.mp4"), overlay), encoding="utf-8")


def page_html(assessment: Assessment, video: Path, overlay: Overlay | None = None) -> str:
    """The page as text; `video` is embedded, linked if it is large, left out if it does not exist."""
    result = assessment.result
    linked, embedded = _video_addresses(video)
    source, notes = wording.printable(result.source), _notes(result)
    return _template().render(
        version=__version__,
        result=result,
        name=source.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1] or source,
        source=source,
        facts=_clip_facts(result, float(np.ptp(assessment.curve.times_s))),
        verdict=wording.verdict(result),
        judged=wording.is_judged(result),
        origin=_origin(result.ef if wording.is_judged(result) else None),
        ef=_headline_estimate(result),
        ef_column=EF_COLUMN[result.ef.method if result.ef else "geometric"],
        ranges=wording.CATEGORY_RANGE,
        scale=_scaled(result.ef) if result.ef else None,
        marks=[(mark, _position(mark)) for mark in (40.0, 50.0)],
        measures=measures(result),
        notes=notes,
        video=embedded,
        video_file=linked,
        poster=_poster(overlay or Overlay(assessment)) if linked else "",
        curve=curve_svg(assessment),
        curve_description=_curve_description(result),
        stills=_stills(assessment),
        beats=[beat_row(beat, assessment) for beat in result.beats],
        calibrated=result.clip.spacing_mm is not None,
        print_rows=PRINTED_BEATS,
        print_notes=PRINTED_NOTES,
        roomy=min(len(result.beats), PRINTED_BEATS) + min(len(notes), PRINTED_NOTES) <= ROOMY_LINES,
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("echobeat.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2")


def _headline_estimate(result: Result) -> dict[str, str] | None:
    if result.ef is None or not wording.is_judged(result):
        return None
    return {
        "value": wording.percent(result.ef.value),
        "interval": wording.interval(result.ef),
        "calibrated_on": result.ef.calibrated_on or "",
    }


def _origin(ef: StudyEstimate | None) -> str:
    """How the EF of a beat came about: ends the sentence on its volumes."""
    if ef is None:
        return "."
    if ef.method == "geometric":
        return ", and each beat’s EF from its end-diastolic and end-systolic volume."
    if ef.method == "video":
        return (
            ". A beat’s EF is the one that a network reads from the video; the EF of its volumes added nothing to that "
            "on the calibration patients and has no weight."
        )
    return (
        ". A beat’s EF is a mean of the one that a network reads from the video and the one that its end-diastolic and "
        "end-systolic volumes give, weighted by their errors on the calibration patients."
    )


def _scaled(estimate: Estimate) -> Scaled:
    low, high = estimate.low, estimate.high
    return Scaled(
        _position(estimate.value),
        None if low is None else _position(low),
        None if high is None else _position(high),
    )


def _position(ef: float) -> float:
    return 100 * (min(max(ef, SCALE_FROM), SCALE_TO) - SCALE_FROM) / (SCALE_TO - SCALE_FROM)


def _clip_facts(result: Result, duration_s: float) -> list[str]:
    """From the first frame to the last it is `duration_s`, as a refusal of a short clip counts it."""
    clip = result.clip
    facts = [f"{clip.frames} frame" + ("s" if clip.frames != 1 else "")]
    if clip.fps:
        facts += [f"{clip.fps:.3g} frames a second", f"{duration_s:.{1 if duration_s >= 1 else 2}f} s"]
    facts.append(f"{clip.width} × {clip.height} pixels")
    if clip.spacing_mm is None:
        facts.append("not calibrated: no volumes in ml")
    else:
        row, column = clip.spacing_mm
        facts.append(f"{column:.3g} mm a pixel" if np.isclose(row, column) else f"{column:.3g} × {row:.3g} mm a pixel")
    return facts


def measures(result: Result) -> list[tuple[str, str]]:
    """Names and values of the list beside the EF."""
    if not wording.is_judged(result):
        return []
    counted = [beat for beat in result.beats if beat.counts]
    whole = any(beat.complete for beat in counted)
    rows = [("Beats counted", f"{len(counted)} of {len(result.beats)}" if whole else "half cycle, no whole beat")]
    if result.rhythm is not None:
        rhythm = result.rhythm
        word = {True: ", irregular", False: ", regular", None: ""}[rhythm.irregular]
        rows.append(("Heart rate", f"{rhythm.heart_rate_bpm:.0f} / min{word}"))
    if result.ef_spread is not None:
        rows.append(("Spread of the beats’ EF", f"± {result.ef_spread:.1f} points"))
    if result.rhythm is not None and result.rhythm.irregular:
        index = result.index_beat
        rows.append(
            ("EF of the index beat", f"{wording.percent(index.ef)} % (beat {index.beat + 1})" if index else "none")
        )
    for label, values in (
        ("End-diastolic volume", [beat.edv_ml for beat in counted]),
        ("End-systolic volume", [beat.esv_ml for beat in counted]),
    ):
        known = [value for value in values if value is not None]
        if known:
            rows.append((label, f"{float(np.mean(known)):.0f} ml"))
    return rows + _both_ways(result) + _chances(result)


def _both_ways(result: Result) -> list[tuple[str, str]]:
    """The two estimates, where there are two, and how much of the EF either is."""
    if result.ef is None or result.ef_geometric is None or result.ef_video is None:
        return []
    weight = result.ef.video_weight
    said = ("", "") if weight is None else (f", weight {100 * (1 - weight):.0f} %", f", weight {100 * weight:.0f} %")
    return [
        (f"EF from contours{said[0]}", f"{wording.percent(result.ef_geometric.value)} %"),
        (f"EF from video{said[1]}", f"{wording.percent(result.ef_video.value)} %"),
    ]


def _chances(result: Result) -> list[tuple[str, str]]:
    """The probabilities as one line of the list beside the EF."""
    if not result.probability_below:
        return []
    limits = "\N{NO-BREAK SPACE}·\N{NO-BREAK SPACE}".join(result.probability_below)
    chances = " · ".join(_whole_percent(chance) for chance in result.probability_below.values())
    return [(f"Chance below {limits}\N{NO-BREAK SPACE}%", f"{chances} %")]


def _whole_percent(chance: float) -> str:
    return "< 1" if chance < 0.01 else "> 99" if chance > 0.99 else f"{100 * chance:.0f}"


def _notes(result: Result) -> list[Note]:
    return [
        Note(warning.code, wording.printable(warning.message), wording.remedy(warning))
        for warning in result.quality.warnings
    ]


def beat_row(beat: Beat, assessment: Assessment) -> BeatRow:
    """A beat as the tables show it; numbers only where the product gives an EF."""
    times = assessment.curve.times_s
    judged = wording.is_judged(assessment.result)
    diastole, systole = wording.shown_extremes(beat)

    def moment(frame: int | None) -> str:
        return "–" if frame is None else f"{frame} ({times[frame]:.2f} s)"

    return BeatRow(
        number=beat.index + 1,
        ed=moment(diastole),
        es=moment(systole),
        rate=wording.number(beat.heart_rate_bpm if judged else None),
        edv=wording.number(beat.edv_ml if judged else None),
        esv=wording.number(beat.esv_ml if judged else None),
        ef="–" if beat.ef is None or not judged else wording.percent(beat.ef),
        interval=wording.interval(beat) if judged else "",
        note=wording.beat_note(beat),
        counts=beat.counts and judged,
    )


def _curve_description(result: Result) -> str:
    if not wording.is_judged(result):
        return "Curve of the left ventricle over time. No ejection fraction is given for this clip."
    values = ", ".join(wording.percent(beat.ef) for beat in result.beats if beat.counts and beat.ef is not None)
    return f"Curve of the left ventricle over time, end-diastole and end-systole marked. EF of the beats: {values} %."


def _video_addresses(video: Path) -> tuple[str | None, str | None]:
    """(name of the file or None, data address or None)."""
    if not video.is_file():
        return None, None
    if video.stat().st_size > EMBEDDED_VIDEO_LIMIT_BYTES:
        return video.name, None
    return video.name, "data:video/mp4;base64," + base64.b64encode(video.read_bytes()).decode()


def _poster(overlay: Overlay) -> str:
    return _jpeg(overlay.picture(_poster_frame(overlay.assessment.result)))


def _poster_frame(result: Result) -> int:
    """End-diastole of the beat that stands for the others; of a filling alone that lies in the next beat, which need
    not count, so its end-systole."""
    beat = wording.representative_beat(result)
    frames = wording.extremes(beat) if beat else None
    if beat is None or frames is None:
        return 0
    return frames[0] if beat.ed_frame is not None else frames[1]


def _stills(assessment: Assessment) -> list[Still]:
    """ED and ES of the beats nearest to the study's EF; frames spread over the clip where there is no such beat."""
    result, painter = assessment.result, Painter(Scale.of(assessment.clip))
    first = wording.representative_beat(result)
    chosen: list[tuple[int, str, str]] = []
    if first is not None:
        others = [beat for beat in result.beats if beat.counts and beat != first]
        for beat in sorted([first, *others[: STRIP_BEATS - 1]], key=lambda beat: beat.index):
            for word, frame in zip(("End-diastole", "End-systole"), wording.extremes(beat) or (), strict=False):
                chosen.append((frame, f"{word}, beat {beat.index + 1}", word.lower()))
    else:
        spread = np.unique(np.linspace(0, result.clip.frames - 1, 4).astype(int))
        chosen = [(int(frame), "Frame", "frame") for frame in spread]
    seen = assessment.masks.lv
    return [
        Still(
            _jpeg(ventricle_picture(assessment, frame, painter)),
            f"{caption} (frame {frame})" if caption != "Frame" else f"Frame {frame}",
            f"Ultrasound image, {word}, frame {frame}, "
            + ("the left ventricle outlined" if seen[frame].any() else "no left ventricle found"),
        )
        for frame, caption, word in chosen
    ]


def _jpeg(picture: Picture) -> str:
    _, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()
