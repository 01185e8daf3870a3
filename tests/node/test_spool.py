"""A spool that a node cannot use is refused when it starts, with the file and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from echobeat.errors import OutputError
from echobeat.node import spool
from echobeat.node.queue import Queue
from echobeat.node.spool import Spool


@pytest.mark.parametrize("name", ["key", "lock"])
def test_a_file_of_the_spool_that_cannot_be_used_is_named_with_a_remedy(tmp_path: Path, name: str) -> None:
    """A folder in its place stands for whatever the system refuses."""
    (tmp_path / name).mkdir()
    made = Spool(tmp_path)
    with pytest.raises(OutputError, match=rf"^{tmp_path / name}: .*choose another --spool\.$"):
        made.key() if name == "key" else made.take()


def test_a_folder_whose_names_cannot_be_put_on_the_disk_is_an_output_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some network file systems refuse that for folders."""

    def refuse(_: Path) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(spool, "sync", refuse)
    with pytest.raises(OutputError, match=rf"^{tmp_path / 'key'}: .*Invalid argument.*--spool"):
        Spool(tmp_path).key()


def test_what_cannot_be_swept_when_a_node_starts_is_an_output_error(start, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]  # a fixture
    (tmp_path / "spool" / "instances" / "a folder").mkdir(parents=True)
    with pytest.raises(OutputError, match="a folder: the node cannot use it"):
        start()


@pytest.mark.parametrize("content", [b"no database, and longer than its header, which has a hundred bytes" * 2, None])
def test_a_queue_that_cannot_be_opened_is_an_output_error(tmp_path: Path, content: bytes | None) -> None:
    """Damaged, or a folder."""
    path = tmp_path / "queue.db"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(OutputError, match=rf"^{path}: the queue cannot be opened \(.*\)\. Check .*--spool"):
        Queue(path)


def test_a_queue_that_is_damaged_behind_its_header_is_an_output_error(tmp_path: Path) -> None:
    """As a page that was torn when the power failed; else it shows when the node is at work."""
    path = tmp_path / "queue.db"
    Queue(path).close()
    content = bytearray(path.read_bytes())
    content[4096:] = bytes(len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(OutputError, match="the queue cannot be opened"):
        Queue(path)
