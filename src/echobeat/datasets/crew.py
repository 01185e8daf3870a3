"""Processes that work through tasks, where one that dies takes only its own task with it.

`commands.workers` does this for `analyze` with a process a worker and a pipe each; here the pool of the standard
library is enough: when it breaks, the tasks that were under way are tried again, each alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from typing import TypeVar

from echobeat.machine import cores_here

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")


def each(
    tasks: Sequence[Task], work: Callable[[Task], Outcome], jobs: int = 0
) -> Iterator[tuple[Task, Outcome | None]]:
    """Do tasks side by side and yield each with its outcome, as they end; None where its process died.

    Parameters
    ----------
    tasks : sequence
        Can be pickled, as can `work`.
    work : callable
        Raises only what is to end everything.
    jobs : int
        Processes; 0: one a core. With one, or inside another pool's process, everything happens here.
    """
    jobs = min(jobs or cores_here(), len(tasks))
    if jobs < 2 or parent_process() is not None:
        for task in tasks:
            yield task, work(task)
        return
    queue = deque(tasks)
    while queue:
        suspects = deque((yield from _until_broken(queue, work, jobs, ahead=jobs)))
        while suspects:  # one at a time, so that the one that ends its process is known
            for task in (yield from _until_broken(suspects, work, 1, ahead=0)):
                yield task, None


def in_order(tasks: Sequence[Task], work: Callable[[Task], Outcome], chunk: int = 16) -> Iterator[Outcome]:
    """Do tasks side by side, a process a core, and yield their outcomes in the order of the tasks.

    Parameters
    ----------
    tasks : sequence
        Can be pickled, as can `work`.
    work : callable
        What it raises ends everything, as does a process that dies.
    chunk : int
        Tasks handed over at a time. No more tasks than that are done here, without another process.
    """
    if len(tasks) <= chunk:
        yield from map(work, tasks)
        return
    with ProcessPoolExecutor(cores_here(), mp_context=get_context("spawn"), initializer=_one_thread) as pool:
        yield from pool.map(work, tasks, chunksize=chunk)


def _until_broken(
    queue: deque[Task], work: Callable[[Task], Outcome], jobs: int, ahead: int
) -> Generator[tuple[Task, Outcome | None], None, list[Task]]:
    """Take tasks from the queue until it is empty or a process dies; returns the tasks handed over at that time.

    `ahead` tasks are handed over beyond those being done, so that no process waits for its next.
    """
    under_way: dict[Future[Outcome], Task] = {}
    lost: list[Task] = []
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_one_thread)
    try:
        while (queue or under_way) and not lost:
            while queue and len(under_way) < jobs + ahead:
                under_way[pool.submit(work, queue[0])] = queue[0]
                queue.popleft()
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                task = under_way.pop(future)
                try:
                    outcome = future.result()
                except BrokenProcessPool:
                    lost.append(task)
                else:
                    yield task, outcome
    except BrokenProcessPool:  # while submitting
        pass
    finally:
        pool.shutdown(cancel_futures=True)
    return [*lost, *under_way.values()]


def _one_thread() -> None:
    """As many processes as cores, so one thread each."""
    import cv2

    cv2.setNumThreads(1)
