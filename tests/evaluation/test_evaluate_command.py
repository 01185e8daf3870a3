"""The commands end to end, on phantoms: predictions, tables, pictures, page and the original's files are there."""

from __future__ import annotations

import csv
import json
import shutil
from html.parser import HTMLParser
from pathlib import Path

import nibabel
import numpy as np
import pytest
from conftest import Call

from echobeat import __version__
from echobeat.evaluation.ledger import read_predictions
from echobeat.models import Metric
from echobeat.phantom.dataset import write_patients
from echobeat.phantom.examination import draw_patient
from echobeat.phantom.other_studies import in_view
from echobeat.sources import open_clip


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evaluated")


def metrics_of(folder: Path) -> dict[tuple[str, str, str], dict]:
    content = json.loads((folder / "metrics.json").read_text())
    return {(m["name"], m["method"], m["group"]): m for m in content["metrics"]}


class Links(HTMLParser):
    """Addresses that a page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [v for k, v in attrs if k in ("src", "href", "xlink:href") and v and not v.startswith("#")]


def test_segmentation_from_data_to_page(evaluate_and_draw: Call, phantoms: Path, evaluated: Path) -> None:
    """The bundled model finds phantoms' ventricles: pooled Dice above 0.7, at ED and ES, with every file written."""
    out = evaluated / "segmentation"
    code, said, _ = evaluate_and_draw("segmentation", "--data", phantoms, "--out", out)
    assert code == 0
    assert "pooled Dice" in said
    found = metrics_of(out)
    assert found["pooled Dice", "", "all"]["value"] > 0.7
    assert found["pooled Dice", "", "all"]["n"] == 6
    assert found["Dice of an image", "", "ES"]["patients"] == 3
    assert found["pooled Dice", "", "ED"]["published"]["value"] == 0.927
    assert {"mm", "px"} <= {m["unit"] for m in json.loads((out / "metrics.json").read_text())["metrics"]}
    for name in (
        "metrics.csv",
        "metrics.md",
        "report.html",
        "figures/dice-histogram.png",
        "figures/dice-histogram.pdf",
    ):
        assert (out / name).stat().st_size > 0
    links = Links()
    links.feed((out / "report.html").read_text())
    assert links.found == []
    assert "not a medical device" in (out / "report.html").read_text()


def test_ef_from_clips_is_what_the_model_says(evaluate: Call, phantoms: Path, ef_run: Path, evaluated: Path) -> None:
    """By hand from the video: a clip of 8 frames, all clips' mean, the entire video; the original's file beside."""
    out = evaluated / "ef"
    code, *_ = evaluate("ef", "--data", phantoms, "--out", out, "--model", ef_run, "--entire-video", "--interval", 90)
    assert code == 0
    found = read_predictions(out)
    study = found.studies[0]
    assert study.rhythm == "sinus"
    said = {reading.method: reading.ef for reading in found.readings if reading.study == study.study}
    frames = np.asarray(open_clip(phantoms / "Videos" / study.file).frames)
    clips = [row for row in found.clips if row.study == study.study]
    assert len(clips) == len(frames) - 7
    assert said["all clips"] == pytest.approx(np.mean([row.ef for row in clips]))
    assert said["one clip"] == clips[0].ef
    assert said["one clip"] == pytest.approx(45 + frames[:8].mean() / 4, abs=1.0)  # made smaller on the way
    assert said["entire video"] == pytest.approx(45 + frames.mean() / 4, abs=1.0)
    assert json.loads((out / "metrics.json").read_text())["interval"]["level"] == 0.9
    lines = list(csv.reader((out / "test_predictions.csv").open()))
    assert [line[:2] for line in lines[:2]] == [[study.file, "0"], [study.file, "1"]]
    assert float(lines[0][2]) == pytest.approx(clips[0].ef, abs=1e-4)
    assert ("MAE", "all clips", "all") in metrics_of(out)


def test_beats_from_video_and_from_contours(evaluate: Call, phantoms: Path, ef_run: Path, evaluated: Path) -> None:
    """The segmentation finds beats, the model reads a clip of each; contours give an EF near the truth."""
    out = evaluated / "beats"
    code, said, _ = evaluate("beats", "--data", phantoms, "--out", out, "--model", ef_run, "--jobs", 2)
    assert code == 0
    assert said.startswith("An EF was read in 3 of 3 studies; the quality check refused ")
    found = read_predictions(out)
    methods = {(row.study, row.method) for row in found.readings}
    assert len([m for _, m in methods if m == "beat by beat"]) == 3
    for study in found.studies:
        counted = [b.ef_video for b in found.beats if b.study == study.study and b.counts]
        (mean,) = (r.ef for r in found.readings if r.study == study.study and r.method == "beat by beat")
        assert mean == pytest.approx(np.mean(counted))
        assert study.verdict in ("accepted", "refused")
    assert metrics_of(out)["MAE", "geometric", "all"]["value"] < 15
    assert ("coverage of 90 % intervals", "geometric", "all") in metrics_of(out)
    rows = list(csv.DictReader((out / "size.csv").open()))
    assert list(rows[0]) == ["Filename", "Frame", "Size", "HumanLarge", "HumanSmall", "ComputerSmall"]
    first = [row for row in rows if row["Filename"] == found.studies[0].file]
    assert [row["Frame"] for row in first] == [str(index) for index in range(len(first))]
    large, small = (next(int(r["Size"]) for r in first if r[name] == "1") for name in ("HumanLarge", "HumanSmall"))
    assert large > small


def test_a_reader_of_beats_has_its_own_and_the_combined_ef_with_intervals(
    evaluate: Call, phantoms: Path, tmp_path: Path
) -> None:
    """The bundled pair: both ways, and both together, each with an interval that was calibrated."""
    code, *_ = evaluate("beats", "--data", phantoms, "--out", tmp_path, "--model", "ef")
    assert code == 0
    found = read_predictions(tmp_path)
    assert {"beat by beat", "geometric", "combined"} <= {row.method for row in found.readings}
    for row in found.readings:
        assert row.low <= row.ef <= row.high
    figures = metrics_of(tmp_path)
    for method in ("beat by beat", "geometric", "combined"):
        assert ("coverage of 90 % intervals", method, "all") in figures
    code, _, err = evaluate("beats", "--data", phantoms, "--out", tmp_path / "x", "--model", "ef", "--beats", "echonet")
    assert code == 2
    assert "--beats echobeat" in err


def test_what_an_analysis_refuses_is_refused(evaluate: Call, tmp_path: Path) -> None:
    """An apical long axis has no combined EF, though its contours would give one: the view network looks first."""
    patient = draw_patient(7, rhythm="sinus", clip="free", ef=35.0, beats=2, fps=25.0)
    write_patients(tmp_path / "data", [in_view(patient, "apical long axis")])
    call = ("beats", "--data", tmp_path / "data", "--split", "all", "--model", "ef")
    evaluate(*call, "--out", tmp_path / "out")
    found = read_predictions(tmp_path / "out")
    assert found.identity.models["view"]["name"] == "view"
    assert [study.verdict for study in found.studies] == ["refused"]
    assert "combined" not in {row.method for row in found.readings}


def test_the_published_beat_finder_is_used_where_it_is_asked_for(
    evaluate: Call, phantoms: Path, ef_run: Path, tmp_path: Path
) -> None:
    """Its beats have no EF from contours of their own, and they are its minima of the area."""
    from echobeat.evaluation.published_beats import published_systoles

    code, *_ = evaluate("beats", "--data", phantoms, "--out", tmp_path, "--model", ef_run, "--beats", "echonet")
    assert code == 0
    found = read_predictions(tmp_path)
    assert found.identity.options == {"beats": "echonet", "view": "A4C", "echobeat": __version__}
    for study in found.studies:
        areas = [row.area_px for row in found.sizes if row.study == study.study]
        assert tuple(b.es_frame for b in found.beats if b.study == study.study) == published_systoles(areas)
    assert all(beat.ef_geometric is None for beat in found.beats)


def test_a_video_that_cannot_be_read_is_listed_and_the_rest_goes_on(
    evaluate: Call, phantoms: Path, ef_run: Path, tmp_path: Path
) -> None:
    """Exit code 3; the others' figures are there; mended, the same command reads it alone."""
    data, out = tmp_path / "data", tmp_path / "out"
    shutil.copytree(phantoms, data)
    video = sorted((data / "Videos").iterdir())[1]
    whole = video.read_bytes()
    video.write_bytes(b"RIFF")
    code, _, err = evaluate("ef", "--data", data, "--out", out, "--model", ef_run, "--no-all-clips")
    assert code == 3
    assert video.stem in err
    assert video.stem in (out / "failures.csv").read_text()
    assert metrics_of(out)["MAE", "one clip", "all"]["n"] == 2
    before = read_predictions(out).readings
    video.write_bytes(whole)
    code, *_ = evaluate("ef", "--data", data, "--out", out, "--model", ef_run, "--no-all-clips")
    assert code == 0
    assert not (out / "failures.csv").exists()
    after = read_predictions(out).readings
    assert len(after) == 3
    assert set(before) <= set(after)


def test_comparing_an_evaluation_with_itself_finds_no_difference(evaluate: Call, evaluated: Path) -> None:
    """Zero, without an interval; written where asked."""
    code, said, _ = evaluate("compare", evaluated / "ef", evaluated / "ef", "--out", evaluated)
    assert code == 0
    assert "+0.00" in said
    rows = json.loads((evaluated / "comparison.json").read_text())["differences"]
    assert {row["difference"] for row in rows} == {0.0}
    assert {row["low"] for row in rows} == {None}
    assert {row["method_a"] for row in rows} == {"one clip", "all clips", "entire video"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--split", "val"), "no study with an EF between 1 and 100 % in the split val"),
        (("--split", "test", "--model", "no-such-model"), "no model named"),
        (("--split", "test", "--model", "lv"), "cannot estimate EF"),
        (("--split", "test", "--model", "ef"), "echobeat evaluate beats --model ef"),
        (("--device", "cpu"), "is for training runs"),
        (("--fold", "3"), "phantom gives no folds"),
    ],
)
def test_wrong_use_is_refused_with_the_reason(
    evaluate: Call, phantoms: Path, ef_run: Path, tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    """An empty split, an unknown model, a model of another task: exit code 2, a sentence, and nothing is written."""
    code, _, err = evaluate("ef", "--data", phantoms, "--out", tmp_path, "--model", ef_run, *arguments)
    assert code == 2
    assert told in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("task", ["phantoms", "camus"])
def test_a_file_that_cannot_be_written_is_told_before_the_work(
    evaluate: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    """A folder that is missing is made; one that cannot be, and a folder in the file's place, are refused at once."""
    worked: list[str] = []

    def works(*_: object) -> tuple[Metric, ...]:
        worked.append(task)
        return (Metric("figure", 1.0, 1, None, None, "made"),)

    for name in ("echobeat.evaluation.phantoms.score_phantoms", "echobeat.evaluation.phantoms.summarise"):
        monkeypatch.setattr(name, works)
    monkeypatch.setattr("echobeat.evaluation.phantoms.by_rhythm", lambda _: {"all": ()})
    monkeypatch.setattr("echobeat.evaluation.camus.evaluate_camus", works)
    monkeypatch.setattr("echobeat.datasets.camus.read_camus", lambda *_: ())
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file" / "p.json", tmp_path):
        code, _, err = evaluate(task, "--data", tmp_path, "--segmentation", "lv-phantom", "--out", out)
        assert (code, worked) == (2, [])
        assert "--out" in err
    out = tmp_path / "results" / "p.json"
    code, *_ = evaluate(task, "--data", tmp_path, "--segmentation", "lv-phantom", "--out", out)
    assert code == 0
    assert json.loads(out.read_text())[0]["value"] == 1.0


def test_a_phantom_that_cannot_be_read_is_named_and_the_others_are_measured(
    evaluate: Call, phantoms: Path, tmp_path: Path
) -> None:
    """A damaged video and a missing truth cost their own studies: exit code 3, and figures of the rest."""
    shutil.copytree(phantoms, tmp_path / "data")
    first, second, _ = sorted(path.stem for path in (phantoms / "Truth").glob("*.json"))
    (tmp_path / "data" / "Videos" / f"{first}.avi").write_bytes(b"RIFF")
    (tmp_path / "data" / "Truth" / f"{second}.npz").unlink()
    code, said, err = evaluate("phantoms", "--data", tmp_path / "data", "--segmentation", "lv-phantom")
    assert code == 3
    assert "beat EF from our masks, MAE" in said
    assert first in err
    assert f"{second}.json: this truth or the .npz beside it" in err


@pytest.mark.parametrize("task", ["ef", "beats"])
def test_images_instead_of_videos_are_refused_at_once(evaluate: Call, ef_run: Path, tmp_path: Path, task: str) -> None:
    """CAMUS without its sequences: exit code 2, and what can be done with it instead."""
    for patient in ("patient0001", "patient0002"):
        write_camus_patient(tmp_path / "valid" / patient)
    (tmp_path / "patients.csv").write_text("Patient,EF\npatient0001,50\npatient0002,60\n")
    code, _, err = evaluate(task, "--data", tmp_path, "--split", "val", "--out", tmp_path / "out", "--model", ef_run)
    assert code == 2
    assert "no videos" in err
    assert "evaluate segmentation" in err


def write_camus_patient(folder: Path) -> None:
    folder.mkdir(parents=True)
    for instant in ("ED", "ES"):
        for suffix in ("", "_gt"):
            image = nibabel.Nifti1Image(np.ones((40, 40), np.uint8), np.eye(4))
            nibabel.save(image, folder / f"{folder.name}_4CH_{instant}{suffix}.nii.gz")
