"""When the heart beats, and the volume of the left ventricle at every moment.

A beat runs from one R wave to the next: isovolumic contraction, ejection, isovolumic relaxation, rapid
filling, diastasis, atrial kick. Systole shortens less than diastole when the rate rises (Weissler et al.,
Circulation 37:149-159, 1968, doi:10.1161/01.CIR.37.2.149). In atrial fibrillation there is no atrial kick,
and a beat's stroke volume follows the ratio of the two intervals before it (Tabata et al., J Am Coll
Cardiol 38:1516, 2001 and others).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

RhythmKind = Literal["sinus", "atrial fibrillation", "ectopy"]
RHYTHM_KINDS: tuple[RhythmKind, ...] = get_args(RhythmKind)
LEAD_IN_BEATS = 3
"""Beats before time 0, so that the first beat seen has a history."""

MAX_FILLING_PER_S = 4.5
"""Mean filling rate that a diastole can reach, in end-diastolic volumes a second. Chosen generously: it only
keeps very short diastoles from filling at once."""


@dataclass(frozen=True)
class PlannedBeat:
    """One beat of the plan: from its R wave for `rr_s` seconds, from `edv_ml` down to `esv_ml`."""

    onset_s: float
    rr_s: float
    edv_ml: float
    esv_ml: float
    ejection_start_s: float
    es_s: float
    kick: float
    ectopic: bool
    post_ectopic: bool

    @property
    def ef(self) -> float:
        """Ejection fraction in percent."""
        return 100.0 * (self.edv_ml - self.esv_ml) / self.edv_ml

    @property
    def end_s(self) -> float:
        """The next R wave."""
        return self.onset_s + self.rr_s


@dataclass(frozen=True)
class Rhythm:
    """A patient's rhythm, as drawn."""

    kind: RhythmKind
    heart_rate_bpm: float
    rr_cv: float
    kick: float
    preload_slope: float
    interval_slope: float
    ectopic_chance: float
    ivc_s: float
    ivr_s: float
    systole_scale: float


def draw_rhythm(rng: np.random.Generator, kind: RhythmKind | None = None) -> Rhythm:
    """Draw a rhythm: 60 % sinus, 25 % atrial fibrillation, 15 % ectopy unless `kind` is given."""
    drawn = RHYTHM_KINDS[int(rng.choice(3, p=[0.60, 0.25, 0.15]))]
    kind = kind or drawn
    fibrillating = kind == "atrial fibrillation"
    rate = float(np.clip(rng.normal(88 if fibrillating else 72, 20 if fibrillating else 16), 40, 140))
    if rng.random() < 0.15:
        rate = float(rng.uniform(40, 140))
    return Rhythm(
        kind=kind,
        heart_rate_bpm=rate,
        rr_cv=float(rng.uniform(0.15, 0.35) if fibrillating else rng.uniform(0.005, 0.05)),
        kick=0.0 if fibrillating else float(rng.uniform(0.12, 0.45)),
        preload_slope=float(rng.uniform(0.03, 0.12)),
        interval_slope=float(rng.uniform(0.10, 0.35)),
        ectopic_chance=float(rng.uniform(0.15, 0.35)) if kind == "ectopy" else 0.0,
        ivc_s=float(rng.uniform(0.030, 0.070)),
        ivr_s=float(rng.uniform(0.040, 0.090)),
        systole_scale=float(rng.uniform(0.92, 1.08)),
    )


def plan_beats(
    rhythm: Rhythm, edv_ml: float, ef: float, duration_s: float, rng: np.random.Generator
) -> tuple[PlannedBeat, ...]:
    """Plan the beats that cover 0 to `duration_s` seconds, with some before and after.

    Parameters
    ----------
    edv_ml, ef : float
        The patient's usual end-diastolic volume and ejection fraction (percent).
    """
    mean_rr = 60.0 / rhythm.heart_rate_bpm
    intervals, ectopic = _intervals(rhythm, mean_rr, duration_s, rng)
    onset = -float(np.sum(intervals[:LEAD_IN_BEATS])) + float(rng.uniform(0, mean_rr)) - mean_rr
    beats: list[PlannedBeat] = []
    for k, rr in enumerate(intervals):
        before = intervals[k - 1] if k else mean_rr
        earlier = intervals[k - 2] if k > 1 else mean_rr
        post = k > 0 and ectopic[k - 1]
        beat_edv = edv_ml * (1 + rhythm.preload_slope * np.clip(before / mean_rr - 1, -0.8, 0.8))
        if beats:  # a short diastole fills no more than it can
            last = beats[-1]
            beat_edv = min(beat_edv, last.esv_ml + MAX_FILLING_PER_S * edv_ml * (last.end_s - last.es_s))
        beat_ef = ef
        if rhythm.kind == "atrial fibrillation":
            beat_ef = ef * (1 + rhythm.interval_slope * np.clip(before / earlier - 1, -0.6, 0.8))
        if ectopic[k]:
            beat_edv *= rng.uniform(0.80, 0.93)
            beat_ef *= rng.uniform(0.45, 0.80)
        elif post:
            beat_edv *= rng.uniform(1.01, 1.06)
            beat_ef *= rng.uniform(1.04, 1.15)
        beat_ef = float(np.clip(beat_ef * rng.normal(1, 0.012), 5, 82))
        start, es = _systole(rhythm, float(rr), mean_rr)
        beats.append(
            PlannedBeat(
                onset_s=onset,
                rr_s=float(rr),
                edv_ml=float(beat_edv),
                esv_ml=float(beat_edv * (1 - beat_ef / 100)),
                ejection_start_s=onset + start,
                es_s=onset + es,
                kick=0.0 if (k + 1 < len(ectopic) and ectopic[k + 1]) else rhythm.kick,
                ectopic=bool(ectopic[k]),
                post_ectopic=bool(post and not ectopic[k]),
            )
        )
        onset += float(rr)
    return tuple(beats)


def _intervals(
    rhythm: Rhythm, mean_rr: float, duration_s: float, rng: np.random.Generator
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """R-R intervals in s, and which beats are premature."""
    count = LEAD_IN_BEATS + int(np.ceil(duration_s / mean_rr * 1.6)) + 5
    if rhythm.kind == "atrial fibrillation":  # independent intervals, skewed to the right
        spread = np.sqrt(np.log1p(rhythm.rr_cv**2))
        intervals = mean_rr * np.exp(rng.normal(-(spread**2) / 2, spread, count))
        return np.clip(intervals, 0.36, 2.4), np.zeros(count, bool)
    breath = 1 + rhythm.rr_cv * np.sin(np.arange(count) * rng.uniform(0.8, 1.6) + rng.uniform(0, 6.28))
    intervals = mean_rr * breath * (1 + rng.normal(0, 0.008, count))
    ectopic = rng.random(count) < rhythm.ectopic_chance
    if rhythm.kind == "ectopy":
        ectopic[LEAD_IN_BEATS + 1] = True  # at least one is seen
    ectopic[1:] &= ~ectopic[:-1]
    ectopic[:2] = False
    for k in np.flatnonzero(ectopic[:-1]):
        coupling = rng.uniform(0.55, 0.75)
        total = intervals[k - 1] + intervals[k]
        intervals[k - 1] *= coupling
        intervals[k] = total - intervals[k - 1]  # full compensatory pause
    return np.clip(intervals, 0.32, 2.6), ectopic


def _systole(rhythm: Rhythm, rr: float, mean_rr: float) -> tuple[float, float]:
    """Start of ejection and end-systole, in s after the R wave.

    Ejection time: 413 - 1.7 x heart rate in ms (Weissler 1968, men). The rate that counts is mostly the
    mean one: a single short interval comes after the systole that it would shorten.
    """
    rate = 60.0 / (0.3 * rr + 0.7 * mean_rr)
    ejection = max(0.150, (0.413 - 0.0017 * rate) * rhythm.systole_scale)
    start = rhythm.ivc_s
    end = min(start + ejection, 0.68 * rr)
    return min(start, 0.25 * end), end


@dataclass(frozen=True)
class Cycle:
    """The state of the heart over time; all arrays have the shape of the times asked for.

    Attributes
    ----------
    volume_ml : LV cavity volume.
    mitral_opening : 0 closed, 1 wide open.
    beat : index of the beat into the plan.
    phase : position in the beat: 0-1 systole (R wave to end-systole), 1-2 diastole.
    """

    volume_ml: FloatArray
    mitral_opening: FloatArray
    beat: NDArray[np.intp]
    phase: FloatArray


def cycle_at(beats: tuple[PlannedBeat, ...], times_s: FloatArray, ivr_s: float) -> Cycle:
    """Volume, valve and phase at `times_s`, which must lie within the planned beats but the last."""
    onsets = np.array([b.onset_s for b in beats])
    index = np.clip(np.searchsorted(onsets, times_s, side="right") - 1, 0, len(beats) - 2)

    def column(name: str) -> FloatArray:
        return np.array([getattr(b, name) for b in beats], float)

    t = times_s - onsets[index]
    rr, kick = column("rr_s")[index], column("kick")[index]
    edv, esv, next_edv = column("edv_ml")[index], column("esv_ml")[index], column("edv_ml")[index + 1]
    start = (column("ejection_start_s") - onsets)[index]
    es = (column("es_s") - onsets)[index]

    ejected = _smooth(np.clip((t - start) / (es - start), 0, 1) ** 0.9)
    relax = np.minimum(ivr_s, 0.25 * (rr - es))
    opening = es + relax
    diastole = rr - opening
    early = np.minimum(0.26, 0.65 * diastole)
    late = np.minimum(0.14, 0.33 * diastole)
    e_part = np.clip((t - opening) / early, 0, 1)
    a_part = np.clip((t - (rr - late)) / (late * 0.9), 0, 1)
    drift = np.clip((t - opening) / diastole, 0, 1)
    filled = (1 - kick) * (0.9 * _smooth(e_part) + 0.1 * drift) + kick * _smooth(a_part)
    volume = np.where(t <= es, edv - (edv - esv) * ejected, esv + (next_edv - esv) * filled)

    e_wave = np.sin(np.pi * np.clip(e_part, 0, 1)) ** 0.7
    a_wave = np.sin(np.pi * a_part) ** 0.7 * np.minimum(kick * 2.5, 1)
    between = np.where((t > opening) & (t < rr - 0.02), 0.25, 0.0)
    mitral = np.clip(np.maximum(np.maximum(e_wave, a_wave), between), 0, 1)
    phase = np.where(t <= es, t / es, 1 + (t - es) / (rr - es))
    return Cycle(volume, mitral, index, phase)


def _smooth(x: FloatArray) -> FloatArray:
    """Smoothstep: 0 to 1 with zero slope at both ends."""
    result: FloatArray = x * x * (3 - 2 * x)
    return result
