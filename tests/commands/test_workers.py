"""A worker that dies takes only its own task with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from echobeat.commands.workers import Died, work_through
from echobeat.errors import ModelError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="uses Unix signals")


def square_or_die(number: int) -> int:
    if number < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def prepare() -> Callable[[int], int]:
    return square_or_die


def test_every_task_is_done_once_whatever_the_number_of_processes() -> None:
    for processes in (1, 2):
        assert dict(work_through(range(5), prepare, processes)) == {n: n * n for n in range(5)}


def test_a_killed_worker_costs_its_own_task_only() -> None:
    outcomes = dict(work_through([1, -1, 2, -2, 3], prepare, 2))
    assert outcomes == {1: 1, 2: 4, 3: 9, -1: Died(-signal.SIGKILL), -2: Died(-signal.SIGKILL)}


def test_what_no_worker_can_prepare_is_raised_and_not_taken_for_a_fault_of_the_tasks() -> None:
    with pytest.raises(ModelError, match="is damaged"):
        dict(work_through(range(5), prepare_nothing, 2))


def prepare_nothing() -> Callable[[int], int]:
    raise ModelError("The model is damaged.")


def test_a_finished_run_leaves_no_process_behind() -> None:
    results = dict(work_through(range(3), process_ids, 2))
    for process in set(results.values()):
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def process_ids() -> Callable[[int], int]:
    return lambda _: os.getpid()


def test_leaving_early_leaves_no_process_behind() -> None:
    results = work_through(range(10), process_ids, 2)
    _, first = next(results)
    results.close()
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


ORPHANS = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from test_workers import sleeper
from echobeat.commands.workers import work_through
if __name__ == "__main__":
    work = work_through([sys.argv[2]] * 2, sleeper, 1)
    print(next(work)[1], flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def sleeper() -> Callable[[str], int]:
    """The first task answers, the second holds the pipe open for as long as the worker lives."""
    tasks = []

    def work(pipe: str) -> int:
        tasks.append(os.open(pipe, os.O_WRONLY))
        if len(tasks) > 1:
            signal.pause()
        return os.getpid()

    return work


def test_workers_end_with_the_process_that_started_them_even_if_it_is_killed(tmp_path: Path) -> None:
    """A worker holds a pipe open for writing; its reader sees the end when the worker is gone."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    program = tmp_path / "orphans.py"
    program.write_text(ORPHANS)
    call = [sys.executable, str(program), str(Path(__file__).parent), str(pipe)]
    with subprocess.Popen(call, stdout=subprocess.PIPE) as parent:
        with open(pipe, "rb") as reader:
            assert reader.read() == b""  # returns only when no worker is left
        assert parent.wait() == -signal.SIGKILL
