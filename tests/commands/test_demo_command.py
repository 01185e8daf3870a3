"""`echobeat demo` works without any file of one's own and is honest about what it shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from quick import Call, prepare_quickly

from echobeat.commands import batch, demo


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
