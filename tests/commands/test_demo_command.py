"""`echobeat demo` works without any file of one's own and is honest about what it shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from quick import Call, prepare_quickly

from echobeat.commands import batch, demo
from echobeat.report.batch import Row


def test_an_out_that_is_a_file_is_refused_as_by_other_commands(echobeat: Call, tmp_path: Path) -> None:
    """Exit code 2 and what to do, for the file itself and for a folder below it."""
    place = tmp_path / "demo"
    place.write_text("mine")
    for out in (place, place / "below"):
        code, _, err = echobeat("demo", "--out", out)
        assert code == 2
        assert f"{place} is a file" in err
        assert "Choose another" in err
    assert place.read_text() == "mine"


@pytest.mark.parametrize(("low", "high", "told"), [(40.0, 68.0, True), (40.0, 75.0, False), (None, None, False)])
def test_a_truth_outside_its_interval_is_commented_on(low: float | None, high: float | None, told: bool) -> None:
    """In words, with both ends of the interval; a truth inside, and an EF without an interval, need none."""
    said = demo._beside(71.0, Row("phantom.dcm", "phantom", "ok", ef=54.0, ef_low=low, ef_high=high))
    assert ("outside the interval, 40–68 %" in said) == told
    assert bool(said) == told


def test_the_demo_analyses_a_phantom_and_a_real_clip_and_tells_the_phantom_s_truth(
    echobeat: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "_prepare", prepare_quickly)
    monkeypatch.setattr(demo, "PHANTOM_SIDE_PX", 32)
    code, out, err = echobeat("demo", "--out", tmp_path)
    assert (code, err) == (0, "")
    assert "True EF of the phantom: " in out
    for folder in ("phantom", "examples_ybr_color"):
        assert str(tmp_path / folder / "report.html") in out
        assert json.loads((tmp_path / folder / "result.json").read_text())["clip"]["frames"] > 10
