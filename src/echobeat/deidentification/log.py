"""The log of a run: what became of each source, under pseudonyms; an interrupted run goes on from it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from echobeat import __version__
from echobeat.deidentification.header import Policy
from echobeat.deidentification.instance import DECIDED, TRUNCATED, Decision, Outcome
from echobeat.deidentification.text import DETECTOR
from echobeat.deidentification.thumbnails import PICTURE
from echobeat.errors import OutputError, UsageError
from echobeat.whole import write_file, writing

LOG = "deidentify_log.csv"

_TOLD = ("The log", "or choose another --out")
"""What errors call it, without a path that may name somebody, and what to do where it cannot be written."""


@dataclass(frozen=True)
class Row:
    """One line. No name, no number, no date and no path of a source is in it.

    Attributes
    ----------
    source_hash : keyed hash of the source's bytes; the user's mapping says which file that is.
    state, reason, message, path, boxes : as in `Outcome`.
    patient, study, instance : pseudonyms; empty where refused.
    made_by : version, detector and policy that made it.
    """

    source_hash: str
    state: str
    reason: str
    message: str
    patient: str
    study: str
    instance: str
    path: str
    boxes: str
    made_by: str

    @classmethod
    def of(cls, outcome: Outcome, policy: Policy) -> Row:
        """The line for an outcome."""
        who = outcome.identity
        names = (who.patient, who.study, who.instance) if who else ("", "", "")
        told = (outcome.source_hash, outcome.state, outcome.reason, outcome.message)
        return cls(*told, *names, outcome.path, str(outcome.boxes) if who else "", made_by(policy))

    @property
    def is_certain(self) -> bool:
        """True where nothing was doubtful: no decision of a person could change the output."""
        return self.state == "clean" and self.reason in ("", TRUNCATED[0])

    @property
    def decision(self) -> Decision | None:
        """What a person decided about it; None where nobody did."""
        return next((decision for decision, (code, _) in DECIDED.items() if code == self.reason), None)


COLUMNS = tuple(field.name for field in fields(Row))


def made_by(policy: Policy) -> str:
    """What an output depends on besides its source and the key."""
    kept = ", patient characteristics kept" if policy.characteristics else ""
    return f"echobeat {__version__}, {DETECTOR}, dates: {policy.dates}{kept}"


class Log:
    """``deidentify_log.csv`` of an output folder.

    Rows are added one by one while a run goes on; `finish` sorts them by pseudonym, so that their order says nothing
    about the sources.

    Raises
    ------
    UsageError
        There is the log of an earlier run, and it is not to be gone on with.
    OutputError
        It cannot be written.
    """

    def __init__(self, out: Path, *, resume: bool) -> None:
        self.path = out / LOG
        if self.path.exists() and not resume:
            raise UsageError("--out holds an earlier run. Add --resume to go on with it, or choose another --out.")
        self.rows: dict[str, Row] = {row.source_hash: row for row in self._read()}
        self._write(self.rows.values())

    def _read(self) -> list[Row]:
        if not self.path.exists():
            return []
        with self.path.open(newline="", encoding="utf-8", errors="replace") as stream:
            lines = [line for line in csv.reader(stream) if len(line) == len(COLUMNS)]  # the last may be torn
        return [Row(*line) for line in lines if tuple(line) != COLUMNS]

    def done(self, source_hash: str, policy: Policy) -> Row | None:
        """The row of a source whose output is there, made as it would be made now."""
        row = self.rows.get(source_hash)
        if row is None or row.made_by != made_by(policy) or not row.path:
            return None
        return row if (self.path.parent / row.path).is_file() else None

    def add(self, row: Row) -> None:
        """Add a row, at once on disk; remove the output of the source's earlier row if this one names another."""
        earlier = self.rows.get(row.source_hash)
        if earlier is not None and earlier.path not in ("", row.path):
            self._remove_output(earlier)
        self.rows[row.source_hash] = row
        with writing(*_TOLD), self.path.open("a", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerow(astuple(row))

    def _remove_output(self, row: Row) -> None:
        output = self.path.parent / row.path
        try:
            output.unlink(missing_ok=True)
            output.with_suffix(PICTURE).unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{row.path} is out of date and cannot be removed ({error.strerror}).") from error

    def finish(self) -> None:
        """Write all rows anew, in the order of their pseudonyms."""
        self._write(sorted(self.rows.values(), key=lambda row: (row.patient, row.study, row.instance, row.source_hash)))

    def _write(self, rows: Iterable[Row]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([COLUMNS, *map(astuple, rows)])
        write_file(self.path, text.getvalue(), *_TOLD)
