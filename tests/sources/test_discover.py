"""Finding inputs below folders."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from echobeat.errors import UnreadableFile
from echobeat.sources import find_inputs
from echobeat.sources.kinds import identify


@pytest.fixture
def study(tmp_path: Path, healthy: dict[str, Path]) -> Path:
    """Return a folder with clips of every kind, two levels deep, and with other files."""
    folder = tmp_path / "study"
    (folder / "b" / "deep").mkdir(parents=True)
    (folder / "a").mkdir()
    (folder / "empty").mkdir()
    for kind, path in healthy.items():
        shutil.copy(path, folder / "b" / "deep" / kind)
    shutil.copy(healthy["avi"], folder / "z.txt")
    shutil.copy(healthy["gif"], folder / "a" / ".hidden")
    (folder / "notes.txt").write_text("no video")
    (folder / "nothing").touch()
    (folder / "._clip.avi").write_bytes(b"\x00\x05\x16\x07")  # as macOS leaves them on drives of others
    (folder / "b" / "DICOMDIR").write_bytes(bytes(128) + b"DICM\x02\x00\x02\x00UI\x14\x001.2.840.10008.1.3.10")
    return folder


def test_clips_are_found_by_their_contents(study: Path, healthy: dict[str, Path]) -> None:
    """Every kind at every depth; no text, no empty file, no DICOMDIR; in one order."""
    expected = [study / "z.txt", study / "a" / ".hidden", *(study / "b" / "deep" / kind for kind in sorted(healthy))]
    assert find_inputs([study]) == expected


@pytest.mark.parametrize("name", ["lost.dcm", "LOST.AVI", "lost.nii.gz"])
@pytest.mark.parametrize("contents", [b"", bytes(value * 197 % 251 for value in range(4000))])
def test_a_file_with_a_clip_s_name_is_listed_though_it_is_none(study: Path, name: str, contents: bytes) -> None:
    """It was one once: opening it says what is wrong, where silence would pass for success."""
    expected = find_inputs([study])
    (study / "empty" / name).write_bytes(contents)
    assert set(find_inputs([study])) - set(expected) == {study / "empty" / name}


def test_a_folder_that_is_passed_over_is_searched_when_it_is_named(study: Path) -> None:
    everything = find_inputs([study])
    below = find_inputs([study], lambda folder: folder.name == "b")
    assert below == [path for path in everything if study / "b" not in path.parents]
    assert find_inputs([study / "b"], lambda folder: folder.name == "b") == find_inputs([study / "b"])


def test_the_number_of_others_is_logged_without_their_names(study: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Names may be those of patients."""
    with caplog.at_level(logging.INFO, logger="echobeat.sources"):
        find_inputs([study])
    assert [record.getMessage() for record in caplog.records] == ["4 files that are no clips were passed over"]


def test_files_are_taken_as_they_are_named(study: Path, tmp_path: Path) -> None:
    """Opening them says what is wrong; the order of the call is kept, and nothing comes twice."""
    missing, text = tmp_path / "missing.avi", study / "notes.txt"
    named = [missing, text, study / "b", study / "b" / "deep" / "gif", missing]
    found = find_inputs(named)
    assert found[:2] == [missing, text]
    assert len(found) == len(set(found)) == 2 + 11


def test_links_are_followed_but_not_in_circles(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link to a folder above is not searched again; a link to a clip already found adds nothing."""
    expected = find_inputs([study])
    looked_at: list[bytes] = []
    monkeypatch.setattr("echobeat.sources.discover.identify", lambda head: looked_at.append(head) or identify(head))
    (study / "a" / "loop").symlink_to(study, target_is_directory=True)
    (study / "zz").symlink_to(study / "z.txt")
    (study / "broken").symlink_to(study / "nowhere")
    assert sorted(os.path.realpath(path) for path in find_inputs([study])) == sorted(map(str, expected))
    assert len(looked_at) == len(expected) + 4 + 1  # clips, others, and the link to a file


@pytest.fixture
def lock(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes folders of a name impossible to list (made up, because root may list everything)."""
    listed = Path.iterdir

    def lock(name: str) -> None:
        def refuse(self: Path) -> Iterator[Path]:
            if self.name == name:
                raise PermissionError(13, "Permission denied")
            return listed(self)

        monkeypatch.setattr(Path, "iterdir", refuse)

    return lock


def test_a_named_folder_that_cannot_be_listed(study: Path, lock: Callable[[str], None]) -> None:
    """It is an error and not silence."""
    lock(study.name)
    with pytest.raises(UnreadableFile, match=r"the folder cannot be listed \(Permission denied\)"):
        find_inputs([study])


def test_a_folder_below_that_cannot_be_listed(study: Path, lock: Callable[[str], None]) -> None:
    """It stands in the list to fail for itself, and the files beside it are still found."""
    everything = find_inputs([study])
    lock("deep")
    found = find_inputs([study])
    locked = [path for path in found if path.is_dir()]
    assert [path.name for path in locked] == ["deep"]
    assert [path for path in found if path not in locked] == [p for p in everything if "deep" not in p.parts]
    assert len(found) > 1


def test_nothing_found_is_an_empty_list(tmp_path: Path) -> None:
    """The caller decides what that means."""
    assert find_inputs([tmp_path]) == []
