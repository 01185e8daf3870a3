"""Other displays: what a view network takes for one is measured as if turned, and its masks come back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from echobeat import measurement, sources
from echobeat.frames import FrameStack
from echobeat.measurement import ViewEvidence
from echobeat.measurement.view import FOUR_CHAMBER, VIEW_CLASSES
from echobeat.models import load_card
from echobeat.phantom import draw_patient, make_study
from echobeat.pipeline import Models, analyze_clip


@dataclass(frozen=True)
class Says:
    """A view network that always gives one answer."""

    answer: str

    @property
    def card(self):
        return load_card("lv")

    def look(self, frames):
        return ViewEvidence(tuple(0.97 if name == self.answer else 0.0 for name in VIEW_CLASSES), 0.3)


@pytest.fixture(scope="module")
def clip():
    study = make_study(draw_patient(21, clip="gated", beats=1, fps=25, rhythm="sinus", ef=60))
    return sources.clip_from_array(study.frames, 25.0, study.spacing_mm)


@pytest.fixture(scope="module")
def models():
    return replace(Models.load("lv", threads=1), view=None)


@pytest.fixture(scope="module")
def usual(clip, models):
    return analyze_clip(clip, models)


@pytest.mark.parametrize("turn", FOUR_CHAMBER[1:])
def test_a_turned_clip_has_the_same_ef_and_its_masks_lie_where_its_ventricle_lies(clip, models, usual, turn):
    """Same EF, masks and points flipped as the clip is, and a warning that says so."""
    turned = measurement.turned_clip(clip, turn)
    found = analyze_clip(turned, replace(models, view=Says(turn)))
    assert turn in {warning.code for warning in found.quality.warnings}
    assert found.result.ef_geometric.value == pytest.approx(usual.result.ef_geometric.value, abs=1.0)
    back = measurement.turned_frames(found.masks.lv, turn)
    assert np.mean(np.asarray(back) != np.asarray(usual.masks.lv)) < 0.005
    row, column = np.nanmedian(found.curve.apex_px, axis=0)
    assert np.asarray(found.masks.lv)[:, round(row) - 3 : round(row) + 4, round(column) - 3 : round(column) + 4].any()


def test_a_clip_the_usual_way_round_is_not_turned_against_the_contours(clip, models, usual):
    """A network that errs is overruled: the contours are surer of the clip as it is."""
    found = analyze_clip(clip, replace(models, view=Says("apex_down")))
    assert "apex_down" not in {warning.code for warning in found.quality.warnings}
    assert np.array_equal(np.asarray(found.masks.lv), np.asarray(usual.masks.lv))


@pytest.mark.parametrize("turn", FOUR_CHAMBER)
def test_turning_twice_gives_the_frames_back(turn):
    """For images and masks, in blocks."""
    frames = np.random.default_rng(0).integers(0, 255, (70, 20, 30), np.uint8)
    once = measurement.turned_frames(FrameStack.from_array(frames), turn)
    assert np.array_equal(np.asarray(measurement.turned_frames(once, turn)), frames)
    assert (turn == "four_chamber") == np.array_equal(np.asarray(once), frames)


@pytest.mark.parametrize("turn", FOUR_CHAMBER)
def test_the_bundled_network_knows_the_displays(clip, turn):
    """A phantom in each of the four displays is taken for what it is, and in none refused."""
    view = Models.load("lv", None, threads=1).view
    seen = view.look(measurement.turned_frames(clip.frames, turn))
    assert seen.accepted
    assert seen.orientation == turn


@pytest.mark.parametrize("seed", range(4))
def test_the_bundled_network_refuses_a_split_screen_and_pictures_of_other_things(clip, seed):
    """Two pictures side by side, and made pictures that are no loop of a heart."""
    view = Models.load("lv", None, threads=1).view
    rng = np.random.default_rng(seed)
    both = np.concatenate([np.asarray(clip.frames), np.roll(np.asarray(clip.frames), 5, axis=0)], axis=2)
    assert not view.look(FrameStack.from_array(both)).accepted
    noise = rng.integers(0, 255, (8, 112, 112)).astype(np.uint8)
    assert not view.look(FrameStack.from_array(noise)).accepted
