"""The user's table of labels, joined by pseudonyms; and splits that keep a patient's clips together.

The table names patients; once read, only pseudonyms of its cells are held. Errors name lines, never cells.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from echobeat.deidentification.pseudonyms import Pseudonyms
from echobeat.errors import UsageError
from echobeat.ingest.one_clip import ClipFacts, bare_path

Split = Literal["TRAIN", "VAL", "TEST"]

NAMED_BY: dict[str, tuple[str, ...]] = {
    "instance": ("sopinstanceuid", "sop_instance_uid", "instance_uid", "instance"),
    "path": ("filename", "file", "file_name", "path", "video"),
    "accession": ("accessionnumber", "accession_number", "accession"),
    "study": ("studyinstanceuid", "study_instance_uid", "study_uid", "study"),
    "patient": ("patientid", "patient_id", "patient", "mrn"),
}
"""Columns by which a row names clips, the most particular first: the first that the row has decides."""

EF_COLUMNS = ("ef", "ef_percent", "lvef")
EDV_COLUMNS = ("edv", "edv_ml", "lvedv")
ESV_COLUMNS = ("esv", "esv_ml", "lvesv")

SPLITS: dict[str, Split] = {
    "train": "TRAIN",
    "training": "TRAIN",
    "val": "VAL",
    "valid": "VAL",
    "validation": "VAL",
    "test": "TEST",
    "testing": "TEST",
}

SHARES: tuple[tuple[int, Split], ...] = ((75, "TRAIN"), (87, "VAL"), (100, "TEST"))
"""Of a hundred patients, added up: near EchoNet-Dynamic's 74.4, 12.8 and 12.7 %."""

_LARGEST = {"ef": 100.0, "edv": 1000.0, "esv": 1000.0}
_MISSING = {"", "-", "na", "n/a", "nan", "none", "null", "unknown"}


@dataclass(frozen=True)
class Label:
    """What a row says.

    Attributes
    ----------
    ef : percent, or None.
    edv_ml, esv_ml : or None.
    patient : pseudonym of the row's patient; empty where it names none.
    split : or None.
    line : of the table; two rows that say the same are equal.
    """

    ef: float | None = None
    edv_ml: float | None = None
    esv_ml: float | None = None
    patient: str = ""
    split: Split | None = None
    line: int = field(default=0, compare=False)


@dataclass
class Labels:
    """A table of labels, by pseudonyms.

    Attributes
    ----------
    rows : by kind of name and pseudonym: the label, or None where rows of one name disagree.
    splits : of patients, by pseudonym.
    split_lines : the first line that says so, by pseudonym.
    """

    rows: dict[tuple[str, str], Label | None] = field(default_factory=dict)
    splits: dict[str, Split] = field(default_factory=dict)
    split_lines: dict[str, int] = field(default_factory=dict)

    def of(self, clip: ClipFacts) -> tuple[str, Label | None]:
        """By what kind of name the table knows a clip ("" where it does not), and its label; None where unclear."""
        for kind in ("instance", "path", "name", "accession", "study", "patient"):
            known = (kind, clip.keys.get(kind, ""))
            if known in self.rows:
                return kind, self.rows[known]
        return "", None


def read_labels(path: Path, pseudonyms: Pseudonyms) -> Labels:
    """Read a CSV table; any case of the header, comma, semicolon or tab.

    Raises
    ------
    UsageError
        It cannot be read, no column names clips, a value is none that a heart has, or a patient is given two splits.
    """
    labels = Labels()
    for line, row in _rows(path):
        label = _label(row, line, pseudonyms)
        if label.patient and label.split:
            if labels.splits.setdefault(label.patient, label.split) != label.split:
                raise UsageError(
                    f"Lines {labels.split_lines[label.patient]} and {line} of the labels give one patient two splits. "
                    "Give every patient one."
                )
            labels.split_lines.setdefault(label.patient, line)
        for key in _keys(row, pseudonyms):
            known = labels.rows.setdefault(key, label)
            if known != label:
                labels.rows[key] = None
    return labels


def _rows(path: Path) -> Iterable[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            header = file.readline()
            delimiter = max(",;\t", key=header.count)
            names = [name.strip().lower() for name in next(csv.reader([header], delimiter=delimiter), [])]
            cells = csv.reader(file, delimiter=delimiter, skipinitialspace=True)
            rows = [
                (cells.line_num + 1, dict(zip(names, map(str.strip, row), strict=False))) for row in cells if any(row)
            ]
    except OSError as error:
        raise UsageError(f"--labels {path}: it cannot be opened ({error.strerror}). Check the path.") from error
    except csv.Error as error:
        raise UsageError(f"--labels {path}: it is no table. Give a CSV file.") from error
    if not any(column in names for columns in NAMED_BY.values() for column in columns):
        wanted = ", ".join(columns[0] for columns in NAMED_BY.values())
        raise UsageError(f"The labels name no clips: one of the columns {wanted} is needed (in any case).")
    return rows


def _cell(row: Mapping[str, str], columns: Iterable[str]) -> str:
    return next((row[name] for name in columns if row.get(name, "").lower() not in _MISSING), "")


def _label(row: Mapping[str, str], line: int, pseudonyms: Pseudonyms) -> Label:
    patient, word = _cell(row, NAMED_BY["patient"]), _cell(row, ("split",)).lower()
    if word and word not in SPLITS:
        raise UsageError(f"Line {line} of the labels: the split is none of TRAIN, VAL, TEST.")
    numbers = {
        "ef": _number(_cell(row, EF_COLUMNS), "ef", line),
        "edv": _number(_cell(row, EDV_COLUMNS), "edv", line),
        "esv": _number(_cell(row, ESV_COLUMNS), "esv", line),
    }
    if numbers["edv"] and numbers["esv"] and numbers["esv"] >= numbers["edv"]:
        raise UsageError(f"Line {line} of the labels: ESV is not smaller than EDV.")
    return Label(
        ef=numbers["ef"],
        edv_ml=numbers["edv"],
        esv_ml=numbers["esv"],
        patient=pseudonyms.name("patient", patient) if patient else "",
        split=SPLITS[word] if word else None,
        line=line,
    )


def _number(text: str, name: str, line: int) -> float | None:
    if not text:
        return None
    try:
        value = float(text if "." in text else text.replace(",", "."))
    except ValueError:
        value = float("nan")
    if not 0 < value < _LARGEST[name]:
        raise UsageError(
            f"Line {line} of the labels: {name.upper()} is no number above 0 and below {_LARGEST[name]:g}."
        )
    return value


def _keys(row: Mapping[str, str], pseudonyms: Pseudonyms) -> list[tuple[str, str]]:
    """By what a row names clips; a file that is named without its folder may lie in any."""
    for kind, columns in NAMED_BY.items():
        text = _cell(row, columns)
        if text and kind == "path":
            path = bare_path(text)
            kind = "path" if "/" in path else "name"
            return [(kind, pseudonyms.name(kind, path))]
        if text:
            return [(kind, pseudonyms.name(kind, text))]
    return []


def drawn_split(patient: str, pseudonyms: Pseudonyms) -> Split:
    """A split drawn by the key from a patient's pseudonym: always the same, whatever else is in the data set."""
    drawn = int(pseudonyms.name("split", patient)[1:], 16) % 100
    return next(split for below, split in SHARES if drawn < below)


@dataclass(frozen=True)
class Labelled:
    """A clip with its label.

    Attributes
    ----------
    clip : ClipFacts
    label : Label
        Empty where the table does not know the clip.
    patient : pseudonym; of a file without a header the one that the table gives.
    split : the same for all clips of a patient.
    """

    clip: ClipFacts
    label: Label
    patient: str
    split: Split


@dataclass(frozen=True)
class Joined:
    """All clips with their labels.

    Attributes
    ----------
    clips : in order of name.
    unclear : how many clips got no label because rows disagree, because what a row names is that of several
        patients, or because it names another patient than the clip's header.
    """

    clips: tuple[Labelled, ...]
    unclear: int


def join(clips: Iterable[ClipFacts], labels: Labels, pseudonyms: Pseudonyms) -> Joined:
    """Give every clip its label and its split.

    Raises
    ------
    UsageError
        The labels give clips of one patient different splits.
    """
    ordered = sorted(clips, key=lambda clip: clip.name)
    shared, known = _shared_names(ordered), _patients_by_id(ordered)
    unclear, found = 0, []
    for clip in ordered:
        kind, label = labels.of(clip)
        ambiguous = (kind, clip.keys.get(kind)) in shared
        if kind and (label is None or ambiguous or _is_anothers(label, clip)):
            unclear, label = unclear + 1, None
        label = label or Label()
        patient = clip.patient if clip.header or not label.patient else known.get(label.patient, label.patient)
        found.append((clip, label, patient))
    splits = _splits(found, labels, pseudonyms)
    return Joined(tuple(Labelled(clip, label, patient, splits[patient]) for clip, label, patient in found), unclear)


def _shared_names(clips: Iterable[ClipFacts]) -> set[tuple[str, str]]:
    """What clips of several patients have alike: two exports number their files, two hospitals their patients so."""
    owner: dict[tuple[str, str], str] = {}
    return {
        (kind, clip.keys[kind])
        for clip in clips
        for kind in ("path", "name", "accession", "patient")
        if kind in clip.keys and owner.setdefault((kind, clip.keys[kind]), clip.patient) != clip.patient
    }


def _is_anothers(label: Label, clip: ClipFacts) -> bool:
    """Whether a row names another patient than the clip's header does."""
    own = clip.keys.get("patient")
    return bool(label.patient and own) and label.patient not in (own, clip.patient)


def _patients_by_id(clips: Iterable[ClipFacts]) -> dict[str, str]:
    """The patient of a Patient ID, where the headers have it of one alone: its issuer is in the header, in no table."""
    owners: dict[str, set[str]] = {}
    for clip in clips:
        if "patient" in clip.keys:
            owners.setdefault(clip.keys["patient"], set()).add(clip.patient)
    return {named: min(patients) for named, patients in owners.items() if len(patients) == 1}


def _splits(found: Iterable[tuple[ClipFacts, Label, str]], labels: Labels, pseudonyms: Pseudonyms) -> dict[str, Split]:
    given: dict[str, dict[Split, int]] = {}
    """The splits of each patient, and a line that gives each."""
    for clip, label, patient in found:
        lines = given.setdefault(patient, {})
        if label.split:
            lines.setdefault(label.split, label.line)
        for name in (clip.keys.get("patient", patient), patient):
            if name in labels.splits:
                lines.setdefault(labels.splits[name], labels.split_lines[name])
                break
    for lines in given.values():
        if len(lines) > 1:
            first, *_, last = sorted(lines.values())
            raise UsageError(
                f"Lines {first} and {last} of the labels give clips of one patient different splits. Give every "
                "patient one split, and run the same command again; the clips are kept."
            )
    return {
        patient: next(iter(splits)) if splits else drawn_split(patient, pseudonyms) for patient, splits in given.items()
    }
