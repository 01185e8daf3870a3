"""Two stills become a beat: the wall goes where it is told, and what does not move stays."""

import numpy as np
import pytest

pytest.importorskip("torch")

from echobeat.datasets.camus import CamusImage
from echobeat.frames import FrameStack
from echobeat.training.animation import StillPair, contour, volume
from echobeat.training.beat_material import Animator

SIZE = 96


def still(instant, radius, size=SIZE):
    """An egg-shaped cavity, apex up, dark in a bright wall on speckle."""
    rows, columns = np.mgrid[:size, :size] / size
    down = (rows - 0.5) / (1.3 * radius)
    away = np.hypot(down, (columns - 0.5) / (radius * (1 + 0.25 * np.clip(down, -1, 1))))
    cavity = (away < 1) & (down < 0.8)
    grey = np.random.default_rng(1).integers(60, 100, (size, size))
    grey[(away < 1.3) & (down < 0.8)] = 180
    grey[cavity] = 20
    return CamusImage("patient0001", instant, grey.astype(np.uint8), cavity.astype(np.uint8), (1.0, 1.0))


@pytest.fixture(scope="module")
def pair():
    return StillPair.of(still("ED", 0.28), still("ES", 0.2), SIZE)


def test_the_field_carries_one_contour_onto_the_other(pair):
    """At 0 the cavity is the end-diastolic one, at 1 nearly the end-systolic one."""
    for progress, index in ((0.0, 0), (1.0, 1)):
        cavity, wanted = pair.at(progress, 0.0)[1] > 0.5, pair.cavity[index] > 0.5
        assert 2 * (cavity & wanted).sum() / (cavity.sum() + wanted.sum()) > 0.96


def test_the_further_the_wall_has_gone_the_smaller_the_cavity(pair):
    """Volume falls steadily from before end-diastole to beyond end-systole."""
    volumes = [volume(pair.at(progress, 0.0)[1]) for progress in np.linspace(-0.2, 1.6, 10)]
    assert (np.diff(volumes) < 0).all()


@pytest.mark.parametrize("blend", [0.0, 1.0, 0.5])
def test_the_picture_moves_with_the_contour_whichever_texture_it_has(pair, blend):
    """The cavity stays the dark part, its surroundings bright, from either image."""
    image, cavity = pair.at(0.5, blend)
    inside = cavity > 0.5
    ring = np.zeros_like(inside)
    ring[1:-1, 1:-1] = True
    assert image[inside].mean() < 60
    assert image[ring & (cavity > 0.02) & (cavity < 0.3)].mean() > image[inside].mean() + 30


def test_what_is_far_from_the_ventricle_stays(pair):
    """No corner of the picture moves by as much as a fifth of a pixel; the wall moves by several."""
    corners = np.ix_([0, 1], [0, 1], [0, 1, -2, -1], [0, 1, -2, -1])
    assert np.abs(pair.field[corners]).max() < 0.2
    assert np.abs(pair.field).max() > 4.0


def test_contours_start_at_the_apex_and_run_one_way_round():
    """The same places on a mask and on its smaller copy: nearest points have nearest numbers."""
    large, small = (contour(still("ED", radius).labels == 1) for radius in (0.28, 0.2))
    assert large[0][1] == large[:, 1].min() or large[0][1] < np.quantile(large[:, 1], 0.1)
    shift = np.hypot(*(large - small).T)
    assert shift.max() < 0.12 * SIZE


def test_animated_beats_carry_the_cavity_whose_ef_they_have():
    """What a segmentation misses, here a band at the apex, is missing in the second channel and not in the third."""

    class Misses:
        def segment(self, frames):
            lv = np.asarray(frames[:]) < 45
            lv[:, : lv.shape[1] // 3] = False
            return type("Segmentation", (), {"lv": FrameStack.from_array(lv)})

    pair = [still("ED", 0.28), still("ES", 0.2)]
    beats = Animator(Misses(), each=0, seed=0, plain=True).fresh(pair)
    areas = (beats.clips[0, 2] > 127).sum(axis=(1, 2))
    assert len(beats) == 1
    assert 100 * (1 - (areas[8] / areas[0]) ** 1.5) == pytest.approx(beats.ef[0], abs=6)
    assert not (beats.clips[0, 1] > 127)[beats.clips[0, 2] > 127].all()


def test_an_image_without_a_contour_gives_no_pair():
    """None instead of a field out of nothing."""
    empty = still("ES", 0.2)
    assert StillPair.of(still("ED", 0.28), CamusImage("p", "ES", empty.image, 0 * empty.labels, (1, 1)), SIZE) is None
