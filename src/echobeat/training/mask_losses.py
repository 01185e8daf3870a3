"""Losses of the left ventricle's mask: one class, sigmoid."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def summed_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Binary cross-entropy summed over pixels, mean over images (the published recipe, Ouyang et al. 2020).

    Parameters
    ----------
    logits, labels : Tensor
        (n, height, width) float32; labels 0 or 1.
    """
    return functional.binary_cross_entropy_with_logits(logits, labels, reduction="sum") / len(logits)


def dice_binary(logits: Tensor, labels: Tensor) -> Tensor:
    """Binary cross-entropy and soft Dice loss (Milletari et al. 2016, doi:10.1109/3DV.2016.79), pooled over the batch.

    Parameters
    ----------
    logits, labels : Tensor
        (n, height, width) float32; labels 0 or 1.
    """
    probabilities = logits.sigmoid()
    dice = (2 * (probabilities * labels).sum() + 1) / ((probabilities + labels).sum() + 1)
    return functional.binary_cross_entropy_with_logits(logits, labels) + 1 - dice


def consistency(logits: Tensor) -> Tensor:
    """How much the masks of unlabelled frames jump.

    At video rates a wall moves almost evenly from frame to frame, so that the middle of three frames lies between the
    others (smoothness over time, as in Wei et al. 2020, doi:10.1007/978-3-030-59713-9_60).

    Parameters
    ----------
    logits : Tensor
        (n, 3, height, width), three consecutive frames of one video.
    """
    before, middle, after = logits.sigmoid().unbind(dim=1)
    return torch.mean((middle - (before + after) / 2) ** 2)
