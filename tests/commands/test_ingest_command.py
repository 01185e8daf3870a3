"""`echobeat ingest` as a user runs it: no name comes out, a kill loses nothing, and the result is a data set."""

from __future__ import annotations

import csv
import os
import signal
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "ingest"))  # where `made_archive` lies
sys.path.insert(0, str(Path(__file__).parents[1] / "deidentification"))  # where `annex_e` lies

import annex_e
from made_archive import cine, file_set, instance, relist, screen, write_dicom, write_video

from echobeat.__main__ import main

CANARY = "ZQCANARY"

KILLED_AFTER_TWO_CLIPS = """
import os, signal, sys
from echobeat.commands import ingest
from echobeat.ingest.dataset import DatasetFolder
ingest.COMMIT_AFTER_S = ingest.COMMIT_SHARE = 0
commit = DatasetFolder.commit
def and_die(folder, outcomes):
    rows = commit(folder, outcomes)
    if len(folder.clips) > 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return rows
DatasetFolder.commit = and_die
from echobeat.__main__ import main
main(sys.argv[1:])
"""


def echobeat(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    told = capsys.readouterr()
    return int(ended.value.code or 0), told.out + told.err


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips, a copy, a still, words, a ZIP with a clip and a path that climbs out; the patient's name everywhere."""
    root = tmp_path_factory.mktemp("archive") / f"{CANARY}^Jane 4711"
    (root / CANARY).mkdir(parents=True)
    names = {"PatientName": f"{CANARY}^Jane", "PatientID": f"{CANARY}-4711", "AccessionNumber": f"{CANARY}99"}
    names |= {"InstitutionName": CANARY, "StudyDescription": CANARY, "StationName": CANARY, "ImageComments": CANARY}
    for number in range(4):
        made = instance(screen(cine(number)), **names)
        made.StudyInstanceUID = f"1.2.999.{number // 2}"
        made.private_block(0x0099, CANARY, create=True).add_new(1, "LO", CANARY)
        write_dicom(root / CANARY / f"{CANARY}_{number}.dcm", made)
    write_dicom(root / "still", instance(cine(7, 1), **names))
    (root / f"{CANARY}.txt").write_text(CANARY)
    write_video(root / f"{CANARY}.mp4", screen(cine(8)), "libx264", "yuv420p")
    with zipfile.ZipFile(root / f"{CANARY}.zip", "w") as packed:
        packed.write(root / CANARY / f"{CANARY}_0.dcm", f"{CANARY}/copy.dcm")
        packed.writestr(f"../{CANARY}", CANARY)
    (root / "empty.dcm").touch()
    return root


def test_an_archive_becomes_a_data_set_that_names_nobody(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Byte search over all that was written and printed; the mapping, which only the user can read, has all."""
    labels = tmp_path / "labels.csv"
    labels.write_text(f"PatientID,StudyInstanceUID,EF,EDV,ESV,Split\n{CANARY}-4711,1.2.999.0,55,100,45,TEST\n")
    out, key = tmp_path / "set", tmp_path / "secret"
    code, told = echobeat(capsys, "ingest", archive, "--out", out, "--key", key, "--labels", labels, "--jobs", 2)
    assert code == 3  # one file is empty
    log = table(out / "ingest_log.csv")
    assert sorted(row["code"] for row in log) == sorted(
        [*["clip"] * 5, "still_image", "other_kind", "archive", "duplicate", "climbs_out", "empty"]
    )
    rows = table(out / "FileList.csv")
    assert len(rows) == 5
    labelled = [row for row in rows if row["EF"] == "55.0"]
    assert [(row["EDV"], row["ESV"]) for row in labelled] == [("100.0", "45.0")] * 2
    assert {row["Split"] for row in rows if row["patient"] == labelled[0]["patient"]} == {"TEST"}
    assert len({row["patient"] for row in rows}) == 2
    written = [path for path in out.rglob("*") if path.is_file()]
    needles = [
        CANARY.encode(),
        CANARY.encode("utf-16-le"),
        b"4711",
        b"1.2.999",
        b"Jane",
        key.read_text().strip().encode(),
    ]
    for needle in needles:
        assert not [path for path in written if needle.lower() in path.read_bytes().lower()], needle
        assert needle not in told.encode()
    assert not [path for path in written if CANARY in str(path.relative_to(out))]
    mapping = tmp_path / "secret.mapping.csv"
    assert {stat.S_IMODE(path.stat().st_mode) for path in (key, mapping)} == {0o600}
    known = {(row["kind"], row["pseudonym"]): row["original"] for row in table(mapping)}
    assert all(("file", row["input"]) in known for row in log)
    assert known["patient", labelled[0]["patient"]] == f"{CANARY}-4711"


def test_a_folder_without_a_file_is_wrong_use_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither a data set that is begun, nor a key."""
    (tmp_path / "archive" / "below").mkdir(parents=True)
    code, told = echobeat(
        capsys, "ingest", tmp_path / "archive", "--out", tmp_path / "set", "--key", tmp_path / "keys" / "key"
    )
    assert code == 2
    assert "No files were found" in told
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]


def test_a_file_that_is_gone_and_named_twice_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    relist(file_set(tmp_path / "cd", 2), ["GONE"])
    (tmp_path / "next.txt").write_text("words")
    sources = tmp_path / "cd" / "DICOMDIR", tmp_path / "next.txt"
    code, _ = echobeat(capsys, "ingest", *sources, "--out", tmp_path / "set", "--key", tmp_path / "key")
    assert code == 3
    codes = [row["code"] for row in table(tmp_path / "set" / "ingest_log.csv")]
    assert sorted(codes) == ["dicomdir", "missing", "other_kind"]


def test_a_canary_in_every_attribute_reaches_no_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each text attribute that PS3.15's table names, at once."""
    from pydicom.datadict import dictionary_VR, keyword_for_tag

    made = instance(cine(3))
    for row in annex_e.rows():
        keyword = keyword_for_tag(row.tag) if row.mask == 0xFFFFFFFF else ""
        if keyword and dictionary_VR(row.tag) in ("LO", "SH", "PN", "LT", "ST", "UT", "UC") and keyword not in made:
            setattr(made, keyword, CANARY)
    write_dicom(tmp_path / "a", made)
    code, told = echobeat(capsys, "ingest", tmp_path / "a", "--out", tmp_path / "set", "--key", tmp_path / "key")
    assert code == 0
    assert CANARY not in told
    assert len(table(tmp_path / "set" / "FileList.csv")) == 1
    assert not [
        path for path in (tmp_path / "set").rglob("*.*") if path.is_file() and CANARY.encode() in path.read_bytes()
    ]


def test_a_run_that_is_killed_goes_on_to_the_same_data_set(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """SIGKILL after two clips; the same command again; and once more, which does nothing."""
    arguments = ["ingest", str(archive), "--key", str(tmp_path / "key"), "--out"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_AFTER_TWO_CLIPS, *arguments, str(tmp_path / "set")],
        env=environment,
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(list((tmp_path / "set" / "Clips").iterdir())) == 2
    assert not (tmp_path / "set" / "FileList.csv").exists()
    code, _ = echobeat(capsys, *arguments, tmp_path / "set")
    assert code == 3
    assert not [path for path in (tmp_path / "set").iterdir() if path.name.startswith(".echobeat-")]
    whole = echobeat(capsys, *arguments, tmp_path / "other")
    assert whole[0] == 3
    for name in ("FileList.csv", "ingest_log.csv", "ingest.json"):
        assert (tmp_path / "set" / name).read_text() == (tmp_path / "other" / name).read_text()
    for path in (tmp_path / "other" / "Videos").iterdir():
        assert (tmp_path / "set" / "Videos" / path.name).read_bytes() == path.read_bytes()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "set" / "Videos").iterdir()}
    echobeat(capsys, *arguments, tmp_path / "set")
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "set" / "Videos").iterdir()}


def test_what_was_made_opens_as_a_data_set_without_errors(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from echobeat.datasets import open_dataset
    from echobeat.datasets.check import check_dataset

    echobeat(capsys, "ingest", archive, "--out", tmp_path / "set", "--key", tmp_path / "key", "--fps", 25, "--size", 64)
    dataset = open_dataset(tmp_path / "set")
    found = check_dataset(dataset, jobs=1)
    assert found.ok
    assert {one.code for one in found.problems} <= {"label-missing", "split-empty", "table-missing", "tracing-missing"}
    assert len(dataset.studies) == 5
    assert sum(study.spacing_mm is not None for study in dataset.studies) == 4
    assert {study.fps for study in dataset.studies} == {25.0}
    assert len({study.patient for study in dataset.studies}) == 2


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--size", "113"), "--size 113"),
        (("--size", "large"), "--size large"),
        (("--view", "psax"), "--view psax"),
        (("--fps", "0"), "frame rate"),
        (("--labels", "nowhere.csv"), "--labels nowhere.csv: there is no such file"),
    ],
)
def test_wrong_use_is_told_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], told: str
) -> None:
    code, said = echobeat(capsys, "ingest", tmp_path, "--out", tmp_path / "set", "--key", tmp_path / "key", *options)
    assert code == 2
    assert told in said
    assert not list(tmp_path.iterdir())


def test_sources_none_of_which_exists_are_wrong_use_and_nothing_is_written(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that is missing beside others fails for itself."""
    base = ("ingest", tmp_path / "nope", "--out", tmp_path / "set", "--key", tmp_path / "key")
    code, said = echobeat(capsys, *base)
    assert code == 2
    assert str(tmp_path / "nope") in said
    assert not list(tmp_path.iterdir())
    assert echobeat(capsys, *base, archive / "still")[0] == 3
    log = table(tmp_path / "set" / "ingest_log.csv")
    assert sorted(row["code"] for row in log) == ["missing", "still_image"]


def test_a_key_within_the_data_set_is_refused(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would be given away with the data."""
    code, said = echobeat(capsys, "ingest", archive, "--out", tmp_path / "set", "--key", tmp_path / "set" / "key")
    assert code == 2
    assert "--key" in said


def test_clips_with_writing_inside_the_sector_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unless the user keeps them, noted."""
    import cv2

    frames = np.stack([cv2.resize(frame, None, fx=3, fy=3) for frame in cine(5, 40)])
    for frame in frames:
        cv2.putText(frame, CANARY, (125, 130), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 255, 2)
    write_video(tmp_path / "clip.avi", frames)
    base = ("ingest", tmp_path / "clip.avi", "--key", tmp_path / "key", "--out")
    assert echobeat(capsys, *base, tmp_path / "set")[0] == 0
    assert [row["code"] for row in table(tmp_path / "set" / "ingest_log.csv")] == ["text"]
    echobeat(capsys, *base, tmp_path / "all", "--keep-doubtful")
    assert "doubtful_text" in table(tmp_path / "all" / "FileList.csv")[0]["notes"]
