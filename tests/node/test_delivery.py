"""What stands in the way of a result: a peer that cannot be talked to now, or one that will never take it."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from made_node import Archive, made_dataset, write_source

from echobeat.node.delivery import Refused, Unreachable, connected
from echobeat.node.settings import Destination, DicomPeer, Tls, WebPeer

NOBODY = DicomPeer("NOBODY", "127.0.0.1", 1)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A result to send."""
    return write_source(tmp_path / "result.dcm", made_dataset(2, (8, 8)))


def connect(destination: Destination, path: Path, tls: Tls | None = None) -> None:
    with connected(destination, "ECHOBEAT", [path], tls):
        pass


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (socket.gaierror(socket.EAI_AGAIN, "later"), "host_unknown"),
        (UnicodeError("label too long"), "host_unknown"),
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), "no_association"),
    ],
)
def test_a_host_whose_name_cannot_be_looked_up_is_unreachable(
    made: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(Unreachable, match=reason):
        connect(NOBODY, made)


@pytest.mark.parametrize("destination", [NOBODY, WebPeer("https://127.0.0.1:1/dicom-web")], ids=["dicom", "web"])
@pytest.mark.parametrize("content", [None, "no certificate"], ids=["missing", "damaged"])
def test_with_certificates_that_cannot_be_used_every_peer_is_unreachable(
    made: Path, tmp_path: Path, destination: Destination, content: str | None
) -> None:
    path = tmp_path / "some.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(Unreachable, match="certificates_unusable"):
        connect(destination, made, Tls(path, path, path))


def test_an_archive_that_accepts_none_of_the_classes_refuses_the_objects(made: Path, archive: Archive) -> None:
    archive.takes("1.2.840.10008.1.1")
    with pytest.raises(Refused, match="class_not_accepted"):
        connect(archive.peer, made)


def test_files_none_of_which_can_be_read_are_refused(tmp_path: Path, archive: Archive) -> None:
    with pytest.raises(Refused, match="file_unreadable"):
        connect(archive.peer, tmp_path / "missing.dcm")
