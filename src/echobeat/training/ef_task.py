"""Learning the ejection fraction from clips: loss, validation, figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from echobeat.training.clips import kept
from echobeat.training.config import EFConfig
from echobeat.training.ef_losses import errors, ranksim, volume_errors

Batch = Mapping[str, Any]


class EFTask:
    """EF in percent, and EDV and ESV in ml where the recipe asks for these heads.

    A batch is what `EFClips` gives, stacked. Rows of a validation have `columns`.

    Parameters
    ----------
    config : EFConfig
    head : Module
        The network's last layer: what it reads are the features that RankSim orders.
    """

    columns: tuple[str, ...] = ("study", "truth", "predicted")
    higher_is_better: frozenset[str] = frozenset()

    def __init__(self, config: EFConfig, head: nn.Module) -> None:
        self.config = config
        self._features: list[Tensor] = []
        if config.loss.ranksim:
            head.register_forward_pre_hook(self._remember)

    def _remember(self, _: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if torch.is_grad_enabled():
            self._features.append(inputs[0].flatten(2).mean(dim=2) if inputs[0].dim() > 2 else inputs[0])

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Mean over the studies of a batch."""
        settings = self.config.loss
        self._features.clear()
        predicted = self.predict(network, batch)
        each = errors(predicted[:, 0], batch["ef"], settings.kind, settings.huber_delta)
        loss: Tensor = (batch["weight"] * each).mean()
        if settings.volumes:
            loss = loss + settings.volumes * volume_errors(
                predicted[:, 1:], torch.stack([batch["edv"], batch["esv"]], dim=1)
            )
        if settings.ranksim:
            features = torch.cat(self._features).view(len(each), -1, self._features[0].shape[1]).mean(dim=1)
            self._features.clear()
            loss = loss + settings.ranksim * ranksim(features, batch["ef"], settings.ranksim_step)
        return loss

    def predict(self, network: nn.Module, batch: Batch) -> Tensor:
        """(studies, outputs) float32: the mean over the clips of each study."""
        if isinstance(batch["frames"], list):  # videos of different length, one by one
            parts = zip(batch["frames"], batch["valid"], batch["shift"], strict=True)
            return torch.cat([_clips(network, f[None], v[None], s[None]) for f, v, s in parts])
        return _clips(network, batch["frames"], batch["valid"], batch["shift"])

    def examine(self, network: nn.Module, batch: Batch) -> Tensor:
        """(studies, columns) float64."""
        predicted = self.predict(network, batch)[:, 0]
        return torch.stack([batch["study"].double(), batch["ef"].double(), predicted.double()], dim=1)

    def scores(self, rows: NDArray[np.float64]) -> dict[str, float]:
        """Figures of a validation: the loss without weights, MAE, RMSE, R2 and bias in percent of EF."""
        _, truth, predicted = rows.T
        settings, gap = self.config.loss, predicted - truth
        loss = errors(torch.from_numpy(predicted), torch.from_numpy(truth), settings.kind, settings.huber_delta).mean()
        spread = float(((truth - truth.mean()) ** 2).sum())
        return {
            "loss": float(loss),
            "mae": float(np.abs(gap).mean()),
            "rmse": float(np.sqrt((gap**2).mean())),
            "r2": 1 - float((gap**2).sum()) / spread if spread else float("nan"),
            "bias": float(gap.mean()),
        }

    def figures(self, rows: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """One value a study, for the card: the absolute error, and the signed one."""
        gap = rows[:, 2] - rows[:, 1]
        return {"EF, mean absolute error (%)": np.abs(gap), "EF, bias (%)": gap}


def _clips(network: nn.Module, frames: Tensor, valid: Tensor, shift: Tensor) -> Tensor:
    """(studies, each, frames, height, width) uint8 to (studies, outputs)."""
    studies, each, *shape = frames.shape
    keep = kept(valid.flatten(), shift.flatten(0, 1), (shape[0], shape[1], shape[2]))
    answers = network(frames.flatten(0, 1)[:, None].float(), keep)
    return answers.view(studies, each, -1).mean(dim=1)  # type: ignore[no-any-return]  # nn.Module calls are untyped
