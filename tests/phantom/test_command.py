"""``echobeat phantom`` end to end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from echobeat.commands import phantom as command
from echobeat.errors import OutputError, UsageError
from echobeat.phantom import dataset, draw_patient
from echobeat.phantom.dataset import dataset_seeds, read_truths
from echobeat.phantom.seeds import CALIBRATION_SEEDS, DATASET_SEEDS
from echobeat.whole import write_file

app = typer.Typer()
app.command()(command.phantom)


def test_one_command_makes_a_data_set(tmp_path: Path) -> None:
    """Video, lists and truth are there, and the exit code is 0."""
    result = CliRunner().invoke(app, ["--patients", "1", "--seed", "5", "--jobs", "1", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "Videos").glob("*.avi"))) == 1
    assert (tmp_path / "FileList.csv").exists()
    assert (tmp_path / "VolumeTracings.csv").exists()
    assert len(list((tmp_path / "Truth").iterdir())) == 2


def test_dicom_files_have_a_bar_and_the_jobs_of_the_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They take the longest; files that are there already are kept."""
    shared: list[tuple[int, int]] = []
    made = dataset._made

    def counted(write: Any, patients: Any, jobs: int) -> Any:
        shared.append((len(patients), jobs))
        return made(write, patients, 1)

    monkeypatch.setattr(dataset, "_made", counted)
    monkeypatch.setattr(dataset, "make_study", lambda patient: patient)
    monkeypatch.setattr(dataset, "write_dicom", lambda _, path: write_file(path, "made"))
    monkeypatch.setattr(command, "write_patients", lambda *_, **__: None)
    write_file(tmp_path / "Dicom" / f"{draw_patient(dataset_seeds(2, 5)[0]).name}.dcm", "kept")
    options = ["--patients", "3", "--seed", "5", "--jobs", "2", "--dicom", "--out", str(tmp_path)]
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 0, result.output
    assert shared == [(2, 2)]
    assert "DICOM files" in result.stderr
    assert sorted(file.read_text() for file in (tmp_path / "Dicom").iterdir()) == ["kept", "made", "made"]


def test_a_benchmark_that_is_not_the_recorded_one_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results on another benchmark cannot pass for results on this one."""
    other = {"patients": 120, "truth_sha256": "0" * 64}
    monkeypatch.setattr(command, "write_benchmark", lambda *_, **__: other)
    monkeypatch.setattr(command, "recorded_benchmark", lambda: other | {"truth_sha256": "1" * 64})
    result = CliRunner().invoke(app, ["--benchmark", "--out", str(tmp_path)])
    assert isinstance(result.exception, OutputError)


@pytest.mark.parametrize(
    "other", [["--seed", "3"], ["--patients", "2"], ["--view", "subcostal"], ["--view", "none"], ["--dicom"]]
)
def test_the_benchmark_is_fixed(tmp_path: Path, other: list[str]) -> None:
    """What would choose other patients is refused beside it, and nothing is made."""
    result = CliRunner().invoke(app, ["--benchmark", "--out", str(tmp_path / "out"), *other])
    assert isinstance(result.exception, UsageError)
    assert not (tmp_path / "out").exists()


def test_patients_for_calibrating_are_those_set_aside(tmp_path: Path) -> None:
    """--calibration makes patients of the calibration seeds, from the first on; a seed or the benchmark beside it is
    refused."""
    options = ["--calibration", "--patients", "1", "--jobs", "1", "--out", str(tmp_path)]
    assert CliRunner().invoke(app, options).exit_code == 0
    assert read_truths(tmp_path)[0]["name"] == draw_patient(CALIBRATION_SEEDS.start).name
    for other in (["--seed", "3"], ["--benchmark"]):
        assert isinstance(CliRunner().invoke(app, [*options, *other]).exception, UsageError)


@pytest.mark.parametrize(
    ("there", "options"),
    [
        (CALIBRATION_SEEDS.start, ["--patients", "1"]),
        (DATASET_SEEDS.start, ["--patients", "1", "--calibration"]),
        (DATASET_SEEDS.start, ["--benchmark"]),
    ],
)
def test_patients_that_are_set_aside_do_not_get_into_another_folder(
    tmp_path: Path, there: int, options: list[str]
) -> None:
    """A data set, patients for calibrating and the benchmark each have a folder of their own; nothing is written."""
    write_file(tmp_path / "Truth" / f"{draw_patient(there).name}.json", "{}")
    result = CliRunner().invoke(app, [*options, "--jobs", "1", "--out", str(tmp_path)])
    assert isinstance(result.exception, UsageError)
    assert "another purpose" in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["Truth"]


def test_another_view_is_made_by_name_and_an_unknown_one_refused(tmp_path: Path) -> None:
    """The studies of a view differ from the four-chamber ones of the same seed; a wrong name is an error."""
    made = {}
    for view in ("apical four-chamber", "parasternal short axis"):
        out = tmp_path / view
        options = ["--patients", "1", "--seed", "5", "--jobs", "1", "--out", str(out), "--view", view]
        assert CliRunner().invoke(app, options).exit_code == 0
        made[view] = next((out / "Videos").glob("*.avi")).read_bytes()
    assert len(set(made.values())) == 2
    result = CliRunner().invoke(app, ["--patients", "1", "--out", str(tmp_path / "x"), "--view", "sagittal"])
    assert isinstance(result.exception, UsageError)


def test_a_folder_with_the_same_patients_in_another_view_is_refused(tmp_path: Path) -> None:
    """Their names are taken, so that nothing would be made; the truth of another view names it, others stay as ever."""
    options = ["--patients", "1", "--seed", "5", "--jobs", "1", "--out", str(tmp_path)]
    axis = [*options, "--view", "parasternal short axis"]
    assert CliRunner().invoke(app, options).output.endswith(f"1 patients in {tmp_path}, 1 of them new\n")
    assert "0 of them new" in CliRunner().invoke(app, options).output
    assert "view" not in read_truths(tmp_path)[0]
    refused = CliRunner().invoke(app, axis).exception
    assert isinstance(refused, UsageError)
    assert "apical four-chamber" in str(refused)
    other = [*axis, "--out", str(tmp_path / "other")]
    assert CliRunner().invoke(app, other).exit_code == 0
    assert read_truths(tmp_path / "other")[0]["view"] == "parasternal short axis"
