"""Phantoms in other views: deterministic, what they should show, and apart from the four-chamber phantoms."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from echobeat.errors import UsageError
from echobeat.phantom import draw_patient, make_study
from echobeat.phantom.other_studies import in_view, sample_views, with_contrast
from echobeat.phantom.pictures import KINDS, pictures, sample_pictures, side_by_side
from echobeat.phantom.seeds import BENCHMARK_SEEDS, CALIBRATION_SEEDS, DATASET_SEEDS, VALIDATION_SEEDS
from echobeat.phantom.views import VIEWS, View


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_the_same_for_a_seed_and_moves(view: View) -> None:
    """Same seed, same bytes; two moments of one heart differ in more than noise between frames of a still."""
    first, again = sample_views(11, 2, view=view), sample_views(11, 2, view=view)
    assert first.shape == (2, 112, 112)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert not np.array_equal(first[0], first[1])


def test_views_of_one_patient_differ_from_its_four_chamber_view() -> None:
    """Each other view is a picture of its own."""
    shown = [sample_views(12, 1, view=view).tobytes() for view in VIEWS]
    assert len(set(shown)) == len(VIEWS)


def test_another_view_is_a_whole_study_with_its_cycle() -> None:
    """The ring of a short axis shrinks and grows with the heart's volume."""
    patient = in_view(draw_patient(13, ef=60, clip="gated", beats=2, fps=25, rhythm="sinus"), "parasternal short axis")
    study = make_study(patient)
    area = study.masks.sum(axis=(1, 2)).astype(float)
    assert np.corrcoef(area, study.volume_ml)[0, 1] > 0.9


def test_the_two_chamber_view_has_no_right_heart() -> None:
    """Fewer dark chambers: nothing is painted as blood beyond ventricle, atrium and coronary sinus."""
    anatomy = in_view(draw_patient(14), "apical two-chamber").anatomy
    blood = [tissue for tissue, _ in anatomy.scene(0.2, 0.5).fills if tissue.endswith("blood")]
    assert blood == ["atrial blood", "right blood"]


def test_contrast_fills_the_cavity_brighter_than_the_wall() -> None:
    """In nearly all patients."""
    brighter = []
    for seed in range(12):
        patient = with_contrast(draw_patient(seed, clip="half cycle", fps=25))
        study = make_study(patient)
        mask = study.masks[0].astype(np.uint8)
        ring = cv2.dilate(mask, np.ones((13, 13), np.uint8)) - cv2.dilate(mask, np.ones((5, 5), np.uint8))
        brighter.append(study.frames[0][mask > 0].mean() > study.frames[0][(ring > 0) & (study.frames[0] > 0)].mean())
    assert np.mean(brighter) > 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_a_made_picture_is_the_same_for_a_seed(kind: str) -> None:
    """Each kind fills the size asked for and depends on its generator alone."""
    make = KINDS[kind][0]
    first, again = make(96, np.random.default_rng(3)), make(96, np.random.default_rng(3))
    assert first.shape == (96, 96)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)


def test_pictures_are_of_several_kinds_and_two_loops_fit_one_screen() -> None:
    """A batch of pictures has no two alike; a split screen keeps both of its halves apart, black above and below."""
    many = pictures(2**41, 6)
    assert len({picture.tobytes() for picture in many}) == 6
    screen = side_by_side(np.full((112, 112), 200, np.uint8), np.full((112, 112), 90, np.uint8))
    assert screen[:20].max() == 0
    assert screen[56, 20] == 200
    assert screen[56, 90] == 90


@pytest.mark.parametrize("seeds", [VALIDATION_SEEDS, CALIBRATION_SEEDS, BENCHMARK_SEEDS, DATASET_SEEDS])
def test_seeds_set_aside_teach_nothing(seeds: range) -> None:
    """A network can never be trained on a view or picture it is judged by."""
    seed = seeds.start
    with pytest.raises(UsageError, match="not a training seed"):
        sample_views(seed, 1, view="subcostal")
    with pytest.raises(UsageError, match="not a training seed"):
        sample_pictures(seed, 1)
