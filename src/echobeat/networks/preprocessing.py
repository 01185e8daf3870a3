"""What happens to grey levels before a network sees them; it travels with the network, into the model file."""

from __future__ import annotations

import torch
from torch import Tensor, nn

PUBLISHED_MEAN, PUBLISHED_STD = 32.0, 49.0
"""Grey levels of EchoNet-Dynamic's training split, rounded: the published models were trained with values near
these, which their checkpoints do not hold (Ouyang et al. 2020, doi:10.1038/s41586-020-2145-8, and its code)."""

Levels = float | tuple[float, ...]
"""A grey level, or one for each of three channels."""


def standardise(frames: Tensor) -> Tensor:
    """Bring each frame to mean 0 and deviation 1.

    Parameters
    ----------
    frames : Tensor
        (batch, 1, height, width) or (batch, 1, frames, height, width), float32, grey 0-255.
    """
    mean = frames.mean(dim=(-2, -1), keepdim=True)
    deviation = ((frames - mean) ** 2).mean(dim=(-2, -1), keepdim=True).sqrt()
    return (frames - mean) / (deviation + 1.0)  # one grey level keeps a black frame finite


class Standardise(nn.Module):
    """`standardise` as a layer."""

    blank = 0.0
    in_words = "each frame by its own mean and deviation"

    def forward(self, frames: Tensor) -> Tensor:
        return standardise(frames)


class Normalise(nn.Module):
    """Grey repeated to three channels, each less its mean and over its deviation.

    Parameters
    ----------
    mean, std : float or three of them
        Grey levels, 0-255; kept as buffers, so that they travel with the weights.
    dimensions : int
        2 for frames (batch, 1, height, width), 3 for clips (batch, 1, frames, height, width).
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Levels, std: Levels, dimensions: int) -> None:
        super().__init__()
        shape = (1, 3) + (1,) * dimensions
        self.register_buffer("mean", torch.as_tensor(mean, dtype=torch.float32).expand(3).reshape(shape).clone())
        self.register_buffer("std", torch.as_tensor(std, dtype=torch.float32).expand(3).reshape(shape).clone())

    @property
    def blank(self) -> float:
        """Grey level that the network sees as 0: the mean over the channels."""
        return round(float(self.mean.mean()), 3)

    @property
    def in_words(self) -> str:
        """What happens to grey levels, for a card."""
        mean, std = float(self.mean.mean()), float(self.std.mean())
        return f"grey repeated to three channels, less {mean:.4g}, over {std:.4g}"

    def forward(self, frames: Tensor) -> Tensor:
        return (frames - self.mean) / self.std  # one channel less three means is three channels
