"""Phantom clips at the size of a screen, with their true sector; kept in a folder, for they take seconds each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from echobeat.phantom.examination import Examination, draw_patient

SIZES = (200, 256, 320, 400)
RATES = (25.0, 17.0, 33.0)


@dataclass(frozen=True)
class MadeClip:
    """A clip without writing.

    Attributes
    ----------
    seed : int
    frames : (frames, rows, columns) uint8.
    sector : (rows, columns) bool, true.
    fps : frames a second.
    """

    seed: int
    frames: NDArray[np.uint8]
    sector: NDArray[np.bool_]
    fps: float


def made_clip(seed: int, folder: Path, count: int = 16, look: tuple[int, float] | None = None) -> MadeClip:
    """The clip of a seed, which also chooses size and frame rate unless a `look` (size, frames a second) is given."""
    size, fps = look or (SIZES[seed % len(SIZES)], RATES[seed % len(RATES)])
    file = folder / f"{seed}-{count}{'' if look is None else f'-{size}-{fps:g}'}.npz"
    if not file.exists():
        frames, sector = _drawn(seed, size, fps, count)
        folder.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(file, frames=frames, sector=sector)
    with np.load(file) as kept:
        return MadeClip(seed, kept["frames"], kept["sector"], fps)


def _drawn(seed: int, size: int, fps: float, count: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    patient = draw_patient(seed, size=size, fps=fps)
    examination = Examination(patient, duration_s=max(1.0, count / fps + 0.5))
    times = np.arange(count) / fps
    cycle = examination.cycle(times)
    frames = np.empty((count, size, size), np.uint8)
    shown: NDArray[np.float32] | None = None
    kept = np.float32(patient.scanner.display.persistence)
    for index, time in enumerate(times):
        scene = examination.scene(float(cycle.volume_ml[index]), float(cycle.mitral_opening[index]), float(time))
        polar = examination.polar(scene, index)
        shown = polar if shown is None else polar + kept * (shown - polar)
        frames[index] = examination.screen.show(shown)
    white = examination.screen.show(np.full_like(polar, 255)) > 127
    _, labels, sizes, _ = cv2.connectedComponentsWithStats(white.astype(np.uint8))
    return frames, labels == 1 + int(np.argmax(sizes[1:, cv2.CC_STAT_AREA]))  # without the depth scale's ticks
