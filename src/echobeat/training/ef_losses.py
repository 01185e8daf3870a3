"""Losses of the ejection fraction, and what helps where few labels are: at low EF."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import convolve1d
from torch import Tensor
from torch.nn import functional

from echobeat.training.config import EFLoss

FloatArray = NDArray[np.float64]

LARGEST_WEIGHT = 20.0
"""Of one study, in means: a lone label in an empty range must not rule every batch it is in."""


def errors(predicted: Tensor, truth: Tensor, kind: str, delta: float) -> Tensor:
    """The loss of each study, (n,): squared, absolute, or Huber's (1964, doi:10.1214/aoms/1177703732)."""
    if kind == "mse":
        return (predicted - truth) ** 2
    if kind == "l1":
        return (predicted - truth).abs()
    return functional.huber_loss(predicted, truth, reduction="none", delta=delta)


def lds_weights(ef: FloatArray, settings: EFLoss) -> FloatArray | None:
    """Weights from label distribution smoothing (Yang et al. 2021, "Delving into Deep Imbalanced Regression", ICML).

    The labels' histogram is convolved with a Gaussian, because neighbouring labels teach the same; each study gets
    the inverse of the density at its label, or its root.

    Parameters
    ----------
    ef : ndarray
        (n,), percent, of the training studies.

    Returns
    -------
    ndarray or None
        (n,), mean 1 but for the cap at `LARGEST_WEIGHT`; None where nothing is to be weighted.
    """
    if settings.lds == "none":
        return None
    bins = np.floor((ef - ef.min()) / settings.lds_bin).astype(int)
    reach = np.arange(settings.lds_kernel) - (settings.lds_kernel - 1) / 2
    kernel = np.exp(-0.5 * (reach / settings.lds_sigma) ** 2)
    counts = np.bincount(bins).astype(float)
    density: FloatArray = convolve1d(counts, kernel / kernel.sum(), mode="constant")
    weights = density[bins] ** (-1.0 if settings.lds == "inverse" else -0.5)
    relative: FloatArray = np.minimum(weights / weights.mean(), LARGEST_WEIGHT)
    return relative


def ranks(values: Tensor) -> Tensor:
    """Rank of each entry within its row, 0 for the largest; (n, m) float32."""
    order = values.argsort(dim=1, descending=True, stable=True)
    return order.argsort(dim=1).to(values.dtype)


class _Ranked(torch.autograd.Function):
    """Ranks with a useful gradient: a step is taken along the incoming gradient, and the ranks' change is followed.

    Interpolation of a piecewise constant function (Vlastelica et al. 2020, "Differentiation of Blackbox Combinatorial
    Solvers", ICLR).
    """

    @staticmethod
    def forward(context: Any, values: Tensor, step: float) -> Tensor:
        found = ranks(values)
        context.step = step
        context.save_for_backward(values, found)
        return found

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        values, found = context.saved_tensors
        moved = ranks(values + context.step * gradients[0])
        return (moved - found) / context.step, None


def ranksim(features: Tensor, labels: Tensor, step: float) -> Tensor:
    """How differently features and labels rank their neighbours (Gong et al. 2022, "RankSim", ICML).

    For every study of the batch the others are ranked by nearness of label and by cosine similarity of features; the
    mean squared difference of the ranks is what remains to be learned. Of studies with one label the first counts.

    Parameters
    ----------
    features : Tensor
        (n, channels), what the last layer reads.
    labels : Tensor
        (n,), percent.
    step : float
        Interpolation strength of the ranks' gradient.

    Returns
    -------
    Tensor
        A scalar; 0 for fewer than three labels, which no order can be read from.
    """
    same = labels[:, None] == labels[None, :]
    first = ~torch.tril(same, diagonal=-1).any(dim=1)
    features, labels = features[first], labels[first]
    if len(labels) < 3:
        return features.sum() * 0.0
    directions = functional.normalize(features.float(), dim=1)
    wanted = ranks(-(labels[:, None] - labels[None, :]).abs().float())
    found: Tensor = _Ranked.apply(directions @ directions.T, step)  # type: ignore[no-untyped-call]  # untyped in torch
    return functional.mse_loss(found, wanted)


def volume_errors(predicted: Tensor, truth: Tensor) -> Tensor:
    """Mean relative squared error of the volumes that are known.

    Parameters
    ----------
    predicted, truth : Tensor
        (n, 2), EDV and ESV in ml; NaN where unknown.
    """
    known = ~truth.isnan()
    scale = torch.where(known, truth, 0.0).sum(dim=0) / known.sum(dim=0).clamp(min=1)
    gap = torch.where(known, predicted - torch.where(known, truth, predicted), 0.0) / scale.clamp(min=1.0)
    return (gap**2).sum() / known.sum().clamp(min=1)
