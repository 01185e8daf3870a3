"""What is said about a run over many inputs: ``summary.csv`` and ``manifest.json``, whole at any moment."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from echobeat import __version__
from echobeat.errors import UnreadableFile
from echobeat.records import ModelUsed, Result
from echobeat.report.folders import RESULT_FILE, RUN_FILE, read_json, source_id, write_whole
from echobeat.report.schema import read_result
from echobeat.report.wording import is_judged, printable

PACKAGES = (
    "av",
    "matplotlib",
    "nibabel",
    "numpy",
    "onnxruntime",
    "opencv-python-headless",
    "openvino",
    "pillow",
    "pydantic",
    "pydicom",
    "pylibjpeg-openjpeg",
    "pylibjpeg-rle",
)
"""Packages that can change a number or a picture."""

REWRITE_AFTER_S = 2.0
"""The tables of a long run are rewritten at most this often: they grow with it."""

Status = Literal["ok", "refused", "error"]
Seconds = Mapping[str, float]


@dataclass(frozen=True)
class Row:
    """An input's line of ``summary.csv``; a cell is empty where its value is not known.

    `status` is ``ok``, ``refused`` (read, but no EF is given) or ``error`` (not read or not written).
    """

    source: str
    folder: str
    status: Status
    ef: float | None = None
    ef_low: float | None = None
    ef_high: float | None = None
    category: str | None = None
    beats: int | None = None
    heart_rate_bpm: float | None = None
    quality: float | None = None
    warnings: str = ""
    error: str = ""

    @classmethod
    def of_result(cls, result: Result, source: str, folder: str) -> Row:
        """The line of a result; `beats` counts those that enter the EF, and a refused clip's are no result."""
        ef = result.ef if is_judged(result) else None
        return cls(
            source=source,
            folder=folder,
            status="ok" if ef else "refused",
            ef=ef.value if ef else None,
            ef_low=ef.low if ef else None,
            ef_high=ef.high if ef else None,
            category=result.ef_category if ef else None,
            beats=sum(beat.counts for beat in result.beats) if ef else None,
            heart_rate_bpm=result.rhythm.heart_rate_bpm if ef and result.rhythm else None,
            quality=result.quality.score,
            warnings=" ".join(warning.code for warning in result.quality.warnings),
        )


@dataclass(frozen=True)
class Entry:
    """What a run says about one input.

    Attributes
    ----------
    row : its line of the summary.
    seconds : how long its steps took; empty where an earlier run made the result.
    resumed : True where an earlier run made the result.
    """

    row: Row
    seconds: Seconds
    resumed: bool = False


def summary_csv(rows: Sequence[Row]) -> str:
    """The text of ``summary.csv``."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(Row))
    writer.writerows([_cell(value) for value in asdict(row).values()] for row in rows)
    return text.getvalue()


def _cell(value: float | str | None) -> str:
    if isinstance(value, str):
        return _without_formula(printable(value))
    return "" if value is None else repr(value)


def _without_formula(text: str) -> str:
    """Spreadsheets run cells that begin with these signs; a path keeps its meaning with ``./`` before it."""
    return f"./{text}" if text.startswith(("=", "+", "-", "@")) else text


class Journal:
    """Keeps ``summary.csv`` and ``manifest.json`` of a run, valid while it goes on.

    Parameters
    ----------
    out : Path
        The output folder.
    sources : sequence of str
        All inputs, in the order in which the tables list them.
    head : mapping
        What the manifest says about the run as a whole; see `manifest_head`.
    """

    def __init__(self, out: Path, sources: Sequence[str], head: Mapping[str, Any]) -> None:
        self._out, self._head = out, dict(head)
        self._order = {source: place for place, source in enumerate(sources)}
        self._entries: list[Entry] = []
        self._written_at = -REWRITE_AFTER_S
        self._began = datetime.now(UTC)

    @property
    def entries(self) -> list[Entry]:
        """What is known so far, in the inputs' order."""
        return sorted(self._entries, key=lambda entry: self._order[entry.row.source])

    def add(self, entry: Entry) -> None:
        """Take in an input that is done."""
        self._entries.append(entry)
        if time.monotonic() - self._written_at >= REWRITE_AFTER_S:
            self.write(complete=False)

    def write(self, *, complete: bool) -> None:
        """Write both files as things stand.

        Raises
        ------
        OutputError
            The disk refuses.
        """
        entries = self.entries
        manifest = self._head | {
            "complete": complete,
            "began": self._began.isoformat(timespec="seconds"),
            "ended": datetime.now(UTC).isoformat(timespec="seconds") if complete else None,
            "inputs": [
                {
                    "source": printable(entry.row.source),
                    "folder": entry.row.folder,
                    "status": entry.row.status,
                    "resumed": entry.resumed,
                    "seconds": {step: round(seconds, 3) for step, seconds in entry.seconds.items()},
                }
                for entry in entries
            ],
        }
        write_whole(self._out / "summary.csv", summary_csv([entry.row for entry in entries]))
        write_whole(self._out / "manifest.json", json.dumps(manifest, indent=2) + "\n")
        self._written_at = time.monotonic()


def manifest_head(models: Sequence[ModelUsed], options: Mapping[str, Any]) -> dict[str, Any]:
    """Versions, models and options: what a number can be traced back to."""
    return {
        "echobeat": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {package: found for package in PACKAGES if (found := _version(package))},
        "models": [asdict(model) for model in models],
        "options": dict(options),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def run_record(source: str, models: Sequence[ModelUsed], options: Mapping[str, Any]) -> dict[str, Any]:
    """What made one result: written beside it as ``run.json``, and compared by ``--resume``.

    A source is the same as long as its path, size and time of change are.
    """
    record: dict[str, Any] = {
        "source_id": source_id(source),
        "echobeat": __version__,
        "models": [[model.name, model.hash, model.calibration] for model in models],
        "options": dict(options),
    }
    try:
        status = os.stat(source)
        record |= {"bytes": status.st_size, "changed_ns": status.st_mtime_ns}
    except OSError:
        pass  # reading it will say what is wrong
    digest = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
    return record | {"fingerprint": digest}


def finished_result(folder: Path, record: Mapping[str, Any], files: Sequence[str]) -> Result | None:
    """The result in a folder, if this source, these models and these options made it, and its `files` are there."""
    if read_json(folder / RUN_FILE).get("fingerprint") != record["fingerprint"]:
        return None
    if not all((folder / name).exists() for name in files):
        return None
    try:
        return read_result(folder / RESULT_FILE)
    except UnreadableFile:
        return None
