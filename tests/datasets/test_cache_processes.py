"""Many processes, and some that die, share one frame cache."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made_data import good_echonet

from echobeat.datasets import frame_cache as module
from echobeat.datasets import open_dataset
from echobeat.datasets.crew import each
from echobeat.datasets.frame_cache import FrameCache
from echobeat.sources import open_clip
from echobeat.whole import PREFIX

FILLING = Path(__file__).with_name("filling.py")


def start(cache: Path, data: Path, *how: str) -> subprocess.Popen[str]:
    call = [sys.executable, str(FILLING), str(cache), str(data), *how]
    return subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_processes_that_fill_at_once_share_the_work(tmp_path: Path) -> None:
    """Three begin together: every video is decoded by one of them, and all frames are right."""
    data = good_echonet(tmp_path / "data", 6)
    crew = [start(tmp_path / "cache", data) for _ in range(3)]
    for process in crew:
        assert process.stdout.readline() == "ready\n"
    for process in crew:
        process.stdin.write("go\n")
        process.stdin.flush()
    lines = [process.communicate()[0].splitlines() for process in crew]
    assert [told[-1] for told in lines] == ["done"] * 3
    names = [line for told in lines for line in told if line.startswith("decoded")]
    assert sorted(names) == [f"decoded 0X{index:04X}" for index in range(6)]
    studies = open_dataset(data).studies
    cache = FrameCache(tmp_path / "cache", None)
    assert cache.verify(studies) == ()
    for study in studies:
        assert np.array_equal(cache.read(study, 0, 99), open_clip(study.files[0]).frames[:])


def test_a_killed_fill_leaves_a_cache_that_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was whole is kept, what was half is removed and made again, and nobody waits for the dead one's lock."""
    data = good_echonet(tmp_path / "data", 3)
    process = start(tmp_path / "cache", data, "block")
    process.stdin.write("go\n")
    process.stdin.flush()
    while process.stdout.readline() != "writing\n":
        assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    whole, half = (sorted((tmp_path / "cache").rglob(kind)) for kind in ("*.frames", f"{PREFIX}*"))
    assert (len(whole), len(half)) == (1, 1)
    decoded = []
    decode = module.decode
    monkeypatch.setattr(module, "decode", lambda study: decoded.append(study.name) or decode(study))
    studies = open_dataset(data).studies
    cache = FrameCache(tmp_path / "cache", None)
    assert cache.fill(studies, jobs=1) == ()
    assert decoded == [study.name for study in studies[1:]]
    assert cache.verify(studies) == ()
    assert not list((tmp_path / "cache").rglob(f"{PREFIX}*"))


def test_several_jobs_fill_as_one_does(tmp_path: Path) -> None:
    studies = open_dataset(good_echonet(tmp_path / "data", 4)).studies
    studies[2].files[0].write_bytes(b"nothing")
    steps = []
    problems = FrameCache(tmp_path / "cache", 16).fill(studies, 2, lambda done, of: steps.append((done, of)))
    assert [problem.study for problem in problems] == [studies[2].name]
    assert steps == [(done, 4) for done in range(5)]
    one, two = FrameCache(tmp_path / "alone", 16), FrameCache(tmp_path / "cache", 16)
    for study in (studies[0], studies[1], studies[3]):
        assert np.array_equal(one.read(study, 0, 12), two.read(study, 0, 12))


def half_or_die(number: int) -> float:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number / 2


def test_a_task_that_ends_its_process_takes_no_other_with_it() -> None:
    """Whatever was under way beside it is done all the same, each once."""
    outcomes = sorted(each(range(8), half_or_die, jobs=2))
    assert outcomes == [(number, None if number == 3 else number / 2) for number in range(8)]
