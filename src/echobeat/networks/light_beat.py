"""The network that reads a beat: grey and mask of a few frames in, what the mask's EF lacks and its deviation out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from echobeat.networks.light_video import LightVideo

EF_SCALE = 10.0
"""Points of EF that the last layer's unit stands for."""
LOG_SD_START, LOG_SD_RANGE = 1.6, (-1.5, 3.5)
"""Logarithm of the deviation in points of EF at the start (5 points), and how far it may go (0.2 to 33)."""


class LightBeat(nn.Module):
    """`LightVideo` on two channels, with what comes before and after it.

    It corrects the EF of the contours and does not begin from nothing: with a few thousand beats to learn from, that
    came nearer to the truth (docs/decisions/0018-reading-beats.md). Grey is standardised over the whole cut-out, so
    that brightness that changes in time is kept; the mask goes from -1 to 1.

    Parameters
    ----------
    widths : sequence of int
        Of `LightVideo`.

    Notes
    -----
    Input (batch, 2, frames, height, width) float32: grey 0-255, mask 0-1. Output (batch, 2): points
    to add to the EF of the contours, and the logarithm of the deviation of the sum.
    """

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128)) -> None:
        super().__init__()
        self.widths = tuple(widths)
        self.video = LightVideo(2, self.widths, channels=2)
        nn.init.zeros_(self.video.head.weight)
        nn.init.zeros_(self.video.head.bias)

    def forward(self, clips: Tensor) -> Tensor:
        grey = clips[:, :1]
        mean = grey.mean(dim=(2, 3, 4), keepdim=True)
        deviation = ((grey - mean) ** 2).mean(dim=(2, 3, 4), keepdim=True).sqrt()
        x = torch.cat([(grey - mean) / (deviation + 4.0), 2 * clips[:, 1:] - 1], dim=1)
        answer = self.video(x).float()  # the likelihood wants more than half precision
        correction = EF_SCALE * answer[:, :1]
        log_sd = (LOG_SD_START + answer[:, 1:]).clamp(*LOG_SD_RANGE)
        return torch.cat([correction, log_sd], dim=1)
