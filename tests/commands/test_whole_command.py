"""The installed command as a user runs it: real models, real processes, a real clip."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from pydicom import examples

from echobeat.report.schema import result_schema


def test_real_clips_side_by_side_give_the_same_results_as_one_alone(tmp_path: Path) -> None:
    """One process for one input, worker processes for several: the numbers do not depend on it."""
    clip = examples.get_path("ybr_color")
    for name in ("a.dcm", "b"):
        shutil.copy(clip, tmp_path / name)

    def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
        call = [sys.executable, "-m", "echobeat", "analyze", *arguments, "--no-video", "--no-plot"]
        return subprocess.run(call, capture_output=True, text=True, check=False, cwd=tmp_path)

    alone = analyze("a.dcm", "--out", "one")
    assert (alone.returncode, alone.stderr) == (0, "")
    both = analyze("a.dcm", "b", "missing.avi", "--out", "many", "--jobs", "2")
    assert both.returncode == 3
    assert "missing.avi: there is no such file" in both.stderr

    results = [json.loads((tmp_path / folder / "result.json").read_text()) for folder in ("one/a", "many/a", "many/b")]
    for result in results:
        jsonschema.validate(result, result_schema())
        assert result["clip"]["frames"] == 30
        assert result["models"][0]["name"] == "lv"
        for beat, same in zip(result["beats"], results[0]["beats"], strict=True):
            assert beat["ef"] == pytest.approx(same["ef"], abs=0.01)
    manifest = json.loads((tmp_path / "many" / "manifest.json").read_text())
    assert [entry["status"] for entry in manifest["inputs"]][2] == "error"
