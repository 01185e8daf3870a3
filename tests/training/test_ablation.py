"""Variants are trained once each and stand in one table."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from made_studies import write_discs  # noqa: E402  torch may be missing

from echobeat.errors import UsageError  # noqa: E402
from echobeat.training.ablation import Ablation, ablate, by_range  # noqa: E402
from echobeat.training.material import Source  # noqa: E402
from echobeat.training.recipe_files import load_config  # noqa: E402
from echobeat.training.run import rows_as_csv  # noqa: E402


def test_finished_variants_are_kept_and_tabled(tmp_path, monkeypatch):
    """A second call trains nothing; every variant has four ranges."""
    data = Source(write_discs(tmp_path / "data"), tmp_path / "cache")
    (tmp_path / "set.toml").write_text('base = "light"\n[variants]\nl1 = ["loss.kind=l1"]\nmse = ["loss.kind=mse"]\n')
    tiny = ["network.size=48", "course.epochs=1", "course.batch=2", "machine.workers=0", "clips.frames=8"]
    rows = ablate(str(tmp_path / "set.toml"), data, tmp_path / "out", tiny)
    monkeypatch.setattr("echobeat.training.ablation.train", None)
    assert ablate(str(tmp_path / "set.toml"), data, tmp_path / "out", tiny) == rows
    assert [row.variant for row in rows] == ["l1"] * 4 + ["mse"] * 4
    assert len(json.loads((tmp_path / "out" / "table.json").read_text())) == 8


def test_a_variant_of_another_recipe_or_other_data_is_not_set_beside_the_others(tmp_path):
    """Both are refused, as a training that goes on refuses them, and the table stays."""
    data = Source(write_discs(tmp_path / "data"), tmp_path / "cache")
    recipe = tmp_path / "set.toml"
    recipe.write_text('base = "light"\n[variants]\nown = ["loss.kind=l1"]\n')
    tiny = ["network.size=48", "course.epochs=1", "course.batch=2", "machine.workers=0", "clips.frames=8"]
    ablate(str(recipe), data, tmp_path / "out", tiny)
    table = (tmp_path / "out" / "table.csv").read_bytes()
    other = Source(write_discs(tmp_path / "other", efs=(60.0, 30.0, 50.0, 40.0)), tmp_path / "cache2")
    with pytest.raises(UsageError, match="other studies or labels"):
        ablate(str(recipe), other, tmp_path / "out", tiny)
    recipe.write_text('base = "light"\n[variants]\nown = ["loss.kind=mse"]\n')
    with pytest.raises(UsageError, match="another recipe"):
        ablate(str(recipe), data, tmp_path / "out", tiny)
    assert (tmp_path / "out" / "table.csv").read_bytes() == table


@pytest.mark.parametrize("name", ["low-ef", "echonet-dynamic"])
def test_every_bundled_variant_is_a_recipe(name):
    """No entry of a named set is misspelt."""
    ablation = Ablation.load(name)
    for own in ablation.variants.values():
        load_config("ef", ablation.base, own)


def test_names_with_commas_are_read_back(tmp_path):
    """A validation of a patient called "Doe, John" gives its error, not that of a column beside."""
    study = SimpleNamespace(name="Doe, John, first visit", patient="Doe, John")
    rows = np.array([[0, 55.0, 50.0], [0, 45.0, 46.0]])
    table = tmp_path / "validation.csv"
    table.write_text(rows_as_csv(("study", "truth", "predicted"), rows, SimpleNamespace(val=[study])))
    assert by_range("plain", table)[0].mae == 3.0
