"""What a training learns from: the studies of each split that can teach the task, and their frames."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from echobeat.datasets import Frames, LabelledStudy, open_dataset
from echobeat.datasets.direct_frames import DirectFrames
from echobeat.datasets.frame_cache import FrameCache
from echobeat.errors import UsageError
from echobeat.training.config import Config, Studies, Task

Progress = Callable[[int, int], None]
Some = tuple[LabelledStudy, ...]

HELD_OUT = 8
"""Where a data set has no validation split, one patient in so many is held out for it."""


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
    def fingerprint(self) -> str:
        """SHA-256 over names, splits, labels and tracings: the same for the same data, in whatever folder."""
        digest = hashlib.sha256()
        for split, studies in (("train", self.train), ("val", self.val)):
            for study in studies:
                traced = [(t.frame, round(t.area_px, 3)) for t in study.tracings]
                labels = (split, study.name, study.ef, study.edv_ml, study.esv_ml, traced)
                digest.update(repr(labels).encode())
        return digest.hexdigest()


def gather(
    task: Task, config: Config, data: Path, cache: Path | None, val_data: Path | None, progress: Progress | None = None
) -> Material:
    """Open the data, keep what teaches the task, and decode it into the cache.

    Parameters
    ----------
    cache : Path or None
        Folder of the frame cache; None reads the videos anew each time.
    val_data : Path or None
        Another data set to choose the weights by: its validation split, or all of it where it gives no splits.

    Only studies whose split says train are learned from: those in no split, as the calibration patients of CAMUS,
    are left out. A data set that gives no splits at all has some drawn by patient when it is opened.

    Raises
    ------
    UsageError
        Nothing is left to learn from, or to choose by.
    """
    dataset = open_dataset(data)
    train, val = dataset.split("train"), _judges(val_data) if val_data else dataset.split("val")
    if not train:
        raise UsageError(
            f"{data}: no study's split says train. Set the splits in its table; see the page on data sets."
        )
    if not val:
        train, val = _held_out(train)
    usable, left_out = _teaching(task, train)
    judging, _ = _teaching(task, val)
    strays = sum(study.split is None for study in dataset.studies)
    left_out += [f"{strays} that are in no split"] if strays else []
    learned = _subset(usable, config.studies, config.course.seed)
    frames: Frames
    if cache is None:
        frames = DirectFrames(config.network.size)
    else:
        frames = cached = FrameCache(cache, config.network.size)
        bad = {problem.study for problem in cached.fill([*learned, *judging], progress=progress)}
        learned, judging = ([s for s in part if s.name not in bad] for part in (learned, judging))
        left_out += [f"{len(bad)} whose video cannot be read: see `echobeat check-dataset`"] if bad else []
    if not (learned and judging):
        what = "with an EF" if task == "ef" else "with tracings of end-diastole and end-systole"
        raise UsageError(
            f"{data}: {len(learned)} studies {what} to learn from and {len(judging)} to choose the weights by; both "
            "are needed. See `echobeat check-dataset`."
        )
    return Material(dataset.kind, tuple(learned), tuple(judging), frames, tuple(left_out))


def _judges(data: Path) -> Some:
    """The validation split of another data set, or all of it where it gives no splits.

    Raises
    ------
    UsageError
        It gives splits, but none to choose by.
    """
    other = open_dataset(data)
    val = other.studies if other.splits_drawn else other.split("val")
    if not val:
        raise UsageError(f"{data}: no study's split says val, and its other splits are not there to choose weights by.")
    return val


def _held_out(train: Some) -> tuple[Some, Some]:
    """Training and validation studies, the latter held out by the patient's name."""
    patients = sorted({study.patient for study in train}, key=lambda name: hashlib.sha256(name.encode()).digest())
    held = set(patients[: max(1, len(patients) // HELD_OUT)])
    return tuple(s for s in train if s.patient not in held), tuple(s for s in train if s.patient in held)


def _teaching(task: Task, studies: Iterable[LabelledStudy]) -> tuple[list[LabelledStudy], list[str]]:
    """The studies that have what the task needs, and how many have not."""
    every = list(studies)
    if task == "ef":
        kept = [study for study in every if study.ef is not None]
        reason = "without an EF"
    else:
        kept = [study for study in every if study.ed is not None and study.es is not None]
        reason = "without tracings of end-diastole and end-systole"
    missing = len(every) - len(kept)
    return kept, [f"{missing} {reason}"] if missing else []


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
