"""Learning ventricle, muscle and atrium from labelled images of several kinds: loss, and what chooses the weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset

from echobeat.datasets.camus import CamusImage
from echobeat.models.letterbox import Letterbox
from echobeat.networks.preprocessing import standardise
from echobeat.training.losses import dice_cross_entropy
from echobeat.training.pools import Labelled
from echobeat.training.shifts import SHIFTS

Batch = Mapping[str, Any]


class ContoursTask:
    """Four classes in images of several groups.

    Parameters
    ----------
    each, area
        Shape the loss, see `dice_cross_entropy`.
    judges : sequence of (sequence of str)
        Names of groups of validation images. Groups of a sequence together count as much as those of another.
    """

    columns: tuple[str, ...] = ("study", "group", "dice", "loss")
    higher_is_better: frozenset[str] = frozenset({"dice"})

    def __init__(self, each: bool, area: float, judges: tuple[tuple[str, ...], ...]) -> None:
        self.each, self.area, self.judges = each, area, judges

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Of (batch, size, size) uint8 grey and labels."""
        logits = network(standardise(batch["images"][:, None].float()))
        return dice_cross_entropy(logits.float(), batch["labels"].long(), self.each, self.area)

    def examine(self, network: nn.Module, batch: Batch) -> Tensor:
        """(images, columns) float64; Dice of the ventricle at the network's size, and its cross-entropy a pixel."""
        logits = network(standardise(batch["images"][:, None].float())).float()
        ventricle = logits[:, 1] - logits[:, [0, *range(2, logits.shape[1])]].logsumexp(dim=1)  # logarithm of its odds
        found, true = ventricle > 0, batch["labels"] == 1
        overlap, total = (found & true).sum(dim=(1, 2)), found.sum(dim=(1, 2)) + true.sum(dim=(1, 2))
        dice = torch.where(total > 0, 2 * overlap / total.clamp(min=1), 1.0)
        loss = functional.binary_cross_entropy_with_logits(ventricle, true.float(), reduction="none").mean(dim=(1, 2))
        return torch.stack([part.double() for part in (batch["study"], batch["group"], dice, loss)], dim=1)

    def scores(self, rows: NDArray[np.float64]) -> dict[str, float]:
        """Mean Dice of each group; ``dice``, which chooses, is the mean of the judges."""
        names = [name for judge in self.judges for name in judge]
        means = {name: float(rows[rows[:, 1] == k, 2].mean()) for k, name in enumerate(names)}
        judged = [np.mean([means[name] for name in judge]) for judge in self.judges]
        score = {"loss": float(rows[:, 3].mean()), "dice": float(np.mean(judged))}
        return {**score, **{f"dice_{name.replace(' ', '_')}": v for name, v in means.items()}}

    def figures(self, rows: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """One value an image."""
        return {"Dice": rows[:, 2]}


@dataclass(frozen=True)
class JudgingImages(Dataset[dict[str, Tensor]]):
    """Validation images, letterboxed as `analyze` does it.

    Attributes
    ----------
    images : (n, size, size) uint8 grey.
    labels : (n, size, size) uint8; 1 is the ventricle.
    groups : (n,) int, numbers of groups in the order of `ContoursTask.judges`.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    groups: NDArray[np.int64]

    @classmethod
    def of(cls, groups: Iterable[Iterable[Labelled]], size: int) -> JudgingImages:
        """Letterbox images of any size."""
        rows = [(*letterboxed(one, size), k) for k, group in enumerate(groups) for one in group]
        images, labels, numbers = zip(*rows, strict=True)
        return cls(np.stack(images), np.stack(labels), np.array(numbers))

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {
            "study": torch.tensor(index),
            "group": torch.tensor(int(self.groups[index])),
            "images": torch.from_numpy(self.images[index]),
            "labels": torch.from_numpy(self.labels[index]),
        }


def letterboxed(labelled: Labelled, size: int) -> Labelled:
    """Image and ventricle in the square that the network reads."""
    image, labels = labelled
    box = Letterbox.around(image, size)
    square = np.rint(box.enter(image[None])[0]).astype(np.uint8)
    ventricle = cv2.warpAffine((labels == 1).astype(np.float32), box.matrix, (size, size), flags=cv2.INTER_LINEAR)
    return square, (ventricle > 0.5).astype(np.uint8)


def shifted(images: Iterable[CamusImage]) -> dict[str, list[Labelled]]:
    """The images once in each held-out appearance."""
    kept = list(images)
    return {name: [(change(one.image), one.labels) for one in kept] for name, change in SHIFTS.items()}
