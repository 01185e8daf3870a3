"""Learning the left ventricle's mask from traced frames: loss, validation, figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from echobeat.training.config import SegmentationConfig
from echobeat.training.mask_losses import consistency, dice_binary, summed_cross_entropy

Batch = Mapping[str, Any]


class TracedTask:
    """One class, learned from end-diastole and end-systole.

    A batch is what `TracedFrames` gives, stacked. Rows of a validation have `columns`; overlap and total are pixels,
    2 * overlap / total is the Dice of an image.
    """

    columns: tuple[str, ...] = ("study", "loss", "ed_overlap", "ed_total", "es_overlap", "es_total")
    higher_is_better: frozenset[str] = frozenset({"dice"})

    def __init__(self, config: SegmentationConfig) -> None:
        self.config = config

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Mean over the studies of a batch. The sum of the published recipe is over its whole batch."""
        settings = self.config.loss
        images, labels = batch["images"].float(), batch["labels"].float()
        # One pass for each instant, as published: batch statistics are those of one instant.
        logits = [network(images[:, k : k + 1])[:, 0] for k in range(images.shape[1])]
        if settings.kind == "bce":
            each = [summed_cross_entropy(x, labels[:, k]) for k, x in enumerate(logits)]
            loss = torch.stack(each).mean() * self.config.course.batch
        else:
            loss = torch.stack([dice_binary(x, labels[:, k]) for k, x in enumerate(logits)]).mean()
        if settings.consistency:
            near = batch["neighbours"].float()
            loss = loss + settings.consistency * consistency(network(near.flatten(0, 1)[:, None])[:, 0].view_as(near))
        return loss

    def examine(self, network: nn.Module, batch: Batch) -> Tensor:
        """(studies, columns) float64."""
        images, labels = batch["images"].float(), batch["labels"].float()
        logits = torch.stack([network(images[:, k : k + 1])[:, 0].float() for k in range(images.shape[1])], dim=1)
        entropy = functional.binary_cross_entropy_with_logits(logits, labels, reduction="none").mean(dim=(1, 2, 3))
        mask, truth = logits > 0, labels > 0.5
        overlap = (mask & truth).sum(dim=(2, 3))
        total = mask.sum(dim=(2, 3)) + truth.sum(dim=(2, 3))
        pixels = torch.stack([overlap, total], dim=2).flatten(1)  # overlap and total of ED, then of ES
        return torch.cat([batch["study"][:, None].double(), entropy[:, None].double(), pixels.double()], dim=1)

    def scores(self, rows: NDArray[np.float64]) -> dict[str, float]:
        """Figures of a validation: loss a pixel, Dice pooled over pixels (the paper's), and pooled for each instant."""
        _, loss, ed_overlap, ed_total, es_overlap, es_total = rows.sum(axis=0)
        return {
            "loss": float(loss / len(rows)),
            "dice": _dice(ed_overlap + es_overlap, ed_total + es_total),
            "dice_ed": _dice(ed_overlap, ed_total),
            "dice_es": _dice(es_overlap, es_total),
        }

    def figures(self, rows: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """One value a study, for the card: mean Dice of its two images."""
        pairs = [_dices(rows[:, first], rows[:, first + 1]) for first in (2, 4)]
        return {"Dice": np.mean(pairs, axis=0)}


def _dice(overlap: float, total: float) -> float:
    return float(2 * overlap / total) if total else 1.0


def _dices(overlap: NDArray[np.float64], total: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(total > 0, 2 * overlap / np.maximum(total, 1), 1.0)
