"""Recipes: the named ones hold the published numbers, and what is misspelt is refused."""

from __future__ import annotations

import tomllib

import pytest

torch = pytest.importorskip("torch")

from echobeat.errors import UsageError  # noqa: E402  torch may be missing
from echobeat.training.ablation import Ablation  # noqa: E402
from echobeat.training.beat_run import BeatConfig  # noqa: E402
from echobeat.training.config import CONFIGS  # noqa: E402
from echobeat.training.contours import ContoursConfig  # noqa: E402
from echobeat.training.recipe_files import build_config, load_config, load_recipe, recipe_names, to_toml  # noqa: E402
from echobeat.training.view import ViewConfig  # noqa: E402


@pytest.mark.parametrize(
    ("folder", "kind"),
    [*CONFIGS.items(), ("contours", ContoursConfig), ("beats", BeatConfig), ("view", ViewConfig)],
)
def test_a_recipe_written_out_is_the_same_recipe(folder, kind):
    """config.toml of a run says all that the run was told."""
    assert recipe_names(folder)
    for name in recipe_names(folder):
        config = load_recipe(kind, folder, name)
        assert build_config(kind, tomllib.loads(to_toml(config)), name) == config


def test_the_published_ef_recipe_has_the_published_numbers():
    """SGD 1e-4, momentum 0.9, decay 1e-4, a tenth every 15 of 45 epochs, batch 20, 32 frames, every second, pad 12."""
    config = load_config("ef", "echonet-dynamic")
    rates = config.optimiser
    assert (rates.kind, rates.learning_rate, rates.momentum, rates.weight_decay) == ("sgd", 1e-4, 0.9, 1e-4)
    assert (rates.schedule, rates.step_epochs, rates.step_factor, rates.average) == ("step", 15, 0.1, 0)
    assert (config.course.epochs, config.course.batch, config.course.monitor) == (45, 20, "loss")
    assert (config.clips.frames, config.clips.period, config.clips.margin_px) == (32, 2, 12)
    assert (config.network.architecture, config.network.pretrained) == ("r2plus1d_18", True)
    assert (config.loss.kind, config.studies.normalise_on) == ("mse", 128)


def test_the_published_segmentation_recipe_has_the_published_numbers():
    """SGD 1e-5, momentum 0.9, no decay, constant over 50 epochs, batch 20, summed cross-entropy, random weights."""
    config = load_config("segmentation", "echonet-dynamic")
    rates = config.optimiser
    assert (rates.kind, rates.learning_rate, rates.momentum, rates.weight_decay) == ("sgd", 1e-5, 0.9, 0)
    assert (rates.schedule, config.course.epochs, config.course.batch) == ("constant", 50, 20)
    assert (config.network.architecture, config.network.pretrained) == ("deeplabv3_resnet50", False)
    assert (config.loss.kind, config.loss.consistency, config.augment) == ("bce", 0, 0)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("course.epoch=3", "course.epochs"),
        ("learning_rate=3", "optimiser.learning_rate"),
        ("course.epochs=0", "course.epochs"),
        ("course.monitor=dice", "loss or mae"),
        ("epochs", "course.epochs=10"),
    ],
)
def test_a_wrong_entry_is_refused_with_what_was_meant(override, said):
    """The nearest known entry, or what the value must be."""
    with pytest.raises(UsageError, match=said):
        load_config("ef", "light", [override])


@pytest.mark.parametrize(
    ("kind", "name", "override", "said"),
    [
        (ContoursConfig, "lv", "course.monitor=mae", "loss or dice"),
        (ContoursConfig, "lv", "size=120", "multiple of 16"),
        (ContoursConfig, "lv", 'pools=[{kind="phantom",share=1.0}]', "how many are made"),
        (ContoursConfig, "lv", "course.epoch_steps=0", "epoch_steps"),
        (BeatConfig, "ef", "course.monitor=dice", "loss or mae"),
        (BeatConfig, "ef", "pairs_share=1", "below 1"),
        (ViewConfig, "view", "course.monitor=dice", "course.monitor is loss"),
        (ViewConfig, "view", "size=120", "multiple of 16"),
    ],
)
def test_entries_that_do_not_fit_together_are_refused_before_anything_is_made(kind, name, override, said):
    """A recipe of a bundled model that could only fail at its first step or validation is not begun."""
    with pytest.raises(UsageError, match=said) as refused:
        kind.load(name, [override])
    assert "ArgsKwargs" not in str(refused.value)


def test_a_recipe_in_another_encoding_is_no_toml(tmp_path):
    """It is wrong use, as any file that is no recipe."""
    path = tmp_path / "mine.toml"
    path.write_bytes("# für uns\n".encode("latin-1"))
    with pytest.raises(UsageError, match="no TOML"):
        load_config("ef", str(path))
    with pytest.raises(UsageError, match="no set of variants"):
        Ablation.load(str(path))
