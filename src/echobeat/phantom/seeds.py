"""Every random number of a phantom comes from here: one seed a patient, one named stream a purpose.

The ranges of seeds are disjoint on purpose: what a network was trained on can never be what it is
judged or calibrated on.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from echobeat.errors import UsageError

TRAINING_SEEDS = range(2**40)
"""Patients for training; `sample_frames` accepts only these."""
VALIDATION_SEEDS = range(2**40, 2**41)
"""Patients for choosing models."""
CALIBRATION_SEEDS = range(2**41, 2**42)
"""Patients for calibrating intervals."""
BENCHMARK_SEEDS = range(2**42, 2**43)
"""Patients of the fixed benchmark; nothing is ever trained, chosen or calibrated on them."""

DATASET_SEEDS = range(2**43, 2**44)
"""Patients of data sets on disk, with a split of their own."""

Stream = Literal["heart", "rhythm", "scanner", "acquisition", "speckle", "frame", "choice", "negative", "view"]
_STREAMS: tuple[Stream, ...] = (
    "heart",
    "rhythm",
    "scanner",
    "acquisition",
    "speckle",
    "frame",
    "choice",
    "negative",
    "view",
)


def generator(seed: int, stream: Stream, index: int = 0) -> np.random.Generator:
    """Random numbers for one purpose of one patient; streams and indices are independent of each other."""
    if seed < 0:
        raise UsageError(f"A seed is a whole number from 0 on, not {seed}.")
    sequence = np.random.SeedSequence([seed, _STREAMS.index(stream), index])
    return np.random.Generator(np.random.SFC64(sequence))


def require_training_seed(seed: int) -> None:
    """Refuse a seed that is set aside for judging or calibrating.

    Raises
    ------
    UsageError
        The seed lies outside `TRAINING_SEEDS`.
    """
    if seed not in TRAINING_SEEDS:
        raise UsageError(f"Seed {seed} is not a training seed: they lie from 0 to {TRAINING_SEEDS.stop - 1}.")
