"""Killed in the middle of it, again and again: every instance is reported, none twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import made_node
import pytest
from made_node import Archive, made_dataset, result_uid, send
from pydicom.uid import generate_uid

ANALYSIS_S = 0.05


class Killable:
    """A node in a process of its own."""

    def __init__(self, spool: Path, archive: Archive) -> None:
        self._spool, self._archive = spool, archive
        self.port = 0
        self.start()

    def start(self) -> None:
        arguments = (self._spool, self.port, self._archive.peer.port, ANALYSIS_S)
        command = [sys.executable, made_node.__file__, *map(str, arguments)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def send_until_acknowledged(node: Killable, instances: Sequence[Any], give_up: threading.Event) -> None:
    """As scanners do: what was not acknowledged is sent again."""
    left = list(instances)
    while left and not give_up.is_set():
        statuses = send(node.port, *left)
        left = [data for place, data in enumerate(left) if place >= len(statuses) or statuses[place] != 0]
        give_up.wait(0.05 if left else 0)


FULL = pytest.param(
    200,
    4,
    3,
    marks=[
        pytest.mark.slow,
        pytest.mark.skipif("ECHOBEAT_FULL" not in os.environ, reason="takes most of a minute; set ECHOBEAT_FULL=1"),
    ],
)


@pytest.mark.parametrize(("instances", "senders", "kills"), [(24, 2, 1), FULL])
def test_every_instance_is_reported_once_however_often_the_node_is_killed(
    instances: int, senders: int, kills: int, tmp_path: Path, archive: Archive
) -> None:
    studies = [generate_uid() for _ in range(max(1, instances // 5))]
    made = [made_dataset(2, (8, 8), StudyInstanceUID=studies[place % len(studies)]) for place in range(instances)]
    node = Killable(tmp_path / "spool", archive)
    give_up = threading.Event()
    threads = [
        threading.Thread(target=send_until_acknowledged, args=(node, made[place::senders], give_up))
        for place in range(senders)
    ]
    try:
        for thread in threads:
            thread.start()
        for number in range(kills):
            archive.wait_for((number + 1) * instances // (2 * kills + 2), timeout_s=300)
            node.kill()
            node.start()
        archive.wait_for(instances, timeout_s=600)
    finally:
        give_up.set()
        for thread in threads:
            thread.join()
        node.kill()
    assert set(archive.uids) == {result_uid(str(data.SOPInstanceUID)) for data in made}
    contents: dict[str, set[str]] = {}
    for data in archive.received:
        contents.setdefault(str(data.SOPInstanceUID), set()).add(data.to_json())
    print(f"{instances} instances, {len(contents)} results, {len(archive.received) - len(contents)} of them sent again")
    assert {uid for uid, versions in contents.items() if len(versions) > 1} == set(), (
        "sent again, it is the same object"
    )
