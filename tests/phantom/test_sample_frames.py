"""Training frames: shape, labels, determinism, and the seeds they may come from."""

from __future__ import annotations

import numpy as np
import pytest

from echobeat.errors import UsageError
from echobeat.phantom import sample_frames
from echobeat.phantom.seeds import SEED_RANGES


def test_same_seed_gives_the_same_bytes() -> None:
    """Two calls with one seed agree in every byte, another seed does not."""
    first, again, other = sample_frames(5, 2), sample_frames(5, 2), sample_frames(6, 2)
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_frames_hold_all_four_labels() -> None:
    """Every frame shows the ventricle, its wall and the atrium, in uint8 of the size asked for."""
    images, labels = sample_frames(7, 3, size=96)
    assert images.shape == labels.shape == (3, 96, 96)
    assert images.dtype == labels.dtype == np.uint8
    for label in labels:
        assert set(np.unique(label)) == {0, 1, 2, 3}


@pytest.mark.parametrize("purpose", ["validation", "calibration", "benchmark"])
def test_seeds_set_aside_are_refused_for_training(purpose: str) -> None:
    """A network can never be trained on a patient it is judged by."""
    with pytest.raises(UsageError, match="not a training seed"):
        sample_frames(SEED_RANGES[purpose].start, 1)  # type: ignore[index]
