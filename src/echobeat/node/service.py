"""The node as a whole: listener, worker, senders and monitor around one queue."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable
from threading import Event, Thread

from echobeat.node.journal import Journal, silence_libraries
from echobeat.node.listener import Listener
from echobeat.node.monitor import Monitor
from echobeat.node.outcome import StudyAnalysis
from echobeat.node.queue import Queue
from echobeat.node.sender import Sender
from echobeat.node.settings import NodeSettings
from echobeat.node.spool import ABANDONED_S, Spool, usable
from echobeat.node.worker import Worker

LONGEST_SLEEP_S = 30.0
"""How long a thread sleeps at most when nothing is due."""


class Node:
    """A node that works from `start` until `stop`.

    Parameters
    ----------
    settings : NodeSettings
    analysis : StudyAnalysis
        What makes results from a study's files.
    journal : Journal, optional
        Its log; one on standard error by default.
    """

    def __init__(self, settings: NodeSettings, analysis: StudyAnalysis, journal: Journal | None = None) -> None:
        self.settings = settings
        self.spool = Spool(settings.spool)
        self.journal = journal or Journal(self.spool.key())
        self._analysis = analysis
        self._stopping = Event()
        self._threads: list[Thread] = []
        self._wakers: list[Event] = []
        self.port = 0
        self.http_port: int | None = None

    def start(self) -> None:
        """Take the spool, clear what a crash left, and begin; `port` and `http_port` are known afterwards.

        Raises
        ------
        OutputError
            The spool or a port is taken, or the spool cannot be used.
        """
        silence_libraries()
        self.spool.take()
        self.queue = Queue(self.spool.database)
        self.queue.send_to([peer.name for peer in self.settings.send_to])
        with usable(self.spool.root):
            swept = self.spool.sweep(self.queue.files())
        senders = [Sender(peer, self.settings, self.queue, self.journal) for peer in self.settings.send_to]
        woken = [self._loop(f"sender_{place}", each.run_due, each.next_due) for place, each in enumerate(senders, 1)]
        worker = Worker(self.settings, self.spool, self.queue, self.journal, self._analysis, lambda: _set(woken))
        wake_worker = self._loop("worker", worker.run_due, self.queue.next_study_due)
        self._listener = Listener(self.settings, self.spool, self.queue, self.journal, wake_worker.set)
        self.port = self._listener.start()
        self._monitor: Monitor | None = None
        if self.settings.http_port is not None:
            self._monitor = Monitor(self.settings.http_host, self.settings.http_port, self.values, self.troubles)
            self.http_port = self._monitor.start()
        for thread in self._threads:
            thread.start()
        self.journal.say("started", ae=self.settings.ae, port=self.port, http_port=self.http_port, swept=swept)
        for name, number in self.queue.stranded().items():
            self.journal.say("stranded", destination=name, results=number)

    def stop(self) -> None:
        """End: what is being analysed or sent is done again after the next start."""
        self._stopping.set()
        _set(self._wakers)
        self._listener.stop()
        if self._monitor:
            self._monitor.stop()
        close = getattr(self._analysis, "close", None)
        if close:
            close()
        for thread in self._threads:
            thread.join(timeout=10.0)
        self.queue.close()
        self.spool.release()
        self.journal.say("stopped")

    def values(self) -> dict[str, int]:
        """The numbers behind the metrics."""
        return self.queue.counts() | {"spool_free_bytes": self.spool.free_bytes()}

    def troubles(self) -> tuple[str, ...]:
        """Codes of what is wrong with the node; empty where all is well."""
        found = [f"{thread.name}_ended" for thread in self._threads if not thread.is_alive()]
        if not self._listener.listening:
            found.append("not_listening")
        if self.spool.nearly_full(self.settings.limits.free_bytes):
            found.append("disk_nearly_full")
        return tuple(found)

    def _loop(self, name: str, run_due: Callable[[], bool], next_due: Callable[[], float | None]) -> Event:
        """A thread that does what is due, sleeps until more is, and is woken earlier by the event."""
        waker = Event()

        def loop() -> None:
            while not self._stopping.is_set():
                waker.clear()
                try:
                    if run_due():
                        continue
                    self._tidy_up(name)
                    pause = _pause_s(next_due())
                except (OSError, sqlite3.Error) as error:  # a full disk: it may get better
                    self.journal.say("trouble", thread=name, reason=type(error).__name__)
                    pause = self.settings.retry.first_s
                waker.wait(pause)

        self._threads.append(Thread(target=loop, name=name, daemon=True))
        self._wakers.append(waker)
        return waker

    def _tidy_up(self, name: str) -> None:
        if name == "worker":
            self.spool.sweep((), older_than_s=ABANDONED_S)
            self.queue.forget(time.time() - self.settings.keep_s)


def _pause_s(due: float | None) -> float:
    return LONGEST_SLEEP_S if due is None else min(LONGEST_SLEEP_S, max(0.01, due - time.time()))


def _set(events: Iterable[Event]) -> None:
    for event in events:
        event.set()
