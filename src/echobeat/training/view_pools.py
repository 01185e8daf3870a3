"""What the view network learns from: pools of pictures, each drawn into a sample of one class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from echobeat.datasets.camus import read_camus
from echobeat.datasets.phantom_frames import FrameMaker
from echobeat.datasets.view_pictures import SIZE, kept_pictures
from echobeat.models import VIEW_CLASSES
from echobeat.phantom.pictures import side_by_side
from echobeat.training.augment import Augmentation
from echobeat.training.real_negatives import elsewhere, filled, lying, without_right_heart
from echobeat.training.sampling import Key

Image = NDArray[np.uint8]
Rng = np.random.Generator
SHARES = {
    "four_chamber": 0.36,
    "mirrored": 0.08,
    "apex_down": 0.08,
    "apex_down_mirrored": 0.05,
    "other_view": 0.26,
    "contrast": 0.07,
    "split_screen": 0.05,
    "not_ultrasound": 0.05,
}
"""Of each class in a batch."""

OTHER_VIEWS = {
    "apical two-chamber": 0.42,
    "apical long axis": 0.29,
    "parasternal long axis": 0.06,
    "parasternal short axis": 0.11,
    "subcostal": 0.06,
    "tissue": 0.06,
}
"""Of each made picture among the other views."""

REAL_SHARE = 0.55
"""Of the ultrasound samples that come from real images, where there are any."""
JUDGING = 20
"""One so-manieth of the pictures, made for further patients, chooses the weights."""

GEOMETRY = Augmentation(zoom=(0.78, 1.45), aspect=(0.82, 1.22), rotation_deg=18.0, shift=0.06)


@dataclass(frozen=True)
class Pools:
    """Pictures by kind, (n, size, size) uint8 each, and labelled real images.

    Attributes
    ----------
    made : dict
        "four-chamber", "contrast", "pictures", and each of `OTHER_VIEWS`.
    real : sequence of (image, labels)
        Of CAMUS, at their own size; empty for a network that learns from phantoms alone.
    real_share : float
        Of the ultrasound samples that come from real images.
    """

    made: dict[str, Image]
    real: Sequence[tuple[Image, Image]]
    real_share: float

    def draw(self, name: str, rng: Rng) -> Image:
        """A picture of a class, the usual way round."""
        real = bool(self.real) and rng.random() < self.real_share
        if name == "split_screen":
            kinds = [str(rng.choice(["four_chamber", "other_view", "four_chamber"])) for _ in range(2)]
            return side_by_side(*(_square(self.draw(kind, rng)) for kind in kinds))
        if name == "not_ultrasound":
            return self._made("pictures", rng)
        if name == "contrast":
            return filled(self._real(rng), rng) if real else self._made("contrast", rng)
        if name == "other_view":
            picture = self._real_other(rng) if real else None
            kind = str(rng.choice(list(OTHER_VIEWS), p=list(OTHER_VIEWS.values())))
            return self._made(kind, rng) if picture is None else picture
        return self._real(rng)[0] if real else self._made("four-chamber", rng)

    def _real_other(self, rng: Rng) -> Image | None:
        kind = rng.random()
        if kind < 0.5:
            return without_right_heart(self._real(rng), self._real(rng), rng)
        return lying(self._real(rng), rng) if kind < 0.75 else elsewhere(self._real(rng), rng)

    def _real(self, rng: Rng) -> tuple[Image, Image]:
        return self.real[int(rng.integers(len(self.real)))]

    def _made(self, kind: str, rng: Rng) -> Image:
        images = self.made[kind]
        return np.asarray(images[int(rng.integers(len(images)))])


def _square(image: Image) -> Image:
    height, width = image.shape
    side = max(height, width)
    square = np.zeros((side, side), np.uint8)
    square[(side - height) // 2 :][:height, (side - width) // 2 :][:, :width] = image
    return np.asarray(cv2.resize(square, (112, 112), interpolation=cv2.INTER_AREA), np.uint8)


@dataclass(frozen=True)
class ViewSamples(Dataset[dict[str, Tensor]]):
    """Item (ordinal, study): a picture (size, size) uint8 and its class, drawn by the ordinal and the seed alone."""

    pools: Pools
    size: int
    seed: int

    def __getitem__(self, key: Key) -> dict[str, Tensor]:
        ordinal, _ = key
        rng = np.random.default_rng((self.seed, ordinal))
        name = str(rng.choice(list(SHARES), p=list(SHARES.values())))
        return {
            "study": torch.tensor(ordinal),
            "images": torch.from_numpy(draw_sample(self.pools, name, self.size, rng)),
            "classes": torch.tensor(VIEW_CLASSES.index(name)),
        }


@dataclass(frozen=True)
class AllViews(Dataset[dict[str, Tensor]]):
    """The first `count` samples, for a validation."""

    samples: ViewSamples
    count: int = 2000

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return self.samples[index, index]


def draw_sample(pools: Pools, name: str, size: int, rng: Rng) -> Image:
    """One augmented picture of a class, turned as the class says; other classes are turned at random now and then."""
    picture = pools.draw(name, rng)
    image = np.rint(255 * GEOMETRY(picture, np.zeros_like(picture), size, rng)[0]).astype(np.uint8)
    mirrored, down = "mirrored" in name, "apex_down" in name
    if name in ("other_view", "contrast", "split_screen", "not_ultrasound"):
        mirrored, down = bool(rng.random() < 0.3), bool(rng.random() < 0.15)
    image = image[:, ::-1] if mirrored else image
    return np.ascontiguousarray(image[::-1] if down else image)


def make_pools(
    folder: Path, others: int, images: int, seed: int, camus: Path | None, split: str, log: Callable[[str], None]
) -> Pools:
    """Make the phantom pictures once for a run; read the real images of a split where there are any."""
    folder.mkdir(parents=True, exist_ok=True)
    made = kept_pictures(folder, others, seed, log)
    frames = FrameMaker(folder, SIZE, seed, log).phantoms(images)
    made["four-chamber"] = np.stack([image for image, _ in frames])
    real = [(s.image, s.labels) for s in read_camus(camus, split)] if camus else []
    return Pools(made, real, REAL_SHARE)
