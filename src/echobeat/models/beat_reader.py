"""Frames and masks -> one cut-out a beat -> network -> ejection fraction and how sure the network is of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from echobeat.errors import ModelError
from echobeat.frames import FrameStack
from echobeat.models.beat_clips import beat_clip
from echobeat.models.cards import Card
from echobeat.models.session import Backend
from echobeat.records import Beat, FloatArray, Reading

BLOCK = 8
"""Beats given to the network at once."""


class BeatReader:
    """A network that reads the EF of single beats from what moves and where the contour is, ready to run.

    Parameters
    ----------
    card : Card
        Of the task ``beats``.
    backend : Backend
        Takes (batch, 2, frames, size, size) float32, see `beat_clips.beat_clip`; gives (batch, 2): points to
        add to the EF of the contours, and the logarithm of the deviation of the sum.
    """

    def __init__(self, card: Card, backend: Backend) -> None:
        if card.task != "beats":
            raise ModelError(f"{card.name} does not read single beats.")
        self.card = card
        self._backend = backend

    def read(
        self, frames: FrameStack, times_s: FloatArray, lv: FrameStack, beats: Sequence[Beat]
    ) -> list[Reading | None]:
        """One reading a beat; None for a beat that lacks end-diastole, end-systole or an EF of its contours.

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
                if beat.ef is not None and (clip := beat_clip(frames, lv, beat)) is not None
            }
            if cut:
                answers = self.answers(np.stack(list(cut.values())))
                for index, (correction, log_sd) in zip(cut, answers, strict=True):
                    ef = (beats[index].ef or 0.0) + float(correction)
                    readings[index] = Reading(float(np.clip(ef, 0.0, 100.0)), float(np.exp(log_sd)))
        return readings

    def answers(self, clips: NDArray[np.float32]) -> NDArray[np.float32]:
        """(beats, 2, FRAMES, SIZE, SIZE) float32 to (beats, 2): correction, and logarithm of the deviation."""
        return self._backend.run(clips)
