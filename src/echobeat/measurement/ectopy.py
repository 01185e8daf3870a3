"""Premature beats and the beats after them.

A premature (ectopic) beat comes early in an otherwise regular rhythm, has had less time to fill and ejects
less; the beat after it, mostly behind a compensatory pause, ejects more than a usual one. Both are left out of
a study's EF (Lang et al. 2015, doi:10.1016/j.echo.2014.10.003, ask for representative beats). In atrial
fibrillation every interval differs: there no beat is called premature for its interval.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from echobeat.records import Beat, FloatArray

PREMATURE = 0.82
"""A beat is early where the interval before it is under this fraction of the usual interval."""

PAUSE = 1.1
"""The pause after a premature beat is at least this long, in usual intervals."""

REDUCED = 0.85
"""A premature beat ejects less than this fraction of the usual stroke volume."""

STEADY_CV = 0.08
"""The intervals that no premature beat touches vary no more than this (coefficient of variation)."""


def mark_ectopy(beats: tuple[Beat, ...], times_s: FloatArray, after_gap: Collection[int] = ()) -> tuple[Beat, ...]:
    """Mark premature beats (`ectopic`) and the beats after them (`post_ectopic`).

    A beat is premature if it comes early and either ejects less or is followed by a pause, while the intervals
    that it does not touch are steady. Where only one such interval is left to compare with, all three must hold.
    A clip's first beat, whose interval before was not seen, must eject far less and be followed by a pause. Of a beat
    `after_gap` neither the interval before nor the beat before is known.
    """
    neighbours = [(i,) if i == 0 or i in after_gap else (i - 1, i) for i in range(len(beats))]
    intervals = np.array([_interval(beat, times_s) for beat in beats])
    strokes = np.array([np.nan if b.ef is None or b.edv_px3 is None else b.ef * b.edv_px3 / 100 for b in beats])
    early = [i for i in range(len(beats)) if _comes_early(neighbours[i], intervals, strokes)]
    touched = {j for i in early for j in neighbours[i]}
    untouched = np.array([x for j, x in enumerate(intervals) if j not in touched and np.isfinite(x)])
    if not early or len(untouched) == 0 or (len(untouched) > 1 and _cv(untouched) > STEADY_CV):
        return beats
    usual = float(np.median(untouched))
    ectopic = {i for i in early if _is_premature(i, usual, len(untouched), intervals, strokes)}
    return tuple(
        replace(beat, ectopic=i in ectopic, post_ectopic=i not in ectopic and neighbours[i][0] in ectopic)
        for i, beat in enumerate(beats)
    )


def _interval(beat: Beat, times_s: FloatArray) -> float:
    """From the beat's end-diastole to the next, in seconds; NaN where not seen."""
    if beat.ed_frame is None or beat.end_frame is None:
        return float("nan")
    return float(times_s[beat.end_frame] - times_s[beat.ed_frame])


def _comes_early(neighbours: tuple[int, ...], intervals: FloatArray, strokes: FloatArray) -> bool:
    """True where a beat comes early by the median of all other intervals, which premature beats may distort.

    `neighbours` are the intervals that it touches: the one before, where it is known, and its own.
    """
    i, others = neighbours[-1], np.delete(intervals, neighbours)
    others = others[np.isfinite(others)]
    if len(others) == 0:
        return False
    usual = float(np.median(others))
    if len(neighbours) == 1 or not np.isfinite(intervals[i - 1]):
        return bool(i == 0 and intervals[i] > 1.2 * usual and strokes[i] < 0.7 * np.nanmedian(strokes))
    return bool(intervals[i - 1] < PREMATURE * usual)


def _is_premature(i: int, usual: float, references: int, intervals: FloatArray, strokes: FloatArray) -> bool:
    reduced = bool(strokes[i] < REDUCED * np.nanmedian(np.delete(strokes, i))) if len(strokes) > 1 else False
    paused = bool(intervals[i] > PAUSE * usual)
    if i == 0 or references < 2:
        compensated = i == 0 or abs(intervals[i - 1] + intervals[i] - 2 * usual) < 0.3 * usual
        return reduced and paused and compensated
    early = bool(intervals[i - 1] < PREMATURE * usual)
    return early and (reduced or paused)


def _cv(intervals: FloatArray) -> float:
    return float(np.std(intervals, ddof=1) / np.mean(intervals))
