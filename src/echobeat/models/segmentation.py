"""Frames -> network -> the left ventricle's mask in every frame, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from echobeat.errors import ModelError
from echobeat.frames import FrameStack
from echobeat.measurement import clean_mask
from echobeat.models.cards import Card, load_card, model_file
from echobeat.models.letterbox import Letterbox
from echobeat.models.session import Backend, BackendName, open_backend
from echobeat.records import LVMasks

BLOCK = 16
"""Frames given to the network at once: its activations then stay near 100 MB."""

_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)

Float32 = NDArray[np.float32]


class Segmenter:
    """A segmentation model, ready to run.

    Parameters
    ----------
    card : Card
    backend : Backend
        Takes (batch, 1, size, size) grey 0-255, gives (batch, classes, size, size) probabilities.
    """

    def __init__(self, card: Card, backend: Backend) -> None:
        self.card = card
        self._backend = backend
        self._channel = card.classes.index("left_ventricle")

    def segment(self, frames: FrameStack, progress: Callable[[int], None] | None = None) -> LVMasks:
        """Find the left ventricle in every frame, each by itself in the box of all, see `Letterbox.of`.

        Parameters
        ----------
        frames : FrameStack
            (frames, height, width) uint8.
        progress : callable
            Told the number of frames done, block by block.

        Returns
        -------
        LVMasks
            One connected region a frame, or none; at the frames' own size.
        """
        count, height, width = frames.shape
        box = Letterbox.of(frames, self.card.size, self.card.crop)
        masks = FrameStack(height, width, bool)
        confidence = np.zeros(count)
        for block in self._probabilities(frames, box):
            first = len(masks)
            clean, confidence[first : first + len(block)] = _one_region(block)
            masks.append(box.leave(clean) > 0.5)
            if progress:
                progress(len(masks))
        return LVMasks(masks, confidence)

    def _probabilities(self, frames: FrameStack, box: Letterbox) -> Iterator[Float32]:
        for _, block in frames.blocks(BLOCK):
            probabilities = self._backend.run(box.enter(block)[:, None])[:, self._channel]
            shows = np.ptp(block, axis=(1, 2)) > 0  # on a frame of one grey a network tells what it expects, not sees
            yield probabilities * shows[:, None, None].astype(np.float32)


def load_segmenter(name: str | Path = "lv", backend: BackendName = "auto", threads: int = 0) -> Segmenter:
    """Load a segmentation model: a bundled one, one of the user's own, or a training run's folder.

    Raises
    ------
    ModelError
        Unknown name, damaged file, or a model for another task.
    """
    card = load_card(name)
    if card.task != "segmentation":
        raise ModelError(f"{name} is no segmentation model: it is for {card.task}.")
    return Segmenter(card, open_backend(model_file(name), backend, threads))


def _one_region(probabilities: Float32) -> tuple[Float32, NDArray[np.float64]]:
    """Keep the largest region above 0.5 of each frame, fill its holes, and say how decided the network is.

    The confidence is the Dice overlap of the probabilities with their own mask, over pixels above 0.1: 1 where
    every pixel is decided, and 0 where there is no region.
    """
    clean = np.zeros_like(probabilities)
    confidence = np.zeros(len(probabilities))
    for index, frame in enumerate(probabilities):
        whole = clean_mask(frame > 0.5)
        if not whole.any():
            continue
        near = cv2.dilate(whole.view(np.uint8), _CROSS, iterations=2)
        clean[index] = np.where(whole & (frame <= 0.5), np.float32(1), frame) * near
        soft = float(clean[index][clean[index] > 0.1].sum())
        confidence[index] = 2 * float(frame[whole].sum()) / (soft + float(whole.sum()))
    return clean, confidence
