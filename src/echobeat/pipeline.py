"""The product on one page: a clip becomes an assessment.

::

    file  ->  Clip  ->  masks  ->  volume curve  ->  beats  ->  EF, rhythm, quality  ->  Assessment
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from echobeat import measurement, sources
from echobeat.errors import InvalidClip
from echobeat.frames import FrameStack
from echobeat.given import array_of
from echobeat.models import (
    BackendName,
    Segmenter,
    VideoReader,
    ViewReader,
    bundled_view,
    companion,
    load_card,
    load_segmenter,
    load_video_reader,
    load_view_reader,
    model_file,
)
from echobeat.records import (
    MIN_SIDE_PX,
    Assessment,
    Beat,
    Clip,
    ClipFacts,
    Estimate,
    LVMasks,
    ModelUsed,
    Quality,
    Reading,
    Result,
    Rhythm,
    Spacing,
    StudyEstimate,
)

Source = str | PathLike[str] | NDArray[np.uint8] | Sequence[NDArray[np.uint8]]
FREE_SEGMENTATION = "lv-phantom"
"""The bundled segmentation under the licence of the code."""

LOOKED_AT = 8
"""Frames whose contours decide whether a clip is turned."""

Progress = Callable[[int], None]
"""Told the number of frames segmented so far."""


@dataclass(frozen=True)
class Choice:
    """The models of a run by name; none is loaded."""

    segmentation: str
    ejection_fraction: str | None
    view: str | None

    @classmethod
    def of(cls, segmentation: str = "lv", ef: str | None = "auto") -> Choice:
        """What a user's words stand for, see `Models.load`; the view network goes with the segmentation's licence.

        Raises
        ------
        ModelError
            There is no such segmentation.
        """
        card = load_card(segmentation)
        video = companion(card) if ef == "auto" else None if ef == "none" else ef
        return cls(segmentation, video, bundled_view(card.licence))

    def used(self) -> tuple[ModelUsed, ...]:
        """The lines about these models in a result, as `Models.used` says them; their files are checked.

        Raises
        ------
        ModelError
            One is unknown or damaged.
        """
        segmentation = load_card(self.segmentation)
        names = [name for name in (self.segmentation, self.ejection_fraction, self.view) if name is not None]
        for name in names:
            model_file(name)
        return tuple(load_card(name).used_beside(segmentation) for name in names)


@dataclass(frozen=True)
class Models:
    """The models of a run, loaded once and used for every clip."""

    segmentation: Segmenter
    ejection_fraction: VideoReader | None = None
    view: ViewReader | None = None

    @classmethod
    def load(
        cls, segmentation: str = "lv", ef: str | None = "auto", threads: int = 0, backend: BackendName = "auto"
    ) -> Models:
        """Load models by name, or from the folders of training runs.

        Parameters
        ----------
        segmentation : str
        ef : str or None
            "auto": the bundled reader of beats that was calibrated beside the segmentation, if there is one; None or
            "none": contours only.
        threads : int
            0: all cores.
        backend : str
            What runs the networks, see `echobeat.models.BackendName`.

        Raises
        ------
        ModelError
            A name is unknown, a file damaged, a model is for another task, or the backend is not there.
        """
        names = Choice.of(segmentation, ef)
        return cls(
            load_segmenter(segmentation, backend, threads),
            load_video_reader(names.ejection_fraction, backend, threads) if names.ejection_fraction else None,
            load_view_reader(names.view, backend, threads) if names.view else None,
        )

    def look(self, clip: Clip) -> measurement.ViewEvidence | None:
        """Which view the clip shows; another display only where the contours agree that it is one."""
        seen = self.view.look(clip.frames) if self.view else None
        if seen is None or seen.orientation == "four_chamber":
            return seen
        few = FrameStack.from_array(np.asarray(clip.frames[:: max(1, len(clip.frames) // LOOKED_AT)]))
        turned = measurement.turned_frames(few, seen.orientation)
        as_it_is, other = (float(np.median(self.segmentation.segment(f).confidence)) for f in (few, turned))
        return seen if other > as_it_is else seen.the_usual_way_round

    @property
    def contour_error(self) -> measurement.MeasurementError | None:
        """Calibrated error of the EF from contours; None where it was never calibrated."""
        numbers = self.segmentation.card.measurement_error
        return measurement.MeasurementError.from_json(numbers) if numbers else None

    @property
    def video_calibration(self) -> measurement.VideoCalibration | None:
        """Calibrated errors of the video network beside this very segmentation model; None for any other."""
        reader = self.ejection_fraction
        numbers = reader.card.calibration_beside(self.segmentation.card) if reader else None
        return measurement.VideoCalibration.from_json(numbers) if numbers else None

    @property
    def used(self) -> tuple[ModelUsed, ...]:
        """The lines about these models in a result."""
        models = (self.segmentation, self.ejection_fraction, self.view)
        return tuple(model.card.used_beside(self.segmentation.card) for model in models if model is not None)


def analyze(
    source: Source,
    *,
    segmentation: str = "lv",
    ef: str | None = "auto",
    fps: float | None = None,
    spacing_mm: float | Spacing | None = None,
) -> Assessment:
    """Assess one apical four-chamber clip.

    Parameters
    ----------
    source : path, ndarray or list of ndarray
        A file (AVI, MP4, MOV, WebM, GIF, DICOM, NIfTI), or uint8 frames (frames, height, width) or
        (frames, height, width, 3), or a list of frames, for which `fps` is needed.
    segmentation, ef : str
        Names of models, see ``echobeat models list``, or folders of training runs. `ef` reads the video, too: "auto" is
        the bundled model that goes with the segmentation, None takes contours only.
    fps : float
        Frames a second; overrides the file's.
    spacing_mm : float or (row, column)
        Pixel spacing; overrides the file's.

    Returns
    -------
    Assessment

    Raises
    ------
    UsageError
        The source is neither a path nor frames; a frame rate or spacing cannot be.
    InputError
        The source cannot be read.
    ModelError
        A model is unknown or damaged.
    """
    models = Models.load(segmentation, ef)
    return analyze_clip(read(source, fps=fps, spacing_mm=spacing_mm), models)


def read(source: Source, *, fps: float | None = None, spacing_mm: float | Spacing | None = None) -> Clip:
    """Turn a file or an array into a `Clip`; see `analyze`."""
    if isinstance(source, str | PathLike):
        return sources.open_clip(source, fps=fps, spacing_mm=spacing_mm)
    return sources.clip_from_array(source, fps, spacing_mm)


def analyze_clip(clip: Clip, models: Models, progress: Progress | None = None) -> Assessment:
    """Assess a clip that is open already; see `analyze`."""
    evidence = measurement.gather_evidence(clip)
    view = models.look(clip)
    turn: measurement.Turn = view.orientation if view else "four_chamber"
    upright = measurement.turned_clip(clip, turn)
    masks = models.segmentation.segment(upright.frames, progress)
    curve = measurement.volume_curve(masks.lv, clip.times_s, clip.spacing_mm)
    running = measurement.without_held(curve, upright.frames)
    beats = measurement.find_beats(running)
    rhythm = measurement.rhythm(beats)
    quality = measurement.judge(upright, evidence, masks, curve, beats, rhythm, view)
    readings = _readings(upright, models.ejection_fraction, masks, beats)
    result = _result(clip, models, _efs(models, beats, readings, measurement.Trust.of(quality)), (rhythm, quality))
    said = tuple(readings) if models.ejection_fraction else ()
    phases = measurement.phases(running.times_s, running.volume_smoothed, beats)
    masks, curve = measurement.turned_masks(masks, turn), measurement.turned_curve(curve, turn, *clip.frames.shape[1:])
    return Assessment(result, clip, masks, curve, phases, said)


def segment(frames: NDArray[np.uint8], *, segmentation: str = "lv") -> NDArray[np.bool_]:
    """Find the left ventricle, in each frame by itself.

    Where the picture lies on the screen and what is written beside it is found over all frames together.

    Parameters
    ----------
    frames : ndarray
        (frames, height, width) or one frame (height, width), grey, any size from 1 x 1 on; uint8, integers between 0
        and 255, or floats between 0 and 1.
    segmentation : str
        Name of the model.

    Returns
    -------
    ndarray
        bool, of the same shape: True inside the LV's cavity.

    Raises
    ------
    UsageError
        No frames at all, or of different sizes.
    InvalidClip
        Other values, no frames, or empty ones; or (height, width, 3), one frame in colour.
    """
    frames = array_of(frames, otherwise="; echobeat.analyze reads files")
    if frames.ndim == 3 and frames.shape[2] == 3:
        raise InvalidClip("array", f"its shape is {frames.shape}", "Give one frame in colour as (1, height, width, 3)")
    single = frames.ndim == 2
    frames = frames[None] if single else frames
    height, width = (*frames.shape, 0, 0, 0)[1:3]
    clip = sources.clip_from_array(_large_enough(frames), 1.0)
    masks = np.asarray(load_segmenter(segmentation).segment(clip.frames).lv)[:, :height, :width]
    return masks[0] if single else masks


def _large_enough(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Frames with black added at the bottom and on the right where they are smaller than a clip's may be."""
    if frames.ndim < 3 or 0 in frames.shape or min(frames.shape[1:3]) >= MIN_SIDE_PX:
        return frames
    added = [(0, max(0, MIN_SIDE_PX - side)) for side in frames.shape[1:3]]
    return np.pad(frames, [(0, 0), *added, *[(0, 0)] * (frames.ndim - 3)])


@dataclass(frozen=True)
class _EFs:
    """Beats with their EFs, the study's EF by every method, and the calibrated error of the one that is reported."""

    beats: tuple[Beat, ...]
    geometric: Estimate | None
    video: Estimate | None
    study: StudyEstimate | None
    error: measurement.MeasurementError | None
    disagree: bool = False

    @property
    def without_intervals(self) -> _EFs:
        """For a clip that is refused: what was calibrated holds for clips that are judged."""
        beats = tuple(replace(beat, ef_low=None, ef_high=None) for beat in self.beats)
        bare = [estimate and replace(estimate, low=None, high=None) for estimate in (self.geometric, self.video)]
        return replace(self, beats=beats, geometric=bare[0], video=bare[1])


def _readings(clip: Clip, reader: VideoReader | None, masks: LVMasks, beats: tuple[Beat, ...]) -> list[Reading | None]:
    if reader is None:
        return [None] * len(beats)
    return reader.read(clip.frames, clip.times_s, masks.lv, beats)


def _efs(models: Models, beats: tuple[Beat, ...], readings: list[Reading | None], trust: measurement.Trust) -> _EFs:
    """Geometric and video EF side by side; one of both where their errors are known."""
    error, calibration = models.contour_error, models.video_calibration
    measured = measurement.beat_intervals(beats, error, trust)
    geometric = measurement.study_ef(measured, error, trust)
    video = measurement.study_video(measured, readings, calibration.video if calibration else None, trust)
    both = measurement.read_beats(measured, readings, calibration, trust)
    combined = measurement.study_combined(both, readings, calibration.combined, trust) if calibration else None
    if calibration is None or geometric is None or video is None or combined is None:
        data = (models.segmentation.card.measurement_error or {}).get("data")
        study = StudyEstimate(**asdict(geometric), method="geometric", calibrated_on=data) if geometric else None
        return _EFs(both, geometric, video, study, error)
    study = StudyEstimate(
        **asdict(combined),
        method=calibration.method,
        calibrated_on=calibration.data,
        video_weight=calibration.video_weight,
    )
    return _EFs(both, geometric, video, study, calibration.combined, calibration.disagree(geometric, video, error))


def _result(clip: Clip, models: Models, efs: _EFs, verdict: tuple[Rhythm | None, Quality]) -> Result:
    rhythm, quality = verdict
    if efs.disagree and efs.geometric and efs.video and quality.accepted:
        said = measurement.warn("estimates_disagree", contours=efs.geometric.value, video=efs.video.value)
        quality = replace(quality, warnings=(*quality.warnings, said))
    if not quality.accepted:
        efs = efs.without_intervals
    judged = efs.study if quality.accepted else None
    _, height, width = clip.frames.shape
    return Result(
        source=clip.source,
        models=models.used,
        clip=ClipFacts(len(clip.frames), clip.fps, height, width, clip.spacing_mm),
        beats=efs.beats,
        ef=judged,
        ef_geometric=efs.geometric,
        ef_video=efs.video,
        ef_category=measurement.category(judged.value) if judged else None,
        probability_below=measurement.probability_below(judged, error=efs.error) if judged else None,
        rhythm=rhythm if quality.accepted else None,
        quality=quality,
        ef_spread=measurement.ef_spread(efs.beats) if judged else None,
        index_beat=measurement.index_beat(efs.beats) if judged and rhythm and rhythm.irregular else None,
    )
