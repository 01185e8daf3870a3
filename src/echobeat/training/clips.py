"""Clips of videos for an EF network: which frames, what of them, and the study's labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from echobeat.datasets.study import Frames, LabelledStudy
from echobeat.training.config import Clips
from echobeat.training.sampling import Key

Item = dict[str, Tensor]
Rng = np.random.Generator


@dataclass(frozen=True)
class Cut:
    """Frames of a video, by number.

    Attributes
    ----------
    indices : ndarray
        (n,) int, increasing; those that exist.
    length : int
        Frames of the clip; it ends in zeros where it is longer than `indices`.
    """

    indices: NDArray[np.int64]
    length: int


def step_of(clips: Clips, frames: Frames, study: LabelledStudy) -> float:
    """Frames of the video from one frame of a clip to the next; the video's rate is asked for only where it matters."""
    return frames.fps(study) / clips.rate_hz if clips.rate_hz else float(clips.period)


def last_start(count: int, length: int, step: float) -> int:
    """The last frame at which a clip may start; one shorter than ``length * step`` counts as that, as published."""
    return max(0, int(np.ceil(max(count, length * step) - (length - 1) * step)) - 1)


def cut(start: int, count: int, length: int, step: float) -> Cut:
    """The frames of a clip from `start`, nearest in time."""
    indices = np.rint(start + step * np.arange(length)).astype(np.int64)
    return Cut(indices[indices < count], length)


def read_clip(frames: Frames, study: LabelledStudy, which: Cut) -> NDArray[np.uint8]:
    """(length, height, width) uint8; zeros after the video's end."""
    if len(which.indices):
        first, last = int(which.indices[0]), int(which.indices[-1])
        steps = np.unique(np.diff(which.indices))
        stride = int(steps[0]) if len(steps) == 1 else 1
        read = frames.read(study, first, last + 1, stride)
        shown = read if len(steps) < 2 else read[which.indices - first]
    else:
        shown = frames.read(study, 0, 1)[:0]
    missing = which.length - len(shown)
    return np.concatenate([shown, np.zeros((missing, *shown.shape[1:]), np.uint8)]) if missing else shown


class EFClips(Dataset[Item]):
    """Item (ordinal, study): clips of a study drawn by (seed, ordinal), and its labels.

    ``frames`` (each, frames, height, width) uint8; ``valid`` (each,) frames before the zeros begin; ``shift`` (each, 2)
    rows and columns by which the frames were moved inside their window, zeros where nothing is; ``ef`` percent, ``edv``
    and ``esv`` ml, NaN where unknown; ``weight`` of the study in the loss; ``study`` its number.

    Parameters
    ----------
    weights : ndarray or None
        (studies,), of each study in the loss.
    """

    def __init__(
        self,
        studies: Sequence[LabelledStudy],
        frames: Frames,
        clips: Clips,
        seed: int,
        noise: float = 0.0,
        weights: NDArray[np.float64] | None = None,
    ) -> None:
        self.studies, self.frames, self.clips = list(studies), frames, clips
        self.seed, self.noise = seed, noise
        self.weights = np.ones(len(self.studies)) if weights is None else weights

    def __len__(self) -> int:
        return len(self.studies)

    def __getitem__(self, key: Key) -> Item:
        ordinal, index = key
        rng = np.random.default_rng((self.seed, 2, ordinal))
        study = self.studies[index]
        cuts = self._cuts(study, rng)
        margin = self.clips.margin_px
        shift = rng.integers(-margin, margin + 1, (len(cuts), 2)) if margin else np.zeros((len(cuts), 2), int)
        clips = []
        for which, moved in zip(cuts, shift, strict=True):
            clip = blacked_out(read_clip(self.frames, study, which), self.noise, rng)
            if self.clips.reverse and rng.random() < self.clips.reverse:
                clip = clip.copy()
                clip[: len(which.indices)] = clip[: len(which.indices)][::-1]
            clips.append(move(clip, int(moved[0]), int(moved[1])))
        return {
            "frames": torch.from_numpy(np.stack(clips)),
            "valid": torch.tensor([len(which.indices) for which in cuts]),
            "shift": torch.from_numpy(shift),
            **labels_of(study, index, self.weights[index]),
        }

    def _cuts(self, study: LabelledStudy, rng: Rng) -> list[Cut]:
        count, clips = self.frames.count(study), self.clips
        step = step_of(clips, self.frames, study) * rng.uniform(*clips.speed)
        if clips.whole:
            length = min(clips.most_frames, max(1, int(np.ceil(count / step))))
            return [cut(int(rng.integers(last_start(count, length, step) + 1)), count, length, step)]
        last = last_start(count, clips.frames, step)
        first = int(rng.integers(last + 1))
        spread = np.linspace(0, clips.spread_s * self.frames.fps(study), clips.each) if clips.each > 1 else [0]
        return [cut(min(first + round(later), last), count, clips.frames, step) for later in spread]


class ValidationClips(Dataset[Item]):
    """Item i: clips of study i, evenly spread; a single one lies at a place drawn by (seed, study) once for all."""

    def __init__(
        self, studies: Sequence[LabelledStudy], frames: Frames, clips: Clips, count: int, seed: int, noise: float = 0.0
    ) -> None:
        self.studies, self.frames, self.clips = list(studies), frames, clips
        self.count, self.seed, self.noise = count, seed, noise

    def __len__(self) -> int:
        return len(self.studies)

    def __getitem__(self, index: int) -> Item:
        study, rng = self.studies[index], np.random.default_rng((self.seed, 3, index))
        cuts = self._cuts(study, rng)
        clips = [blacked_out(read_clip(self.frames, study, which), self.noise, rng) for which in cuts]
        return {
            "frames": torch.from_numpy(np.stack(clips)),
            "valid": torch.tensor([len(which.indices) for which in cuts]),
            "shift": torch.zeros((len(cuts), 2), dtype=torch.int64),
            **labels_of(study, index, 1.0),
        }

    def _cuts(self, study: LabelledStudy, rng: Rng) -> list[Cut]:
        count = self.frames.count(study)
        step = step_of(self.clips, self.frames, study)
        if self.clips.whole:
            length = min(self.clips.most_frames, max(1, int(np.ceil(count / step))))
            return [cut(0, count, length, step)]
        last = last_start(count, self.clips.frames, step)
        starts = np.linspace(0, last, self.count).round() if self.count > 1 else [int(rng.integers(last + 1))]
        return [cut(int(start), count, self.clips.frames, step) for start in starts]


def labels_of(study: LabelledStudy, index: int, weight: float) -> Item:
    """The labels of a study as tensors; NaN where unknown."""
    known = {"ef": study.ef, "edv": study.edv_ml, "esv": study.esv_ml}
    labels = {name: torch.tensor(float("nan") if value is None else value) for name, value in known.items()}
    return {**labels, "weight": torch.tensor(float(weight)), "study": torch.tensor(index)}


def blacked_out(frames: NDArray[np.uint8], share: float, rng: Rng) -> NDArray[np.uint8]:
    """The same with about a share of the pixels of every frame black."""
    return frames * (rng.random(frames.shape) >= share) if share else frames


def move(frames: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
    """(n, height, width) moved down and to the right; zeros where nothing is."""
    if rows == 0 and columns == 0:
        return frames
    moved = np.zeros_like(frames)
    height, width = frames.shape[1:]
    moved[:, max(rows, 0) : height + min(rows, 0), max(columns, 0) : width + min(columns, 0)] = frames[
        :, max(-rows, 0) : height + min(-rows, 0), max(-columns, 0) : width + min(-columns, 0)
    ]
    return moved


def kept(valid: Tensor, shift: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Where a clip shows its video, for the network to multiply with after normalisation.

    Parameters
    ----------
    valid : Tensor
        (n,) int64, frames before the zeros begin.
    shift : Tensor
        (n, 2) int64, rows and columns by which the frames were moved.
    shape : (frames, height, width)

    Returns
    -------
    Tensor
        (n, 1, frames, height, width) float32, 0 or 1.
    """
    axes = []
    for size, begin, end in (
        (shape[0], torch.zeros_like(valid), valid),
        (shape[1], shift[:, 0], shift[:, 0] + shape[1]),
        (shape[2], shift[:, 1], shift[:, 1] + shape[2]),
    ):
        place = torch.arange(size, device=valid.device)[None]
        axes.append(((place >= begin[:, None]) & (place < end[:, None])).float())
    time, rows, columns = axes
    return time[:, None, :, None, None] * rows[:, None, None, :, None] * columns[:, None, None, None, :]
