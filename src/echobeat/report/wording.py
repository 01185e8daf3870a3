"""How numbers and verdicts are put into words: the same in the video, on the page and on the terminal."""

from __future__ import annotations

import math
import os
import unicodedata
from dataclasses import dataclass

import numpy as np

from echobeat.measurement.beats import seen_stretches
from echobeat.measurement.codes import CODES
from echobeat.measurement.ejection_fraction import category
from echobeat.records import Assessment, Beat, Category, ClipWarning, Estimate, Result

_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"

CATEGORY_RANGE: dict[Category, str] = {
    "reduced": "≤ 40 %",
    "mildly reduced": "> 40 and < 50 %",
    "not reduced": "≥ 50 %",
}


def printable(text: str) -> str:
    """`text` without what a terminal or UTF-8 cannot carry: control characters and stray bytes become ``�``.

    File names are untrusted: on most systems they may hold any byte but the separator. Spaces of every kind and the
    joiners of Persian or Indian words are a part of names.
    """
    decoded = os.fsencode(text).decode("utf-8", "replace") if _has_stray_bytes(text) else text
    return "".join(character if _can_be_shown(character) else "\N{REPLACEMENT CHARACTER}" for character in decoded)


def _can_be_shown(character: str) -> bool:
    return character.isprintable() or character in _JOINERS or unicodedata.category(character) == "Zs"


def _has_stray_bytes(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def percent(ef: float) -> str:
    """An EF in whole percent, with one decimal where rounding would move it into another range.

    >>> percent(54.4), percent(49.7), percent(40.02), percent(40.0)
    ('54', '49.7', '40.1', '40')
    """
    whole = round(ef)
    if category(whole) == category(ef):
        return str(whole)
    tenths = round(ef, 1)
    if category(tenths) != category(ef):
        tenths = (math.ceil if tenths < ef else math.floor)(ef * 10) / 10
    return f"{tenths:.1f}"


def interval(estimate: Estimate | Beat) -> str:
    """``"48–60"``, or nothing where the interval is not calibrated."""
    low, high = (estimate.ef_low, estimate.ef_high) if isinstance(estimate, Beat) else (estimate.low, estimate.high)
    return "" if low is None or high is None else f"{low:.0f}–{high:.0f}"


def number(value: float | None, digits: int = 0) -> str:
    """A number for a table; an en dash where it is not known."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def beat_note(beat: Beat) -> str:
    """Why a beat does not enter the mean, or what is special about it; empty for an ordinary beat."""
    if beat.ectopic:
        return "ectopic, not counted"
    if beat.post_ectopic:
        return "after an ectopic beat, not counted"
    if beat.half_cycle:
        return "filling only" if beat.ed_frame is None else "ejection only"
    if not beat.complete:
        return "incomplete, not counted"
    return "" if beat.counts else "not counted"


@dataclass(frozen=True)
class Verdict:
    """What stands at the top of everything that is shown of a clip.

    Attributes
    ----------
    headline : ``"EF 54 %"`` or ``"No ejection fraction"``.
    detail : the range in words, or the reason why there is no EF.
    """

    headline: str
    detail: str


def verdict(result: Result) -> Verdict:
    """The one-line outcome of a clip."""
    if result.ef is None or not is_judged(result):
        messages = [warning.message for warning in result.quality.warnings]
        return Verdict("No ejection fraction", messages[0] if messages else "No beat could be measured.")
    span = interval(result.ef)
    return Verdict(f"EF {percent(result.ef.value)} %" + (f" ({span})" if span else ""), result.ef_category or "")


def remedy(warning: ClipWarning) -> str:
    """What to do about a warning, or how to read a result that carries it; empty where its message says it all."""
    known = CODES[warning.code].remedy if warning.code in CODES else ""
    return "" if known in warning.message else known


def is_judged(result: Result) -> bool:
    """True where the product gives an EF; where not, no confident number may be shown."""
    return result.ef is not None and result.quality.accepted


def beats_by_frame(assessment: Assessment) -> list[Beat | None]:
    """The beat that each frame belongs to: from its end-diastole up to the frame before the next one's.

    A beat of which not all is seen begins (ends) where the ventricle comes into sight (is lost), or where frames are
    missing from the file.
    """
    shown: list[Beat | None] = [None] * len(assessment.phases)
    stretches = seen_stretches(assessment.clip.times_s, np.array(assessment.phases) != "")
    for beat in reversed(assessment.beats):  # of two beats that share a frame, the earlier has it
        known = [f for f in (beat.ed_frame, beat.es_frame, beat.end_frame) if f is not None]
        for first, after in stretches:
            if known and first <= known[0] < after:
                start = first if beat.ed_frame is None else beat.ed_frame
                stop = after if beat.end_frame in (None, after - 1) else beat.end_frame
                shown[start:stop] = [beat] * (stop - start)
    return shown


def extremes(beat: Beat) -> tuple[int, int] | None:
    """Frames of end-diastole and end-systole; of a filling alone, the end-diastole is the one that it ends in."""
    diastole = beat.end_frame if beat.ed_frame is None else beat.ed_frame
    return None if diastole is None or beat.es_frame is None else (diastole, beat.es_frame)


def shown_extremes(beat: Beat) -> tuple[int | None, int | None]:
    """What a table of beats shows: the beat's own end-diastole and end-systole; of a filling alone, those of its EF."""
    return (extremes(beat) if beat.half_cycle else None) or (beat.ed_frame, beat.es_frame)


def representative_beat(result: Result) -> Beat | None:
    """The counted beat whose EF lies nearest to the study's, the first where there is none; else one with extremes."""
    seen = [beat for beat in result.beats if extremes(beat) is not None]
    counted = [beat for beat in seen if beat.counts]
    if counted and result.ef is not None:
        study_ef = result.ef.value
        return min(counted, key=lambda beat: abs((beat.ef or 0.0) - study_ef))
    return next(iter(counted or seen), None)
