"""echobeat calibrate: studies of known EF give a model intervals, and --forget takes them back."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from echobeat.__main__ import main
from echobeat.commands.evaluate import _facts
from echobeat.errors import UsageError
from echobeat.evaluation import known
from echobeat.evaluation.calibration import KnownStudy
from echobeat.measurement import CalibrationStudy, MeasurementError
from echobeat.models import companion, load_card
from echobeat.models.cards import model_file, write_calibration


@pytest.fixture
def call(capsys, monkeypatch, tmp_path):
    """The command line with models of the test's own, and studies that need no analysis."""
    monkeypatch.setenv("ECHOBEAT_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("COLUMNS", "200")
    rng = np.random.default_rng(1)

    def known_of(study, dataset, models):
        efs = study.ef - 4.0 + rng.normal(0, 2.0, 3)
        return KnownStudy(CalibrationStudy(efs, study.ef), None)

    monkeypatch.setattr(known, "known_of", known_of)

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


@pytest.fixture
def data(tmp_path):
    """A folder of 30 videos with their EF; one of unknown EF, one whose EF slipped by a digit, one as a fraction."""
    folder = tmp_path / "data"
    folder.mkdir()
    lines = ["FileName,EF"]
    for index in range(33):
        (folder / f"v{index}.avi").write_bytes(b"")
        lines.append(f"v{index}.avi,{20 + index * 1.5 if index < 30 else ('', 655, 0.55)[index - 30]}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_a_calibration_takes_the_place_of_the_cards_until_it_is_forgotten(call, data):
    """lv's bias becomes the -4 of these studies; then it is the card's own again; the bundled card is not touched."""
    before = load_card("lv").measurement_error
    code, out, err = call("calibrate", "--data", data, "--model", "lv")
    assert code == 0
    assert "of 30 true EFs" in " ".join(err.split())
    assert "3 of 33 studies have no EF between 1 and 100 %" in " ".join(err.split())
    kept = json.loads(Path(out.strip()).read_text())
    assert "30 studies" in kept["data"]
    error = MeasurementError.from_json(load_card("lv").measurement_error)
    assert error.bias == pytest.approx(-4.0, abs=1.2)
    assert error.studies == 30
    code, _, _ = call("calibrate", "--data", data, "--model", "lv", "--forget")
    assert code == 0
    assert load_card("lv").measurement_error == before


def test_studies_that_cannot_be_read_are_named_and_the_others_count(call, data, monkeypatch):
    """Exit code 3, and the calibration rests on the rest."""
    usual = known.known_of

    def known_of(study, dataset, models):
        if study.name == "v3":
            raise UsageError("it is broken")
        return usual(study, dataset, models)

    monkeypatch.setattr(known, "known_of", known_of)
    code, out, err = call("calibrate", "--data", data, "--model", "lv")
    assert code == 3
    assert "v3: it is broken" in err
    assert json.loads(Path(out.strip()).read_text())["studies"] == 29


def test_too_few_studies_are_refused_and_nothing_is_kept(call, data, tmp_path):
    """Nineteen studies give no 90 % quantile worth the name."""
    table = data / "labels.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:20]) + "\n")
    code, _, err = call("calibrate", "--data", data, "--model", "lv")
    assert code == 2
    assert "at least 20" in err
    assert not (tmp_path / "models" / "calibration").exists()


def test_a_video_networks_calibration_belongs_to_its_pair(call, tmp_path):
    """Calibrated beside lv-phantom, ef keeps what it came with beside lv, and is taken there by itself as before."""
    ef, lv, other = (load_card(name) for name in ("ef", "lv", "lv-phantom"))
    before = lv.used_beside(lv).calibration, ef.used_beside(lv).calibration
    assert ef.calibration_beside(other) is None
    write_calibration(ef, {**ef.measurement_error, "segmentation": other.sha256}, other)
    assert load_card("ef").calibration_beside(other)["segmentation"] == other.sha256
    assert (lv.used_beside(lv).calibration, load_card("ef").used_beside(lv).calibration) == before
    assert companion(load_card("lv")) == "ef"
    assert load_card("ef").used_beside(other).calibration not in (None, before[1])
    assert companion(other) != "ef"  # calibrated beside it, but not as free as it is: --free asks for no other
    code, _, _ = call("calibrate", "--data", tmp_path, "--model", "ef", "--segmentation", "lv-phantom", "--forget")
    assert code == 0
    assert load_card("ef").calibration_beside(other) is None


def test_free_and_a_model_that_is_not_contradict_each_other(call, data, tmp_path):
    """--free with a model under CAMUS's licence is wrong use, not silently one of the two."""
    shutil.copy(model_file("lv"), tmp_path / "mine.onnx")
    shutil.copy(model_file("lv").with_suffix(".json"), tmp_path / "mine.json")
    for model in (("--ef", "ef"), ("--segmentation", tmp_path / "mine.onnx")):
        code, _, err = call("analyze", data / "v0.avi", "--out", tmp_path / "out", "--free", *model)
        assert code == 2
        assert "--free" in err


def test_predictions_of_another_calibration_are_not_reused():
    """What an evaluation keeps in its folder belongs to the calibration that gave its intervals."""
    ef, lv = load_card("ef"), load_card("lv")
    again = replace(ef, measurement_error={**ef.measurement_error, "video_weight": 0.1})
    assert _facts(ef, lv) != _facts(again, lv)
    assert _facts(ef, lv) == _facts(load_card("ef"), lv)


def test_a_result_says_which_calibration_its_intervals_are_of():
    """Another calibration of the same weights is another result: its UIDs and --resume follow from the hash."""
    lv = load_card("lv")
    again = replace(lv, measurement_error={**lv.measurement_error, "bias": 1.0})
    assert lv.used_beside(lv).calibration != again.used_beside(again).calibration
    assert replace(lv, measurement_error=None).used_beside(replace(lv, measurement_error=None)).calibration is None


@pytest.mark.parametrize(
    "exchanged", [("--model", "lv", "--segmentation", "ef"), ("--model", "ef", "--segmentation", "ef")]
)
def test_models_that_are_exchanged_are_refused_and_nothing_is_calibrated(call, data, tmp_path, exchanged):
    """The calibration of one would replace that of another."""
    code, _, err = call("calibrate", "--data", data, *exchanged)
    assert code == 2
    assert "segmentation model" in err
    assert not (tmp_path / "models" / "calibration").exists()
