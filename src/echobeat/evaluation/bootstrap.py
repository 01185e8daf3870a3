"""Intervals of means by the bootstrap over patients."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from echobeat.models import Metric

SAMPLES = 10_000


def mean_metric(name: str, values: ArrayLike, data: str, *, level: float = 0.95, seed: int = 0) -> Metric:
    """Mean over patients with its percentile bootstrap interval (Efron 1979, doi:10.1214/aos/1176344552).

    Parameters
    ----------
    name, data : str
        What was measured, and on what.
    values : array_like
        (patients,), one value a patient.
    level : float
        Of the interval.
    seed : int
        Of the resampling.
    """
    sample = np.asarray(values, dtype=float)
    rng = np.random.default_rng(seed)
    means = np.concatenate(
        [sample[rng.integers(0, len(sample), (500, len(sample)))].mean(axis=1) for _ in range(SAMPLES // 500)]
    )
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Metric(name, float(sample.mean()), len(sample), float(low), float(high), data)
