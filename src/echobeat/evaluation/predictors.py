"""A study through a model to rows: one predictor a task. Each ``prepare_...`` loads the models once, for many studies.

Frames are streamed from the study's files; nothing holds a whole long video, and clips go through the network in
blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np

from echobeat import measurement
from echobeat.datasets import LabelledStudy, Tracing
from echobeat.datasets.decoding import Decoded, decode
from echobeat.datasets.direct_frames import rate
from echobeat.datasets.placement import Placement
from echobeat.errors import InvalidClip, UsageError
from echobeat.evaluation.dice import BoolArray
from echobeat.evaluation.known import clip_of
from echobeat.evaluation.ledger import Outcome, Seen, attempt
from echobeat.evaluation.predictions import BeatReading, ClipReading, FrameScore, FrameSize, Method, Reading
from echobeat.evaluation.published_beats import published_starts, published_systoles
from echobeat.frames import FrameStack
from echobeat.models import Backend, Segmenter, load_card, load_segmenter, load_view_reader
from echobeat.models.ejection_fraction import EjectionFractionModel, clips_card, load_ef_model, load_video_reader
from echobeat.models.session import BackendName
from echobeat.pipeline import Models, analyze_clip
from echobeat.records import Assessment, Beat, Clip, Estimate, FloatArray

Predictor = Callable[[LabelledStudy], Outcome]
BeatFinder = Literal["echobeat", "echonet"]

TORCH_BLOCK = 32
"""Clips that torch is given at once."""


@dataclass(frozen=True)
class Running:
    """How networks run.

    Attributes
    ----------
    backend : str
        As in `echobeat.models.open_backend`.
    threads : int
        0: all cores.
    torch : callable or None
        Gives a model's network in torch, by name, or None where it has only its file, which is then run.
    """

    backend: BackendName = "auto"
    threads: int = 0
    torch: Callable[[str], Backend | None] | None = None

    def segmenter(self, name: str) -> Segmenter:
        """Load a segmentation model.

        Raises
        ------
        ModelError
        """
        network = self._network(name, "segmentation")
        return Segmenter(load_card(name), network) if network else load_segmenter(name, self.backend, self.threads)

    def ef_model(self, name: str) -> EjectionFractionModel:
        """Load an EF model; torch is given more clips at once, as a GPU likes.

        Raises
        ------
        ModelError
        """
        network = self._network(name, "ef")
        if network is None:
            return load_ef_model(name, self.backend, self.threads)
        return EjectionFractionModel(load_card(name), network, block=TORCH_BLOCK)

    def _network(self, name: str, task: str) -> Backend | None:
        fits = (
            self.torch is not None and load_card(name).task == task
        )  # what does not fit is refused in words elsewhere
        return self.torch(name) if self.torch and fits else None


# --- segmentation ------------------------------------------------------------------------------------


def prepare_segmentation(model: str, every_frame: bool = False, running: Running = Running()) -> Predictor:
    """Predictor of masks.

    Parameters
    ----------
    model : str
        Name of a model or a training run.
    every_frame : bool
        Segment the whole video, as `analyze` does, and give every frame's area. Otherwise only the traced frames.
    running : Running
    """
    segmenter = running.segmenter(model)
    return partial(attempt, predict=partial(segment_study, segmenter=segmenter, every_frame=every_frame))


def segment_study(study: LabelledStudy, segmenter: Segmenter, every_frame: bool) -> Seen:
    """A study's `FrameScore` rows, and with `every_frame` its `FrameSize` rows.

    Raises
    ------
    InvalidClip
        It has no tracing, or one on a frame that the video does not have.
    """
    if not study.tracings:
        raise InvalidClip(study.name, "it has no tracing", "Nothing can be compared")
    decoded = decode(study)
    masks = _masks(study.tracings, decoded, segmenter, every_frame)
    placement = Placement.of(decoded.frames, None)
    spacing = study.spacing_mm or decoded.spacing_mm
    from echobeat.evaluation.overlap import score_frame  # MONAI takes seconds to load, EF does without

    rows: list[FrameScore | FrameSize] = []
    for tracing in study.tracings:
        instant: Literal["ED", "ES", ""] = "ED" if tracing is study.ed else "ES" if tracing is study.es else ""
        traced = placement.mask(study, tracing)
        rows.append(score_frame(study.name, tracing.frame, instant, masks[tracing.frame], traced, spacing))
    if every_frame:
        areas = np.array([int(masks[frame].sum()) for frame in range(len(decoded.frames))])
        rows += frame_sizes(study, areas, published_systoles(areas))
    return Seen(tuple(rows), len(decoded.frames), decoded.fps)


def _masks(
    tracings: Sequence[Tracing], decoded: Decoded, segmenter: Segmenter, every_frame: bool
) -> dict[int, BoolArray] | FrameStack:
    """Masks by frame, (height, width) bool each."""
    wanted = sorted({tracing.frame for tracing in tracings})
    if wanted[0] < 0 or wanted[-1] >= len(decoded.frames):
        problem = f"frame {wanted[-1]} is traced, but there are {len(decoded.frames)}"
        raise InvalidClip("the video", problem, "Run echobeat check-dataset on the data")
    if every_frame:
        return segmenter.segment(decoded.frames).lv
    stack = FrameStack(*decoded.frames.shape[1:])
    for frame in wanted:
        stack.append(decoded.frames[frame])
    return dict(zip(wanted, segmenter.segment(stack).lv, strict=True))


def frame_sizes(study: LabelledStudy, areas_px: Sequence[int] | FloatArray, systoles: Sequence[int]) -> list[FrameSize]:
    """A row a frame: area, and whether it is a traced or a found extreme."""
    large, small = (traced.frame if traced else None for traced in (study.ed, study.es))
    return [
        FrameSize(study.name, frame, int(area), frame == large, frame == small, frame in systoles)
        for frame, area in enumerate(areas_px)
    ]


# --- ejection fraction from clips --------------------------------------------------------------------


def prepare_ef(model: str, methods: Sequence[Method], stride: int = 1, running: Running = Running()) -> Predictor:
    """Predictor of EF from video alone.

    Parameters
    ----------
    model : str
    methods : sequence of Method
        Some of "one clip", "all clips", "entire video".
    stride : int
        Of all clips, in frames of the video; 1 as published.
    running : Running

    Raises
    ------
    ModelError, UsageError
        See `check_ef`.
    """
    check_ef(model, methods)
    network = running.ef_model(model)
    return partial(attempt, predict=partial(read_study, network=network, methods=tuple(methods), stride=stride))


def check_ef(model: str, methods: Sequence[Method]) -> None:
    """See from its card that a model reads EF from clips in these ways.

    Raises
    ------
    ModelError
        It does something else.
    UsageError
        The entire video is wanted of a network that reads clips only.
    """
    card = clips_card(model)
    if "entire video" in methods and card.clip and not card.clip.whole_video:
        raise UsageError(f"{card.name} reads clips only, not entire videos. Leave --entire-video out.")


def read_study(study: LabelledStudy, network: EjectionFractionModel, methods: Sequence[Method], stride: int) -> Seen:
    """A study's `Reading` and `ClipReading` rows.

    Raises
    ------
    InvalidClip
        It is single images, or its frame rate is not known.
    """
    if len(study.files) != 1:
        raise InvalidClip(study.name, "it is single images, not a video", "An EF network reads videos")
    decoded = decode(study)
    fps = rate(decoded.fps, study)
    times_s = np.arange(len(decoded.frames)) / fps
    rows: list[Reading | ClipReading] = []
    if "one clip" in methods:
        rows.append(Reading(study.name, "one clip", network.clip_at(decoded.frames, times_s, 0.0)))
    if "all clips" in methods:
        efs = network.all_clips(decoded.frames, times_s, stride)
        rows.append(Reading(study.name, "all clips", float(efs.mean())))
        rows += [ClipReading(study.name, index * stride, float(ef)) for index, ef in enumerate(efs)]
    if "entire video" in methods:
        rows.append(Reading(study.name, "entire video", network.whole(decoded.frames, times_s)))
    return Seen(tuple(rows), len(decoded.frames), fps)


# --- beat by beat ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BeatReader:
    """The models of the beat-by-beat assessment.

    Attributes
    ----------
    models : Models
        Of the pipeline: the segmentation finds the beats, and the view network judges the clip, as in `analyze`.
    network : EjectionFractionModel or None
        None: the contours' EF only.
    finder : "echobeat" or "echonet"
        Whose beats: ours, or those of the published system (`published_beats`).
    """

    models: Models = field(repr=False)
    network: EjectionFractionModel | None = None
    finder: BeatFinder = "echobeat"


def prepare_beats(
    segmentation: str,
    model: str | None,
    finder: BeatFinder = "echobeat",
    running: Running = Running(),
    view: str | None = None,
) -> Predictor:
    """Predictor of EF beat by beat; see `BeatReader`. Without a view network, clips of any view are read."""
    if model:
        check_beats(model, finder)
    segmenter, video, network = running.segmenter(segmentation), None, None
    if model and load_card(model).task == "beats":
        video = load_video_reader(model, running.backend, running.threads)
    elif model:
        network = running.ef_model(model)
        if finder == "echobeat" and Models(segmenter, network).video_calibration is not None:
            video, network = network, None  # it is combined with the contours, as in `analyze`
    looks = load_view_reader(view, running.backend, running.threads) if view else None
    reader = BeatReader(Models(segmenter, video, looks), network, finder)
    return partial(attempt, predict=partial(read_beats, reader=reader))


def check_beats(model: str, finder: BeatFinder) -> None:
    """See from its card that a model reads the beats of a finder.

    Raises
    ------
    ModelError
        It reads no EF.
    UsageError
        It reads the beats of our finder only.
    """
    if load_card(model).task != "beats":
        clips_card(model)
    elif finder == "echonet":
        raise UsageError(f"{load_card(model).name} reads beats with their contours: use --beats echobeat.")


def read_beats(study: LabelledStudy, reader: BeatReader) -> Seen:
    """A study's `Reading`, `BeatReading` and `FrameSize` rows.

    Raises
    ------
    InvalidClip
        It is single images, or its frame rate is not known.
    """
    clip = clip_of(study)
    found = analyze_clip(clip, reader.models)
    beats = _published(found) if reader.finder == "echonet" else _ours(found)
    rows: list[Reading | BeatReading | FrameSize] = list(_read(study, clip, found, beats, reader))
    areas = np.nan_to_num(found.curve.area_px)
    rows += frame_sizes(study, areas, [frame for frame, _ in beats])
    rhythm = measurement.rhythm(found.beats)  # of refused clips, too, which have none in their result
    known = rhythm is not None and rhythm.irregular is not None
    irregular = ("irregular" if rhythm and rhythm.irregular else "regular") if known else ""
    verdict = "accepted" if found.quality.accepted else "refused"
    return Seen(tuple(rows), len(clip.frames), clip.fps, irregular, verdict, found.quality.score)


def _ours(found: Assessment) -> list[tuple[int, Beat | None]]:
    """End-systole of each beat that has one, and the beat."""
    return [(beat.es_frame, beat) for beat in found.beats if beat.es_frame is not None]


def _published(found: Assessment) -> list[tuple[int, Beat | None]]:
    return [(frame, None) for frame in published_systoles(np.nan_to_num(found.curve.area_px))]


def _read(
    study: LabelledStudy,
    clip: Clip,
    found: Assessment,
    beats: Sequence[tuple[int, Beat | None]],
    reader: BeatReader,
) -> Sequence[Reading | BeatReading]:
    """The study's EF, and each beat's."""
    counted = {beat.index for beat in measurement.counted_beats(found.beats)}
    efs = _video_efs(clip, beats, reader.network)
    rows: list[Reading | BeatReading] = [
        BeatReading(
            study.name, index, frame, beat is None or beat.index in counted, ef, beat.contours_ef if beat else None
        )
        for index, ((frame, beat), ef) in enumerate(zip(beats, efs, strict=True))
    ]
    counting = [
        row.ef_video for row in rows if isinstance(row, BeatReading) and row.counts and row.ef_video is not None
    ]
    calibration, result = reader.models.video_calibration, found.result
    if result.ef_video is not None:
        rows.append(_interval(study, "beat by beat", result.ef_video, calibration.video if calibration else None))
    elif counting:
        rows.append(Reading(study.name, "beat by beat", float(np.mean(counting))))
    if result.ef_geometric is not None:
        rows.append(_interval(study, "geometric", result.ef_geometric, reader.models.contour_error))
    if calibration and result.ef is not None and result.ef.video_weight is not None:
        rows.append(_interval(study, "combined", result.ef, calibration.combined))
    return rows


def _interval(
    study: LabelledStudy, method: Method, ef: Estimate, error: measurement.MeasurementError | None
) -> Reading:
    """A row with the interval and the probabilities that the calibration gives."""
    below = measurement.probability_below(ef, error=error) or {}
    chances = {f"below_{threshold}": chance for threshold, chance in below.items()}
    return Reading(study.name, method, ef.value, ef.low, ef.high, **chances)


def _video_efs(
    clip: Clip, beats: Sequence[tuple[int, Beat | None]], network: EjectionFractionModel | None
) -> list[float | None]:
    """EF by the network of one clip a beat: ours around its end-systole, the published one's from 32 frames before."""
    if network is None:
        return [beat.ef_video if beat else None for _, beat in beats]
    ours = [beat for _, beat in beats if beat is not None]
    if ours:
        return network.beats(clip.frames, clip.times_s, ours)
    starts = published_starts([frame for frame, _ in beats])
    return [network.clip_at(clip.frames, clip.times_s, float(clip.times_s[start])) for start in starts]
