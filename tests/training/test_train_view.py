"""The view network is trained from phantoms alone, exported, and read; its samples are fixed and turned as they say."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from echobeat.datasets.view_pictures import PORTIONS  # noqa: E402  torch may be missing
from echobeat.errors import UsageError  # noqa: E402
from echobeat.frames import FrameStack  # noqa: E402
from echobeat.models import VIEW_CLASSES  # noqa: E402
from echobeat.models.view import load_view_reader  # noqa: E402
from echobeat.training import view_pools  # noqa: E402
from echobeat.training.view import ViewConfig, ViewTask, train_view  # noqa: E402
from echobeat.training.view_pools import SHARES, Pools, ViewSamples, draw_sample  # noqa: E402

TINY = ["others=20", "images=20", "widths=[4, 8, 8]", "course.epochs=1", "course.epoch_steps=2", "course.batch=4",
        "machine.workers=0", "machine.precision='32'"]  # fmt: skip


def made_pools(real=()):
    """A gradient from dark on top to bright below in place of every picture."""
    picture = np.repeat(np.linspace(0, 250, 112).astype(np.uint8)[:, None], 112, axis=1)
    kinds = (*PORTIONS, "four-chamber")
    return Pools(dict.fromkeys(kinds, picture[None]), real, 0.5)


def test_a_run_ends_with_a_network_that_looks_at_clips(tmp_path, monkeypatch):
    """Model and card are read as the bundled one; a run is not begun twice."""
    monkeypatch.setattr(view_pools, "make_pools", None)
    monkeypatch.setattr("echobeat.training.view.make_pools", lambda *_: made_pools())
    monkeypatch.setattr("echobeat.training.view.AllViews", lambda samples: [samples[k, k] for k in range(6)])
    config = ViewConfig.load("view-phantom", TINY)
    train_view(config, None, tmp_path / "run")
    reader = load_view_reader(tmp_path / "run")
    seen = reader.look(FrameStack.from_array(np.zeros((9, 112, 112), np.uint8)))
    assert sum(seen.probabilities) == pytest.approx(1, abs=1e-5)
    with pytest.raises(UsageError, match="holds a run"):
        train_view(config, None, tmp_path / "run")


def test_a_recipe_that_learns_from_real_images_needs_them(tmp_path):
    """It is said before anything is made."""
    with pytest.raises(UsageError, match="CAMUS"):
        train_view(ViewConfig.load("view"), None, tmp_path / "run")


def test_samples_depend_on_seed_and_ordinal_alone():
    """Item k is the same whoever asks; every class comes up, as often as its share says."""
    samples = ViewSamples(made_pools(), 112, 3)
    assert torch.equal(samples[5, 0]["images"], ViewSamples(made_pools(), 112, 3)[5, 9]["images"])
    drawn = [int(samples[k, 0]["classes"]) for k in range(600)]
    share = drawn.count(VIEW_CLASSES.index("other_view")) / len(drawn)
    assert abs(share - SHARES["other_view"]) < 0.06
    assert set(drawn) == set(range(len(VIEW_CLASSES)))


def test_a_picture_is_turned_as_its_class_says():
    """Bright below in the usual display, bright on top with the apex down."""
    for name, below in (("four_chamber", True), ("mirrored", True), ("apex_down", False)):
        image = draw_sample(made_pools(), name, 112, np.random.default_rng(1)).astype(float)
        assert (image[60:].mean() > image[:52].mean()) == below, name


def test_a_validation_tells_what_would_be_refused():
    """Of four good pictures one is not believed, of two others one is."""
    good = [[0, 0, 0, 0.9, 0.1], [1, 1, 1, 0.8, 0.2], [2, 2, 4, 0.2, 2.0], [3, 0, 0, 0.7, 0.3]]
    rows = np.array([*good, [4, 4, 4, 0.1, 0.1], [5, 4, 0, 0.9, 2.0]])
    scores = ViewTask(0.0).scores(rows)
    assert scores["good_refused"] == 0.25
    assert scores["other_view_refused"] == 0.5
    assert scores["right"] == pytest.approx(4 / 6)
