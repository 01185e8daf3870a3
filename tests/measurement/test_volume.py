"""Volumes of bodies whose volume is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_hearts import bullet_mask

from echobeat.measurement import LongAxis, disks_volume, long_axis


def true_volume(length, width):
    """Both: an ellipsoid of axes L, W, W, and half of one of axes 2L, W, W."""
    return np.pi / 6 * length * width**2


@settings(max_examples=40)
@given(
    kind=st.sampled_from(["ellipsoid", "half ellipsoid"]),
    tilt=st.floats(3, 35),
    side=st.sampled_from([-1, 1]),
    shift=st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5)),
)
def test_a_small_body_is_measured_to_a_few_hundredths_at_any_angle(kind, tilt, side, shift):
    """20 x 40 pixels: within 4 % at any tilt that does not lay an edge along the pixels' rows or columns."""
    mask, _ = bullet_mask(112, np.array([78.0, 56.0]) + shift, 40, 20, side * tilt, kind=kind)
    assert disks_volume(mask, long_axis(mask)) == pytest.approx(true_volume(40, 20), rel=0.04)


@pytest.mark.parametrize("kind", ["ellipsoid", "half ellipsoid"])
def test_small_bodies_are_right_on_average(kind):
    """Over positions and tilts the mean error at 112 x 112 is under 0.6 %."""
    rng = np.random.default_rng(0)
    ratios = []
    for tilt in rng.uniform(-35, 35, 40):
        mask, _ = bullet_mask(112, np.array([78.0, 56.0]) + rng.uniform(-0.5, 0.5, 2), 40, 20, tilt, kind=kind)
        ratios.append(disks_volume(mask, long_axis(mask)) / true_volume(40, 20))
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.006)


@pytest.mark.parametrize("kind", ["ellipsoid", "half ellipsoid"])
@pytest.mark.parametrize("tilt", [-30, 0, 17])
def test_a_large_body_is_measured_to_half_a_hundredth(kind, tilt):
    """100 x 200 pixels: within 0.5 %."""
    mask, _ = bullet_mask(560, (400.2, 280.4), 200, 100, tilt, kind=kind)
    assert disks_volume(mask, long_axis(mask)) == pytest.approx(true_volume(200, 100), rel=0.005)


def test_an_oblique_mitral_plane_hardly_changes_the_volume():
    """A body cut at 12 degrees through the same middle has the same volume to 2 %; cutting the disks off loses more."""
    upright, _ = bullet_mask(560, (400.0, 280.0), 200, 100)
    oblique, _ = bullet_mask(560, (400.0, 280.0), 200, 100, oblique_deg=12)
    axis = LongAxis((200.0, 280.0), (400.0, 280.0))
    assert disks_volume(oblique, axis) == pytest.approx(disks_volume(upright, axis), rel=0.02)


def test_spacing_turns_pixels_into_millilitres_and_corrects_squashed_pixels():
    """0.5 mm pixels: V px3 / 8000 ml; leaving out every other column changes nothing when the spacing says so."""
    mask, _ = bullet_mask(240, (190.0, 120.0), 120, 60, 12.0)
    axis = long_axis(mask, (0.5, 0.5))
    volume_ml = disks_volume(mask, axis, (0.5, 0.5))
    assert volume_ml == pytest.approx(disks_volume(mask, long_axis(mask)) / 8000, rel=1e-6)
    squashed = mask[:, ::2]
    assert disks_volume(squashed, long_axis(squashed, (0.5, 1.0)), (0.5, 1.0)) == pytest.approx(volume_ml, rel=0.02)


@settings(max_examples=20)
@given(st.floats(0.2, 3.0))
def test_volume_grows_with_the_cube_of_the_spacing(spacing):
    """Twice the spacing, eight times the volume."""
    mask, _ = bullet_mask(112, (85.0, 56.0), 40, 20, 10.0)
    one = disks_volume(mask, long_axis(mask, (1.0, 1.0)), (1.0, 1.0))
    scaled = disks_volume(mask, long_axis(mask, (spacing, spacing)), (spacing, spacing))
    assert scaled == pytest.approx(one * spacing**3, rel=1e-3)


def test_more_disks_change_little():
    """20 disks are enough: 60 differ by less than 1 %."""
    mask, _ = bullet_mask(560, (400.0, 280.0), 200, 100, 10.0)
    axis = long_axis(mask)
    assert disks_volume(mask, axis, disks=60) == pytest.approx(disks_volume(mask, axis), rel=0.01)


def test_an_empty_mask_has_no_volume():
    """NaN, not zero: nothing was measured."""
    assert np.isnan(disks_volume(np.zeros((20, 20), bool), LongAxis((0.0, 0.0), (9.0, 0.0))))
