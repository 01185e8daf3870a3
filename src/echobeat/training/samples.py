"""Batches drawn from pools of labelled images: batch i is the same whoever asks for it, and whenever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from echobeat.training.augment import Augmentation

Labelled = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""(height, width) image, 0-255, and labels 0-3, both uint8."""


@dataclass(frozen=True)
class Pool:
    """Images of one kind, and their share of every batch."""

    images: Sequence[Labelled]
    share: float
    augmentation: Augmentation


class Batches(Dataset[tuple[NDArray[np.uint8], NDArray[np.uint8]]]):
    """Item i is batch i: images (batch, size, size) and labels (batch, size, size), uint8.

    Every draw comes from a generator seeded by (seed, i): training continues where it stopped without
    storing the state of any loader or worker.
    """

    def __init__(self, pools: Sequence[Pool], batch: int, size: int, seed: int) -> None:
        self.pools, self.batch, self.size, self.seed = list(pools), batch, size, seed
        shares = np.array([pool.share for pool in self.pools], dtype=float)
        self._shares = shares / shares.sum()

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        rng = np.random.default_rng((self.seed, index))
        images = np.empty((self.batch, self.size, self.size), np.uint8)
        labels = np.empty((self.batch, self.size, self.size), np.uint8)
        for slot, kind in enumerate(rng.choice(len(self.pools), self.batch, p=self._shares)):
            pool = self.pools[kind]
            source, truth = pool.images[int(rng.integers(len(pool.images)))]
            image, labels[slot] = pool.augmentation(source, truth, self.size, rng)
            images[slot] = np.rint(image * 255)
        return images, labels
