"""A running node and an archive, both on free loopback ports."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from made_node import Archive, StandIn, node_settings

from echobeat.node.journal import Journal
from echobeat.node.service import Node


@pytest.fixture
def archive() -> Iterator[Archive]:
    made = Archive()
    yield made
    made.close()


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def events(log: io.StringIO) -> Callable[[str], list[dict[str, Any]]]:
    """Lines of the log with a name."""

    def named(event: str) -> list[dict[str, Any]]:
        return [line for line in map(json.loads, log.getvalue().splitlines()) if line["event"] == event]

    return named


@pytest.fixture
def start(tmp_path: Path, archive: Archive, log: io.StringIO) -> Iterator[Callable[..., Node]]:
    """Start a node; it is stopped when the test ends."""
    running: list[Node] = []

    def started(analysis: Any = None, **changes: Any) -> Node:
        spool = changes.pop("spool", tmp_path / "spool")
        node = Node(node_settings(spool, archive, **changes), analysis or StandIn(), Journal(b"k", log))
        node.start()
        running.append(node)
        return node

    yield started
    for node in running:
        node.stop()
