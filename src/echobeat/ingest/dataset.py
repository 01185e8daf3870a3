"""The data set's folder: whole at any moment, and taken up again where a run was stopped.

::

    DIR/Videos/NAME.avi      MJPEG, grey, the sector alone
    DIR/Clips/NAME.json      what is known of the clip; written behind its video: a clip with it is whole
    DIR/FileList.csv         EchoNet-Dynamic's columns, and ours
    DIR/ingest_log.csv       a row an input; the last thing that is written of it
    DIR/ingest.json          the options that the clips depend on
    DIR/.echobeat-<token>/   clips that are being written
"""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from echobeat import __version__
from echobeat.deidentification.pseudonyms import KeyFile, Pseudonyms
from echobeat.errors import UsageError
from echobeat.ingest.labels import Joined, Labelled, Labels, join
from echobeat.ingest.one_clip import ClipFacts, Outcome, Settings, duration_s
from echobeat.ingest.reasons import REASONS
from echobeat.report.folders import STAGE_PREFIX, OutputFolder, read_json, write_whole, writing

SETTINGS, LOG, FILE_LIST = "ingest.json", "ingest_log.csv", "FileList.csv"
LOG_COLUMNS = ("input", "state", "code", "message", "clip", "notes", "source_hash")

COLUMNS: dict[str, str] = {
    "FileName": "name of the video without its suffix; a pseudonym",
    "EF": "percent, from the labels",
    "ESV": "ml, from the labels",
    "EDV": "ml, from the labels",
    "FrameHeight": "pixels",
    "FrameWidth": "pixels",
    "FPS": "frames a second of the video",
    "NumberOfFrames": "of the video",
    "Split": "TRAIN, VAL or TEST; one a patient",
    "patient": "pseudonym",
    "study": "pseudonym",
    "instance": "pseudonym; the same as that of `echobeat deidentify` with the same key",
    "view": "as the header states it: A4C, A2C, other, or empty",
    "row_spacing_mm": "between rows of the video's pixels; empty where the source is not calibrated",
    "column_spacing_mm": "between columns of the video's pixels",
    "heart_rate_bpm": "as the header states it",
    "duration_s": "from the first frame to the last",
    "frame_times": "regular, or irregular: the times are in the clip's file in `Clips/`",
    "source_hash": "keyed hash of the source's bytes",
    "notes": "codes, see below",
}
"""Columns of ``FileList.csv``."""

_FORMAT = 1


@dataclass(frozen=True)
class LogRow:
    """A row of ``ingest_log.csv``."""

    input: str
    state: str
    code: str
    message: str
    clip: str
    notes: str
    source_hash: str


class DatasetFolder:
    """A data set that is being made; held by one run at a time.

    Parameters
    ----------
    path : Path
        Made where it is missing.
    settings : Settings
    key : KeyFile
        Pseudonyms, and the user's mapping.

    Raises
    ------
    UsageError
        The folder holds something else, or a data set made with other options or another key.
    OutputError
        Another run is writing there, or the disk refuses.
    """

    def __init__(self, path: Path, settings: Settings, key: KeyFile) -> None:
        self.path, self._settings, self._key = path, settings, key
        self.clips: dict[str, ClipFacts] = {}
        self.rows: dict[str, LogRow] = {}
        self._folder = OutputFolder(path)
        self._known: set[str] = set()
        self._replaced = False  # rows that the log on disk holds
        self.stage = path

    def __enter__(self) -> DatasetFolder:
        self._folder.__enter__()
        try:
            self._check_settings()
            with writing(self.path):
                for name in ("Videos", "Clips"):
                    (self.path / name).mkdir(exist_ok=True)
                self.stage = Path(tempfile.mkdtemp(prefix=STAGE_PREFIX, dir=self.path))
            self._read()
        except BaseException:
            self._folder.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.__exit__(None, None, None)

    def _check_settings(self) -> None:
        wanted = {"format": _FORMAT, **asdict(self._settings), "key": key_name(self._key.pseudonyms)}
        there = dict(read_json(self.path / SETTINGS))
        if not there:
            strangers = [entry.name for entry in self.path.iterdir() if not entry.name.startswith(".")]
            if strangers:
                raise UsageError(f"{self.path} holds something else already. Choose another --out.")
            write_whole(self.path / SETTINGS, json.dumps({"echobeat": __version__, **wanted}, indent=1) + "\n")
            return
        other = [name for name, value in wanted.items() if there.get(name) != value]
        if other:
            raise UsageError(
                f"The data set in {self.path} was made with another {' and '.join(other)}. "
                "Use the same, or choose another --out."
            )

    def _read(self) -> None:
        """Take up what earlier runs left: clips that are whole, and the rows of inputs that are done."""
        for file in sorted((self.path / "Clips").glob("C*.json")):
            with suppress(OSError, ValueError, TypeError, KeyError):
                facts = ClipFacts.from_json(file.read_text(encoding="utf-8"))
                if self._video(facts.name).is_file():
                    self._remember(facts)
        for row in read_log(self.path / LOG):
            if row.state != "failed" and (not row.clip or row.clip in self.clips):
                self.rows[row.input] = row
        write_whole(self.path / LOG, log_text(self.rows.values(), header=True))

    def _video(self, name: str) -> Path:
        return self.path / "Videos" / f"{name}.avi"

    def _facts(self, name: str) -> Path:
        return self.path / "Clips" / f"{name}.json"

    def _remember(self, facts: ClipFacts) -> None:
        self.clips[facts.name] = facts
        self._known |= _identities(facts)

    def commit(self, outcomes: Sequence[Outcome]) -> list[LogRow]:
        """Take outcomes into the data set: first the mapping, then videos, facts and rows. In their order, the first
        of several equal clips stays.

        Raises
        ------
        OutputError
        """
        self._key.remember(row for outcome in outcomes for row in outcome.originals)
        with writing(self.path):
            for outcome in outcomes:
                self.rows[outcome.input] = self._taken(outcome)
            rows = [self.rows[outcome.input] for outcome in outcomes]
            if self._replaced:
                write_whole(self.path / LOG, log_text(self.rows.values(), header=True))
                self._replaced = False
            else:
                with (self.path / LOG).open("a", encoding="utf-8", newline="") as file:
                    file.write(log_text(rows))
        return rows

    def _taken(self, outcome: Outcome) -> LogRow:
        facts, code = outcome.clip, outcome.code
        video, text = (self.stage / f"{outcome.input}.{suffix}" for suffix in ("avi", "json"))
        if facts is not None and self._is_interrupted(facts):
            pass  # its video and facts were taken by a run that was killed before it wrote the row
        elif facts is not None and _identities(facts) & self._known:
            alike = [clip for clip in self.clips.values() if _identities(clip) & _identities(facts)]
            if "truncated" not in facts.notes and all("truncated" in clip.notes for clip in alike):
                self._take_out(alike)  # copies that were cut off make room for the whole
            else:
                facts, code = None, "duplicate"
        if facts is None:
            video.unlink(missing_ok=True)
            text.unlink(missing_ok=True)
        else:
            os.replace(video, self._video(facts.name))  # written and checked in the stage
            os.replace(text, self._facts(facts.name))
            self._remember(facts)
        return _row(outcome.input, code, outcome.source_hash, facts)

    def _take_out(self, clips: Sequence[ClipFacts]) -> None:
        """Remove clips; from now on their inputs are duplicates."""
        for clip in clips:
            self._facts(clip.name).unlink(missing_ok=True)  # first: without it, it is no clip
            self._video(clip.name).unlink(missing_ok=True)
            del self.clips[clip.name]
            self._known -= _identities(clip)
        for row in list(self.rows.values()):
            if row.clip and row.clip not in self.clips:
                self.rows[row.input] = _row(row.input, "duplicate", row.source_hash)
                self._replaced = True

    def _is_interrupted(self, facts: ClipFacts) -> bool:
        """True where the clip is there, but no input's row says so."""
        return facts.name in self.clips and all(row.clip != facts.name for row in self.rows.values())

    def write_list(self, labels: Labels) -> Joined:
        """Write ``FileList.csv`` over all clips.

        Raises
        ------
        UsageError
            The labels contradict themselves.
        OutputError
        """
        joined = join(self.clips.values(), labels, self._key.pseudonyms)
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(_cells, joined.clips))
        write_whole(self.path / FILE_LIST, text.getvalue())
        return joined


def _row(source: str, code: str, source_hash: str, facts: ClipFacts | None = None) -> LogRow:
    name, notes = (facts.name, " ".join(facts.notes)) if facts else ("", "")
    return LogRow(source, REASONS[code].state, code, REASONS[code].meaning, name, notes, source_hash)


def key_name(pseudonyms: Pseudonyms) -> str:
    """What tells a key from others, and nothing else about it."""
    return pseudonyms.name("key", "")


def _identities(facts: ClipFacts) -> set[str]:
    """By what a clip is known again: its bytes, its instance, its frames."""
    return {facts.name, facts.instance, facts.keys.get("instance", facts.instance), facts.fingerprint}


def _cells(one: Labelled) -> Mapping[str, str]:
    clip, label = one.clip, one.label
    row_mm, column_mm = clip.spacing_mm or (None, None)
    values: dict[str, float | str | None] = {
        "FileName": clip.name,
        "EF": label.ef,
        "ESV": label.esv_ml,
        "EDV": label.edv_ml,
        "FrameHeight": clip.height,
        "FrameWidth": clip.width,
        "FPS": round(clip.fps, 6),
        "NumberOfFrames": clip.frames,
        "Split": one.split,
        "patient": one.patient,
        "study": clip.study,
        "instance": clip.instance,
        "view": clip.view,
        "row_spacing_mm": None if row_mm is None else round(row_mm, 9),
        "column_spacing_mm": None if column_mm is None else round(column_mm, 9),
        "heart_rate_bpm": clip.heart_rate_bpm,
        "duration_s": round(duration_s(clip.times_s), 6),
        "frame_times": "irregular" if "irregular_times" in clip.notes else "regular",
        "source_hash": clip.source_hash,
        "notes": " ".join(clip.notes),
    }
    return {name: "" if value is None else str(value) for name, value in values.items()}


def log_text(rows: Iterable[LogRow], header: bool = False) -> str:
    """Rows as they stand in the log."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if header:
        writer.writerow(LOG_COLUMNS)
    writer.writerows([getattr(row, column) for column in LOG_COLUMNS] for row in rows)
    return text.getvalue()


def read_log(path: Path) -> list[LogRow]:
    """The rows that are whole; a last one that was cut off is left out."""
    if not path.exists():
        return []
    lines = [
        line for line in path.read_text(encoding="utf-8", errors="replace").splitlines(True) if line.endswith("\n")
    ]
    return [
        LogRow(*row)
        for row in csv.reader(lines[1:])
        if len(row) == len(LOG_COLUMNS) and row[LOG_COLUMNS.index("code")] in REASONS
    ]
