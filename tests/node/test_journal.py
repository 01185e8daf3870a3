"""The log: it never stands in the way of the work."""

from __future__ import annotations

import io
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from echobeat.node.journal import Journal
from echobeat.node.monitor import Monitor

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="the system has no device that is always full")
def test_a_line_that_does_not_fit_on_the_disk_is_lost_and_nobody_ends_for_it() -> None:
    stream = FULL.open("w")
    Journal(b"k", stream).say("started")
    with pytest.raises(OSError, match="No space left"):
        stream.close()


def test_a_closed_stream_takes_no_line() -> None:
    stream = io.StringIO()
    stream.close()
    Journal(b"k", stream).say("stopped")


def test_a_probe_that_leaves_early_leaves_no_traceback_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    def gone() -> dict[str, int]:
        raise BrokenPipeError

    monitor = Monitor("127.0.0.1", 0, gone, tuple)
    port = monitor.start()
    try:
        with pytest.raises((urllib.error.URLError, OSError)):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10)
    finally:
        monitor.stop()
    assert capsys.readouterr().err == ""
