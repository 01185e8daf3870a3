"""Held-out appearances are functions of the image alone: a run that goes on is judged by the pictures it began with."""

from __future__ import annotations

import numpy as np
import pytest

from echobeat.training.shifts import SHIFTS


@pytest.mark.parametrize("name", SHIFTS)
def test_an_appearance_does_not_depend_on_what_the_memory_held(name: str) -> None:
    """The same picture again after the memory was filled with white, then with grey."""
    image = np.random.default_rng(0).integers(0, 200, (150, 110), dtype=np.uint8)
    made = []
    for grey in (255, 90, 0):
        spoiled = [np.full(shape, grey, np.uint8) for shape in ((360, 150), (150, 360), (150, 110)) for _ in range(40)]
        del spoiled
        made.append(SHIFTS[name](image))
    assert made[0].shape == image.shape
    assert all(np.array_equal(made[0], again) for again in made[1:])
