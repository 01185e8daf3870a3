"""Figures come with the n and the interval that they deserve."""

import numpy as np
import pytest

from echobeat.evaluation.bootstrap import mean_metric
from echobeat.evaluation.dice import dice


def test_the_bootstrap_interval_is_that_of_the_mean():
    """For many patients it agrees with the normal approximation."""
    values = np.random.default_rng(1).normal(3, 2, 400)
    metric = mean_metric("error", values, "made")
    half = 1.96 * values.std() / 20
    assert metric.n == 400
    assert metric.value == pytest.approx(values.mean())
    assert metric.low == pytest.approx(values.mean() - half, abs=0.03)
    assert metric.high == pytest.approx(values.mean() + half, abs=0.03)


def test_dice_of_known_masks():
    """Half overlap is 0.5, none is 0, and two empty masks agree."""
    one, other = np.zeros((2, 4, 4), bool)
    assert dice(one, other) == 1
    one[0], other[0, :2], other[1, :2] = True, True, True
    assert dice(one, other) == 0.5
    assert dice(one, np.zeros((4, 4), bool)) == 0
