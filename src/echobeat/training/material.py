"""What a training learns from: the studies of each split that can teach the task, and their frames."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from echobeat.datasets import Frames, LabelledDataset, LabelledStudy, open_dataset
from echobeat.datasets.direct_frames import DirectFrames
from echobeat.datasets.frame_cache import FrameCache
from echobeat.datasets.splits import with_folds
from echobeat.errors import InvalidClip, UsageError
from echobeat.training.config import Config, EFConfig, Studies, Task

Progress = Callable[[int, int], None]
Some = tuple[LabelledStudy, ...]

HELD_OUT = 8
"""Where a data set has no validation split, one patient in so many is held out for it."""


@dataclass(frozen=True)
class Source:
    """Where a training finds its studies.

    Attributes
    ----------
    data : Path
        A data set, see `open_dataset`.
    cache : Path or None
        Folder of the frame cache; None reads the videos anew each time.
    val_data : Path or None
        Another data set to choose the weights by: its validation split, or all of it where it gives no splits.
    fold : int or None
        Of a data set with folds, the one that is tested on; the one before it chooses the weights.
    view : str
        Of a data set with several.
    """

    data: Path
    cache: Path | None = None
    val_data: Path | None = None
    fold: int | None = None
    view: str = "A4C"

    def open(self) -> LabelledDataset:
        """The data set, its splits as the fold has them."""
        dataset = open_dataset(self.data, self.view)
        return dataset if self.fold is None else with_folds(dataset, self.fold)

    def judges(self) -> Some:
        """The studies of the other data set that choose the weights; none where there is no such data set.

        Raises
        ------
        UsageError
            It gives splits, but none to choose by.
        """
        if self.val_data is None:
            return ()
        other = open_dataset(self.val_data, self.view)
        val = other.studies if other.splits_drawn else other.split("val")
        if not val:
            raise UsageError(
                f"{self.val_data}: no study's split says val, and its other splits are not there to choose weights by."
            )
        return val


@dataclass(frozen=True)
class Material:
    """Studies to learn from and to choose by, and where their pixels come from.

    Attributes
    ----------
    kind : str
        Of the data set.
    train, val : tuple of LabelledStudy
    frames : Frames
    left_out : tuple of str
        Why studies are missing, a line for each reason.
    """

    kind: str
    train: tuple[LabelledStudy, ...]
    val: tuple[LabelledStudy, ...]
    frames: Frames
    left_out: tuple[str, ...]

    @property
    def identity(self) -> dict[str, str]:
        """What tells this data from other, in a run's manifest."""
        outlines = hashlib.sha256()
        for study in (*self.train, *self.val):
            for tracing in study.tracings:
                outlines.update(tracing.outline)
        return {"fingerprint": self.fingerprint, "outlines": outlines.hexdigest()}

    @property
    def fingerprint(self) -> str:
        """SHA-256 over names, splits, labels and traced areas: the same for the same data, in whatever folder."""
        digest = hashlib.sha256()
        for split, studies in (("train", self.train), ("val", self.val)):
            for study in studies:
                traced = [(t.frame, round(t.area_px, 3)) for t in study.tracings]
                labels = (split, study.name, study.ef, study.edv_ml, study.esv_ml, traced)
                digest.update(repr(labels).encode())
        return digest.hexdigest()


def gather(task: Task, config: Config, source: Source, progress: Progress | None = None) -> Material:
    """Open the data, keep what teaches the task, and decode it into the cache.

    Only studies whose split says train are learned from: those in no split, as the calibration patients of CAMUS,
    are left out. A data set that gives no splits at all has some drawn by patient when it is opened.

    Raises
    ------
    UsageError
        Nothing is left to learn from, or to choose by.
    """
    data, dataset = source.data, source.open()
    train, own, both = _apart(dataset)
    judges, again = _others(source.judges(), train)
    val: Sequence[LabelledStudy] = judges if source.val_data else own
    if not dataset.split("train"):
        raise UsageError(
            f"{data}: no study's split says train. Set the splits in its table; see the page on data sets."
        )
    if not val and not source.val_data:
        train, val = _held_out(train)
    usable, left_out = _teaching(task, train)
    judging, _ = _teaching(task, val)
    left_out += [f"{both} whose patient is in another split, too"] if both else []
    left_out += [f"{again} of {source.val_data} whose patient is learned from"] if again else []
    left_out += [dataset.rows_left_out] if dataset.rows_left_out else []
    strays = sum(study.split is None for study in dataset.studies)
    left_out += [f"{strays} that are in no split"] if strays else []
    learned = _subset(usable, config.studies, config.course.seed)
    frames: Frames
    if source.cache is None:
        frames = DirectFrames(config.network.size)
    else:
        frames = cached = FrameCache(source.cache, config.network.size)
        bad = {problem.study for problem in cached.fill([*learned, *judging], progress=progress)}
        learned, judging = ([s for s in part if s.name not in bad] for part in (learned, judging))
        left_out += [f"{len(bad)} whose video cannot be read: see `echobeat check-dataset`"] if bad else []
    if task == "segmentation" and source.cache is not None:  # without a cache it would take a decoding of everything
        learned, beyond = _traced_inside(learned, frames)
        judging, _ = _traced_inside(judging, frames)
        left_out += [f"{beyond} with a tracing of a frame that the video does not have"] if beyond else []
    if isinstance(config, EFConfig) and config.clips.rate_hz:
        learned, unclear = _timed(learned, frames)
        judging, _ = _timed(judging, frames)
        left_out += [f"{unclear} without a frame rate: add a column FPS, or set clips.rate_hz=0"] if unclear else []
    if not (learned and judging):
        what = "that are videos with an EF" if task == "ef" else "with tracings of end-diastole and end-systole"
        raise UsageError(
            f"{data}: {len(learned)} studies {what} to learn from and {len(judging)} to choose the weights by; both "
            f"are needed. See `echobeat check-dataset`.{' Left out: ' if left_out else ''}{'; '.join(left_out)}"
        )
    return Material(dataset.kind, tuple(learned), tuple(judging), frames, tuple(left_out))


def _apart(dataset: LabelledDataset) -> tuple[list[LabelledStudy], list[LabelledStudy], int]:
    """Training and validation studies without those whose patient is in another split, and how many these are.

    A patient stays where the study is the furthest from learning: tested on, then chosen by.
    """
    train, val = dataset.split("train"), dataset.split("val")
    tested = {study.patient for study in dataset.split("test")}
    chosen_by = [study for study in val if study.patient not in tested]
    judged = tested | {study.patient for study in chosen_by}
    learned = [study for study in train if study.patient not in judged]
    return learned, chosen_by, len(train) + len(val) - len(learned) - len(chosen_by)


def _others(judges: Some, learned: Sequence[LabelledStudy]) -> tuple[list[LabelledStudy], int]:
    """Studies of another data set without those of patients who are learned from, and how many these are.

    Two data sets may use one name for two patients: they are one where a study has name and label of a learned one.
    """
    known = {(study.patient, study.name, study.ef) for study in learned}
    patients = {study.patient for study in judges if (study.patient, study.name, study.ef) in known}
    kept = [study for study in judges if study.patient not in patients]
    return kept, len(judges) - len(kept)


def _held_out(train: Sequence[LabelledStudy]) -> tuple[list[LabelledStudy], list[LabelledStudy]]:
    """Training and validation studies, the latter held out by the patient's name."""
    patients = sorted({study.patient for study in train}, key=lambda name: hashlib.sha256(name.encode()).digest())
    held = set(patients[: max(1, len(patients) // HELD_OUT)])
    return [s for s in train if s.patient not in held], [s for s in train if s.patient in held]


def _teaching(task: Task, studies: Iterable[LabelledStudy]) -> tuple[list[LabelledStudy], list[str]]:
    """The studies that have what the task needs, and how many have not."""
    every = list(studies)
    if task == "ef":
        kept = [study for study in every if study.has_ef and len(study.files) == 1]
        reason = "without an EF between 1 and 100 %, or of single images instead of a video"
    else:
        kept = [study for study in every if study.ed is not None and study.es is not None]
        reason = "without tracings of end-diastole and end-systole"
    missing = len(every) - len(kept)
    return kept, [f"{missing} {reason}"] if missing else []


def _traced_inside(studies: Iterable[LabelledStudy], frames: Frames) -> tuple[list[LabelledStudy], int]:
    """The studies whose tracings lie in frames that the video has, and how many others there are."""
    every = list(studies)
    kept = [s for s in every if all(0 <= tracing.frame < frames.count(s) for tracing in s.tracings)]
    return kept, len(every) - len(kept)


def _timed(studies: Iterable[LabelledStudy], frames: Frames) -> tuple[list[LabelledStudy], int]:
    """The studies whose frame rate is known, and how many others there are; a table's rate opens no video."""
    every, kept = list(studies), []
    for study in every:
        with suppress(InvalidClip):
            if study.fps is not None or frames.fps(study):
                kept.append(study)
    return kept, len(every) - len(kept)


def _subset(studies: Sequence[LabelledStudy], settings: Studies, seed: int) -> list[LabelledStudy]:
    """All studies of so many patients, drawn by the seed: a larger number keeps those of a smaller one."""
    if not settings.patients:
        return list(studies)
    patients = sorted({study.patient for study in studies})
    drawn = np.random.default_rng((seed, 4)).permutation(len(patients))[: settings.patients]
    kept = {patients[index] for index in drawn}
    return [study for study in studies if study.patient in kept]


def grey_levels(material: Material, settings: Studies, seed: int) -> tuple[float, float]:
    """Mean and deviation of grey over the videos of training studies drawn by the seed, as published."""
    drawn = np.random.default_rng((seed, 5)).permutation(len(material.train))[: settings.normalise_on]
    pixels, total, squares = 0, 0, 0
    for index in drawn:
        study = material.train[index]
        for first in range(0, material.frames.count(study), 64):
            block = material.frames.read(study, first, min(first + 64, material.frames.count(study)))
            counts = np.bincount(block.ravel(), minlength=256)
            pixels += block.size
            total += int(counts @ np.arange(256))
            squares += int(counts @ np.arange(256) ** 2)
    mean = total / pixels
    return mean, max((squares / pixels - mean**2) ** 0.5, 1.0)
