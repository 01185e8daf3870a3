"""The light U-Net of the bundled segmentation models."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

CLASSES = ("background", "left_ventricle", "myocardium", "left_atrium")
"""Channels of the network's output, in order: CAMUS's labels 0-3."""


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class _Residual(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = _convolution(inputs, outputs)
        self.second = nn.Sequential(nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs))
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.second(self.first(x)) + self.shortcut(x))


class LightUNet(nn.Module):
    """U-Net after Ronneberger et al. (2015, doi:10.1007/978-3-319-24574-4_28), made for two CPU cores.

    Full resolution gets one convolution on the way down, and every level one on the way up: contours of a
    ventricle are smooth, and half of a plain U-Net's work is done there. The levels on the way down are
    residual (He et al. 2016, doi:10.1109/CVPR.2016.90).

    Parameters
    ----------
    widths : sequence of int
        Channels from full resolution down; each level halves height and width, which must be divisible
        by ``2 ** (len(widths) - 1)``.
    classes : int
        Output channels.

    Notes
    -----
    Input (batch, 1, height, width) float32, grey 0-1 standardised per frame by the caller;
    output (batch, classes, height, width) logits.
    """

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64, 128, 192), classes: int = len(CLASSES)) -> None:
        super().__init__()
        self.widths = tuple(widths)
        self.stem = _convolution(1, widths[0])
        self.down = nn.ModuleList(
            nn.Sequential(_convolution(shallow, deep, stride=2), _Residual(deep, deep))
            for shallow, deep in pairwise(widths)
        )
        self.squeeze = nn.ModuleList(nn.Conv2d(deep, shallow, 1) for shallow, deep in pairwise(widths))
        self.up = nn.ModuleList(_convolution(2 * width, width) for width in widths[:-1])
        self.head = nn.Conv2d(widths[0], classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        skips = []
        for down in self.down:
            skips.append(x)
            x = down(x)
        for level in reversed(range(len(skips))):
            x = nn.functional.interpolate(self.squeeze[level](x), scale_factor=2.0, mode="bilinear")
            x = self.up[level](torch.cat([skips[level], x], dim=1))
        return self.head(x)  # type: ignore[no-any-return]  # nn.Module calls are untyped
