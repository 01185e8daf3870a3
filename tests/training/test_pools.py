"""Samples are fixed by their number and the seed."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from echobeat.training.augment import Augmentation  # noqa: E402  torch may be missing
from echobeat.training.pools import Pool, PooledImages  # noqa: E402


def pool(strength=1.0, share=1.0):
    image = np.tile(np.arange(100, dtype=np.uint8) * 2, (80, 1))
    labels = np.zeros((80, 100), np.uint8)
    labels[20:50, 30:60] = 1
    labels[50:60, 30:60] = 3
    return Pool([(image, labels)], share, Augmentation(strength=strength))


def test_a_sample_is_the_same_whenever_it_is_asked_for():
    """Training goes on with the samples it would have had."""
    one, other = (PooledImages([pool()], 64, seed=7) for _ in range(2))
    other[3, 0]
    assert all(torch.equal(one[11, 0][name], other[11, 5][name]) for name in ("study", "images", "labels"))
    assert not torch.equal(one[11, 0]["images"], one[12, 0]["images"])
    assert not torch.equal(one[11, 0]["images"], PooledImages([pool()], 64, seed=8)[11, 0]["images"])


def test_labels_move_with_the_image():
    """Without a change of appearance, the grey under the ventricle's label stays the ventricle's grey."""
    image = np.full((90, 120), 40, np.uint8)
    labels = np.zeros((90, 120), np.uint8)
    labels[20:60, 40:80] = 1
    image[labels == 1] = 200
    samples = PooledImages([Pool([(image, labels)], 1.0, Augmentation(strength=0))], 64, seed=1)
    drawn = [samples[k, 0] for k in range(16)]
    moved, truth = (torch.stack([one[name] for one in drawn]).numpy() for name in ("images", "labels"))
    assert moved[truth == 1].mean() > 190
    assert set(np.unique(truth)) <= {0, 1}


def test_shares_are_kept():
    """A pool with nine tenths of the share gives about nine tenths of the samples."""
    empty = Pool([(np.zeros((50, 50), np.uint8), np.zeros((50, 50), np.uint8))], 0.1, Augmentation(strength=0))
    samples = PooledImages([pool(0.0, 0.9), empty], 32, seed=1)
    filled = np.mean([bool((samples[k, 0]["labels"] > 0).any()) for k in range(300)])
    assert 0.8 < filled < 0.97
