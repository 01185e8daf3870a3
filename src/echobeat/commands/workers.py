"""Processes that work through tasks; one that dies takes only its own task with it.

`concurrent.futures` gives up the whole pool when a process is killed. A decoder that crashes on one file, or the
system ending a process for its memory, must not cost the other files of a night's run.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from threading import Thread
from typing import Any, Generic, TypeVar

from echobeat.errors import EchobeatError

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")


@dataclass(frozen=True)
class Died:
    """A worker ended in the middle of its task.

    Attributes
    ----------
    exit_code : int or None
        Negative: the signal that ended it.
    """

    exit_code: int | None


@dataclass(frozen=True)
class _Unprepared:
    """A worker could not even begin, and no other would."""

    error: EchobeatError


@dataclass(frozen=True)
class _Worker(Generic[Task]):
    process: SpawnProcess
    pipe: Connection
    task: Task


def work_through(
    tasks: Iterable[Task], prepare: Callable[[], Callable[[Task], Outcome]], processes: int
) -> Iterator[tuple[Task, Outcome | Died]]:
    """Run tasks in processes of their own and yield each with its outcome, as they end.

    Parameters
    ----------
    tasks : iterable
        Whatever can be pickled.
    prepare : callable
        Called once in each process; returns the function that does a task. Can be pickled.
    processes : int
        How many at once.

    Raises
    ------
    EchobeatError
        What `prepare` raised: it is no fault of the task.

    Notes
    -----
    When the iterator is closed, or the process that holds it ends in whatever way, the workers end at once.
    """
    waiting = deque(tasks)
    busy: list[_Worker[Task]] = []
    idle: list[_Worker[Task]] = []
    try:
        while waiting or busy:
            while waiting and len(busy) < processes:
                busy.append(_start(prepare, waiting.popleft()))
            ready = wait([worker.pipe for worker in busy])
            for worker in [worker for worker in busy if worker.pipe in ready]:
                outcome = _outcome(worker)
                if isinstance(outcome, _Unprepared):
                    raise outcome.error
                busy.remove(worker)
                if isinstance(outcome, Died):
                    pass
                elif waiting:
                    busy.append(_hand_over(worker, waiting.popleft()))
                else:
                    worker.pipe.close()  # which tells it to end
                    idle.append(worker)
                yield worker.task, outcome
    finally:
        for worker in busy:
            worker.process.kill()
        for worker in [*busy, *idle]:
            worker.process.join()


def _start(prepare: Callable[[], Callable[[Task], Outcome]], task: Task) -> _Worker[Task]:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, prepare), daemon=True)
    process.start()
    theirs.close()  # theirs alone now: when the worker dies, our end reads the end of the file
    return _hand_over(_Worker(process, ours, task), task)


def _hand_over(worker: _Worker[Task], task: Task) -> _Worker[Task]:
    with suppress(OSError):  # it has died: reading from it will say so
        worker.pipe.send(task)
    return _Worker(worker.process, worker.pipe, task)


def _outcome(worker: _Worker[Task]) -> Any:
    try:
        return worker.pipe.recv()
    except (EOFError, OSError):
        worker.process.join()
        return Died(worker.process.exitcode)


def _serve(pipe: Connection, prepare: Callable[[], Callable[[Task], Outcome]]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal; the first one decides
    Thread(target=_end_with_parent, daemon=True).start()
    try:
        work = prepare()
    except EchobeatError as error:
        pipe.send(_Unprepared(error))
        return
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        pipe.send(work(task))


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # at once: nobody waits for the result, and its folder may belong to another run by now
