"""Calibrating a model's measurement error on studies whose EF is known; see `intervals` for what is calibrated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from echobeat.errors import UsageError
from echobeat.measurement.ejection_fraction import counted_beats, robust_mean
from echobeat.measurement.intervals import (
    CURVED_WITHIN,
    LEAST_DOUBT,
    MOST_DOUBT,
    NEUTRAL_EF,
    MeasurementError,
    Trust,
    square_near,
    study_sd,
)
from echobeat.records import Beat, FloatArray

COVERAGE = 0.90
"""Share of studies whose true EF the interval covers."""

MIN_PATIENTS = 20
"""Fewer give no trustworthy 90 % quantile."""

RIDGE, USUAL_DISTANCE = 50.0, 15.0
"""Weight against slope and curve of the bias: as much as so many studies, each so many points of EF from the middle."""

MOST_SLOPE, MOST_CURVE = 0.5, 0.4 / (2 * CURVED_WITHIN)
"""Of the bias: together they leave a higher EF a higher one."""

FOLDS = 10
"""A study is scored with what was fitted on the other nine tenths, by patient."""

ERRORS = 41
"""Quantiles of the errors that are kept: every fortieth."""

SLOPES, FACTORS = np.linspace(0.0, 3.0, 25), np.linspace(1.0, 2.5, 16)
"""Of the deviation with quality, and by a warning, that are tried: neither can make a doubtful clip look certain."""

USUAL_FACTOR = 1.2
"""By which a warning widens an interval where nothing was measured."""

SLOPE_WEIGHT, FACTOR_WEIGHT = 1.0, 10.0
"""What a unit of slope, squared, and a doubling of the usual factor, squared, cost in units of log-likelihood. That of
the slope was chosen by cross-validation on 254 calibration phantoms among 0.5 to 10: less makes hardly a difference."""


@dataclass(frozen=True)
class CalibrationStudy:
    """What one study of known EF adds.

    Attributes
    ----------
    efs : ndarray
        (beats,) the measured EFs that count, percent.
    true_ef : float
        Percent.
    sds : ndarray or None
        (beats,) deviations that the model gave for them.
    true_beats : ndarray or None
        (beats,) the true EF of each, NaN where it is not known.
    trust : Trust or None
        How far the clip can be trusted; None where that is not known.
    patient : str
        Whose it is: several of one patient share an error. Empty where it is the patient's only one.
    """

    efs: FloatArray
    true_ef: float
    sds: FloatArray | None = None
    true_beats: FloatArray | None = None
    trust: Trust | None = None
    patient: str = ""


def by_patient(studies: Sequence[CalibrationStudy]) -> NDArray[np.intp]:
    """(studies,) the number of each one's patient, counted from 0 in the order in which they come."""
    numbers: dict[str | int, int] = {}
    return np.array([numbers.setdefault(s.patient or k, len(numbers)) for k, s in enumerate(studies)], np.intp)


def calibrate(predicted_beats: Sequence[Sequence[Beat]], true_ef: Sequence[float]) -> MeasurementError:
    """Calibrate the EF of measured beats on studies whose EF is known; see `calibrate_studies`.

    Parameters
    ----------
    predicted_beats : sequence of sequences of Beat
        The measured beats of each study; a study without a beat that counts is left out.
    true_ef : sequence of float
        The true EF of each study in percent.

    Raises
    ------
    UsageError
        Fewer than 20 studies with a beat that counts, each taken for a patient's only one, or as many EFs as studies
        are not given.
    """
    if len(predicted_beats) != len(true_ef):
        raise UsageError(f"{len(predicted_beats)} studies and {len(true_ef)} true EFs do not go together.")
    efs = [np.array([b.ef for b in counted_beats(beats)], np.float64) for beats in predicted_beats]
    return calibrate_studies([CalibrationStudy(ef, truth) for ef, truth in zip(efs, true_ef, strict=True)])


def calibrate_studies(studies: Sequence[CalibrationStudy]) -> MeasurementError:
    """Calibrate on studies whose EF is known and that no model was trained or chosen on.

    Slope and curve of the bias are a ridge regression's, so that few studies give nearly none. The interval's width is
    the conformal quantile over the studies, each scored with bias, deviations and slopes fitted on the others (ten
    folds): scored with what was fitted on itself, too, a study looks less surprising than the next one will be. The
    same scores, with their signs, are kept for probabilities.

    Raises
    ------
    UsageError
        Fewer than 20 patients with a beat that counts.
    """
    kept = [study for study in studies if len(study.efs)]
    patients = by_patient(kept)
    if len(set(patients)) < MIN_PATIENTS:
        raise UsageError(
            f"{len(kept)} studies of {len(set(patients))} patients are too few to calibrate on: at least "
            f"{MIN_PATIENTS} patients are needed."
        )
    draft = _fitted(kept)
    of_studies, of_beats = np.empty(len(kept)), list[float]()
    for fold in range(FOLDS):
        left_out = patients % FOLDS == fold
        apart = [study for study, out in zip(kept, left_out, strict=True) if out]
        others = _fitted([study for study, out in zip(kept, left_out, strict=True) if not out])
        of_studies[left_out] = -_residuals(others, apart) / _deviations(others, apart)
        of_beats += _beat_scores(others, apart)
    scale = conformal_quantile(np.abs(of_studies))
    errors = np.round(np.quantile(of_studies / scale, np.linspace(0.0, 1.0, ERRORS)), 4)
    usual = scale * math.hypot(draft.systematic_sd, draft.beat_sd)
    half_width = conformal_quantile(np.array(of_beats)) if len(of_beats) >= MIN_PATIENTS else usual
    return replace(draft, study_scale=scale, beat_half_width=half_width, errors=tuple(errors.tolist()))


def _fitted(studies: Sequence[CalibrationStudy]) -> MeasurementError:
    """Bias, deviations, and how quality widens; the factors that make intervals of them are still 1."""
    centred = _bias(studies)
    residual = _residuals(centred, studies)
    return _with_trust(_spreads(centred, studies, residual), studies, residual)


def _residuals(error: MeasurementError, studies: Sequence[CalibrationStudy]) -> FloatArray:
    """(studies,) how far each study's EF lies from the truth, its bias taken off."""
    return np.array([error.centre(robust_mean(study.efs)) - study.true_ef for study in studies])


def _bias(studies: Sequence[CalibrationStudy]) -> MeasurementError:
    """The bias where 50 % is measured, its slope and its curve; the deviations are still 1."""
    values = np.array([robust_mean(study.efs) for study in studies])
    errors, away = values - np.array([study.true_ef for study in studies]), values - NEUTRAL_EF
    terms = np.stack([away / USUAL_DISTANCE, square_near(away) / USUAL_DISTANCE**2], axis=1)
    centred = terms - terms.mean(axis=0)
    weights = np.linalg.solve(centred.T @ centred + RIDGE * np.eye(2), centred.T @ errors)
    slope = float(np.clip(weights[0] / USUAL_DISTANCE, -MOST_SLOPE, MOST_SLOPE))
    curve = float(np.clip(weights[1] / USUAL_DISTANCE**2, -MOST_CURVE, MOST_CURVE))
    bias = float(np.median(errors - slope * away - curve * square_near(away)))
    return MeasurementError(bias, 1.0, 1.0, 1.0, 1.0, len(studies), slope, curve)


def _spreads(centred: MeasurementError, studies: Sequence[CalibrationStudy], residual: FloatArray) -> MeasurementError:
    """Shared and random deviation; the factors that make intervals of them are still 1."""
    several = [study.efs for study in studies if len(study.efs) > 1]
    freedom = sum(len(efs) - 1 for efs in several)
    beat_sd = max(0.5, math.sqrt(sum(float(np.var(efs)) * len(efs) for efs in several) / freedom)) if freedom else 2.0
    random_variance = float(np.mean([study_sd(0.0, beat_sd, study.efs) ** 2 for study in studies]))
    systematic_sd = math.sqrt(max(0.25, float(np.mean(residual**2)) - random_variance))
    given = [study.sds for study in studies if study.sds is not None and len(study.sds)]
    typical = float(np.median([math.sqrt(float(np.mean(sds**2))) for sds in given])) if given else 0.0
    return replace(centred, systematic_sd=systematic_sd, beat_sd=beat_sd, typical_sd=typical)


def _deviations(error: MeasurementError, studies: Sequence[CalibrationStudy]) -> FloatArray:
    """(studies,) what the error expects of each study's EF."""
    shared = (error.systematic_sd * error.doubt(study.sds, study.trust) for study in studies)
    return np.array([study_sd(sd, error.beat_sd, s.efs) for sd, s in zip(shared, studies, strict=True)])


def _with_trust(draft: MeasurementError, studies: Sequence[CalibrationStudy], residual: FloatArray) -> MeasurementError:
    """How quality and warnings widen: the slope and factor under which the residuals are the most likely.

    Normal residuals of the deviations that the error expects, all of them up to one scale; plus what is believed
    beforehand, see `SLOPE_WEIGHT`. Where quality is not known, nothing widens.
    """
    known = [k for k, study in enumerate(studies) if study.trust is not None]
    if not known:
        return draft
    some, errors = [studies[k] for k in known], residual[known]
    score = np.array([study.trust.score for study in some if study.trust])
    warned = np.array([study.trust.warned for study in some if study.trust])
    own = np.array([draft.own_doubt(study.sds) for study in some])
    random = np.array([study_sd(0.0, draft.beat_sd, study.efs) for study in some])
    typical = float(np.median(score))

    def cost(slope: float, factor: float) -> float:
        doubt = own * np.exp(slope * (typical - score)) * np.where(warned, factor, 1.0)
        sds = np.hypot(draft.systematic_sd * np.clip(doubt, LEAST_DOUBT, MOST_DOUBT), random)
        scale = math.sqrt(float(np.mean((errors / sds) ** 2)))
        belief = SLOPE_WEIGHT * slope**2 + FACTOR_WEIGHT * math.log2(factor / USUAL_FACTOR) ** 2
        return float(np.sum(np.log(sds * max(scale, 1e-6)))) + belief

    slope, factor = min(((float(s), float(f)) for s in SLOPES for f in FACTORS), key=lambda pair: cost(*pair))
    return replace(draft, score_slope=slope, typical_score=typical, warned_factor=factor)


def _beat_scores(error: MeasurementError, studies: Sequence[CalibrationStudy]) -> list[float]:
    """How far each beat of known EF lies off, in what the error expects of it."""
    return [
        abs(error.centre(float(ef)) - truth)
        / error.doubt(None if study.sds is None else study.sds[k : k + 1], study.trust)
        for study in studies
        if study.true_beats is not None
        for k, (ef, truth) in enumerate(zip(study.efs, study.true_beats, strict=True))
        if np.isfinite(truth)
    ]


def conformal_quantile(scores: FloatArray, coverage: float = COVERAGE) -> float:
    """The ceil((n + 1) * coverage)-th smallest of n scores.

    It covers the next one with at least that probability where all come from one distribution and nothing was fitted
    on them.

    Lei et al. (2018), doi:10.1080/01621459.2017.1307116, algorithm 2.
    """
    rank = min(math.ceil((len(scores) + 1) * coverage), len(scores))
    return max(float(np.sort(scores)[rank - 1]), 1e-6)
