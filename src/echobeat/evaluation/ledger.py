"""The folder of an evaluation: predictions appended study by study, so that one that was stopped goes on.

A study's rows are appended to their tables, and last of all its line to ``studies.csv``: a study with its line is
whole. What a killed run left of others is cleared when the folder is opened again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from echobeat.datasets import LabelledStudy
from echobeat.errors import EchobeatError, OutputError, UnreadableFile, UsageError
from echobeat.evaluation.predictions import (
    BeatReading,
    ClipReading,
    FrameScore,
    FrameSize,
    Reading,
    StudyRow,
    read_rows,
    write_rows,
)
from echobeat.whole import whole_file, write_file, writing

STUDIES, RUN, LOCK = "studies.csv", "run.json", ".echobeat.lock"
TABLES: Mapping[type[Any], str] = {
    FrameScore: "frames.csv",
    Reading: "readings.csv",
    ClipReading: "clips.csv",
    BeatReading: "beats.csv",
    FrameSize: "sizes.csv",
}


@dataclass(frozen=True)
class Identity:
    """What predictions depend on beside the studies: they are reused where all of it is the same.

    Attributes
    ----------
    task : "segmentation", "ef" or "beats"
    models : mapping
        Task of a model to its name, version and hash.
    data, split : str
        Kind of the data set, and which part of it.
    options : mapping
        How predictions were made.
    """

    task: str
    models: Mapping[str, Mapping[str, str]]
    data: str
    split: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """A study's line and its predictions, of any kinds of row."""

    study: StudyRow
    rows: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Predictions:
    """All rows of an evaluation, in the order of the studies."""

    identity: Identity
    studies: tuple[StudyRow, ...]
    frames: tuple[FrameScore, ...] = ()
    readings: tuple[Reading, ...] = ()
    clips: tuple[ClipReading, ...] = ()
    beats: tuple[BeatReading, ...] = ()
    sizes: tuple[FrameSize, ...] = ()

    @property
    def whole(self) -> tuple[StudyRow, ...]:
        """Studies that have predictions."""
        return tuple(study for study in self.studies if not study.problem)

    @property
    def failed(self) -> tuple[StudyRow, ...]:
        """Studies that have none, each with its problem."""
        return tuple(study for study in self.studies if study.problem)


def study_key(study: LabelledStudy) -> str:
    """Hash of a study's labels and of its files' sizes and dates; pixels are not read."""
    known: list[Any] = [study.name, study.patient, study.ef, study.fps, study.spacing_mm, sorted(study.notes.items())]
    for tracing in study.tracings:
        drawn = b"" if tracing.polygon_px is None else tracing.outline
        known.append((tracing.frame, tracing.area_px, drawn))
    for path in (*study.files, *(tracing.labels for tracing in study.tracings if tracing.labels is not None)):
        stat = path.stat() if path.exists() else None
        known.append((path.name, stat and stat.st_size, stat and stat.st_mtime_ns))
    return hashlib.sha256(repr(known).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Seen:
    """What a predictor saw and predicted.

    Attributes
    ----------
    rows : tuple
        Predictions, of any kinds of row.
    frames, fps : of the video.
    rhythm_read, verdict, score : as in `StudyRow`.
    """

    rows: tuple[Any, ...]
    frames: int
    fps: float | None
    rhythm_read: str = ""
    verdict: str = ""
    score: float | None = None


def attempt(study: LabelledStudy, predict: Callable[[LabelledStudy], Seen]) -> Outcome:
    """A study's predictions; where they fail, the reason instead, and the rest goes on."""
    line = study_line(study)
    try:
        seen = predict(study)
    except EchobeatError as error:
        return failed(study, str(error))
    except Exception as error:  # noqa: BLE001  one study that nobody thought of must not end a night's run
        return failed(study, f"echobeat failed on it ({type(error).__name__}: {error})")
    line = replace(line, frames=seen.frames, fps=seen.fps, rhythm_read=seen.rhythm_read)
    return Outcome(replace(line, verdict=seen.verdict, score=seen.score), seen.rows)


def study_line(study: LabelledStudy) -> StudyRow:
    """A study's line from its labels alone."""
    return StudyRow(
        study=study.name,
        patient=study.patient,
        key=study_key(study),
        ef=study.ef,
        rhythm=study.notes.get("rhythm", ""),
        quality=study.notes.get("quality", ""),
        file=study.files[0].name if study.files else "",
        fps=study.fps,
    )


def failed(study: LabelledStudy, problem: str) -> Outcome:
    """A study without predictions, and why."""
    return Outcome(replace(study_line(study), problem=" ".join(problem.split()) or "unknown"))


class Ledger:
    """The folder, for as long as one evaluation writes into it.

    Parameters
    ----------
    folder : Path
        Made where it is missing.
    identity : Identity
    studies : sequence of LabelledStudy
        What is to be evaluated; predictions of others are dropped.
    fresh : bool
        Begin anew, whatever is there.

    Raises
    ------
    UsageError
        The folder holds the predictions of something else.
    OutputError
        Another run is writing there, or the folder cannot be written.
    """

    def __init__(
        self, folder: Path, identity: Identity, studies: Sequence[LabelledStudy], *, fresh: bool = False
    ) -> None:
        self.folder, self.studies, self.fresh = folder, studies, fresh
        self.identity = Identity(**json.loads(json.dumps(asdict(identity))))  # as it will be read again
        self._lock = FileLock(folder / LOCK, timeout=0)
        self._lines: dict[str, StudyRow] = {}

    def __enter__(self) -> Ledger:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout as error:
            raise OutputError(f"Another run is writing into {self.folder}. Wait, or choose another --out.") from error
        except OSError as error:
            raise OutputError(
                f"{self.folder} cannot be written ({error.strerror}). Choose another place with --out."
            ) from error
        try:
            self._resume()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._rewrite()
        self._lock.release()

    @property
    def waiting(self) -> list[LabelledStudy]:
        """Studies that are still to be predicted; those that failed in an earlier run are tried again."""
        return [study for study in self.studies if study.name not in self._lines]

    def add(self, outcome: Outcome) -> None:
        """Append a study's predictions.

        Raises
        ------
        OutputError
            The disk refuses.
        """
        with writing(str(self.folder), "then evaluate again"):
            for kind, name in TABLES.items():
                rows = [row for row in outcome.rows if isinstance(row, kind)]
                if rows:
                    write_rows(self.folder / name, rows, kind, "a")
            write_rows(self.folder / STUDIES, [outcome.study], StudyRow, "a")
        self._lines[outcome.study.study] = outcome.study

    def _resume(self) -> None:
        known = None if self.fresh else read_identity(self.folder)
        same = known == self.identity
        if known is not None and not same and read_rows(self.folder / STUDIES, StudyRow, torn=True):
            raise UsageError(
                f"{self.folder} holds another evaluation: {_differences(known, self.identity)}. "
                "Choose another --out, or give --fresh to begin anew."
            )
        if not same:
            for name in (STUDIES, *TABLES.values()):
                (self.folder / name).unlink(missing_ok=True)
        keys = {study.name: study_key(study) for study in self.studies}
        lines = read_rows(self.folder / STUDIES, StudyRow, torn=True)
        if lines and not any(line.study in keys for line in lines):
            raise UsageError(
                f"{self.folder} holds an evaluation of other studies ({lines[0].study}, ...). "
                "Choose another --out, or give --fresh to begin anew."
            )
        for line in lines:
            if not line.problem and keys.get(line.study) == line.key:
                self._lines[line.study] = line
        self._rewrite()
        write_file(self.folder / RUN, json.dumps(asdict(self.identity), indent=1) + "\n")

    def _rewrite(self) -> None:
        """Every table anew: whole studies only, in the order of the data set."""
        place = {study.name: index for index, study in enumerate(self.studies)}
        whole = {name for name, line in self._lines.items() if not line.problem}
        for kind, name in TABLES.items():
            path = self.folder / name
            if path.exists():
                rows = [row for row in read_rows(path, kind, torn=True) if row.study in whole]
                _replace(path, sorted(rows, key=lambda row: place[row.study]), kind)
        lines = sorted(self._lines.values(), key=lambda line: place[line.study])
        _replace(self.folder / STUDIES, lines, StudyRow)


def _replace(path: Path, rows: Iterable[Any], kind: type[Any]) -> None:
    with whole_file(path) as beside:
        write_rows(beside, rows, kind)


def read_identity(folder: Path) -> Identity | None:
    """What the predictions in a folder are of; None where there are none.

    Raises
    ------
    UnreadableFile
    """
    path = folder / RUN
    if not path.exists():
        return None
    try:
        return Identity(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UnreadableFile(str(path), f"it is damaged ({error})", "Evaluate again with --fresh") from error


def read_predictions(folder: Path) -> Predictions:
    """All predictions of a folder.

    Raises
    ------
    UnreadableFile
        There is no evaluation, or a table is damaged.
    """
    identity = read_identity(folder)
    if identity is None:
        raise UnreadableFile(
            str(folder), "there is no evaluation in it", "Make one with: echobeat evaluate ... --out DIR"
        )
    studies = tuple(read_rows(folder / STUDIES, StudyRow, torn=True))
    rows: Any = {
        name.removesuffix(".csv"): tuple(read_rows(folder / name, kind, torn=True)) for kind, name in TABLES.items()
    }
    return Predictions(identity, studies, **rows)


def _differences(there: Identity, wanted: Identity) -> str:
    """What is in the folder, and what was asked for, in words; of other tasks nothing else is comparable."""
    if there.task != wanted.task:
        return f"of `evaluate {there.task}`, not {wanted.task}"
    pairs = [("data", there.data, wanted.data), ("split", there.split, wanted.split)]
    for task in dict.fromkeys((*there.models, *wanted.models)):
        old, new = there.models.get(task, {}), wanted.models.get(task, {})
        pairs.append((f"{task} model", _model(old, new), _model(new, old)))
    for name in dict.fromkeys((*there.options, *wanted.options)):
        pairs.append((name, _words(there.options.get(name)), _words(wanted.options.get(name))))
    return "; ".join(f"{name} {old}, not {new}" for name, old, new in pairs if old != new)


def _model(model: Mapping[str, str], other: Mapping[str, str]) -> str:
    """Its name and version; where the other's are the same, what else tells them apart."""
    fields = [name for name in ("sha256", "calibration") if model.get(name) != other.get(name)]
    called = " ".join(model[name] for name in ("name", "version") if name in model) or "none"
    if called == "none" or (model.get("name"), model.get("version")) != (other.get("name"), other.get("version")):
        return called
    words = {"sha256": "file", "calibration": "calibration"}
    return " ".join([called, *(f"with the {words[name]} {model.get(name, '')[:8] or 'none'}" for name in fields[:1])])


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str("none" if value is None else value)
