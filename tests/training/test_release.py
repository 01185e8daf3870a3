"""A finished run becomes a bundled model: measured on CAMUS and on phantoms, calibrated, with what a person wrote."""

import json
import shutil
import tomllib
from importlib import resources
from pathlib import Path

import nibabel
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from echobeat.__main__ import main  # noqa: E402  torch may be missing
from echobeat.errors import UsageError  # noqa: E402
from echobeat.models import load_card, model_file  # noqa: E402
from echobeat.models.cards import file_hash  # noqa: E402
from echobeat.phantom.dataset import write_patients  # noqa: E402
from echobeat.phantom.examination import draw_patient  # noqa: E402
from echobeat.phantom.seeds import CALIBRATION_SEEDS  # noqa: E402
from echobeat.pipeline import read  # noqa: E402
from echobeat.training.release import CardText  # noqa: E402
from echobeat.training.view_release import release_view  # noqa: E402

PATIENTS, COPIES = 4, 5
"""Short phantoms, and how often each is there: intervals ask for 20."""


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory):
    """Twenty studies of four patients, a beat each."""
    folder = tmp_path_factory.mktemp("calibration")
    drawn = [draw_patient(s, rhythm="sinus", clip="gated", beats=1, fps=16.0) for s in CALIBRATION_SEEDS[:PATIENTS]]
    write_patients(folder, drawn, 1)
    for truth in sorted((folder / "Truth").glob("*.json")):
        for copy in range(1, COPIES):
            name = f"{truth.stem}-{copy}"
            (folder / "Truth" / f"{name}.json").write_text(json.dumps(json.loads(truth.read_text()) | {"name": name}))
            shutil.copy(truth.with_suffix(".npz"), folder / "Truth" / f"{name}.npz")
            shutil.copy(folder / "Videos" / f"{truth.stem}.avi", folder / "Videos" / f"{name}.avi")
    return folder


@pytest.fixture(scope="module")
def camus(tmp_path_factory, phantoms):
    """Two patients a split: end-diastole and end-systole of phantoms, laid out as CAMUS is."""
    root = tmp_path_factory.mktemp("camus")
    studies = sorted(path for path in (phantoms / "Truth").glob("*.json") if path.stem.count("-") == 1)
    for number, truth in enumerate(studies):
        patient = f"patient{number:04}"
        home = root / ("valid" if number % 2 else "calibration") / patient
        home.mkdir(parents=True)
        frames = read(phantoms / "Videos" / f"{truth.stem}.avi").frames
        with np.load(truth.with_suffix(".npz")) as arrays:
            masks = arrays["lv"]
        beat = json.loads(truth.read_text())["beats"][0]
        for instant, frame in (("ED", beat["ed_frame"]), ("ES", beat["es_frame"])):
            for suffix, pixels in (("", frames[frame]), ("_gt", masks[frame].astype(np.uint8))):
                image = nibabel.Nifti1Image(pixels.T, np.diag([0.5, 0.5, 1.0, 1.0]))
                nibabel.save(image, home / f"{patient}_4CH_{instant}{suffix}.nii.gz")
    return root


@pytest.fixture
def run_of(tmp_path):
    """A run that ended with the weights of a bundled model, and no figures."""

    def run(name: str, config: str = "") -> Path:
        folder = tmp_path / "run"
        folder.mkdir()
        shutil.copy(model_file(name), folder / "model.onnx")
        card = json.loads(Path(model_file(name)).with_suffix(".json").read_text())
        draft = card | {"name": "run", "version": "0", "summary": "", "metrics": [], "measurement_error": None}
        (folder / "model.json").write_text(json.dumps(draft))
        (folder / "config.toml").write_text(config)
        return folder

    return run


def release(run: Path, *told: object) -> int:
    """Exit code of the command."""
    with pytest.raises(SystemExit) as ended:
        main(["train", "release", str(run), *map(str, told)])
    return int(ended.value.code or 0)


def texts(name: str) -> dict[str, object]:
    return tomllib.loads((resources.files("echobeat.training") / "recipes" / "cards.toml").read_text())[name]


def test_a_segmentation_network_is_released_with_figures_and_intervals(run_of, camus, phantoms, tmp_path, capsys):
    """Figures of both splits of CAMUS and of the phantoms, each with its n; the text of cards.toml; the file's hash."""
    run, out = run_of("lv-phantom"), tmp_path / "out"
    told = ["--name", "lv-phantom", "--camus", camus, "--phantoms", phantoms, "--out", out]
    assert release(run, *told) == 0
    card = load_card(str(out / "lv-phantom.onnx"))
    assert (card.name, card.version, card.summary) == (
        "lv-phantom",
        *(texts("lv-phantom")[k] for k in ("version", "summary")),
    )
    assert card.sha256 == file_hash(out / "lv-phantom.onnx") == file_hash(run / "model.onnx")
    dice = {m.data: m for m in card.metrics if m.name == "LV Dice, ED and ES"}
    assert [(data.split(" (")[0], m.n) for data, m in dice.items()] == [("CAMUS valid", 2), ("CAMUS calibration", 2)]
    assert all(m.value > 0.7 for m in dice.values())
    beats = next(m for m in card.metrics if m.name == "beat EF from our masks, MAE")
    assert beats.n >= COPIES
    assert card.measurement_error is not None
    assert f"{PATIENTS * COPIES} synthetic patients" in card.measurement_error["data"]
    assert "LV Dice" in capsys.readouterr().out


def test_a_reader_of_beats_is_released_beside_its_contours(run_of, camus, phantoms, tmp_path):
    """Its intervals belong to the segmentation that the run learned beside."""
    run, out = (
        run_of("ef-phantom", (resources.files("echobeat.training") / "recipes/beats/ef-phantom.toml").read_text()),
        tmp_path / "out",
    )
    told = ["--name", "ef-phantom", "--camus", camus, "--phantoms", phantoms, "--out", out]
    assert release(run, *told) == 0
    card = load_card(str(out / "ef-phantom.onnx"))
    assert card.measurement_error["segmentation"] == load_card("lv-phantom").sha256
    names = {m.name for m in card.metrics}
    assert {"beat EF from video, MAE", "EF of pairs from video, MAE"} <= names
    assert {"EF of animated pairs, coverage of the 90 % interval"} <= names
    assert "study EF, share inside its 90 % interval" not in names, "that interval would be the contours'"


def test_a_view_network_is_released_with_a_threshold_and_what_it_refuses(run_of, camus, tmp_path):
    card = release_view(run_of("view-phantom"), "view-phantom", camus, tmp_path / "out", patients=2)
    assert 0 < card.threshold <= 0.5
    shares = {(m.name, m.data): m for m in card.metrics}
    assert shares["refused: contrast", "phantoms, calibration seeds"].n == 1
    assert all(0 <= m.value <= 1 for m in card.metrics)
    assert load_card(str(tmp_path / "out" / "view-phantom.onnx")) == card


def test_a_run_in_a_folder_with_a_bundled_models_name_is_released_itself(
    run_of, camus, phantoms, tmp_path, monkeypatch
):
    """Named without its path it is still the run."""
    run = run_of("lv-phantom").rename(tmp_path / "lv")
    monkeypatch.chdir(tmp_path)
    told = ["--name", "lv-phantom", "--camus", camus, "--phantoms", phantoms, "--out", tmp_path / "out"]
    assert release(Path(run.name), *told) == 0
    assert file_hash(tmp_path / "out" / "lv-phantom.onnx") == file_hash(run / "model.onnx")


def test_a_release_without_a_text_for_its_card_or_without_phantoms_says_what_is_missing(
    run_of, camus, tmp_path, capsys
):
    with pytest.raises(UsageError, match="no card text for mine"):
        CardText.load("mine")
    assert release(run_of("lv-phantom"), "--name", "lv", "--camus", camus) == 2
    assert "--phantoms" in capsys.readouterr().err
