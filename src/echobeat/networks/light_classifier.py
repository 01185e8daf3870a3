"""The light classifier of single frames: which view, which way round, or no B-mode picture at all."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from echobeat.models import VIEW_CLASSES


class _Stage(nn.Module):
    """Half the height and width, then two 3 x 3 convolutions beside a shortcut (He et al. 2016)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.down = _convolution(inputs, outputs, stride=2)
        self.first = _convolution(outputs, outputs)
        self.second = nn.Sequential(nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        x = self.down(x)
        return torch.relu(self.second(self.first(x)) + x)


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class LightClassifier(nn.Module):
    """A residual network of under 0.2 M parameters that keeps where in the picture it saw what.

    Which chambers there are, and where, is seen at half the resolution as well, at a quarter of the cost.

    Parameters
    ----------
    widths : sequence of int
        Channels of the stem and of each stage; each halves height and width.
    size : int
        Height and width of the input, divisible by ``2 ** (1 + len(widths))``.
    classes : int

    Notes
    -----
    Input (batch, 1, size, size) float32, standardised per frame by the caller; output (batch, classes) logits.
    The last grid is flattened, not averaged: left and right, top and bottom are what orientation is about.
    """

    def __init__(
        self, widths: tuple[int, ...] = (16, 32, 64), size: int = 112, classes: int = len(VIEW_CLASSES)
    ) -> None:
        super().__init__()
        self.widths = tuple(widths)
        cells = (size // 2 ** (1 + len(widths))) ** 2
        self.stem = nn.Sequential(nn.AvgPool2d(2), _convolution(1, widths[0], stride=2))
        self.stages = nn.Sequential(*(_Stage(shallow, deep) for shallow, deep in pairwise(widths)))
        self.squeeze = nn.Conv2d(widths[-1], 8, 1)
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.ReLU(inplace=True),
            nn.Dropout(0.2),
            nn.Linear(8 * cells, 32),
            nn.ReLU(inplace=True),
            nn.Linear(32, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.squeeze(self.stages(self.stem(x))))  # type: ignore[no-any-return]  # untyped nn.Module
