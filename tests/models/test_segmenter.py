"""Masks from a network: tested with a fake one whose answer is known."""

import numpy as np
import pytest

from echobeat.errors import ModelError
from echobeat.frames import FrameStack
from echobeat.models import Card, Segmenter, bundled_cards, load_card, load_segmenter

CARD = Card(
    name="fake",
    version="0",
    task="segmentation",
    summary="",
    licence="Apache-2.0",
    data=(),
    recipe="",
    parameters=0,
    size=112,
    classes=("background", "left_ventricle"),
    metrics=(),
    limits=(),
    measurement_error=None,
    sha256="",
)


class Bright:
    """A network that takes bright pixels for the ventricle."""

    def run(self, frames):
        inside = 1 / (1 + np.exp(-(frames - 128) / 8))
        return np.concatenate([1 - inside, inside], axis=1).astype(np.float32)


def bright_square(count, height, width):
    frames = np.full((count, height, width), 30, np.uint8)
    frames[:, height // 4 : height // 2, width // 4 : width // 2] = 250
    return frames


@pytest.mark.parametrize(("height", "width"), [(112, 112), (240, 320), (600, 400)])
def test_masks_have_the_size_of_the_source(height, width):
    """Whatever the size, the bright square is found where it is."""
    frames = bright_square(5, height, width)
    masks = Segmenter(CARD, Bright()).segment(FrameStack.from_array(frames))
    truth = frames > 128
    found = np.asarray(masks.lv)
    assert found.shape == truth.shape
    assert found.dtype == bool
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.97
    assert masks.confidence.min() > 0.9


def test_only_the_largest_region_stays_and_its_holes_are_filled():
    """A second blob is dropped, a hole is closed."""
    frames = bright_square(1, 112, 112)
    frames[0, 80:84, 80:84] = 250
    frames[0, 40:42, 40:42] = 30
    mask = np.asarray(Segmenter(CARD, Bright()).segment(FrameStack.from_array(frames)).lv)[0]
    assert not mask[78:90, 78:90].any()
    assert mask[41, 41]


def test_no_ventricle_is_an_empty_mask_without_confidence():
    """Nothing seen is said as nothing seen."""
    masks = Segmenter(CARD, Bright()).segment(FrameStack.from_array(np.zeros((3, 112, 112), np.uint8)))
    assert not np.asarray(masks.lv).any()
    assert (masks.confidence == 0).all()


def test_an_unknown_model_is_refused_with_the_known_names():
    """The message lists what there is."""
    with pytest.raises(ModelError, match="There is no model named nonsense"):
        load_card("nonsense")


@pytest.mark.parametrize("card", bundled_cards(), ids=lambda card: card.name)
def test_every_bundled_model_runs_and_its_card_is_complete(card):
    """Hash, licence, data, limits and metrics with n are there, and the network finds nothing in the dark."""
    assert all((card.licence, card.data, card.limits, card.metrics))
    assert all(metric.n > 0 for metric in card.metrics)
    if card.task == "segmentation":
        dark = FrameStack.from_array(np.stack([np.full((112, 112), grey, np.uint8) for grey in (0, 90)]))
        assert not np.asarray(load_segmenter(card.name).segment(dark).lv).any()
