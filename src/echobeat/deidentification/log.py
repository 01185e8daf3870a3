"""The log of a run: what became of each source, under pseudonyms; an interrupted run goes on from it."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields, replace
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


SUPERSEDED = ("superseded", "it is cut off or damaged, and a whole copy of it is there")
"""Code and sentence for a source whose output made room for that of a whole copy."""

SAME_UID = ("same_uid", "another file has its SOP Instance UID, but other contents; only one of them can be right")
"""Code and sentence for outputs that cannot be told apart by what DICOM tells instances apart by."""


@dataclass(frozen=True)
class Row:
    """One line. No name, no number, no date and no path of a source is in it.

    Attributes
    ----------
    source_hash : keyed hash of the source's bytes; the user's mapping says which file that is.
    state, reason, message, path, boxes : as in `Outcome`.
    patient, study, instance : pseudonyms; empty where refused.
    uid : SOP Instance UID of the output; empty where refused.
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
    uid: str
    made_by: str

    @classmethod
    def of(cls, outcome: Outcome, policy: Policy) -> Row:
        """The line for an outcome."""
        who = outcome.identity
        names = (who.patient, who.study, who.instance) if who else ("", "", "")
        told = (outcome.source_hash, outcome.state, outcome.reason, outcome.message)
        boxes = str(outcome.boxes) if who else ""
        return cls(*told, *names, outcome.path, boxes, outcome.uid, made_by(policy))

    @property
    def is_certain(self) -> bool:
        """True where nothing was doubtful: no decision of a person could change the output."""
        return self.state == "clean" and self.reason in ("", TRUNCATED[0], SAME_UID[0])

    @property
    def is_truncated(self) -> bool:
        """True where only a part of the source could be read."""
        return TRUNCATED[1] in self.message

    def superseded(self) -> Row:
        """The row when a whole copy has taken the output's place."""
        code, sentence = SUPERSEDED
        names = dict.fromkeys(("patient", "study", "instance", "path", "boxes", "uid"), "")
        return replace(self, state="refused", reason=code, message=sentence, **names)

    def with_a_double(self) -> Row:
        """The row when another output has the same UID."""
        code, sentence = SAME_UID
        if sentence in self.message:
            return self
        return replace(self, reason=self.reason or code, message="; ".join(filter(None, (self.message, sentence))))

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
        self.rows: dict[str, Row] = {}
        self._by_uid: defaultdict[str, set[str]] = defaultdict(set)
        for row in self._read():
            self._keep(row)
        self._write(self.rows.values())

    def _read(self) -> list[Row]:
        if not self.path.exists():
            return []
        with self.path.open(newline="", encoding="utf-8", errors="replace") as stream:
            lines = [line for line in csv.reader(stream) if line and line[0] != COLUMNS[0]]
        lines = [
            [*line[:-1], "", line[-1]] if len(line) == len(COLUMNS) - 1 else line for line in lines
        ]  # before `uid`
        return [Row(*line) for line in lines if len(line) == len(COLUMNS)]  # the last may be torn

    def _keep(self, row: Row) -> None:
        self.rows[row.source_hash] = row
        if row.uid:
            self._by_uid[row.uid].add(row.source_hash)

    def done(self, source_hash: str, policy: Policy) -> Row | None:
        """The row of a source whose output is there, made as it would be made now."""
        row = self.rows.get(source_hash)
        if row is None or row.made_by != made_by(policy) or not row.path:
            return None
        return row if (self.path.parent / row.path).is_file() else None

    def add(self, row: Row) -> None:
        """Add a row, at once on disk; remove the output of the source's earlier row if this one names another.

        Of several outputs with one UID, those of sources that were cut off make room for a whole one, in whatever order
        they come; that others are there is said in their rows.
        """
        earlier = self.rows.get(row.source_hash)
        if earlier is not None and earlier.path not in ("", row.path):
            self._remove_output(earlier)
        doubles = self._doubles(row)
        if row.is_truncated and not all(double.is_truncated for double in doubles):
            self._remove_output(row)
            row, doubles = row.superseded(), []
        for double in doubles:
            if double.is_truncated and not row.is_truncated:
                self._remove_output(double)
                self._append(double.superseded())
            else:
                row = row.with_a_double()
                self._append(double.with_a_double())
        self._append(row)

    def _doubles(self, row: Row) -> list[Row]:
        """The rows of other sources whose outputs are there and have the same UID."""
        others = (self.rows[source] for source in sorted(self._by_uid.get(row.uid, ())) if source != row.source_hash)
        return [other for other in others if other.uid == row.uid and (self.path.parent / other.path).is_file()]

    def _append(self, row: Row) -> None:
        self._keep(row)
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
