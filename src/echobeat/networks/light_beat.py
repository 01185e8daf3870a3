"""The network that reads a beat: grey and mask of a few frames in, what the mask's EF lacks and its deviation out."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from echobeat.models.beat_clips import FRAMES
from echobeat.networks.light_video import STEM, LightVideo, Residual

EF_SCALE = 10.0
"""Points of EF that the last layer's unit stands for."""
LOG_SD_START, LOG_SD_RANGE = 1.6, (-1.5, 3.5)
"""Logarithm of the deviation in points of EF at the start (5 points), and how far it may go (0.2 to 33)."""
TRUST = 3.0
"""Logit of a pixel that the found mask holds, at the start."""
END_SYSTOLE = FRAMES // 2
POWER = 1.5
"""Volume goes with this power of a cut's area where a shape shrinks alike in all directions."""
HIDDEN = 32


class LightBeat(nn.Module):
    """Draws the ventricle anew from all frames of a beat, and says how its EF changes by that.

    A still often does not show the wall; its movement does. `LightVideo` looks at the beat, a decoder over its
    stages (U-Net: Ronneberger et al. 2015, doi:10.1007/978-3-319-24574-4_28) corrects the mask in every frame, and
    what the cavity's area tells before and after is the first estimate of the correction. A small layer adds to it,
    from the picture's features, from the course of both areas, and from how doubtful the border is; it also says
    the deviation. So each frame's true cavity teaches, and not only one number a beat
    (docs/decisions/0018-reading-beats.md).

    Grey is standardised over the whole cut-out, so that brightness that changes in time is kept; the mask goes from
    -1 to 1.

    Parameters
    ----------
    widths : sequence of int
        Of `LightVideo`.

    Notes
    -----
    Input (batch, 2, frames, height, width) float32: grey 0-255, mask 0-1. Output (batch, 2): points
    to add to the EF of the contours, and the logarithm of the deviation of the sum. With `outlines`, also the logits of
    the cavity, (batch, 1, frames, height / 2, width / 2).
    """

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128)) -> None:
        super().__init__()
        self.widths = tuple(widths)
        self.video = LightVideo(HIDDEN, self.widths, channels=2)
        levels = (STEM, *self.widths)
        self.squeeze = nn.ModuleList(nn.Conv3d(deep, shallow, 1) for shallow, deep in pairwise(levels))
        self.up = nn.ModuleList(Residual(width, width) for width in levels[:-1])
        self.outline = nn.Conv3d(levels[0], 1, 1)
        self.trust = nn.Parameter(torch.tensor(TRUST))
        self.courses = nn.Linear(3 * FRAMES, HIDDEN)
        self.answer = nn.Linear(HIDDEN, 2)
        for weights in (*self.outline.parameters(), *self.answer.parameters()):
            nn.init.zeros_(weights)

    def forward(self, clips: Tensor, outlines: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        mask = 2 * clips[:, 1:] - 1
        levels = self.video.levels(torch.cat([_standardised(clips[:, :1]), mask], dim=1))
        believed = self.trust * functional.avg_pool3d(mask, (1, 2, 2))
        logits = (believed + self.outline(self._drawn(levels))).float()
        before, after = _log_areas(believed.float().sigmoid()), _log_areas(logits.sigmoid())
        doubt = logits.sigmoid() * (-logits).sigmoid()
        courses = torch.cat(
            [
                before - before.mean(dim=1, keepdim=True),
                after - after.mean(dim=1, keepdim=True),
                _log_areas(doubt) - after,
            ],
            dim=1,
        )
        features = self.video.head(levels[-1].mean(dim=(2, 3, 4))) + self.courses(courses)
        answer = self.answer(torch.relu(features)).float()  # the likelihood wants more than half precision
        correction = _ef(after) - _ef(before) + EF_SCALE * answer[:, :1]
        log_sd = (LOG_SD_START + answer[:, 1:]).clamp(*LOG_SD_RANGE)
        told = torch.cat([correction, log_sd], dim=1)
        return (told, logits) if outlines else told

    def _drawn(self, levels: list[Tensor]) -> Tensor:
        x = levels[-1]
        for skip, squeeze, up in reversed(list(zip(levels, self.squeeze, self.up, strict=False))):
            x = up(skip + _enlarged(squeeze(x), skip))
        return x


def _enlarged(x: Tensor, like: Tensor) -> Tensor:
    """Each value repeated over frames, rows and columns until there are as many as in `like`.

    `interpolate` does the same, but becomes an operation that ONNX Runtime takes eight times as long for.
    """
    frames, rows, columns = (int(size) for size in x.shape[2:])
    larger = [int(size) for size in like.shape[2:]]
    over = (larger[0] // frames, larger[1] // rows, larger[2] // columns)
    apart = x.reshape(-1, x.shape[1], frames, 1, rows, 1, columns, 1)
    return apart.expand(-1, -1, -1, over[0], -1, over[1], -1, over[2]).reshape(-1, x.shape[1], *larger)


def _standardised(grey: Tensor) -> Tensor:
    mean = grey.mean(dim=(2, 3, 4), keepdim=True)
    deviation = ((grey - mean) ** 2).mean(dim=(2, 3, 4), keepdim=True).sqrt()
    return (grey - mean) / (deviation + 4.0)


def _log_areas(share: Tensor) -> Tensor:
    """(batch, frames): logarithm of the sum over each frame's pixels."""
    return torch.log(share.sum(dim=(1, 3, 4)) + 1.0)


def _ef(log_areas: Tensor) -> Tensor:
    """(batch, 1) in percent, as the areas alone tell it; end-diastole is the mean of both."""
    end_diastole = (log_areas[:, :1] + log_areas[:, -1:]) / 2
    return 100 * (1 - torch.exp(POWER * (log_areas[:, END_SYSTOLE : END_SYSTOLE + 1] - end_diastole)))
