"""Losses."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def dice_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean of cross-entropy and soft Dice loss (Milletari et al. 2016, doi:10.1109/3DV.2016.79).

    Dice is pooled over the batch, class by class without the background, so that images without a
    ventricle teach too.

    Parameters
    ----------
    logits : Tensor
        (batch, classes, height, width), float32.
    labels : Tensor
        (batch, height, width), int64; class 0 is the background.
    """
    classes = logits.shape[1]
    probabilities = logits.softmax(dim=1)[:, 1:]
    truth = functional.one_hot(labels, classes).permute(0, 3, 1, 2)[:, 1:].to(probabilities.dtype)
    overlap = (probabilities * truth).sum(dim=(0, 2, 3))
    total = (probabilities + truth).sum(dim=(0, 2, 3))
    dice = (2 * overlap + 1) / (total + 1)
    weights = torch.tensor([2.0, 1.0, 1.0], device=dice.device)[: classes - 1]  # the ventricle is what counts
    return functional.cross_entropy(logits, labels) + ((1 - dice) * weights).sum() / weights.sum()
