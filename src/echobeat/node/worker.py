"""Studies that have been quiet for a while are analysed, one after the other."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from echobeat.errors import OutputError
from echobeat.node.journal import Journal
from echobeat.node.outcome import Interrupted, Outcome, StudyAnalysis
from echobeat.node.queue import Queue, Verdict, Waiting
from echobeat.node.settings import NodeSettings
from echobeat.node.spool import Spool


class Worker:
    """Does what is due; see `run_due`.

    Parameters
    ----------
    settings, spool, queue, journal : of the node.
    analysis : StudyAnalysis
    woken : callable
        Called when results are ready to be sent.
    """

    def __init__(
        self,
        settings: NodeSettings,
        spool: Spool,
        queue: Queue,
        journal: Journal,
        analysis: StudyAnalysis,
        woken: Callable[[], None],
    ) -> None:
        self._settings, self._spool, self._queue, self._journal = settings, spool, queue, journal
        self._analysis, self._woken = analysis, woken

    def run_due(self) -> bool:
        """Analyse the study that is due longest; False where none is."""
        waiting = self._queue.next_study(time.time())
        if waiting is None:
            return False
        folder = self._spool.workshop()
        try:
            self._analyse(waiting, folder)
        except Interrupted:
            pass
        except Exception as error:  # noqa: BLE001  whatever it is, this study must not keep the others from being done
            self._put_off(waiting, error)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return True

    def _analyse(self, waiting: Waiting, folder: Path) -> None:
        began = time.monotonic()
        missing = {uid: Verdict("failed", "file_missing") for uid, path in waiting.files.items() if not path.exists()}
        files = {uid: path for uid, path in waiting.files.items() if uid not in missing}
        outcome = self._analysis(files, folder) if files else Outcome()
        results = {uid: self._spool.keep_result(path, uid) for uid, path in outcome.results.items()}
        unsaid = {uid: Verdict("failed", "no_verdict") for uid in files}
        verdicts = unsaid | dict(outcome.verdicts) | missing
        self._queue.finish(waiting, verdicts, results, [peer.name for peer in self._settings.send_to], time.time())
        for uid, verdict in verdicts.items():
            if verdict.outcome != "reported":
                self._journal.say(verdict.outcome, study=waiting.study, instance=uid, reason=verdict.reason)
        self._journal.say(
            "analysed",
            study=waiting.study,
            instances=len(files),
            reported=sum(verdict.outcome == "reported" for verdict in verdicts.values()),
            results=len(results),
            seconds=round(time.monotonic() - began, 2),
        )
        for uid, path in files.items():  # only now: until here a crash would have begun anew with them
            if verdicts[uid].outcome != "failed":  # that one may be tried again
                path.unlink(missing_ok=True)
        self._woken()

    def _put_off(self, waiting: Waiting, error: Exception) -> None:
        """Try again later; a study whose analysis keeps failing is given up, unless the disk is to blame."""
        attempts = waiting.attempts + 1
        self._journal.say("analysis_failed", study=waiting.study, reason=type(error).__name__, attempts=attempts)
        disk = isinstance(error, (OSError, OutputError, sqlite3.Error))
        if attempts >= self._settings.retry.failures and not disk:
            verdicts = {uid: Verdict("failed", type(error).__name__) for uid in waiting.files}
            self._queue.finish(waiting, verdicts, {}, (), time.time())
            self._journal.say("given_up", study=waiting.study, instances=len(verdicts))
        else:
            self._queue.postpone(waiting, time.time() + self._settings.retry.pause_s(attempts))
