"""The analysis in a process of its own: a file that crashes a decoder or eats all memory ends only that process.

The process is started when the first study is due and kept, its models loaded. When it dies, the instance that it had
begun is tried once more, then refused; the others of the study go on.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from echobeat.errors import EchobeatError
from echobeat.node.outcome import Interrupted, Outcome
from echobeat.node.queue import Verdict

if TYPE_CHECKING:
    from echobeat.node.analysis import Analysis

LONGEST_INSTANCE_S = 1800.0
"""An instance that takes longer is taken for one on which the reader hangs."""

LONGEST_START_S = 600.0
"""For starting the process and loading the models, which many processes at once can make slow."""

TRIES = 2


@dataclass(frozen=True)
class ModelNames:
    """The models that the process loads, by name."""

    segmentation: str = "lv"
    ef: str | None = None
    threads: int = 0


@dataclass(frozen=True)
class _Process:
    process: SpawnProcess
    pipe: Connection


class IsolatedAnalysis:
    """`analysis.Analysis` in another process; see `StudyAnalysis`.

    Parameters
    ----------
    models : ModelNames
    prepare : callable
        Makes the analysis in the other process; can be pickled. The product's own by default.
    longest_s : float
        For one instance.
    """

    def __init__(
        self,
        models: ModelNames,
        prepare: Callable[[ModelNames], Analysis] | None = None,
        longest_s: float = LONGEST_INSTANCE_S,
    ) -> None:
        self._models, self._prepare, self._longest_s = models, prepare or load, longest_s
        self._running: _Process | None = None
        self._closed = False

    def __call__(self, files: Mapping[str, Path], folder: Path) -> Outcome:
        """Analyse a study; see `StudyAnalysis`.

        Raises
        ------
        OutputError, ModelError
            As raised in the other process.
        Interrupted
            By `close`, from another thread.
        """
        deaths: dict[str, int] = {}
        while True:
            harmful = {uid for uid, times in deaths.items() if times >= TRIES}
            outcome, last = self._once({uid: path for uid, path in files.items() if uid not in harmful}, folder)
            if outcome is not None:
                verdicts = dict(outcome.verdicts) | {uid: Verdict("refused", "reader_crashed") for uid in harmful}
                return Outcome(verdicts, outcome.results)
            if last is None:
                raise EchobeatError("The analysis process ended before it began. Is there enough memory?")
            deaths[last] = deaths.get(last, 0) + 1

    def close(self) -> None:
        """End for good."""
        self._closed = True
        self._end()

    def _end(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.process.kill()
            running.process.join()
            if not self._closed:  # another thread may still be waiting on it; it reads the end of the file
                running.pipe.close()

    def _once(self, files: Mapping[str, Path], folder: Path) -> tuple[Outcome | None, str | None]:
        """The outcome, or None where the process died; and the instance begun last."""
        if self._closed:
            raise Interrupted
        last: str | None = None
        running = self._running or self._start()
        with suppress(EOFError, OSError):  # it has died
            running.pipe.send((dict(files), folder))
            while running.pipe.poll(LONGEST_START_S if last is None else self._longest_s):
                said = running.pipe.recv()
                if isinstance(said, Outcome):
                    return said, last
                if isinstance(said, BaseException):
                    raise said
                last = said
        if self._closed:
            raise Interrupted
        self._end()
        return None, last

    def _start(self) -> _Process:
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self._prepare, self._models), daemon=True)
        process.start()
        theirs.close()
        self._running = _Process(process, ours)
        return self._running


def load(models: ModelNames) -> Analysis:
    """The product's own analysis with these models; imported here, so that only this process carries them."""
    from echobeat.node.analysis import Analysis
    from echobeat.pipeline import Models

    return Analysis(Models.load(models.segmentation, models.ef, threads=models.threads))


def _serve(pipe: Connection, prepare: Callable[[ModelNames], Analysis], models: ModelNames) -> None:
    from echobeat.node.journal import silence_libraries

    silence_libraries()
    _ignore_terminal()
    _go_first()
    Thread(target=_end_with_parent, daemon=True).start()
    analysis: Analysis | None = None
    while True:
        try:
            files, folder = pipe.recv()
        except EOFError:
            return
        with suppress(BrokenPipeError):
            tempfile.tempdir = str(folder)  # frames are patients' data: they belong on the spool's disk
            try:
                analysis = analysis or prepare(models)
                pipe.send(analysis(files, folder, pipe.send))
            except EchobeatError as error:
                pipe.send(error)
            except Exception as error:  # noqa: BLE001  a fault of ours must not look like a crash; its text may quote data
                pipe.send(EchobeatError(f"The analysis failed ({type(error).__name__})."))


def _ignore_terminal() -> None:
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal; the first one decides


def _go_first() -> None:
    """Where memory runs out, let Linux end this process and not the one that listens (man 5 proc, oom_score_adj)."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), 9)
