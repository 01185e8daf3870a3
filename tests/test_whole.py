"""A file is there whole, or as it was before."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from pydicom import Dataset

from echobeat import whole
from echobeat.errors import OutputError
from echobeat.whole import PREFIX, whole_file, write_file


def test_a_file_is_not_there_before_all_of_it_is_written(tmp_path: Path) -> None:
    """Its folder is made."""
    path = tmp_path / "new" / "a.txt"
    with whole_file(path) as beside:
        beside.write_text("all")
        assert not path.exists()
    assert path.read_text() == "all"
    assert list(path.parent.iterdir()) == [path]


def test_what_is_being_written_is_taken_for_no_file_of_any_kind(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a.json") as beside:
        beside.write_text("{}")
        assert (beside.parent, beside.suffix) == (tmp_path, "")
        assert not list(tmp_path.glob("*.json"))


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_failure_in_the_middle_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, failure: type[BaseException]
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("before")

    def fail(beside: Path) -> None:
        beside.write_text("ha")
        raise failure

    with pytest.raises(failure), whole_file(path) as beside:
        fail(beside)
    assert [(left, left.read_text()) for left in tmp_path.iterdir()] == [(path, "before")]


def test_contents_are_on_the_disk_before_they_get_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk refuses that, the old file stays."""
    path = tmp_path / "a.txt"
    path.write_text("before")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(whole.os, "fsync", full)
    with pytest.raises(OutputError, match=r"No space left on device.*Free some space there"):
        write_file(path, "after")
    assert [(left, left.read_text()) for left in tmp_path.iterdir()] == [(path, "before")]


def test_an_error_that_a_library_raised_anew_is_told_in_the_systems_words(tmp_path: Path) -> None:
    """Here by pydicom, which puts a traceback into the text of its own."""

    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    data = Dataset()
    data.PatientID = "made"
    with pytest.raises(OutputError) as raised, whole_file(tmp_path / "a.dcm"):
        data.save_as(Full(), implicit_vr=False, little_endian=True)
    told = "cannot be written (No space left on device). Free some space there, or choose another place."
    assert str(raised.value) == f"{tmp_path / 'a.dcm'} {told}"


def test_text_and_bytes_are_written_as_they_are(tmp_path: Path) -> None:
    """No line end is changed."""
    write_file(tmp_path / "text", "µ\n\r\n")
    write_file(tmp_path / "bytes", b"\xff\n")
    assert (tmp_path / "text").read_bytes() == "µ\n\r\n".encode()
    assert (tmp_path / "bytes").read_bytes() == b"\xff\n"


def test_threads_that_write_one_file_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    together = Barrier(4)

    def write(letter: str) -> None:
        with whole_file(tmp_path / "a.txt") as beside:
            beside.write_text(letter)
            together.wait(timeout=10)
            beside.write_text(letter * 1000)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, "abcd"))
    assert (tmp_path / "a.txt").read_text() in {letter * 1000 for letter in "abcd"}
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


WRITER = """
import sys
from pathlib import Path
from echobeat.whole import whole_file
with whole_file(Path(sys.argv[1])) as beside:
    beside.write_text(sys.argv[2])
    print("half", flush=True)
    sys.stdin.readline()
    beside.write_text(sys.argv[2] * 1000)
"""


def test_processes_that_write_one_file_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    """All of them are in the middle of it at one time; one is killed there, and only it leaves anything beside."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path / "a.txt"), letter],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for letter in "abc"
    ]
    assert [writer.stdout.readline() for writer in writers if writer.stdout] == ["half\n"] * 3
    writers[0].kill()
    for writer in writers:
        writer.communicate("go\n")
    assert [writer.returncode for writer in writers[1:]] == [0, 0]
    assert (tmp_path / "a.txt").read_text() in {"b" * 1000, "c" * 1000}
    assert [path.name[: len(PREFIX)] for path in sorted(tmp_path.iterdir())] == [PREFIX, "a.txt"]


def test_a_folder_that_cannot_be_written_is_an_output_error_that_names_the_path(tmp_path: Path) -> None:
    """Here a file stands in its place; the reason and a remedy are named too."""
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "a.txt"
    with pytest.raises(OutputError) as raised:
        write_file(path, "")
    remedy = "Check the disk there, or choose another place."
    assert str(raised.value) == f"{path} cannot be written (File exists). {remedy}"


def test_a_place_may_be_called_by_its_role_in_the_error(tmp_path: Path) -> None:
    """Where a path must not be told, or an option gives another place."""
    (tmp_path / "a").mkdir()
    with pytest.raises(OutputError, match=r"^The log cannot be written \(.*\)\. .*, or choose another --out\.$"):
        write_file(tmp_path / "a", "", "The log", "or choose another --out")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
