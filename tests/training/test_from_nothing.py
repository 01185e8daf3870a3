"""The how-to from nothing to a trained model: its very commands, on few short phantoms and few steps."""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from echobeat.__main__ import main  # noqa: E402  torch may be missing
from echobeat.phantom import dataset  # noqa: E402
from echobeat.phantom.examination import draw_patient  # noqa: E402

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "from-nothing-to-a-trained-model.md"
FEW = ["course.epochs=1", "course.batch=3", "network.size=48", "machine.workers=0"]
SMALLER = {
    "phantom": ["--patients", "8", "--jobs", "1"],
    "check-dataset": ["--jobs", "1"],
    "train segmentation": FEW,
    "train ef": [*FEW, "clips.frames=8", "validation_clips=1"],
    "evaluate ef": ["--device", "cpu"],
    "analyze": ["--no-video", "--no-plot"],
}
"""What is added to each command; where a setting is given twice, the last counts. One evaluation runs the checkpoint by
torch instead of the model's file."""


def commands() -> list[list[str]]:
    """Every command of the page, its words."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    return [shlex.split(line)[2:] for line in lines if line.startswith("$ echobeat ")]


def smaller(words: list[str]) -> list[str]:
    """The same in little."""
    added = [more for name, more in SMALLER.items() if words[: len(name.split())] == name.split()]
    return [*words, *(word for more in added for word in more)]


def test_the_commands_of_the_page_lead_to_a_model_that_analyze_uses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them, in order, from an empty folder, with exit code 0; what they promise is there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(dataset, "draw_patient", partial(draw_patient, clip="free", beats=2, fps=25.0))
    monkeypatch.setattr("echobeat.evaluation.results.write_picture", lambda *_: None)
    monkeypatch.setattr("echobeat.evaluation.page.svg", lambda _: "")  # drawing takes most of an evaluation's time
    for words in commands():
        with pytest.raises(SystemExit) as ended:
            main(smaller(words))
        assert not ended.value.code, " ".join(words)
    for run in ("runs/lv", "runs/ef"):
        assert Path(run, "model.onnx").exists()
        assert Path(run, "curves.png").exists()
    for result in ("results/lv", "results/ef", "results/beats"):
        assert Path(result, "report.html").exists()
    assert "Training of the ef model" in Path("results/ef/report.html").read_text(encoding="utf-8")
    assert list(Path("results/one").rglob("result.json"))
