"""Result folders appear whole or not at all, collide with nothing, and belong to one run at a time."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from echobeat import whole
from echobeat.errors import OutputError, UsageError
from echobeat.records import Assessment
from echobeat.report import files
from echobeat.report.files import Parts, write_result
from echobeat.report.folders import (
    LONGEST_NAME,
    MOST_BYTES,
    STAGE_PREFIX,
    OutputFolder,
    folder_name,
    plan_folders,
    source_id,
    staged,
)

TABLES_ONLY = Parts(video=False, page=False, plot=False, masks=False)
file_names = st.text(min_size=1).filter(lambda text: "\0" not in text) | st.binary(min_size=1).filter(
    lambda name: b"\0" not in name
).map(os.fsdecode)


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(STAGE_PREFIX)]


def fake_result(folder: Path, source: str) -> None:
    folder.mkdir(parents=True)
    keys = dict.fromkeys(("schema_version", "source", "quality", "notice"), "")
    (folder / "result.json").write_text(json.dumps(keys))
    (folder / "run.json").write_text(json.dumps({"source_id": source_id(source)}))


def test_a_folder_is_not_there_before_all_of_it_is_written(tmp_path: Path) -> None:
    with staged(tmp_path / "clip") as stage:
        (stage / "result.json").write_text("{}")
        assert not (tmp_path / "clip").exists()
    assert (tmp_path / "clip" / "result.json").read_text() == "{}"
    assert not leftovers(tmp_path)


def test_a_failure_in_the_middle_leaves_the_earlier_result_and_nothing_else(
    tmp_path: Path, assessment: Assessment, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_result(assessment, tmp_path / "clip", parts=TABLES_ONLY)
    before = (tmp_path / "clip" / "result.json").read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "write_beats_csv", full)
    with pytest.raises(OutputError, match=r"No space left on device.*--out") as raised:
        write_result(assessment, tmp_path / "clip", parts=TABLES_ONLY)
    assert str(tmp_path) in str(raised.value)
    assert (tmp_path / "clip" / "result.json").read_bytes() == before
    assert not leftovers(tmp_path)


def test_a_result_gets_its_name_when_all_of_it_is_on_the_disk(
    tmp_path: Path, assessment: Assessment, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []

    def sync(path: Path) -> None:
        assert not (tmp_path / "clip").exists()
        synced.append(path.name)

    monkeypatch.setattr(whole, "sync", sync)
    write_result(assessment, tmp_path / "clip", parts=TABLES_ONLY)
    assert {path.name for path in (tmp_path / "clip").iterdir()} | {"clip"} == set(synced)


SMALL_DISK = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from made import made_assessment
from echobeat.errors import OutputError
from echobeat.report.files import Parts, write_result
made = made_assessment(frames=200, size=(64, 64))
write_result(made, Path(sys.argv[1]) / "warm")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for limit in (500, 5_000, 40_000, 150_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        write_result(made, Path(sys.argv[1]) / "clip")
    except OutputError as error:
        print("refused:", error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits on the size of files are Unix's")
def test_a_disk_that_refuses_at_any_byte_is_an_output_error_and_leaves_nothing(tmp_path: Path) -> None:
    """The system itself refuses writes beyond 500 bytes ... 150 kB: in JSON, tables, masks, PNG, video and page."""
    here = str(Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", SMALL_DISK, str(tmp_path), here], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("refused:") == 4, done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["warm"]


def test_what_is_not_a_result_is_never_replaced(tmp_path: Path, assessment: Assessment) -> None:
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip" / "thesis.docx").write_text("years of work")
    (tmp_path / "file").write_text("a file")
    for name in ("clip", "file"):
        with pytest.raises(OutputError, match="Choose another"):
            write_result(assessment, tmp_path / name, parts=TABLES_ONLY)
    assert (tmp_path / "clip" / "thesis.docx").read_text() == "years of work"


def test_two_runs_cannot_write_into_one_folder_at_once(tmp_path: Path) -> None:
    with OutputFolder(tmp_path), pytest.raises(OutputError, match="Another run"), OutputFolder(tmp_path):
        pass
    with OutputFolder(tmp_path):  # free again
        pass


def test_a_file_in_place_of_the_output_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(UsageError, match="is a file"), OutputFolder(tmp_path / "out"):
        pass


def test_the_next_run_removes_what_a_killed_one_left_and_puts_the_old_result_back(tmp_path: Path) -> None:
    """Killed between the two renames that replace a result."""
    workshop = tmp_path / f"{STAGE_PREFIX}abc"
    fake_result(workshop / "old" / "clip", "clip.avi")
    (workshop / "new" / "clip").mkdir(parents=True)
    with OutputFolder(tmp_path):
        assert (tmp_path / "clip" / "run.json").is_file()
        assert not leftovers(tmp_path)


def test_what_a_killed_run_left_of_files_that_stand_alone_is_removed_where_such_files_are_written(
    tmp_path: Path,
) -> None:
    """At any depth of the folders that are named, when a run begins and when it ends; whole files and others stay."""
    left, whole, other = (
        tmp_path / place for place in (f"clean/P1/S1/{STAGE_PREFIX}ab", "clean/P1/S1/I1.dcm", f"mine/{STAGE_PREFIX}ab")
    )
    for path in (left, whole, other):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
    with OutputFolder(tmp_path, within=("clean", "review")):
        assert [path.exists() for path in (left, whole, other)] == [False, True, True]
        left.write_text("of a process of this run, which was killed")
    assert [path.exists() for path in (left, whole, other)] == [False, True, True]


def test_a_folder_there_that_only_looks_like_a_half_written_file_does_no_harm(tmp_path: Path) -> None:
    """Such as the workshop of an analysis whose results lie there."""
    workshop = tmp_path / "clean" / "results" / f"{STAGE_PREFIX}ab"
    workshop.mkdir(parents=True)
    for _ in range(2):
        with OutputFolder(tmp_path, within=("clean",)):
            assert workshop.is_dir()


def test_what_another_run_is_writing_is_left_alone(tmp_path: Path) -> None:
    being_written = tmp_path / "clean" / f"{STAGE_PREFIX}ab"
    with OutputFolder(tmp_path, within=("clean",)):
        being_written.parent.mkdir()
        being_written.write_text("half")
        with pytest.raises(OutputError, match="Another run"), OutputFolder(tmp_path, within=("clean",)):
            pass
        assert being_written.exists()


@given(file_names)
@example("😀" * LONGEST_NAME)
def test_a_folder_name_is_safe_on_every_system(source: str) -> None:
    name = folder_name(source)
    assert name
    assert len(name) <= LONGEST_NAME + 1
    assert len(name.encode()) <= MOST_BYTES + 1
    assert not set(name) & set('/\\<>:"|?*\0')
    assert name.isprintable()
    assert name[0] not in ".-="
    assert name[-1] not in ". "
    name.encode("utf-8")


@given(st.lists(file_names, max_size=12))
def test_no_two_sources_share_a_folder_even_where_case_does_not_count(sources: list[str]) -> None:
    plan = plan_folders(sources, Path("/nowhere-at-all"))
    assert set(plan) == set(sources)
    assert len({name.casefold() for name in plan.values()}) == len(plan)
    assert plan == plan_folders(sources, Path("/nowhere-at-all"))


def test_names_go_in_order_and_tables_keep_theirs(tmp_path: Path) -> None:
    plan = plan_folders(["a/clip.avi", "b/clip.avi", "CLIP.dcm", "summary.csv.avi"], tmp_path)
    assert list(plan.values()) == ["clip", "clip-2", "CLIP-3", "summary.csv-2"]


def test_a_result_of_the_same_source_is_replaced_and_that_of_another_kept(tmp_path: Path) -> None:
    fake_result(tmp_path / "clip", "a/clip.avi")
    assert plan_folders(["a/clip.avi"], tmp_path) == {"a/clip.avi": "clip"}
    assert plan_folders(["b/clip.avi"], tmp_path) == {"b/clip.avi": "clip-2"}
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("")
    assert plan_folders(["mine.avi"], tmp_path) == {"mine.avi": "mine-2"}
