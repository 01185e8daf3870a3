"""What has come and what is to be sent: one SQLite file, whole after a crash or a loss of power at any moment.

A row stands for work that somebody was promised. An instance is promised when its sender is told "success", results
are promised in the same transaction that says the analysis is done. Whatever is not in here never happened, and is done
again: results' UIDs follow from their sources', so doing it again gives the same objects.

Times are seconds since 1970, as ``time.time`` gives them: they outlive the process.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import RLock

from echobeat.errors import OutputError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS studies (
    study TEXT PRIMARY KEY, due REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS instances (
    uid TEXT PRIMARY KEY, study TEXT NOT NULL, path TEXT NOT NULL, received REAL NOT NULL,
    outcome TEXT, reason TEXT);  -- outcome: NULL waits; reported, refused, failed
CREATE INDEX IF NOT EXISTS instances_waiting ON instances (study) WHERE outcome IS NULL;
CREATE TABLE IF NOT EXISTS outbox (
    uid TEXT NOT NULL, destination TEXT NOT NULL, path TEXT NOT NULL, state TEXT NOT NULL,  -- waiting, sent, dead
    queued REAL NOT NULL, due REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    refusals INTEGER NOT NULL DEFAULT 0, error TEXT, PRIMARY KEY (uid, destination));
CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (due) WHERE state = 'waiting';
CREATE TABLE IF NOT EXISTS destinations (name TEXT PRIMARY KEY);  -- that the node has, or had when it ran last
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""

_SERVED = "(destination IN (SELECT name FROM destinations) OR NOT EXISTS (SELECT 1 FROM destinations))"
"""Whether the node sends to a row's destination; as long as no node has said where it sends to, it sends to any."""


@dataclass(frozen=True)
class Waiting:
    """A study that is due: its UID, the files of it that wait, and how often its analysis has failed."""

    study: str
    files: Mapping[str, Path]  # by SOP Instance UID
    attempts: int


@dataclass(frozen=True)
class Parcel:
    """A result on its way to a destination."""

    uid: str
    destination: str
    path: Path
    queued: float
    attempts: int
    refusals: int


@dataclass(frozen=True)
class Verdict:
    """What became of an instance: ``reported``, ``refused`` or ``failed``, and why (a code)."""

    outcome: str
    reason: str = ""


class Queue:
    """The queue in a file; every method is one transaction, from any thread.

    Paths of files are kept relative to the folder of the queue, which may move.

    Raises
    ------
    OutputError
        The file cannot be made or opened, or is no queue.
    """

    def __init__(self, path: Path) -> None:
        self._root = path.parent
        self._lock = RLock()
        try:
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=30.0)
            path.chmod(0o600)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")  # a commit is on disk before it returns
            self._connection.executescript(_SCHEMA)
            (state,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
            if state != "ok":
                raise sqlite3.DatabaseError(state)
        except (OSError, sqlite3.Error) as error:
            raise OutputError(
                f"{path}: the queue cannot be opened ({error}). Check the disk and who owns the file, or choose "
                "another --spool; this one still holds what was received."
            ) from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def _relative(self, path: Path) -> str:
        return str(path.relative_to(self._root))

    # --- instances -----------------------------------------------------------------------------------

    def knows(self, uid: str) -> bool:
        """True where an instance has come before, whatever has become of it."""
        return bool(self._rows("SELECT 1 FROM instances WHERE uid = ?", uid))

    def needs(self, uid: str) -> bool:
        """True where an instance's file is still needed."""
        return bool(
            self._rows("SELECT 1 FROM instances WHERE uid = ? AND (outcome IS NULL OR outcome = 'failed')", uid)
        )

    def lacks(self, uid: str) -> bool:
        """True where an instance's file is still needed, and gone."""
        needed = "SELECT path FROM instances WHERE uid = ? AND (outcome IS NULL OR outcome = 'failed')"
        return not all((self._root / str(path)).exists() for (path,) in self._rows(needed, uid))

    def add(self, uid: str, study: str, path: Path, now: float, quiet_s: float) -> bool:
        """Take in an instance; its study waits until it has been quiet. False where it was known already.

        One whose analysis has failed is tried again.
        """
        with self._transaction() as write:
            known = write.execute(
                "INSERT INTO instances (uid, study, path, received) VALUES (?, ?, ?, ?) ON CONFLICT (uid) DO UPDATE"
                " SET study = excluded.study, outcome = NULL, reason = NULL WHERE outcome = 'failed'",
                (uid, study, self._relative(path), now),
            )
            if known.rowcount == 0:
                return False
            write.execute(
                "INSERT INTO studies (study, due) VALUES (?1, ?2)"
                " ON CONFLICT (study) DO UPDATE SET due = ?2, attempts = 0",
                (study, now + quiet_s),
            )
            _count(write, "instances_received")
        return True

    def next_study(self, now: float) -> Waiting | None:
        """The study that has been due for longest; None where none is."""
        found = self._rows("SELECT study, attempts FROM studies WHERE due <= ? ORDER BY due LIMIT 1", now)
        if not found:
            return None
        study, attempts = str(found[0][0]), int(str(found[0][1]))
        files = self._rows("SELECT uid, path FROM instances WHERE study = ? AND outcome IS NULL ORDER BY uid", study)
        return Waiting(study, {str(uid): self._root / str(path) for uid, path in files}, attempts)

    def finish(
        self,
        waiting: Waiting,
        verdicts: Mapping[str, Verdict],
        results: Mapping[str, Path],
        to: Sequence[str],
        now: float,
    ) -> None:
        """Say what became of a study's instances, and queue its results (path by UID) for every destination."""
        with self._transaction() as write:
            for uid, verdict in verdicts.items():
                write.execute(
                    "UPDATE instances SET outcome = ?, reason = ? WHERE uid = ?", (verdict.outcome, verdict.reason, uid)
                )
                _count(write, f"instances_{verdict.outcome}")
            for uid, path in results.items():
                for destination in to:
                    write.execute(
                        "INSERT OR IGNORE INTO outbox (uid, destination, path, state, queued, due)"
                        " VALUES (?, ?, ?, 'waiting', ?, ?)",
                        (uid, destination, self._relative(path), now, now),
                    )
            write.execute(  # more of it may have come meanwhile: then it stays
                "DELETE FROM studies WHERE study = ?1"
                " AND NOT EXISTS (SELECT 1 FROM instances WHERE study = ?1 AND outcome IS NULL)",
                (waiting.study,),
            )
            _count(write, "studies_analysed")

    def postpone(self, waiting: Waiting, due: float) -> None:
        """Try a study again later."""
        with self._transaction() as write:
            write.execute(
                "UPDATE studies SET due = max(due, ?), attempts = attempts + 1 WHERE study = ?", (due, waiting.study)
            )
            _count(write, "analysis_failures")

    # --- results -------------------------------------------------------------------------------------

    def send_to(self, names: Sequence[str]) -> None:
        """Keep where the node sends to from now on."""
        with self._transaction() as write:
            write.execute("DELETE FROM destinations")
            write.executemany("INSERT OR IGNORE INTO destinations VALUES (?)", [(name,) for name in names])

    def stranded(self) -> dict[str, int]:
        """How many results were not sent to destinations that the node has no more, waiting or given up, by name."""
        rows = self._rows(
            f"SELECT destination, count(*) FROM outbox WHERE state != 'sent' AND NOT {_SERVED} GROUP BY 1 ORDER BY 1"
        )
        return {str(name): int(str(number)) for name, number in rows}

    def parcels(self, destination: str, now: float, most: int = 100) -> list[Parcel]:
        """Results that are due for a destination, the oldest first."""
        rows = self._rows(
            "SELECT uid, destination, path, queued, attempts, refusals FROM outbox"
            " WHERE state = 'waiting' AND destination = ? AND due <= ? ORDER BY queued, uid LIMIT ?",
            destination,
            now,
            most,
        )
        return [
            Parcel(
                str(row[0]),
                str(row[1]),
                self._root / str(row[2]),
                float(str(row[3])),
                int(str(row[4])),
                int(str(row[5])),
            )
            for row in rows
        ]

    def mark_sent(self, parcel: Parcel) -> bool:
        """A result has arrived; True where no other destination needs its file any more."""
        with self._transaction() as write:
            write.execute(
                "UPDATE outbox SET state = 'sent', error = NULL WHERE uid = ? AND destination = ?",
                (parcel.uid, parcel.destination),
            )
            _count(write, "results_sent")
            left = write.execute("SELECT 1 FROM outbox WHERE uid = ? AND state != 'sent'", (parcel.uid,)).fetchone()
        return left is None

    def mark_failed(self, parcel: Parcel, error: str, *, due: float, refused: bool, dead: bool) -> None:
        """A result has not arrived: it waits until `due`, or lies dead until `revive`."""
        with self._transaction() as write:
            write.execute(
                "UPDATE outbox SET state = ?, due = ?, error = ?, attempts = attempts + 1, refusals = refusals + ?"
                " WHERE uid = ? AND destination = ?",
                ("dead" if dead else "waiting", due, error, int(refused), parcel.uid, parcel.destination),
            )
            _count(write, "results_dead" if dead else "send_failures")

    def revive(self, now: float) -> int:
        """Try again what was given up: dead results, and instances whose analysis failed; returns how many.

        Results for a destination that the node has no more stay as they are: nobody would send them.
        """
        with self._transaction() as write:
            results = write.execute(
                "UPDATE outbox SET state = 'waiting', due = ?1, queued = ?1, attempts = 0, refusals = 0"
                f" WHERE state = 'dead' AND {_SERVED}",
                (now,),
            ).rowcount
            write.execute(
                "INSERT INTO studies (study, due) SELECT DISTINCT study, ?1 FROM instances WHERE outcome = 'failed'"
                " ON CONFLICT (study) DO UPDATE SET due = ?1, attempts = 0",
                (now,),
            )
            instances = write.execute(
                "UPDATE instances SET outcome = NULL, reason = NULL WHERE outcome = 'failed'"
            ).rowcount
        return results + instances

    # --- the whole -----------------------------------------------------------------------------------

    def next_study_due(self) -> float | None:
        """When the next study is due; None where none waits."""
        return _time(self._rows("SELECT min(due) FROM studies"))

    def next_parcel_due(self, destination: str) -> float | None:
        """When the next result is due for a destination; None where none waits."""
        query = "SELECT min(due) FROM outbox WHERE state = 'waiting' AND destination = ?"
        return _time(self._rows(query, destination))

    def files(self) -> set[Path]:
        """Every file that still counts."""
        rows = self._rows(
            "SELECT path FROM instances WHERE outcome IS NULL OR outcome = 'failed'"
            " UNION SELECT path FROM outbox WHERE state != 'sent'"
        )
        return {self._root / str(row[0]) for row in rows}

    def forget(self, before: float) -> None:
        """Drop the memory of work that was finished long ago."""
        with self._transaction() as write:
            write.execute("DELETE FROM outbox WHERE state = 'sent' AND queued < ?", (before,))
            write.execute("DELETE FROM instances WHERE outcome IN ('reported', 'refused') AND received < ?", (before,))

    def counts(self) -> dict[str, int]:
        """How much waits, failed and is done; counters go on over restarts."""
        now: dict[str, int] = {}
        for name, query in _GAUGES.items():
            now[name] = int(str(self._rows(query)[0][0] or 0))
        return now | {str(name): int(str(value)) for name, value in self._rows("SELECT name, value FROM counters")}

    def reasons(self) -> list[tuple[str, str, int]]:
        """What was refused, failed or lies dead, the code of why, and how many of them."""
        rows = self._rows(
            "SELECT 'instances ' || outcome, reason, count(*) FROM instances WHERE outcome IN ('refused', 'failed')"
            " GROUP BY 1, 2 UNION ALL SELECT 'results given up for ' || destination, error, count(*) FROM outbox"
            " WHERE state = 'dead' GROUP BY 1, 2 ORDER BY 1, 2"
        )
        return [(str(what), str(why), int(str(number))) for what, why, number in rows]

    def count(self, name: str) -> None:
        """Count an event."""
        with self._transaction() as write:
            _count(write, name)


_GAUGES = {
    "studies_waiting": "SELECT count(*) FROM studies",
    "instances_waiting": "SELECT count(*) FROM instances WHERE outcome IS NULL",
    "results_waiting": "SELECT count(*) FROM outbox WHERE state = 'waiting'",
    "results_given_up": "SELECT count(*) FROM outbox WHERE state = 'dead'",
    "instances_given_up": "SELECT count(*) FROM instances WHERE outcome = 'failed'",
}


def _count(write: sqlite3.Connection, name: str) -> None:
    write.execute(
        "INSERT INTO counters (name, value) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1", (name,)
    )


def _time(rows: list[tuple[object, ...]]) -> float | None:
    return None if rows[0][0] is None else float(str(rows[0][0]))
