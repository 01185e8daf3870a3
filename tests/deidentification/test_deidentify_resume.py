"""What a later run of `echobeat deidentify` makes of an earlier one's log, mapping and outputs."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from canaries import screen, source
from pydicom import dcmread

from echobeat.__main__ import main
from echobeat.commands import workers
from echobeat.deidentification import instance
from echobeat.deidentification.instance import Outcome
from echobeat.deidentification.log import Log, Row
from echobeat.deidentification.pseudonyms import Pseudonyms
from echobeat.whole import PREFIX


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting processes takes longer than the files."""

    def one_by_one(
        tasks: list[Path], prepare: Callable[[], Callable[[Path], Any]], _processes: int
    ) -> Iterator[tuple[Path, Any]]:
        work = prepare()
        for task in tasks:
            yield task, work(task)

    monkeypatch.setattr(workers, "work_through", one_by_one)


@dataclass(frozen=True)
class Folders:
    """Sources, outputs and key of the runs of a test."""

    root: Path

    @property
    def sources(self) -> Path:
        return self.root / "in"

    @property
    def out(self) -> Path:
        return self.root / "out"

    def run(self, *options: object) -> int:
        """The exit code."""
        places = ("--out", self.out, "--key", self.root / "key")
        with pytest.raises(SystemExit) as ended:
            main(["deidentify", *map(str, (self.sources, *places, *options))])
        return int(ended.value.code or 0)

    def rows(self) -> list[dict[str, str]]:
        with (self.out / "deidentify_log.csv").open(newline="") as stream:
            return list(csv.DictReader(stream))

    def mapping(self) -> list[list[str]]:
        path = self.root / "key.mapping.csv"
        if not path.exists():
            return []
        with path.open(newline="") as stream:
            return list(csv.reader(stream))

    def outputs(self) -> list[str]:
        return sorted(path.relative_to(self.out).as_posix() for path in self.out.rglob("*.dcm"))


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """One source, which is certain."""
    made = Folders(tmp_path)
    made.sources.mkdir()
    source(made.sources / "a.dcm", compressed=False)
    return made


@pytest.fixture
def doubtful(folders: Folders) -> Folders:
    """One source, which is for review."""
    one = screen()[:, :, 60:-60]
    source(folders.sources / "a.dcm", compressed=False, frames=np.concatenate([one, one[::-1]], axis=2))
    return folders


def test_a_decision_that_is_corrected_or_withdrawn_makes_its_clip_anew(doubtful: Folders) -> None:
    doubtful.run()
    (row,) = doubtful.rows()
    table = doubtful.root / "decided.csv"
    for decision, state, reason in (
        ("clean", "clean", "person_clean"),
        ("black", "clean", "person_black"),
        ("", "review", "several_pictures"),
    ):
        table.write_text(f"{row['instance']},{decision}\n" if decision else "instance,decision\n")
        doubtful.run("--resume", "--decisions", table)
        (now,) = doubtful.rows()
        assert (now["state"], now["reason"]) == (state, reason)
        assert doubtful.outputs() == [now["path"]]
        assert dcmread(doubtful.out / now["path"]).BurnedInAnnotation == ("NO" if state == "clean" else "YES")


def test_a_decision_about_what_is_certain_or_settled_makes_nothing_anew(doubtful: Folders) -> None:
    source(doubtful.sources / "b.dcm", compressed=False)
    doubtful.run()
    table = doubtful.root / "decided.csv"
    table.write_text("".join(f"{row['instance']},clean\n" for row in doubtful.rows()))
    doubtful.run("--resume", "--decisions", table)
    before = {path: os.stat(path).st_mtime_ns for path in doubtful.out.rglob("*.dcm")}
    doubtful.run("--resume", "--decisions", table)
    assert {path: os.stat(path).st_mtime_ns for path in doubtful.out.rglob("*.dcm")} == before


def test_what_the_log_holds_is_in_the_mapping_even_if_the_run_is_ended_right_then(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[tuple[Row, set[str]]] = []
    add = Log.add

    def added(log: Log, row: Row) -> None:
        add(log, row)
        ended.append((row, {line[-1] for line in folders.mapping()}))

    monkeypatch.setattr(Log, "add", added)
    source(folders.sources / "b.dcm", compressed=False, frames=screen()[1:])
    folders.run()
    assert len(ended) == 2
    for row, mapped in ended:
        assert {row.patient, row.study, row.instance, row.source_hash} <= mapped


def test_a_source_of_which_frames_are_missing_is_clean_with_a_word(
    folders: Folders, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is there was verified; that something is missing stands in the log and on the screen, and is settled."""
    whole = (folders.sources / "a.dcm").read_bytes()
    (folders.sources / "a.dcm").write_bytes(whole[:-1000])
    assert folders.run() == 0
    assert "1 clean: it is cut off or damaged, and frames are missing; copy it again" in capsys.readouterr().out
    (row,) = folders.rows()
    assert (row["state"], row["reason"]) == ("clean", "truncated")
    made = os.stat(folders.out / row["path"]).st_mtime_ns
    (folders.root / "decided.csv").write_text(f"{row['instance']},clean\n")
    folders.run("--resume", "--decisions", folders.root / "decided.csv")
    assert os.stat(folders.out / row["path"]).st_mtime_ns == made


@pytest.mark.parametrize("order", ["replaced", "cut first", "whole first"])
def test_a_whole_clip_takes_the_place_of_a_copy_that_was_cut_off(folders: Folders, order: str) -> None:
    """In the next run as in one run over both: one output is left, and the log says what became of the other."""
    whole = (folders.sources / "a.dcm").read_bytes()
    if order == "replaced":
        (folders.sources / "a.dcm").write_bytes(whole[:-1000])
        assert folders.run() == 0
        (folders.sources / "a.dcm").write_bytes(whole)
        assert folders.run("--resume") == 0, "the cut-off copy is no source of this run"
    else:
        (folders.sources / ("0.dcm" if order == "cut first" else "b.dcm")).write_bytes(whole[:-1000])
        assert folders.run() == 3
    rows = folders.rows()
    assert sorted((row["state"], row["reason"]) for row in rows) == [("clean", ""), ("refused", "superseded")]
    (output,) = folders.outputs()
    assert [row["path"] for row in rows if row["path"]] == [output]
    assert dcmread(folders.out / output).NumberOfFrames == len(screen())


def test_different_whole_files_with_one_uid_all_come_out_and_are_told(
    folders: Folders, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the log and on the screen; a later run leaves them as they are."""
    source(folders.sources / "b.dcm", compressed=False, frames=screen()[1:])
    assert folders.run() == 0
    assert "2 clean: another file has its SOP Instance UID, but other contents" in capsys.readouterr().out
    rows = folders.rows()
    assert [(row["state"], row["reason"]) for row in rows] == [("clean", "same_uid")] * 2
    assert {dcmread(folders.out / row["path"]).SOPInstanceUID for row in rows} == {rows[0]["uid"]}
    made = {path: os.stat(folders.out / path).st_mtime_ns for path in folders.outputs()}
    assert folders.run("--resume") == 0
    assert {path: os.stat(folders.out / path).st_mtime_ns for path in folders.outputs()} == made


def test_a_log_that_knew_no_uids_is_gone_on_with(folders: Folders) -> None:
    """Its outputs are kept."""
    folders.run()
    (row,) = folders.rows()
    made = os.stat(folders.out / row["path"]).st_mtime_ns
    del row["uid"]
    with (folders.out / "deidentify_log.csv").open("w", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([row, row.values()])
    folders.run("--resume")
    assert os.stat(folders.out / row["path"]).st_mtime_ns == made


def test_a_doubtful_source_of_which_frames_are_missing_says_both(doubtful: Folders) -> None:
    whole = (doubtful.sources / "a.dcm").read_bytes()
    (doubtful.sources / "a.dcm").write_bytes(whole[:-1000])
    doubtful.run()
    (row,) = doubtful.rows()
    assert (row["state"], row["reason"]) == ("review", "several_pictures")
    assert row["message"].endswith("; it is cut off or damaged, and frames are missing; copy it again")
    assert row["message"] in (doubtful.out / "review" / "review.html").read_text()


def test_what_is_no_dicom_file_is_refused_for_what_it_is(folders: Folders, tmp_path: Path) -> None:
    """Named, or below a folder under a clip's name; a source that is not there is one of those refused."""
    contents = {
        "clip.avi": (b"RIFF\0\0\0\0AVI LIST", "it is a video, not DICOM; use echobeat ingest"),
        "heart.nii": (b"\x5c\x01\0\0" + bytes(340) + b"n+1\0", "it is NIfTI, not DICOM; use echobeat ingest"),
        "empty.dcm": (b"", "it is empty"),
        "words.dcm": (b"ZQCANARY", "it is no DICOM file"),
        "DICOMDIR": (
            bytes(128) + b"DICM\x02\x00\x02\x00UI\x14\x001.2.840.10008.1.3.10",
            "it is a DICOMDIR, which only lists other files",
        ),
    }
    for name, (content, _) in contents.items():
        (folders.sources / name).write_bytes(content)
    files = [folders.sources / name for name in contents]
    places = ("--out", folders.out, "--key", tmp_path / "key")
    with pytest.raises(SystemExit) as ended:
        main(["deidentify", *map(str, (*files, tmp_path / "gone", *places))])
    assert ended.value.code == 3
    told = {row["message"] for row in folders.rows()}
    assert told == {message for _, message in contents.values()} | {"it is not there"}


def test_a_folder_with_an_earlier_run_is_only_gone_on_with(
    folders: Folders, capsys: pytest.CaptureFixture[str]
) -> None:
    folders.run()
    before = folders.rows()
    assert folders.run() == 2
    assert "--resume" in capsys.readouterr().err
    assert folders.rows() == before


def test_what_a_killed_run_had_half_written_is_removed_by_the_next_one(folders: Folders) -> None:
    """Whatever becomes of that one: here it is refused, because it says nothing of going on."""
    folders.run()
    made = folders.outputs()
    left = [folders.out / state / "P1" / "S1" / f"{PREFIX}ab" for state in ("clean", "review")]
    for path in left:
        path.parent.mkdir(parents=True)
        path.write_bytes(b"half")
    assert folders.run() == 2
    assert not [path for path in left if path.exists()]
    assert folders.outputs() == made


def test_going_on_with_other_options_makes_all_anew(folders: Folders) -> None:
    folders.run()
    folders.run("--resume", "--dates", "shift")
    (row,) = folders.rows()
    assert row["made_by"].endswith("dates: shift")
    made = dcmread(folders.out / row["path"])
    assert made.LongitudinalTemporalInformationModified == "MODIFIED"


def test_an_output_that_the_log_no_longer_names_is_removed(doubtful: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its source was refused when it was made anew with other options."""
    doubtful.run()
    assert len(doubtful.outputs()) == 1

    def refused(source: Path, _out: Path, pseudonyms: Pseudonyms, *_: object) -> Outcome:
        with source.open("rb") as file:
            return Outcome(instance.hash_of(file, pseudonyms), "refused", "damaged", "its contents are damaged")

    monkeypatch.setattr(instance, "deidentify_file", refused)
    assert doubtful.run("--resume", "--dates", "shift") == 3
    assert [row["state"] for row in doubtful.rows()] == ["refused"]
    left = {path.name for path in doubtful.out.rglob("*") if path.is_file()}
    assert left <= {"deidentify_log.csv", ".echobeat.lock"}
