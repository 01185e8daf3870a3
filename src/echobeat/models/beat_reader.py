"""Frames and masks -> one cut-out a beat -> network -> ejection fraction and how sure the network is of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from echobeat.errors import ModelError
from echobeat.frames import FrameStack
from echobeat.measurement import Reading
from echobeat.models.beat_clips import beat_clip
from echobeat.models.cards import Card
from echobeat.models.session import Backend
from echobeat.records import Beat, FloatArray

BLOCK = 8
"""Beats given to the network at once."""


class BeatReader:
    """A network that reads the EF of single beats from what moves and where the contour is, ready to run.

    Parameters
    ----------
    card : Card
        Of the task ``beats``.
    backend : Backend
        Takes (batch, 2, frames, size, size) float32, see `beat_clips.beat_clip`; gives (batch, 2): EF in percent,
        and the logarithm of its deviation.
    """

    def __init__(self, card: Card, backend: Backend) -> None:
        if card.task != "beats":
            raise ModelError(f"{card.name} does not read single beats.")
        self.card = card
        self._backend = backend

    def read(
        self, frames: FrameStack, times_s: FloatArray, lv: FrameStack, beats: Sequence[Beat]
    ) -> list[Reading | None]:
        """One reading a beat; None for a beat that lacks end-diastole or end-systole.

        Parameters
        ----------
        frames : FrameStack
            (frames, height, width) uint8.
        times_s : ndarray
            Not used: beats are sampled in step with the heart.
        lv : FrameStack
            (frames, height, width) bool.
        beats : sequence of Beat
        """
        readings: list[Reading | None] = [None] * len(beats)
        for first in range(0, len(beats), BLOCK):
            cut = {
                index: clip
                for index, beat in enumerate(beats[first : first + BLOCK], start=first)
                if (clip := beat_clip(frames, lv, beat)) is not None
            }
            if cut:
                for index, (ef, log_sd) in zip(cut, self._answers(np.stack(list(cut.values()))), strict=True):
                    readings[index] = Reading(float(np.clip(ef, 0.0, 100.0)), float(np.exp(log_sd)))
        return readings

    def _answers(self, clips: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._backend.run(clips)
