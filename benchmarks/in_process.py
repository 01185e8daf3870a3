"""What is timed inside one process, after start-up: ``python -m benchmarks.in_process WHAT ...`` prints seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np


def best_of(runs: int, work: Callable[[], object]) -> float:
    """Shortest of some runs after one that does not count, in seconds."""
    work()
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def decode_to_ef(clip: str) -> float:
    """File to EF: decode, segment, measure; the models are loaded before."""
    from echobeat import pipeline

    models = pipeline.Models.load()
    return best_of(5, lambda: pipeline.analyze_clip(pipeline.read(Path(clip)), models))


def matrix_product(side: str) -> float:
    """A float32 matrix product: what this machine can do while the other figures are taken."""
    one, other = (np.random.default_rng(seed).random((int(side), int(side)), np.float32) for seed in (1, 2))
    return best_of(5, lambda: one @ other)


def phantom_study(frames: str) -> float:
    """Seconds a frame to make a phantom's study, image formation and truth, on one core."""
    import cv2

    from echobeat.phantom import draw_patient, make_study

    cv2.setNumThreads(1)
    patient = draw_patient(1, rhythm="sinus", clip="free", beats=3, fps=50.0, size=int(frames))
    count = len(make_study(patient).frames)
    return best_of(2, lambda: make_study(patient)) / count


WORK: dict[str, Callable[[str], float]] = {
    "decode_to_ef": decode_to_ef,
    "matrix_product": matrix_product,
    "phantom_study": phantom_study,
}

if __name__ == "__main__":
    sys.stdout.write(f"{WORK[sys.argv[1]](sys.argv[2])}\n")
