"""Two estimates of one EF, from the contours and from a video network, become one by their measured errors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from echobeat.errors import UsageError
from echobeat.measurement.calibration import CalibrationStudy, calibrate_studies
from echobeat.measurement.ejection_fraction import counted_beats, robust_mean
from echobeat.measurement.intervals import MeasurementError, Trust
from echobeat.records import Beat, Estimate, FloatArray, Method, Reading


@dataclass(frozen=True)
class VideoCalibration:
    """Calibrated errors of a video network beside one segmentation model; stored in the network's card.

    Attributes
    ----------
    segmentation : str
        SHA-256 of the segmentation model that found the beats and the contours.
    contours, video, combined : MeasurementError
        Of the EF from the contours, from the video, and of both together.
    video_weight : float
        Of the video in the combined EF, 0-1.
    data : str
        What it was calibrated on.
    """

    segmentation: str
    contours: MeasurementError
    video: MeasurementError
    combined: MeasurementError
    video_weight: float
    data: str

    def __post_init__(self) -> None:
        if not 0 <= self.video_weight <= 1:
            raise UsageError(f"The weight of the video lies between 0 and 1, not at {self.video_weight}.")

    def to_json(self) -> dict[str, Any]:
        """For a model's card."""
        errors = {name: getattr(self, name).to_json() for name in ("contours", "video", "combined")}
        return {"segmentation": self.segmentation, "video_weight": self.video_weight, "data": self.data, **errors}

    @classmethod
    def from_json(cls, entries: Mapping[str, Any]) -> VideoCalibration:
        """Read a model's card.

        Raises
        ------
        UsageError
            Something is missing.
        """
        try:
            errors = {name: MeasurementError.from_json(entries[name]) for name in ("contours", "video", "combined")}
            return cls(entries["segmentation"], **errors, video_weight=entries["video_weight"], data=entries["data"])
        except KeyError as error:
            raise UsageError(f"The calibration lacks {error}: calibrate the model again.") from error

    @property
    def method(self) -> Method:
        """What the weight makes of the EF: one that is all or nothing leaves no mean to speak of."""
        return "video" if self.video_weight == 1 else "geometric" if self.video_weight == 0 else "combined"

    def together(self, contours: float, video: float) -> float:
        """One EF from both, as they were measured: a bias that calibration saw moves the interval, not the value."""
        return combine(contours, video, self.video_weight)

    def study(self, contours: CalibrationStudy, video: CalibrationStudy) -> CalibrationStudy:
        """Both of a study `together`, beat by beat."""
        efs = [self.together(float(a), float(b)) for a, b in zip(contours.efs, video.efs, strict=True)]
        return replace(video, efs=np.array(efs))

    def disagree(self, contours: Estimate, video: Estimate, error: MeasurementError | None = None) -> bool:
        """True where the two lie further apart than their intervals allow: their half-widths, added as errors are.

        Parameters
        ----------
        contours, video : Estimate
        error : MeasurementError, optional
            The calibration that gave the contours' interval, where it is another than `contours`: the segmentation's.
        """
        own = error or self.contours
        reach = own.half_width(contours), self.video.half_width(video)
        apart = abs(own.centre(contours.value) - self.video.centre(video.value))
        return None not in reach and apart > math.hypot(*(width for width in reach if width is not None))


def calibrate_video(
    contours: Sequence[CalibrationStudy], video: Sequence[CalibrationStudy], segmentation: str, data: str
) -> VideoCalibration:
    """Calibrate both estimates and their combination on the same studies, beat by beat in the same order.

    Parameters
    ----------
    contours, video : sequence of CalibrationStudy
        What either read of the beats that count.
    segmentation : str
        SHA-256 of the segmentation model.
    data : str
        What the studies are.

    Raises
    ------
    UsageError
        Too few studies with a beat that counts.
    """
    own, other = calibrate_studies(contours), calibrate_studies(video)
    kept = [(c, v) for c, v in zip(contours, video, strict=True) if len(c.efs)]
    errors = np.array(
        [[own.centre(robust_mean(c.efs)) - c.true_ef, other.centre(robust_mean(v.efs)) - v.true_ef] for c, v in kept]
    )
    draft = VideoCalibration(segmentation, own, other, other, best_weight(*errors.T), data)
    return replace(draft, combined=calibrate_studies([draft.study(c, v) for c, v in kept]))


def combine(contours: float, video: float, video_weight: float) -> float:
    """Weighted mean, within 0 and 100."""
    return float(np.clip((1 - video_weight) * contours + video_weight * video, 0.0, 100.0))


def best_weight(contours: FloatArray, video: FloatArray) -> float:
    """Weight of the video that makes the variance of the combined error smallest, within 0 and 1.

    For errors a (contours) and b (video): (var a - cov) / (var a + var b - 2 cov); Bates and Granger, "The combination
    of forecasts", Oper Res Q 20:451-468 (1969), doi:10.1057/jors.1969.103.

    Parameters
    ----------
    contours, video : ndarray
        (studies,) errors of the two, their biases taken off.
    """
    (own, shared), (_, other) = np.cov(contours, video)
    rest = own + other - 2 * shared
    return float(np.clip((own - shared) / rest, 0.0, 1.0)) if rest > 0 else 0.5


def read_beats(
    beats: Sequence[Beat],
    readings: Sequence[Reading | None],
    calibration: VideoCalibration | None,
    trust: Trust | None = None,
) -> tuple[Beat, ...]:
    """The beats with both estimates, and their combination with its interval as the beat's EF.

    Without a calibration, or without a reading, the EF stays that of the contours.
    """
    filled = []
    for beat, reading in zip(beats, readings, strict=True):
        found = replace(beat, ef_video=None if reading is None else reading.ef)
        if calibration is not None and reading is not None and beat.ef is not None:
            ef = calibration.together(beat.ef, reading.ef)
            low, high = calibration.combined.beat_interval(ef, reading.sd, trust)
            found = replace(found, ef=ef, ef_low=low, ef_high=high, ef_geometric=beat.ef)
        filled.append(found)
    return tuple(filled)


def study_video(
    beats: Sequence[Beat],
    readings: Sequence[Reading | None],
    error: MeasurementError | None,
    trust: Trust | None = None,
) -> Estimate | None:
    """EF of a study from the readings of the beats that count; None without any."""
    kept = _counted(beats, readings)
    if not kept:
        return None
    efs = np.array([reading.ef for _, reading in kept])
    value = robust_mean(efs)
    return Estimate(value, *_interval(error, value, efs, kept, trust))


def study_combined(
    beats: Sequence[Beat],
    readings: Sequence[Reading | None],
    error: MeasurementError | None,
    trust: Trust | None = None,
) -> Estimate | None:
    """EF of a study from the combined EFs of `read_beats`; None without any."""
    kept = [(beat, reading) for beat, reading in _counted(beats, readings) if beat.ef_geometric is not None]
    if not kept:
        return None
    efs = np.array([beat.ef for beat, _ in kept], np.float64)
    value = robust_mean(efs)
    return Estimate(value, *_interval(error, value, efs, kept, trust))


def _counted(beats: Sequence[Beat], readings: Sequence[Reading | None]) -> list[tuple[Beat, Reading]]:
    counted = counted_beats(beats)
    return [(b, r) for b, r in zip(beats, readings, strict=True) if b in counted and r is not None]


def _interval(
    error: MeasurementError | None,
    value: float,
    efs: FloatArray,
    kept: Sequence[tuple[Beat, Reading]],
    trust: Trust | None,
) -> tuple[float | None, float | None]:
    if error is None:
        return None, None
    sds = np.array([reading.sd for _, reading in kept if reading.sd is not None])
    return error.study_interval(value, efs, sds, trust)
