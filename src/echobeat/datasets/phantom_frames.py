"""Single frames of phantom patients, made in parallel before a training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from echobeat.datasets.crew import in_order
from echobeat.whole import whole_file

Labelled = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""(height, width) image, 0-255, and labels 0-3, both uint8."""

FRAMES_PER_PATIENT = 4
"""More patients teach more than more frames of one."""


@dataclass(frozen=True)
class FrameMaker:
    """Makes frames once for a run; a run that goes on finds them again.

    Attributes
    ----------
    folder : Path
        The run's folder; the frames are kept there.
    size : int
        Side of a frame in pixels.
    seed : int
    log : callable
        Takes each line of progress.
    """

    folder: Path
    size: int
    seed: int
    log: Callable[[str], None]

    def phantoms(self, count: int) -> list[Labelled]:
        """`count` frames of phantom patients at random phases, with labels as in CAMUS."""
        return self._kept("phantoms", _patient, count)

    def negatives(self, count: int) -> list[Labelled]:
        """`count` images without a left ventricle in A4C; labels all 0."""
        return self._kept("negatives", _negatives, count)

    def _kept(self, name: str, maker: Callable[..., list[Labelled]], count: int) -> list[Labelled]:
        path = self.folder / f"{name}-{count}-{self.size}-{self.seed}.npz"
        if not path.exists():
            made = _make(maker, count, self.size, self.seed, self.log)
            images, labels = (np.stack(part) for part in zip(*made, strict=True))
            with whole_file(path) as beside, beside.open("wb") as file:
                np.savez(file, images=images, labels=labels)
        with np.load(path) as kept:
            return list(zip(kept["images"], kept["labels"], strict=True))


def _make(
    maker: Callable[..., list[Labelled]], count: int, size: int, seed: int, log: Callable[[str], None]
) -> list[Labelled]:
    patients = -(-count // FRAMES_PER_PATIENT)
    seeds = [int(s) for s in np.random.default_rng(seed).integers(0, 2**31, patients)]
    frames: list[Labelled] = []
    for made in in_order(seeds, partial(maker, size=size)):
        frames += made
        if len(frames) % 4000 < FRAMES_PER_PATIENT:
            log(f"{len(frames)} of {count} frames made")
    return frames[:count]


def _patient(seed: int, size: int) -> list[Labelled]:
    from echobeat.phantom import sample_frames

    return list(zip(*sample_frames(seed, FRAMES_PER_PATIENT, size), strict=True))


def _negatives(seed: int, size: int) -> list[Labelled]:
    from echobeat.phantom import sample_negatives

    return list(zip(*sample_negatives(seed, FRAMES_PER_PATIENT, size), strict=True))
