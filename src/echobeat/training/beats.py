"""Train a reader of beats: material -> steps -> best weights -> model and card. The bundled ``ef`` and its twin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset

from echobeat.training.beat_material import Beats
from echobeat.training.mask_losses import dice_binary
from echobeat.training.sampling import Key

Item = dict[str, Tensor]

TURN_RAD, ZOOM, SHIFT = 0.12, 0.08, 0.05
"""Deviations of the cut-out's rotation, of the logarithm of its zoom along either side, and of its place as a share
of half its side."""
HUBER_SHARE, HUBER_POINTS = 0.15, 2.0
"""Weight of a Huber loss beside the likelihood, which alone lets the network give up on hard beats; and its knee."""
OUTLINE_SHARE = 5.0
"""Weight of the outlines' loss: it brings what the likelihood ends with."""


class BeatClips(Dataset[Item]):
    """Beats of one kind or several, each kind with its share; item (ordinal, study) draws a beat by the ordinal."""

    def __init__(self, kinds: list[tuple[Beats, float]], seed: int) -> None:
        self.kinds, self.seed = kinds, seed
        shares = np.array([share for _, share in kinds], float)
        self._shares = shares / shares.sum()

    def __getitem__(self, key: Key) -> Item:
        rng = np.random.default_rng((self.seed, 7, key[0]))
        beats = self.kinds[int(rng.choice(len(self.kinds), p=self._shares))][0]
        return _item(beats, int(rng.integers(len(beats))))


class AllBeats(Dataset[Item]):
    """Every beat once, in order."""

    def __init__(self, beats: Beats) -> None:
        self.beats = beats

    def __len__(self) -> int:
        return len(self.beats)

    def __getitem__(self, index: int) -> Item:
        return _item(self.beats, index)


def _item(beats: Beats, index: int) -> Item:
    return {
        "study": torch.tensor(index),
        "clips": torch.as_tensor(beats.clips[index]),
        "ef": torch.tensor(beats.ef[index], dtype=torch.float32),
        "contours_ef": torch.tensor(beats.contours_ef[index], dtype=torch.float32),
    }


class BeatTask:
    """EF and its deviation: the likelihood of a Laplace distribution, which a few hopeless beats do not rule."""

    columns: tuple[str, ...] = ("study", "truth", "predicted", "log_sd")
    higher_is_better: frozenset[str] = frozenset()

    def loss(self, network: nn.Module, batch: Mapping[str, Any]) -> Tensor:
        """Mean over the beats of a batch, each drawn a little differently: of the EF, and of where the cavity truly is
        in each frame."""
        clips = varied(batch["clips"].float())
        answer, outlines = network(clips[:, :2], outlines=True)
        truth = functional.avg_pool3d(clips[:, 2:], (1, 2, 2))
        predicted, log_sd = batch["contours_ef"] + answer[:, 0], answer[:, 1]
        gap = predicted - batch["ef"]
        likelihood = (gap.abs() * torch.exp(-log_sd) + log_sd).mean()
        huber: Tensor = functional.smooth_l1_loss(predicted, batch["ef"], beta=HUBER_POINTS)
        drawn = dice_binary(outlines.flatten(0, 2), truth.flatten(0, 2))
        total: Tensor = likelihood + HUBER_SHARE * huber + OUTLINE_SHARE * drawn
        return total

    def examine(self, network: nn.Module, batch: Mapping[str, Any]) -> Tensor:
        """(beats, columns) float64."""
        clips = batch["clips"][:, :2].float()
        clips[:, 1] /= 255
        answer = network(clips).double()
        predicted = batch["contours_ef"].double() + answer[:, 0]
        return torch.stack([batch["study"].double(), batch["ef"].double(), predicted, answer[:, 1]], dim=1)

    def scores(self, rows: NDArray[np.float64]) -> dict[str, float]:
        """Likelihood, MAE and bias of a validation."""
        _, truth, predicted, log_sd = rows.T
        gap = predicted - truth
        return {
            "loss": float((np.abs(gap) * np.exp(-log_sd) + log_sd).mean()),
            "mae": float(np.abs(gap).mean()),
            "bias": float(gap.mean()),
        }

    def figures(self, rows: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """One value a beat."""
        gap = rows[:, 2] - rows[:, 1]
        return {"EF of a beat, mean absolute error (%)": np.abs(gap), "EF of a beat, bias (%)": gap}


def varied(clips: Tensor) -> Tensor:
    """The same beats as another scanner, or another hand at the same one, might have shown them.

    Parameters
    ----------
    clips : Tensor
        (beats, channels, frames, size, size) float32: grey 0-255, and masks 0-255.

    Returns
    -------
    Tensor
        The same shape: grey 0-255, masks 0-1. Drawn from torch's own generator.
    """
    moved = _moved(clips)
    grey = _another_look(moved[:, :1] / 255)
    return torch.cat([255 * grey.clamp(0, 1.2), moved[:, 1:] / 255], dim=1)


def _moved(clips: Tensor) -> Tensor:
    """Turned, zoomed, shifted, and half of them mirrored; all frames of a beat alike."""
    count, channels, frames, height, width = clips.shape
    turn, zoom = TURN_RAD * torch.randn(count), torch.exp(ZOOM * torch.randn(count, 2))
    mirror = 1 - 2 * (torch.rand(count) < 0.5).float()
    rows = torch.stack(
        [
            torch.stack([mirror * turn.cos() * zoom[:, 0], -mirror * turn.sin() * zoom[:, 1]], dim=1),
            torch.stack([turn.sin() * zoom[:, 0], turn.cos() * zoom[:, 1]], dim=1),
        ],
        dim=1,
    )
    affine = torch.cat([rows, SHIFT * torch.randn(count, 2, 1)], dim=2).to(clips)
    grid = functional.affine_grid(affine, [count, 1, height, width], align_corners=False)
    flat = clips.transpose(1, 2).flatten(0, 1)
    moved = functional.grid_sample(flat, grid.repeat_interleave(frames, dim=0), align_corners=False)
    return moved.view(count, frames, channels, height, width).transpose(1, 2)


def _another_look(grey: Tensor) -> Tensor:
    """Gamma, a gain that varies over the picture, speckle, and blur in half of the batches; grey is 0-1."""
    count, size = len(grey), grey.shape[-1]
    drawn = torch.rand(count, 3, 1, 1, 1, 1).to(grey)
    gamma = torch.exp(0.3 * torch.randn(count, 1, 1, 1, 1)).to(grey)
    gain = functional.interpolate(
        torch.randn(count, 1, 4, 4).to(grey), (size, size), mode="bicubic", align_corners=False
    )[:, :, None]
    grey = grey.clamp(1e-4, 1) ** gamma * torch.exp(0.25 * drawn[:, 0] * gain)
    grain = 0.15 * drawn[:, 1]
    grey = grey * (1 + grain * torch.randn_like(grey)) + 0.02 * grain * torch.randn_like(grey)
    if float(torch.rand(())) < 0.5:
        grey = functional.avg_pool3d(grey, (1, 3, 3), 1, (0, 1, 1))
    return grey
