"""Traced frames for a segmentation network: end-diastole and end-systole, and unlabelled frames near them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from echobeat.datasets.study import Frames, LabelledStudy, Tracing
from echobeat.errors import InvalidClip
from echobeat.training.augment import Augmentation
from echobeat.training.clips import blacked_out
from echobeat.training.sampling import Key

Item = dict[str, Tensor]
Rng = np.random.Generator


class TracedFrames(Dataset[Item]):
    """Item (ordinal, study): the two traced frames of a study, drawn by (seed, ordinal) where anything is drawn.

    ``images`` (2, height, width) uint8, end-diastole first; ``labels`` (2, height, width) uint8, 1 in the cavity;
    with `within`, ``neighbours`` (3, height, width) uint8, consecutive frames near one of them; ``study`` its number.

    Parameters
    ----------
    augment : float
        Strength of the augmentation; 0 changes nothing.
    within : int
        How far from a traced frame the unlabelled ones may lie; 0 reads none.
    """

    def __init__(
        self,
        studies: Sequence[LabelledStudy],
        frames: Frames,
        seed: int,
        noise: float = 0.0,
        augment: float = 0.0,
        within: int = 0,
    ) -> None:
        self.studies, self.frames, self.seed, self.noise = list(studies), frames, seed, noise
        self.augmentation = Augmentation(strength=augment) if augment else None
        self.within = within

    def __len__(self) -> int:
        return len(self.studies)

    def __getitem__(self, key: Key | int) -> Item:
        ordinal, index = (key, key) if isinstance(key, int) else key
        rng = np.random.default_rng((self.seed, 2, ordinal))
        study = self.studies[index]
        pairs = [self._pair(study, tracing, rng) for tracing in two_of(study)]
        images, labels = (np.stack(part) for part in zip(*pairs, strict=True))
        item = {
            "images": torch.from_numpy(images),
            "labels": torch.from_numpy(labels),
            "study": torch.tensor(index),
        }
        return {**item, "neighbours": torch.from_numpy(self._neighbours(study, rng))} if self.within else item

    def _pair(self, study: LabelledStudy, tracing: Tracing, rng: Rng) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        count = self.frames.count(study)
        if not 0 <= tracing.frame < count:
            raise InvalidClip(
                study.name, f"it is traced in frame {tracing.frame}, and has {count} frames", "Correct the table"
            )
        image = blacked_out(self.frames.read(study, tracing.frame, tracing.frame + 1), self.noise, rng)[0]
        labels = self.frames.mask(study, tracing).astype(np.uint8)
        if self.augmentation is None:
            return image, labels
        changed, labels = self.augmentation(image, labels, image.shape[0], rng)
        return np.rint(changed * 255).astype(np.uint8), labels

    def _neighbours(self, study: LabelledStudy, rng: Rng) -> NDArray[np.uint8]:
        """Three consecutive frames; a video of fewer repeats its last."""
        tracing = two_of(study)[int(rng.integers(2))]
        count = self.frames.count(study)
        middle = tracing.frame + int(rng.integers(-self.within, self.within + 1))
        first = int(np.clip(middle - 1, 0, max(0, count - 3)))
        read = self.frames.read(study, first, min(first + 3, count))
        return np.concatenate([read, np.repeat(read[-1:], 3 - len(read), axis=0)])


def two_of(study: LabelledStudy) -> tuple[Tracing, Tracing]:
    """The tracings of end-diastole and end-systole of a study that has both."""
    ed, es = study.ed, study.es
    if ed is None or es is None:
        raise ValueError(f"{study.name} has fewer than two tracings")
    return ed, es


def collate_whole(items: list[dict[str, Any]]) -> dict[str, Any]:
    """A batch of items whose frames differ in number: lists of tensors, in place of one tensor, where they do."""
    batch: dict[str, Any] = {}
    for name in items[0]:
        values = [item[name] for item in items]
        batch[name] = torch.stack(values) if len({value.shape for value in values}) == 1 else values
    return batch
