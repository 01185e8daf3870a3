"""From assessments of studies whose EF is known to a model's calibrated errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from echobeat.measurement import (
    CalibrationStudy,
    MeasurementError,
    Trust,
    VideoCalibration,
    calibrate_studies,
    calibrate_video,
    counted_beats,
)
from echobeat.models import Card
from echobeat.records import Assessment


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


def known_study(found: Assessment, true_ef: float, true_beats: Mapping[int, float] | None = None) -> KnownStudy | None:
    """What an assessment and the truth say together; None where no beat counts.

    Parameters
    ----------
    found : Assessment
    true_ef : float
        Of the study, percent.
    true_beats : mapping, optional
        True EF of single beats by the index of the found beat.
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
    contours = CalibrationStudy(efs, true_ef, None, truths, trust)
    if not found.readings:
        return KnownStudy(contours, None)
    readings = [reading for place in places if (reading := found.readings[place]) is not None]
    sds = [reading.sd for reading in readings]
    deviations = None if None in sds else np.array(sds, float)
    video = CalibrationStudy(np.array([reading.ef for reading in readings]), true_ef, deviations, truths, trust)
    return KnownStudy(contours, video)


def calibrated_contours(studies: Iterable[KnownStudy]) -> MeasurementError:
    """Error of the EF from contours.

    Raises
    ------
    UsageError
        Fewer than 20 studies.
    """
    return calibrate_studies([study.contours for study in studies])


def calibrated_video(studies: Iterable[KnownStudy], segmentation: Card, data: str) -> VideoCalibration:
    """Errors of the EF from the video, from the contours of `segmentation`, and of both together.

    Raises
    ------
    UsageError
        Fewer than 20 studies that a network read.
    """
    read = [(study.contours, study.video) for study in studies if study.video is not None]
    return calibrate_video([own for own, _ in read], [video for _, video in read], segmentation.sha256, data)


def with_calibration(segmentation: Card, ef: Card | None, studies: Iterable[KnownStudy], data: str) -> Card:
    """The card of the model that the calibration belongs to: the video network's, or the segmentation's without one.

    Raises
    ------
    UsageError
        Fewer than 20 studies could be used.
    """
    kept = list(studies)
    if ef is None:
        return replace(segmentation, measurement_error={**calibrated_contours(kept).to_json(), "data": data})
    return replace(ef, measurement_error=calibrated_video(kept, segmentation, data).to_json())
