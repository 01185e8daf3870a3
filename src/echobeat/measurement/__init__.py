"""From masks to a volume curve, beats, EF and a verdict on the clip; numpy and OpenCV only.

::

    region     one connected region of a mask, cropped          cycles        where the curve turns
    axis       apex, mitral plane, long axis                    clip_ends     turns and cuts at a clip's ends
    volume     method of disks                                  beats         every beat
    smoothing  in seconds, at any frame rate                    ectopy        premature beats
    curve      all of it for every frame                        rhythm        rate, regularity, phases
    codes      every refusal and warning                        ejection_fraction, combination, intervals, calibration
    evidence   what the images show                             view, turning    which view, which way round
    score      the chance that the EF is nearly right           quality       the verdict
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from echobeat.given import check_fps, spacing_of
from echobeat.measurement.axis import LongAxis, long_axis
from echobeat.measurement.beats import find_beats
from echobeat.measurement.calibration import CalibrationStudy, calibrate, calibrate_studies
from echobeat.measurement.codes import CODES, CodeInfo, warn
from echobeat.measurement.combination import (
    VideoCalibration,
    calibrate_video,
    read_beats,
    study_combined,
    study_video,
)
from echobeat.measurement.curve import Masks, volume_curve, without_held
from echobeat.measurement.ejection_fraction import (
    beat_intervals,
    category,
    counted_beats,
    ef_spread,
    robust_mean,
    study_ef,
)
from echobeat.measurement.evidence import ClipEvidence, gather_evidence
from echobeat.measurement.intervals import MeasurementError, Trust, probability_below
from echobeat.measurement.masks import masks_of
from echobeat.measurement.quality import judge
from echobeat.measurement.region import clean_mask
from echobeat.measurement.rhythm import index_beat, phases, rhythm
from echobeat.measurement.turning import turned_clip, turned_curve, turned_frames, turned_masks
from echobeat.measurement.view import Turn, ViewEvidence
from echobeat.measurement.volume import disks_volume
from echobeat.records import Beat, Estimate, Rhythm, Spacing, VolumeCurve

__all__ = [
    "CODES",
    "CalibrationStudy",
    "ClipEvidence",
    "CodeInfo",
    "LongAxis",
    "Measurement",
    "MeasurementError",
    "Trust",
    "Turn",
    "VideoCalibration",
    "ViewEvidence",
    "beat_intervals",
    "calibrate",
    "calibrate_studies",
    "calibrate_video",
    "category",
    "clean_mask",
    "counted_beats",
    "disks_volume",
    "ef_spread",
    "find_beats",
    "gather_evidence",
    "index_beat",
    "judge",
    "long_axis",
    "measure",
    "phases",
    "probability_below",
    "read_beats",
    "rhythm",
    "robust_mean",
    "study_combined",
    "study_ef",
    "study_video",
    "turned_clip",
    "turned_curve",
    "turned_frames",
    "turned_masks",
    "volume_curve",
    "warn",
    "without_held",
]


@dataclass(frozen=True)
class Measurement:
    """What `measure` found; `ef` is None where no beat counts, `rhythm` where none is complete."""

    curve: VolumeCurve
    beats: tuple[Beat, ...]
    rhythm: Rhythm | None
    ef: Estimate | None


def measure(masks: Masks, fps: float, spacing_mm: float | Spacing | None = None) -> Measurement:
    """Measure masks from anywhere: volume curve, beats, rhythm and EF.

    Parameters
    ----------
    masks : FrameStack or ndarray
        (frames, height, width), bool (or 0 and one other value): the left ventricle's cavity, apex up.
    fps : float
        Frames a second.
    spacing_mm : float or (row, column), optional
        Pixel spacing in mm; without it volumes are in cubic pixels.

    Returns
    -------
    Measurement

    Raises
    ------
    UsageError
        Not three axes, masks of different sizes or with several values (labels, probabilities), or a frame rate or
        spacing that cannot be (`given.FPS_RANGE`, `given.SPACING_RANGE_MM`).
    """
    masks = masks_of(masks)
    check_fps(float("nan") if fps is None else fps)
    curve = volume_curve(masks, np.arange(masks.shape[0]) / fps, spacing_of(spacing_mm))
    beats = find_beats(curve)
    return Measurement(curve, beats, rhythm(beats), study_ef(beats))
