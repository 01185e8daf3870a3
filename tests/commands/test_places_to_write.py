"""Every command that writes refuses a place where nothing can be written, before any work: exit code 2."""

from __future__ import annotations

from pathlib import Path

import pytest
from quick import Call

FOLDERS = {
    "analyze": "analyze {clip} --out {place}",
    "demo": "demo --out {place}",
    "phantom": "phantom --out {place}",
    "phantom, the benchmark": "phantom --benchmark --out {place}",
    "deidentify": "deidentify {clip} --key {key} --out {place}",
    "ingest": "ingest {clip} --key {key} --out {place}",
    "train segmentation": "train segmentation --data {data} --out {place}",
    "train ef": "train ef --data {data} --out {place}",
    "train ef, the cache": "train ef --data {data} --out {gone} --cache {place}",
    "train contours": "train contours --out {place}",
    "train beats": "train beats --out {place}",
    "train view": "train view --out {place}",
    "train release": "train release {gone} --name lv --camus {gone} --out {place}",
    "ablate": "ablate low-ef --data {data} --out {place}",
    "ablate, the cache": "ablate low-ef --data {data} --out {gone} --cache {place}",
    "evaluate segmentation": "evaluate segmentation --data {data} --out {place}",
    "evaluate ef": "evaluate ef --data {data} --model ef --out {place}",
    "evaluate beats": "evaluate beats --data {data} --out {place}",
    "evaluate compare": "evaluate compare {gone} {gone} --out {place}",
    "models export": "models export lv {place}",
    "node": "node --allow A --send-to A@127.0.0.1:1 --spool {place}",
}
FILES = {
    "evaluate phantoms": "evaluate phantoms --data {data} --out {place}",
    "evaluate camus": "evaluate camus --data {data} --out {place}",
    "check-dataset": "check-dataset {gone} --json {place}",
    "models export": "models export lv {place}",
    "deidentify, the key": "deidentify {clip} --out {gone} --key {place}",
    "ingest, the key": "ingest {clip} --out {gone} --key {place}",
}


@pytest.fixture
def called(echobeat: Call, tmp_path: Path) -> Call:
    """Call a command line with its paths filled in."""
    (tmp_path / "clip.dcm").write_bytes(b"")

    def call(line: str, place: Path) -> tuple[int, str, str]:
        here = {"gone": tmp_path / "gone", "key": tmp_path / "key", "data": tmp_path}
        return echobeat(*line.format(place=place, clip=tmp_path / "clip.dcm", **here).split())

    return call


@pytest.mark.parametrize("line", FOLDERS.values(), ids=FOLDERS)
def test_a_folder_that_is_a_file_or_lies_below_one_is_refused_by_name(called: Call, tmp_path: Path, line: str) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    option = line.split()[-2] if line.split()[-2].startswith("--") else "OUT"
    for place in (file, file / "below" / "deeper"):
        code, _, err = called(line, place)
        assert (code, err.strip().splitlines()[-1]) == (2, f"{file} is a file, not a folder. Choose another {option}.")
    assert file.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.dcm", "file"]


@pytest.mark.parametrize("line", FILES.values(), ids=FILES)
def test_a_file_that_is_a_folder_or_lies_below_a_file_is_refused_by_name(
    called: Call, tmp_path: Path, line: str
) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder.zip").mkdir()
    for place, said in (("folder.zip", "is a folder, not a file"), ("file/below.zip", "is a file, not a folder")):
        code, _, err = called(line, tmp_path / place)
        assert code == 2
        assert f"{tmp_path / place.partition('/')[0]} {said}. Choose another" in err


@pytest.mark.parametrize(
    "line",
    ["calibrate --data {data}", "calibrate --data {data} --forget", "models import {gone} --task ef --architecture a"],
)
def test_a_folder_of_own_models_that_is_a_file_is_refused_by_name(
    called: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    pytest.importorskip("torch")
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("ECHOBEAT_MODELS", str(tmp_path / "file"))
    code, _, err = called(line, tmp_path)
    assert (code, err.strip()) == (2, f"{tmp_path / 'file'} is a file, not a folder. Choose another ECHOBEAT_MODELS.")
