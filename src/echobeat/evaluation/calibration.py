"""From assessments of studies whose EF is known to a model's calibrated errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from echobeat.evaluation.bootstrap import mean_metric
from echobeat.evaluation.classification import debiased_calibration_error
from echobeat.evaluation.dice import BoolArray
from echobeat.evaluation.ef_figures import RANGES
from echobeat.measurement import (
    CalibrationStudy,
    MeasurementError,
    Trust,
    VideoCalibration,
    calibrate_studies,
    calibrate_video,
    counted_beats,
    probability_below,
    robust_mean,
)
from echobeat.measurement.calibration import MIN_PATIENTS, by_patient
from echobeat.measurement.intervals import THRESHOLDS, Threshold
from echobeat.models import Card, Metric
from echobeat.records import Assessment, Estimate, FloatArray

HELD_OUT_FOLDS = 5
"""A calibration is judged on the studies of each fifth of its patients by what the other four fifths give."""


@dataclass(frozen=True)
class KnownStudy:
    """What a study of known EF says of both ways to its EF.

    Attributes
    ----------
    contours : CalibrationStudy
    video : CalibrationStudy or None
        None where no network reads the video.
    """

    contours: CalibrationStudy
    video: CalibrationStudy | None


def known_study(
    found: Assessment, true_ef: float, true_beats: Mapping[int, float] | None = None, patient: str = ""
) -> KnownStudy | None:
    """What an assessment and the truth say together; None where no beat counts.

    Parameters
    ----------
    found : Assessment
    true_ef : float
        Of the study, percent.
    true_beats : mapping, optional
        True EF of single beats by the index of the found beat.
    patient : str
        Empty where it is the patient's only study.
    """
    counted = counted_beats(found.beats)
    places = [place for place, beat in enumerate(found.beats) if beat in counted]
    if found.readings:
        places = [place for place in places if found.readings[place] is not None]
    beats = [found.beats[place] for place in places]
    if not beats:
        return None
    truths = None if true_beats is None else np.array([true_beats.get(b.index, np.nan) for b in beats], float)
    efs = np.array([beat.contours_ef for beat in beats], float)
    trust = Trust.of(found.result.quality)
    contours = CalibrationStudy(efs, true_ef, None, truths, trust, patient)
    if not found.readings:
        return KnownStudy(contours, None)
    readings = [reading for place in places if (reading := found.readings[place]) is not None]
    sds = [reading.sd for reading in readings]
    deviations = None if None in sds else np.array(sds, float)
    video = replace(contours, efs=np.array([reading.ef for reading in readings]), sds=deviations)
    return KnownStudy(contours, video)


def calibrated_contours(studies: Iterable[KnownStudy]) -> MeasurementError:
    """Error of the EF from contours.

    Raises
    ------
    UsageError
        Fewer than 20 patients.
    """
    return calibrate_studies([study.contours for study in studies])


def calibrated_video(studies: Iterable[KnownStudy], segmentation: Card, data: str) -> VideoCalibration:
    """Errors of the EF from the video, from the contours of `segmentation`, and of both together.

    Raises
    ------
    UsageError
        Fewer than 20 patients whose video a network read.
    """
    read = [(study.contours, study.video) for study in studies if study.video is not None]
    return calibrate_video([own for own, _ in read], [video for _, video in read], segmentation.sha256, data)


def with_calibration(segmentation: Card, ef: Card | None, studies: Iterable[KnownStudy], data: str) -> Card:
    """The card of the model that the calibration belongs to: the video network's, or the segmentation's without one.

    Raises
    ------
    UsageError
        The studies of fewer than 20 patients could be used.
    """
    kept = list(studies)
    if ef is None:
        return replace(segmentation, measurement_error={**calibrated_contours(kept).to_json(), "data": data})
    return replace(ef, measurement_error=calibrated_video(kept, segmentation, data).to_json())


def held_out(studies: Sequence[KnownStudy], segmentation: Card, ef: Card | None) -> FloatArray:
    """The intervals and probabilities that studies get from a calibration on others like them.

    A calibration that is made from all studies covers as many of them as it was made to; what it does to further ones
    is seen where each fifth is left out in turn.

    Returns
    -------
    ndarray
        (studies, 6): low, high, and the true EF, percent; the probabilities (0-1) of an EF below 35, 40, and 50. None
        where four fifths are too few to calibrate on.
    """
    studies = [study for study in studies if ef is None or study.video is not None]
    rows, patients = [], by_patient([study.contours for study in studies])
    for fold in range(HELD_OUT_FOLDS):
        left_out = patients % HELD_OUT_FOLDS == fold
        if len(set(patients[~left_out])) < MIN_PATIENTS:
            return np.empty((0, 3 + len(THRESHOLDS)))
        apart, others = ([s for s, out in zip(studies, left_out, strict=True) if out == of] for of in (True, False))
        if ef is None:
            error, judged = calibrated_contours(others), [study.contours for study in apart]
        else:
            both = calibrated_video(others, segmentation, "")
            error = both.combined
            judged = [both.study(study.contours, study.video) for study in apart if study.video is not None]
        rows += [_judged(study, error) for study in judged]
    return np.array(rows)


def _judged(study: CalibrationStudy, error: MeasurementError) -> list[float]:
    """One row of `held_out`."""
    value = robust_mean(study.efs)
    low, high = error.study_interval(value, study.efs, study.sds, study.trust)
    below = probability_below(Estimate(value, low, high), error) or {}
    return [low, high, study.true_ef, *(below[threshold] for threshold in THRESHOLDS)]


def held_out_metrics(judged: FloatArray, data: str) -> list[Metric]:
    """How many intervals of `held_out` hold the true EF, overall and by its range, how wide they are, and how far the
    probabilities are off."""
    if not len(judged):
        return []
    low, high, truth, *below = judged.T
    inside = (low <= truth) & (truth <= high)
    ranges = {label: (truth >= first) & (truth < last) for label, (first, last) in RANGES.items()}
    name = "study EF, share inside a 90 % interval calibrated on the others"
    return [
        mean_metric(name, inside, data),
        *(mean_metric(f"{name}, {label}", inside[some], data) for label, some in ranges.items() if some.any()),
        mean_metric("study EF, width of these intervals, mean", high - low, data),
        *(_probability_metric(t, truth < float(t), p, data) for t, p in zip(THRESHOLDS, below, strict=True)),
    ]


def _probability_metric(threshold: Threshold, low: BoolArray, probability: FloatArray, data: str) -> Metric:
    """Without an interval: a resample, which holds some patients twice, is worse calibrated than its data."""
    name = f"P(EF < {threshold}) by a calibration on the others, calibration error less chance"
    error = debiased_calibration_error(low, probability)(np.ones((1, len(low))))
    return Metric(name, float(error[0]), len(low), None, None, data)
