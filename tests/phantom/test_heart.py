"""The body of the ventricle: volume, cut, motion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echobeat.phantom.anatomy import draw_anatomy
from echobeat.phantom.heart import Ventricle, Wall, draw_ventricle
from echobeat.phantom.outlines import polygon_area

seeds = st.integers(0, 2**32)


def _plain(**changes: float) -> Ventricle:
    """Half an ellipsoid: the base is its equator, all walls move alike."""
    wall = Wall(0.9999, 2.0, 1.0, (0.0,), (1.0, 1.0, 1.0), 0.0, (0.5, 0.1, 0.0))
    values = {
        "length_cm": 8.0,
        "width_cm": 5.0,
        "septal_share": 0.5,
        "depth_ratio": 1.2,
        "ef": 60.0,
        "shortening": 0.15,
        "depth_share": 1.0,
        "thickening": 1.0,
        "bend_cm": 0.0,
        "bend_swing_cm": 0.0,
        "shear": 0.0,
        "shear_swing": 0.0,
        "plane_apex_cm": 0.0,
        "plane_base_cm": 0.0,
    }
    return Ventricle(septal=wall, lateral=wall, **(values | changes))


def test_half_an_ellipsoid_has_the_volume_of_half_an_ellipsoid() -> None:
    """2/3 pi a b c, to a thousandth."""
    assert _plain().edv_ml == pytest.approx(2 / 3 * np.pi * 2.5 * 3.0 * 8.0, rel=1e-3)


@settings(max_examples=25)
@given(seeds, st.floats(0, 1))
def test_volume_agrees_with_counting_points_in_the_body(seed: int, state: float) -> None:
    """Points drawn in a box round the body fall into it as often as its volume says."""
    body = draw_ventricle(np.random.default_rng(seed))
    rng = np.random.default_rng(seed)
    x, depth, height = rng.uniform([-6, -6, 0], [6, 6, 1], (60_000, 3)).T
    septal, lateral, half_depth = body._halves(height, state, body.inward)
    half = np.where(x < 0, septal, lateral)
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = (x / half) ** 2 + (depth / half_depth) ** 2 < 1
    counted = inside.mean() * 144 * body._length(state)
    assert body.volume_ml(state) == pytest.approx(counted, rel=0.06)


@settings(max_examples=40)
@given(seeds, st.floats(10, 80))
def test_contraction_gives_the_ejection_fraction_drawn(seed: int, ef: float) -> None:
    """From state 0 to state 1 the body ejects its EF, and `state_for` finds both states again."""
    body = draw_ventricle(np.random.default_rng(seed), ef)
    volumes = np.array([body.volume_ml(0.0), body.volume_ml(1.0)])
    assert 100 * (1 - volumes[1] / volumes[0]) == pytest.approx(ef, abs=0.2)
    assert body.state_for(volumes) == pytest.approx([0, 1], abs=0.02)


@settings(max_examples=40)
@given(seeds)
def test_base_moves_to_the_apex_in_systole(seed: int) -> None:
    """In the image the middle of the mitral plane rises while the apex hardly moves."""
    anatomy = draw_anatomy(np.random.default_rng(seed), ef=55)
    diastole, systole = (anatomy.scene(state, 0.0).cavity for state in (0.0, 1.0))
    axis = (diastole[0] + diastole[-1]) / 2 - np.array(anatomy.apex_cm)
    axis /= np.linalg.norm(axis)
    base = ((systole[0] + systole[-1]) / 2 - (diastole[0] + diastole[-1]) / 2) @ axis
    assert base < -0.05


def test_a_plane_off_the_apex_shortens_the_outline_and_not_the_body() -> None:
    """Foreshortening changes what is seen, never the volume."""
    true, seen = _plain(), _plain(plane_apex_cm=1.2)
    assert seen.edv_ml == true.edv_ml
    assert np.ptp(seen.outline(0.0).endocardium[:, 1]) < np.ptp(true.outline(0.0).endocardium[:, 1]) - 0.3


def test_shears_keep_the_area_of_the_outline() -> None:
    """Bending the axis and tilting the annulus deform without gain or loss."""
    straight, bent = _plain().outline(0.3), _plain(bend_cm=0.6, shear=0.2).outline(0.3)
    assert polygon_area(bent.endocardium) == pytest.approx(polygon_area(straight.endocardium), rel=0.01)


def test_the_wall_thickens_and_nearly_keeps_its_volume() -> None:
    """With `thickening` 1 the mid-wall ring keeps thickness x (widths) x length."""
    body = _plain()
    middle = 12
    rings = []
    for state in (0.0, 1.0):
        outline = body.outline(state)
        thick, half = outline.thickness[middle], abs(outline.endocardium[middle, 0])
        height = outline.endocardium[middle, 1] / np.ptp(outline.endocardium[:, 1])
        depth = body._halves(np.array([height]), state, body.inward)[2][0]
        rings.append(thick * (half + depth + thick) * body._length(state))
        if state:
            assert thick > 1.2
    assert rings[1] == pytest.approx(rings[0], rel=0.05)
