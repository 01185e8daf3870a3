"""The light EF network: factorised convolutions over space and time, made for two CPU cores."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

STEM = 16
"""Channels at half the size."""


def _spatial(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """3 x 3 within each frame."""
    return nn.Sequential(
        nn.Conv3d(inputs, outputs, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False),
        nn.BatchNorm3d(outputs),
        nn.ReLU(inplace=True),
    )


class Residual(nn.Module):
    """3 x 3 over space, then 3 over time, beside a shortcut; `stride` halves all three."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.spatial = _spatial(inputs, outputs, stride)
        self.temporal = nn.Sequential(
            nn.Conv3d(outputs, outputs, (3, 1, 1), (stride, 1, 1), (1, 0, 0), bias=False), nn.BatchNorm3d(outputs)
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv3d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm3d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.temporal(self.spatial(x)) + self.shortcut(x))


class LightVideo(nn.Module):
    """(2+1)D residual network after Tran et al. (2018, doi:10.1109/CVPR.2018.00675), thirty times smaller.

    Space shrinks fourfold before time is looked at: a ventricle's wall moves over many pixels, and the stem's
    channels carry where between two of them it lies. After that, space and time are halved together.

    Parameters
    ----------
    outputs : int
        Of the last layer.
    widths : sequence of int
        Channels of the stages, each two residual blocks; all but the first stage halve space and time.
    channels : int
        Of the input.

    Notes
    -----
    Input (batch, channels, frames, height, width) float32, standardised per frame by the caller; output
    (batch, outputs). Features are averaged over space and time, so that any number of frames is taken.
    """

    def __init__(self, outputs: int = 1, widths: tuple[int, ...] = (48, 96, 192), channels: int = 1) -> None:
        super().__init__()
        self.stem = nn.Sequential(_spatial(channels, STEM, stride=2), _spatial(STEM, widths[0], stride=2))
        stages = [nn.Sequential(Residual(widths[0], widths[0]), Residual(widths[0], widths[0]))]
        for narrow, wide in pairwise(widths):
            stages.append(nn.Sequential(Residual(narrow, wide, stride=2), Residual(wide, wide)))
        self.stages = nn.Sequential(*stages)
        self.head = nn.Linear(widths[-1], outputs)

    def forward(self, x: Tensor) -> Tensor:
        features = self.levels(x)[-1].mean(dim=(2, 3, 4))
        return self.head(features)  # type: ignore[no-any-return]  # nn.Module calls are untyped

    def levels(self, x: Tensor) -> list[Tensor]:
        """Features from half the size on, one tensor for the stem's first half and one for each stage."""
        first, second = self.stem
        found = [first(x)]
        x = second(found[0])
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found
