"""Calibrating a model's measurement error on studies whose EF is known; see `intervals` for what is calibrated."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from echobeat.errors import UsageError
from echobeat.measurement.ejection_fraction import counted_beats, robust_mean
from echobeat.measurement.intervals import MeasurementError, study_sd
from echobeat.records import Beat, FloatArray

COVERAGE = 0.90
"""Share of studies whose true EF the interval covers."""

MIN_STUDIES = 20
"""Fewer calibration studies give no trustworthy 90 % quantile."""


def calibrate(
    predicted_beats: Sequence[Sequence[Beat]],
    true_ef: Sequence[float],
    beat_errors: Sequence[float] = (),
) -> MeasurementError:
    """Calibrate on studies whose EF is known and that no model was trained or chosen on.

    Parameters
    ----------
    predicted_beats : sequence of sequences of Beat
        The measured beats of each study; a study without a beat that counts is left out.
    true_ef : sequence of float
        The true EF of each study in percent.
    beat_errors : sequence of float, optional
        Measured minus true EF of single beats, at least 20 of them; without them a beat's interval is derived
        from the studies'.

    Raises
    ------
    UsageError
        Fewer than 20 studies with a beat that counts, or as many EFs as studies are not given.
    """
    if len(predicted_beats) != len(true_ef):
        raise UsageError(f"{len(predicted_beats)} studies and {len(true_ef)} true EFs do not go together.")
    studies = [np.array([b.ef for b in counted_beats(beats)], np.float64) for beats in predicted_beats]
    pairs = [(efs, truth) for efs, truth in zip(studies, true_ef, strict=True) if len(efs)]
    if len(pairs) < MIN_STUDIES:
        raise UsageError(f"{len(pairs)} studies are too few to calibrate on: at least {MIN_STUDIES} are needed.")
    residual = np.array([robust_mean(efs) - truth for efs, truth in pairs])
    bias = float(np.median(residual))
    several = [efs for efs, _ in pairs if len(efs) > 1]
    freedom = sum(len(efs) - 1 for efs in several)
    beat_sd = max(0.5, math.sqrt(sum(float(np.var(efs)) * len(efs) for efs in several) / freedom)) if freedom else 2.0
    random_variance = float(np.mean([study_sd(0.0, beat_sd, efs) ** 2 for efs, _ in pairs]))
    systematic_sd = math.sqrt(max(0.25, float(np.mean((residual - bias) ** 2)) - random_variance))
    sds = np.array([study_sd(systematic_sd, beat_sd, efs) for efs, _ in pairs])
    scale = conformal_quantile(np.abs(residual - bias) / sds)
    if len(beat_errors) >= MIN_STUDIES:
        half_width = conformal_quantile(np.abs(np.asarray(beat_errors, np.float64) - bias))
    else:
        half_width = scale * math.hypot(systematic_sd, beat_sd)
    return MeasurementError(bias, systematic_sd, beat_sd, scale, half_width, len(pairs))


def conformal_quantile(scores: FloatArray, coverage: float = COVERAGE) -> float:
    """The ceil((n + 1) * coverage)-th smallest of n scores: covers the next one with at least that probability.

    Lei et al. (2018), doi:10.1080/01621459.2017.1307116, algorithm 2.
    """
    rank = min(math.ceil((len(scores) + 1) * coverage), len(scores))
    return max(float(np.sort(scores)[rank - 1]), 1e-6)
