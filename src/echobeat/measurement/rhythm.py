"""Heart rate and its regularity, and the phase of every frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from echobeat.measurement.beats import seen_stretches
from echobeat.measurement.ejection_fraction import counted_beats
from echobeat.records import Beat, FloatArray, IndexBeat, Phase, Rhythm

IRREGULAR_CV = 0.12
"""Above this coefficient of variation of the R-R intervals a rhythm is irregular.

In atrial fibrillation it is about 0.24 at any rate (Tateno and Glass, Med Biol Eng Comput 39:664-671 (2001),
doi:10.1007/BF02345439), in sinus rhythm well under 0.1; end-diastole is known to a frame or two, which adds
about 0.03.
"""

MIN_INTERVALS = 3
"""With fewer intervals nothing is said on regularity."""

ALIKE_S, LONG_S = 0.060, 0.500
"""An index beat follows two intervals that differ by no more than the first and are both longer than the second."""

ROUNDING_S = 1e-6
"""Three frames at 50 a second are 60 ms, whatever the computer's last digit says."""


def rhythm(beats: Sequence[Beat]) -> Rhythm | None:
    """Rate over all complete beats, and regularity over those that no premature beat touches.

    Ectopy is not atrial fibrillation: the short interval before a premature beat and the pause after it are
    left out of `rr_cv` and of `irregular`.

    Parameters
    ----------
    beats : sequence of Beat
        In order of time.

    Returns
    -------
    Rhythm or None
        None where no beat is complete (half cycles have no rhythm); `irregular` is None with fewer than three
        intervals, `rr_cv` with fewer than two.
    """
    intervals = [60.0 / beat.heart_rate_bpm for beat in beats if beat.complete and beat.heart_rate_bpm]
    if not intervals:
        return None
    before_ectopic = {beat.index - 1 for beat in beats if beat.ectopic}
    steady = [
        60.0 / beat.heart_rate_bpm
        for beat in beats
        if beat.complete and beat.heart_rate_bpm and not beat.ectopic and beat.index not in before_ectopic
    ]
    rr_cv = float(np.std(steady, ddof=1) / np.mean(steady)) if len(steady) > 1 else None
    return Rhythm(
        heart_rate_bpm=60.0 / float(np.mean(intervals)),
        rr_cv=rr_cv,
        irregular=None if rr_cv is None or len(steady) < MIN_INTERVALS else rr_cv > IRREGULAR_CV,
    )


def index_beat(beats: Sequence[Beat]) -> IndexBeat | None:
    """The beat that stands for the average of an irregular rhythm: the one after two R-R intervals that are alike.

    A beat's EF follows the ratio of the interval before it to the one before that, and is the average where both are
    equal: Tabata et al., Am J Physiol Heart Circ Physiol 281:H573-H580 (2001), doi:10.1152/ajpheart.2001.281.2.H573.
    Alike is "not more than 60 ms difference": Bunting et al., Heart 107:902-908 (2021),
    doi:10.1136/heartjnl-2020-318557. After intervals of less than 500 ms the EF lies far below the average: Wang et
    al., Int J Cardiol 113:54-60 (2006).

    Parameters
    ----------
    beats : sequence of Beat
        In order of time, of a rhythm that is irregular.

    Returns
    -------
    IndexBeat or None
        Of several, the one whose two intervals differ least; None where no counted beat follows two such intervals.
    """
    counted = counted_beats(beats)
    found: list[tuple[float, IndexBeat]] = []
    for earlier, preceding, beat in zip(beats, beats[1:], beats[2:], strict=False):
        ends_meet = earlier.end_frame == preceding.ed_frame and preceding.end_frame == beat.ed_frame
        intervals = [60.0 / b.heart_rate_bpm for b in (earlier, preceding) if b.complete and b.heart_rate_bpm]
        if beat.ef is None or beat not in counted or not ends_meet or len(intervals) < 2:
            continue
        difference = abs(intervals[1] - intervals[0])
        if difference <= ALIKE_S + ROUNDING_S and min(intervals) > LONG_S + ROUNDING_S:
            found.append((difference, IndexBeat(beat.index, beat.ef)))
    return min(found, key=lambda one: one[0])[1] if found else None


def phases(times_s: FloatArray, volume: FloatArray, beats: Sequence[Beat]) -> tuple[Phase, ...]:
    """Phase of every frame: ED, ES, systole between ED and ES, diastole between ES and the next ED.

    A frame before the first turn of a stretch in which the ventricle is seen, or after its last one, belongs to the
    phase that the turn ends or begins; where nothing is known, the phase is empty.

    Parameters
    ----------
    times_s, volume : ndarray
        (frames,); the volume smoothed, NaN where the ventricle is not seen, or a picture is held.
    beats : sequence of Beat
        In order of time.

    Returns
    -------
    tuple of {"ED", "ES", "systole", "diastole", ""}
        One for each frame.
    """
    result: list[Phase] = [""] * len(volume)
    turns: dict[int, Phase] = {}
    for beat in beats:
        for frame, phase in ((beat.ed_frame, "ED"), (beat.es_frame, "ES"), (beat.end_frame, "ED")):
            if frame is not None:
                turns[frame] = phase  # type: ignore[assignment]  # the literals above are phases
    following: dict[Phase, Phase] = {"ED": "systole", "ES": "diastole"}
    preceding: dict[Phase, Phase] = {"ED": "diastole", "ES": "systole"}
    for start, stop in seen_stretches(times_s, np.isfinite(volume)):
        ordered = sorted(frame for frame in turns if start <= frame < stop)
        if not ordered:
            continue
        result[start : ordered[0]] = [preceding[turns[ordered[0]]]] * (ordered[0] - start)
        for frame, end in zip(ordered, [*ordered[1:], stop], strict=True):
            result[frame:end] = [following[turns[frame]]] * (end - frame)
            result[frame] = turns[frame]
    return tuple(result)
