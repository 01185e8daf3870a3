"""How networks are run in an evaluation, and what of their training stands beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from echobeat.errors import ModelError
from echobeat.evaluation.plots import svg
from echobeat.evaluation.predictors import Running
from echobeat.evaluation.training_curves import training_pictures

GREY = np.full((1, 1, 8, 32, 32), 100, np.float32)


class Fixed:
    """A network that always says 61."""

    def run(self, frames: np.ndarray) -> np.ndarray:
        return np.full((len(frames), 1), 61.0, np.float32)


def test_a_network_in_torch_is_run_instead_of_the_models_file(ef_run: Path) -> None:
    """Where there is one; the file where there is none, and a model of another task is refused as ever."""
    asked = []

    def none(name: str) -> None:
        asked.append(name)

    assert Running(torch=lambda _: Fixed()).ef_model(str(ef_run))._backend.run(GREY)[0, 0] == 61
    assert Running(torch=none).ef_model(str(ef_run))._backend.run(GREY)[0, 0] == pytest.approx(70)
    assert asked == [str(ef_run)]
    with pytest.raises(ModelError, match="no segmentation model"):
        Running(torch=lambda _: Fixed()).segmenter(str(ef_run))


def test_the_course_of_the_training_is_drawn_where_there_is_a_log(tmp_path: Path) -> None:
    """From a run's log.csv; a bundled model's folder has none, and a foreign file is no log."""
    for name, text in {
        "run": "epoch,step,loss,val_loss\n1,10,3.5,4.0\n2,20,2.5,3.0\n",
        "foreign": "time,event\n1,x\n",
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "log.csv").write_text(text)
    (picture,) = training_pictures({"ef": tmp_path / "run", "segmentation": tmp_path, "view": tmp_path / "foreign"})
    assert (picture.name, "2 epochs" in picture.description) == ("training-ef", True)
    assert "validation" in svg(picture)
