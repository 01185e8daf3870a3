"""The clips that are timed: one phantom's loop, as often as needed."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from echobeat.phantom import draw_patient, make_study

FPS = 50.0
FRAMES = 175
"""The usual length of a clip of EchoNet-Dynamic: 3.5 s."""

SEED = 20


def phantom_loop() -> NDArray[np.uint8]:
    """`FRAMES` frames (frames, 112, 112), uint8, of a patient in sinus rhythm."""
    study = make_study(draw_patient(SEED, rhythm="sinus", clip="free", beats=5, fps=FPS))
    return repeated(study.frames, FRAMES)


def repeated(loop: NDArray[np.uint8], frames: int) -> NDArray[np.uint8]:
    """The loop forwards and backwards in turns, so that the heart never jumps, cut to `frames`."""
    there_and_back = np.concatenate([loop, loop[-2:0:-1]])
    return there_and_back[np.arange(frames) % len(there_and_back)]


def write_avi(path: Path, loop: NDArray[np.uint8], frames: int) -> Path:
    """Write MJPG at 50 frames a second, as EchoNet-Dynamic's videos are."""
    _, height, width = loop.shape
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, (width, height))
    for frame in repeated(loop, frames):
        writer.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))
    writer.release()
    return path
