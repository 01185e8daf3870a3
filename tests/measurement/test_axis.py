"""Apex and mitral plane are found in tilted, small, large, squashed and oblique ventricles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_hearts import bullet_mask

from echobeat.measurement import long_axis


@settings(max_examples=40)
@given(
    tilt=st.floats(-35, 35),
    oblique=st.floats(-12, 12),
    slenderness=st.floats(1.4, 3.0),
    shift=st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5)),
)
def test_the_axis_of_a_small_tilted_ventricle_is_found(tilt, oblique, slenderness, shift):
    """At 112 x 112 both ends lie within 5 % of the length (2 pixels of 40) of the true ones, at any tilt."""
    base = np.array([85.0, 56.0]) + shift
    mask, apex = bullet_mask(112, base, 40, 40 / slenderness, tilt, oblique)
    axis = long_axis(mask)
    assert np.hypot(*(np.array(axis.apex_px) - apex)) < 2.0
    assert np.hypot(*(np.array(axis.base_px) - base)) < 2.0


@pytest.mark.parametrize("tilt", [-35, 0, 20])
def test_the_axis_of_a_large_ventricle_is_found_to_a_hundredth(tilt):
    """Five times the size, the ends lie within 1.5 % of the length."""
    base = np.array([430.3, 280.7])
    mask, apex = bullet_mask(560, base, 200, 100, tilt, 6.0)
    axis = long_axis(mask)
    assert np.hypot(*(np.array(axis.apex_px) - apex)) < 3.0
    assert np.hypot(*(np.array(axis.base_px) - base)) < 3.0


def test_unequal_spacing_is_taken_into_account():
    """A ventricle sampled twice as coarsely across has the same axis in millimetres."""
    mask, apex = bullet_mask(240, (190.0, 120.0), 120, 60, 20.0)
    squashed = mask[:, ::2]
    axis = long_axis(squashed, (0.5, 1.0))
    assert axis.length((0.5, 1.0)) == pytest.approx(60.0, rel=0.02)
    assert axis.apex_px[0] == pytest.approx(apex[0], abs=2.5)
    assert axis.apex_px[1] == pytest.approx(apex[1] / 2, abs=2.5)


@settings(max_examples=25)
@given(st.integers(0, 30), st.integers(0, 30))
def test_the_axis_moves_with_the_mask(rows, columns):
    """Shifting a mask by whole pixels shifts its axis by exactly as much."""
    mask, _ = bullet_mask(80, (62.0, 40.0), 40, 20, 15.0)
    room = np.zeros((120, 120), bool)
    room[rows : rows + 80, columns : columns + 80] = mask
    there, here = long_axis(room), long_axis(mask)
    assert np.allclose(np.array(there.apex_px) - here.apex_px, (rows, columns), atol=1e-6)
    assert np.allclose(np.array(there.base_px) - here.base_px, (rows, columns), atol=1e-6)


def test_mirroring_a_mask_mirrors_its_axis():
    """Left and right are treated alike."""
    mask, _ = bullet_mask(112, (85.0, 50.0), 44, 22, 25.0, 8.0)
    axis, mirrored = long_axis(mask), long_axis(mask[:, ::-1])
    assert mirrored.apex_px == pytest.approx((axis.apex_px[0], 111 - axis.apex_px[1]), abs=0.3)
    assert mirrored.base_px == pytest.approx((axis.base_px[0], 111 - axis.base_px[1]), abs=0.3)


@pytest.mark.parametrize("shape", [(4, 4), (1, 30), (30, 1), (2, 9), (16, 16)])
def test_degenerate_regions_give_a_finite_axis(shape):
    """Bars and blocks, however thin, have finite ends."""
    mask = np.zeros((50, 50), bool)
    mask[10 : 10 + shape[0], 8 : 8 + shape[1]] = True
    axis = long_axis(mask)
    assert axis is not None
    assert np.isfinite([*axis.apex_px, *axis.base_px]).all()


def test_an_empty_mask_has_no_axis():
    """Nothing to measure is said as None."""
    assert long_axis(np.zeros((112, 112), bool)) is None
