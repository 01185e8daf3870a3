"""bfloat16 is taken where it is quicker, and nowhere else unless a recipe asks for it."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from echobeat.training.beat_run import BeatConfig  # noqa: E402  torch may be missing
from echobeat.training.config import Machine  # noqa: E402
from echobeat.training.contours import ContoursConfig  # noqa: E402
from echobeat.training.recipe_files import load_recipe, recipe_names  # noqa: E402
from echobeat.training.run import chosen_precision  # noqa: E402
from echobeat.training.view import ViewConfig  # noqa: E402


@pytest.mark.parametrize(
    ("able", "chosen"),
    [
        ({}, "32"),
        ({"avx2": True, "avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, "32"),
        ({"avx512_bf16": True}, "bf16"),
        ({"amx_bf16": True}, "bf16"),
    ],
)
def test_a_processor_that_only_imitates_bfloat16_calculates_in_float32(monkeypatch, able, chosen):
    """Ten times slower it was, with `precision = "bf16"` in the bundled recipes."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert chosen_precision(Machine(), gpu=False) == chosen
    assert chosen_precision(Machine(precision="16"), gpu=False) == "16"


@pytest.mark.parametrize(
    ("folder", "kind"), [("contours", ContoursConfig), ("beats", BeatConfig), ("view", ViewConfig)]
)
def test_the_bundled_recipes_leave_the_precision_to_the_machine(folder, kind):
    """A newcomer's laptop runs them as they are."""
    for name in recipe_names(folder):
        assert load_recipe(kind, folder, name).machine.precision == "auto"
