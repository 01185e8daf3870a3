"""A study's EF from its beats, and what range it falls into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from echobeat.measurement.intervals import MeasurementError, Trust
from echobeat.records import Beat, Category, Estimate

REDUCED_AT_MOST, NOT_REDUCED_FROM = 40.0, 50.0
"""Bounds of the heart-failure ranges of EF: Bozkurt et al., "Universal definition and classification of heart
failure", J Card Fail 27:387-413 (2021), doi:10.1016/j.cardfail.2021.01.022."""


def category(ef: float) -> Category:
    """Range of an unrounded EF in percent: a range, not a diagnosis."""
    if ef <= REDUCED_AT_MOST:
        return "reduced"
    return "mildly reduced" if ef < NOT_REDUCED_FROM else "not reduced"


def counted_beats(beats: Sequence[Beat]) -> tuple[Beat, ...]:
    """Beats that enter the study's EF: complete ones, half cycles only where no beat is complete."""
    usable = [beat for beat in beats if beat.counts]
    complete = [beat for beat in usable if beat.complete]
    return tuple(complete or usable)


def study_ef(
    beats: Sequence[Beat], error: MeasurementError | None = None, trust: Trust | None = None
) -> Estimate | None:
    """EF of a study: the robust mean over its beats, with its 90 % interval.

    Parameters
    ----------
    beats : sequence of Beat
        Ectopic and post-ectopic beats, and incomplete ones, are left out.
    error : MeasurementError, optional
        Calibration of the segmentation model; without it the interval is not known.
    trust : Trust, optional
        How far the clip can be trusted, which widens the interval.

    Returns
    -------
    Estimate or None
        None where no beat counts.
    """
    efs = np.array([beat.ef for beat in counted_beats(beats)], dtype=np.float64)
    if len(efs) == 0:
        return None
    value = robust_mean(efs)
    if error is None:
        return Estimate(value, None, None)
    low, high = error.study_interval(value, efs, trust=trust)
    return Estimate(value, low, high)


def robust_mean(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """Huber's M-estimate of location: the mean, but a value far out pulls no harder than one 1.5 sigma out.

    Sigma is the median absolute deviation / 0.6745, at least 2 points of EF, so that beats that agree are
    simply averaged. Huber, "Robust estimation of a location parameter", Ann Math Stat 35:73-101 (1964),
    doi:10.1214/aoms/1177703732.
    """
    if len(values) < 3:
        return float(np.mean(values))
    centre = float(np.median(values))
    reach = 1.5 * max(float(np.median(np.abs(values - centre))) / 0.6745, 2.0)
    for _ in range(20):
        centre += float(np.mean(np.clip(values - centre, -reach, reach)))
    return centre


def ef_spread(beats: Sequence[Beat]) -> float | None:
    """Standard deviation of the EF of the beats that count, in points; None with fewer than two."""
    efs = [beat.ef for beat in counted_beats(beats)]
    return float(np.std(np.array(efs, np.float64), ddof=1)) if len(efs) > 1 else None


def beat_intervals(
    beats: Sequence[Beat], error: MeasurementError | None = None, trust: Trust | None = None
) -> tuple[Beat, ...]:
    """The beats with the 90 % interval of each one's EF filled in; unchanged without a calibration."""
    if error is None:
        return tuple(beats)
    filled = []
    for beat in beats:
        low, high = (None, None) if beat.ef is None else error.beat_interval(beat.ef, trust=trust)
        filled.append(replace(beat, ef_low=low, ef_high=high))
    return tuple(filled)
