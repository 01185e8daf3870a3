"""What is timed inside one process, after start-up: ``python -m benchmarks.in_process WHAT ARGUMENT``.

Prints two figures: seconds, and seconds of processor time, which other programs disturb less.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

Taken = tuple[float, float]
"""Seconds on the clock, seconds of processor time over all threads."""


def best_of(runs: int, work: Callable[[], object]) -> Taken:
    """Shortest of some runs after one that does not count."""
    work()
    taken = []
    for _ in range(runs):
        began, began_cpu = time.perf_counter(), time.process_time()
        work()
        taken.append((time.perf_counter() - began, time.process_time() - began_cpu))
    return min(taken)


def decode_to_ef(clip: str) -> Taken:
    """File to EF: decode, segment, measure; the models are loaded before."""
    from echobeat import pipeline

    models = pipeline.Models.load()
    return best_of(5, lambda: pipeline.analyze_clip(pipeline.read(Path(clip)), models))


def matrix_product(side: str) -> Taken:
    """A float32 matrix product: what this machine can do while the other figures are taken."""
    one, other = (np.random.default_rng(seed).random((int(side), int(side)), np.float32) for seed in (1, 2))
    return best_of(5, lambda: one @ other)


def phantom_study(size: str) -> Taken:
    """Seconds a frame to make a phantom's study, image formation and truth, on one core."""
    import cv2

    from echobeat.phantom import draw_patient, make_study

    cv2.setNumThreads(1)
    patient = draw_patient(1, rhythm="sinus", clip="free", beats=3, fps=50.0, size=int(size))
    count = len(make_study(patient).frames)
    seconds, cpu_s = best_of(2, lambda: make_study(patient))
    return seconds / count, cpu_s / count


WORK: dict[str, Callable[[str], Taken]] = {
    "decode_to_ef": decode_to_ef,
    "matrix_product": matrix_product,
    "phantom_study": phantom_study,
}

if __name__ == "__main__":
    print(*WORK[sys.argv[1]](sys.argv[2]))
