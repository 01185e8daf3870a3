"""Samples drawn from pools of labelled images: sample i is the same whoever asks for it, and whenever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from echobeat.training.augment import Augmentation
from echobeat.training.sampling import Key

Labelled = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""(height, width) image, 0-255, and labels 0-3, both uint8."""


@dataclass(frozen=True)
class Pool:
    """Images of one kind, and their share of what is drawn."""

    images: Sequence[Labelled]
    share: float
    augmentation: Augmentation


class PooledImages(Dataset[dict[str, Tensor]]):
    """Item (ordinal, study): an augmented image and its labels, (size, size) uint8 each, drawn by the ordinal.

    Every draw comes from a generator seeded by (seed, ordinal): training continues where it stopped without
    storing the state of any loader or worker.
    """

    def __init__(self, pools: Sequence[Pool], size: int, seed: int) -> None:
        self.pools, self.size, self.seed = list(pools), size, seed
        shares = np.array([pool.share for pool in self.pools], dtype=float)
        self._shares = shares / shares.sum()

    def __len__(self) -> int:
        return sum(len(pool.images) for pool in self.pools)

    def __getitem__(self, key: Key) -> dict[str, Tensor]:
        ordinal, _ = key
        rng = np.random.default_rng((self.seed, ordinal))
        pool = self.pools[int(rng.choice(len(self.pools), p=self._shares))]
        source, truth = pool.images[int(rng.integers(len(pool.images)))]
        image, labels = pool.augmentation(source, truth, self.size, rng)
        return {
            "study": torch.tensor(ordinal),
            "images": torch.from_numpy(np.rint(image * 255).astype(np.uint8)),
            "labels": torch.from_numpy(np.ascontiguousarray(labels)),
        }
