"""Losses."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

AREA_OFFSET_PX = 16.0
"""Added to both areas before their ratio is taken, so that an image without a ventricle has one, too."""


def dice_cross_entropy(logits: Tensor, labels: Tensor, each: bool = False, area: float = 0.0) -> Tensor:
    """Mean of cross-entropy and soft Dice loss (Milletari et al. 2016, doi:10.1109/3DV.2016.79).

    Dice is taken class by class without the background.

    Parameters
    ----------
    logits : Tensor
        (batch, classes, height, width), float32.
    labels : Tensor
        (batch, height, width), int64; class 0 is the background.
    each : bool
        Dice of each image, so that a small ventricle at end-systole counts as much as a large one; else Dice pooled
        over the batch.
    area : float
        Weight of the absolute logarithm of the ventricle's predicted over its true area, image by image: what an
        ejection fraction is made of.
    """
    classes = logits.shape[1]
    probabilities = logits.softmax(dim=1)[:, 1:]
    truth = functional.one_hot(labels, classes).permute(0, 3, 1, 2)[:, 1:].to(probabilities.dtype)
    over = (2, 3) if each else (0, 2, 3)
    overlap = (probabilities * truth).sum(dim=over)
    total = (probabilities + truth).sum(dim=over)
    dice = (2 * overlap + 1) / (total + 1)
    weights = torch.tensor([2.0, 1.0, 1.0], device=dice.device)[: classes - 1]  # the ventricle is what counts
    loss = functional.cross_entropy(logits, labels) + ((1 - dice) * weights).sum(dim=-1).mean() / weights.sum()
    if area:
        found, true = (part[:, 0].sum(dim=(1, 2)) + AREA_OFFSET_PX for part in (probabilities, truth))
        loss = loss + area * (found / true).log().abs().mean()
    return loss
