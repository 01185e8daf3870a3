"""The product on one page: a clip becomes an assessment.

::

    file  ->  Clip  ->  masks  ->  volume curve  ->  beats  ->  EF, rhythm, quality  ->  Assessment
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from echobeat import measurement, sources
from echobeat.models import EjectionFractionModel, Segmenter, load_ef_model, load_segmenter
from echobeat.records import (
    Assessment,
    Beat,
    Clip,
    ClipFacts,
    Estimate,
    ModelUsed,
    Quality,
    Result,
    Rhythm,
    Spacing,
    StudyEstimate,
)

Source = str | PathLike[str] | NDArray[np.uint8]
Progress = Callable[[int], None]
"""Told the number of frames segmented so far."""


@dataclass(frozen=True)
class Models:
    """The models of a run, loaded once and used for every clip."""

    segmentation: Segmenter
    ejection_fraction: EjectionFractionModel | None = None

    @classmethod
    def load(cls, segmentation: str = "lv", ef: str | None = None, threads: int = 0) -> Models:
        """Load models by name, or from the folders of training runs.

        Raises
        ------
        ModelError
            A name is unknown, a file damaged, or a model is for another task.
        """
        video = None if ef is None else load_ef_model(ef, threads=threads)
        return cls(load_segmenter(segmentation, threads=threads), video)

    @property
    def used(self) -> tuple[ModelUsed, ...]:
        """The lines about these models in a result."""
        return tuple(model.card.used for model in (self.segmentation, self.ejection_fraction) if model is not None)


def analyze(
    source: Source,
    *,
    segmentation: str = "lv",
    ef: str | None = None,
    fps: float | None = None,
    spacing_mm: float | Spacing | None = None,
) -> Assessment:
    """Assess one apical four-chamber clip.

    Parameters
    ----------
    source : path or ndarray
        A file (AVI, MP4, MOV, WebM, GIF, DICOM, NIfTI), or uint8 frames (frames, height, width) or
        (frames, height, width, 3), for which `fps` is needed.
    segmentation, ef : str
        Names of models, see ``echobeat models list``, or folders of training runs. With `ef`, a network reads a clip
        around each beat, too.
    fps : float
        Frames a second; overrides the file's.
    spacing_mm : float or (row, column)
        Pixel spacing; overrides the file's.

    Returns
    -------
    Assessment

    Raises
    ------
    InputError
        The source cannot be read.
    ModelError
        A model is unknown or damaged.
    """
    models = Models.load(segmentation, ef)
    return analyze_clip(read(source, fps=fps, spacing_mm=spacing_mm), models)


def read(source: Source, *, fps: float | None = None, spacing_mm: float | Spacing | None = None) -> Clip:
    """Turn a file or an array into a `Clip`; see `analyze`."""
    if isinstance(source, np.ndarray):
        return sources.clip_from_array(source, fps, spacing_mm)
    return sources.open_clip(source, fps=fps, spacing_mm=spacing_mm)


def analyze_clip(clip: Clip, models: Models, progress: Progress | None = None) -> Assessment:
    """Assess a clip that is open already; see `analyze`."""
    evidence = measurement.gather_evidence(clip)
    masks = models.segmentation.segment(clip.frames, clip.fps, progress)
    curve = measurement.volume_curve(masks.lv, clip.times_s, clip.spacing_mm)
    beats = measurement.find_beats(curve)
    rhythm = measurement.rhythm(beats)
    quality = measurement.judge(clip, evidence, masks, curve, beats, rhythm)
    video = _video_ef(clip, models.ejection_fraction, beats)
    result = _result(clip, models, beats, video, (rhythm, quality))
    return Assessment(result, clip, masks, curve, measurement.phases(len(clip.frames), beats))


def segment(frames: NDArray[np.uint8], *, segmentation: str = "lv", fps: float | None = None) -> NDArray[np.bool_]:
    """Find the left ventricle.

    Parameters
    ----------
    frames : ndarray
        (frames, height, width) or one frame (height, width); uint8, grey, 0-255, any size.
    segmentation : str
        Name of the model.
    fps : float or None
        Frames a second: lets neighbouring frames vote; None takes every frame for itself.

    Returns
    -------
    ndarray
        bool, of the same shape: True inside the LV's cavity.

    Raises
    ------
    InvalidClip
        Not uint8 frames of a usable size.
    """
    single = np.ndim(frames) == 2
    clip = sources.clip_from_array(np.asarray(frames)[None] if single else frames, fps or 1.0)
    masks = np.asarray(load_segmenter(segmentation).segment(clip.frames, fps).lv)
    return masks[0] if single else masks


def _video_ef(clip: Clip, model: EjectionFractionModel | None, beats: tuple[Beat, ...]) -> Estimate | None:
    """Mean over the beats that count of what the EF network says of a clip around each."""
    counted = measurement.counted_beats(beats)
    if model is None or not counted:
        return None
    efs = [ef for ef in model.beats(clip.frames, clip.times_s, counted) if ef is not None]
    return Estimate(float(np.mean(efs)), None, None) if efs else None


def _result(
    clip: Clip,
    models: Models,
    beats: tuple[Beat, ...],
    video: Estimate | None,
    verdict: tuple[Rhythm | None, Quality],
) -> Result:
    calibration = models.segmentation.card.measurement_error
    error = measurement.MeasurementError.from_json(calibration) if calibration else None
    beats = measurement.beat_intervals(beats, error)
    geometric = measurement.study_ef(beats, error)
    rhythm, quality = verdict
    judged = geometric if quality.accepted else None
    _, height, width = clip.frames.shape
    return Result(
        source=clip.source,
        models=models.used,
        clip=ClipFacts(len(clip.frames), clip.fps, height, width, clip.spacing_mm),
        beats=beats,
        ef=StudyEstimate(judged.value, judged.low, judged.high, "geometric") if judged else None,
        ef_geometric=geometric,
        ef_video=video,
        ef_category=measurement.category(judged.value) if judged else None,
        probability_below=measurement.probability_below(judged, error=error) if judged else None,
        rhythm=rhythm,
        quality=quality,
    )
