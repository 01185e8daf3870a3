"""Distances between outlines are those that scipy gives by brute force, and an empty mask is punished, not dropped."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial.distance import cdist
from sklearn.metrics import f1_score, jaccard_score

from echobeat.evaluation.overlap import distances, score_frame


def blob(seed: int, size: int = 24) -> np.ndarray:
    """An ellipse somewhere in the frame."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size]
    middle, axes = rng.uniform(8, 16, 2), rng.uniform(3, 7, 2)
    return ((rows - middle[0]) / axes[0]) ** 2 + ((columns - middle[1]) / axes[1]) ** 2 < 1


def edge_points(mask: np.ndarray, spacing: tuple[float, float]) -> np.ndarray:
    edge = mask & ~ndimage.binary_erosion(mask)
    return np.argwhere(edge) * np.array(spacing)


@given(seed=st.integers(0, 10**6), spacing=st.tuples(st.floats(0.2, 2), st.floats(0.2, 2)))
@settings(max_examples=20)
def test_distances_are_those_between_the_edges(seed: int, spacing: tuple[float, float]) -> None:
    """95th percentile of the distances each way, the larger of the two; and the mean over both edges."""
    one, other = blob(seed), blob(seed + 1)
    apart = cdist(edge_points(one, spacing), edge_points(other, spacing))
    there, back = apart.min(axis=1), apart.min(axis=0)
    hd95, surface = distances(one, other, spacing)
    assert hd95 == pytest.approx(max(np.percentile(there, 95), np.percentile(back, 95)), rel=1e-4)
    assert surface == pytest.approx(np.concatenate([there, back]).mean(), rel=1e-4)


def test_an_empty_mask_is_a_diagonal_away() -> None:
    """Finding nothing costs the frame's diagonal, whichever mask is empty; nothing found where nothing is: 0."""
    mask, nothing = blob(1), np.zeros((24, 24), bool)
    diagonal = math.hypot(24 * 0.5, 24 * 0.3)
    assert distances(mask, nothing, (0.5, 0.3)) == pytest.approx((diagonal, diagonal))
    assert distances(nothing, mask, (0.5, 0.3)) == pytest.approx((diagonal, diagonal))
    assert distances(nothing, nothing) == (0.0, 0.0)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20)
def test_pixels_in_common_give_scikit_learns_dice(seed: int) -> None:
    """Dice is the F1 score of the pixels; union and intersection give Jaccard's index."""
    one, other = blob(seed), blob(seed + 1)
    score = score_frame("a", 3, "ES", one, other, None)
    assert score.dice == pytest.approx(f1_score(other.ravel(), one.ravel()))
    union = score.predicted_px + score.traced_px - score.intersection_px
    assert score.intersection_px / union == pytest.approx(jaccard_score(other.ravel(), one.ravel()))


def test_millimetres_are_given_where_the_spacing_is_known() -> None:
    """Twice the spacing is twice the distance; no spacing, no millimetres."""
    score = score_frame("a", 3, "ES", blob(1), blob(2), (2.0, 2.0))
    assert score.hd95_mm == pytest.approx(2 * score.hd95_px)
    assert score.surface_mm == pytest.approx(2 * score.surface_px)
    assert score_frame("a", 3, "ES", blob(1), blob(2), None).hd95_mm is None
