"""Training frames: shape, labels, determinism, and the seeds they may come from."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from echobeat.errors import UsageError
from echobeat.phantom import sample_frames, sample_negatives
from echobeat.phantom.seeds import BENCHMARK_SEEDS, CALIBRATION_SEEDS, DATASET_SEEDS, TRAINING_SEEDS, VALIDATION_SEEDS


def test_same_seed_gives_the_same_bytes() -> None:
    """Two calls with one seed agree in every byte, another seed does not."""
    first, again, other = sample_frames(5, 2), sample_frames(5, 2), sample_frames(6, 2)
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_another_process_gives_the_same_bytes() -> None:
    """Nothing hangs on the process: hash seeds, import order, threads."""
    code = (
        "import hashlib; from echobeat.phantom import sample_frames;"
        "print(hashlib.sha256(sample_frames(5, 2)[0].tobytes()).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert other == hashlib.sha256(sample_frames(5, 2)[0].tobytes()).hexdigest()


def test_frames_hold_all_four_labels() -> None:
    """Every frame shows the ventricle, its wall and the atrium, in uint8 of the size asked for."""
    images, labels = sample_frames(7, 3, size=96)
    assert images.shape == labels.shape == (3, 96, 96)
    assert images.dtype == labels.dtype == np.uint8
    for label in labels:
        assert set(np.unique(label)) == {0, 1, 2, 3}


def test_the_cavity_is_darker_than_its_wall() -> None:
    """In nearly all patients: the image shows what the labels say."""
    darker = []
    for seed in range(30):
        images, labels = sample_frames(seed, 1)
        darker.append(images[labels == 1].mean() < images[labels == 2].mean())
    assert np.mean(darker) > 0.9


@pytest.mark.parametrize("maker", [sample_frames, sample_negatives])
@pytest.mark.parametrize("seeds", [VALIDATION_SEEDS, CALIBRATION_SEEDS, BENCHMARK_SEEDS, DATASET_SEEDS])
def test_seeds_set_aside_are_refused_for_training(maker, seeds) -> None:  # type: ignore[no-untyped-def]
    """A network can never be trained on a patient it is judged by."""
    with pytest.raises(UsageError, match="not a training seed"):
        maker(seeds.start, 1)


def test_ranges_of_seeds_are_disjoint() -> None:
    """No seed serves two purposes."""
    every = (TRAINING_SEEDS, VALIDATION_SEEDS, CALIBRATION_SEEDS, BENCHMARK_SEEDS, DATASET_SEEDS)
    ordered = sorted(every, key=lambda r: r.start)
    assert all(a.stop <= b.start for a, b in pairwise(ordered))


def test_negatives_hold_no_ventricle_and_are_many_kinds() -> None:
    """All labels are 0, all images differ, the same seed gives the same bytes."""
    images, labels = sample_negatives(3, 12, size=64)
    assert not labels.any()
    assert len({image.tobytes() for image in images}) == 12
    assert np.array_equal(images, sample_negatives(3, 12, size=64)[0])
