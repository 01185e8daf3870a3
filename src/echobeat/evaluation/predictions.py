"""Predictions as data: one frozen record a row, and CSV that gives the same records back.

Everything that evaluation says (tables, pictures, page, comparison) is a pure function of these records. ::

    studies.csv    StudyRow       a row a study, written last: a study with its row is whole
    frames.csv     FrameScore     segmentation: a row a traced frame
    readings.csv   Reading        EF: a row a study and method
    clips.csv      ClipReading    EF: a row a clip
    beats.csv      BeatReading    EF: a row a beat
    sizes.csv      FrameSize      the ventricle's area: a row a frame
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

from echobeat.errors import UnreadableFile

Method = Literal["one clip", "all clips", "entire video", "beat by beat", "geometric", "combined"]
METHODS: tuple[Method, ...] = ("one clip", "all clips", "entire video", "beat by beat", "geometric", "combined")
"""Ways to an EF: the clip at frame 0; the mean over all clips; the entire video at once; the mean over one clip a beat;
contours and the method of disks; both of the last two by their calibrated errors, of clips that are accepted."""

BY_WEIGHT: tuple[Method, ...] = ("combined", "beat by beat", "all clips", "entire video", "one clip", "geometric")
"""The same, the one that a reader asks for first in front."""


@dataclass(frozen=True)
class StudyRow:
    """A study as the data set labels it.

    Attributes
    ----------
    study, patient : str
        Names in the data set.
    key : str
        Hash of the labels and of the files' sizes and dates: predictions are reused where it is the same.
    ef : float or None
        The expert's, in percent.
    rhythm, quality : str
        As the data set notes them, or empty.
    file : str
        Name of the first file.
    frames : int
    fps : float or None
        Of the video.
    rhythm_read, verdict : str
        What the pipeline says: "regular" or "irregular", "accepted" or "refused"; empty where it did not say.
    score : float or None
        The pipeline's quality of the clip, 0-1.
    problem : str
        Why the study has no predictions; empty where it has.
    """

    study: str
    patient: str
    key: str
    ef: float | None = None
    rhythm: str = ""
    quality: str = ""
    file: str = ""
    frames: int = 0
    fps: float | None = None
    rhythm_read: str = ""
    verdict: str = ""
    score: float | None = None
    problem: str = ""


@dataclass(frozen=True)
class FrameScore:
    """A model's mask of one traced frame beside the expert's.

    Attributes
    ----------
    instant : "ED", "ES" or ""
        Larger and smaller of the study's tracings; empty where there is only one.
    intersection_px, predicted_px, traced_px : int
        Pixels in both masks, in the model's, in the expert's.
    hd95_px, surface_px : float
        Hausdorff distance, 95th percentile, and mean surface distance; where one mask is empty, the frame's diagonal.
    hd95_mm, surface_mm : float or None
        The same in mm; None where the pixel spacing is not known.
    """

    study: str
    frame: int
    instant: Literal["ED", "ES", ""]
    intersection_px: int
    predicted_px: int
    traced_px: int
    hd95_px: float
    surface_px: float
    hd95_mm: float | None = None
    surface_mm: float | None = None

    @property
    def dice(self) -> float:
        """2 |A and B| / (|A| + |B|); 1 for two empty masks (Dice 1945, doi:10.2307/1932409)."""
        total = self.predicted_px + self.traced_px
        return 2 * self.intersection_px / total if total else 1.0


@dataclass(frozen=True)
class Reading:
    """A study's EF in percent by one method.

    Attributes
    ----------
    low, high : float or None
        Ends of the 90 % interval, where the model gives one.
    below_35, below_40, below_50 : float or None
        Probability that EF lies below, where the model gives one.
    """

    study: str
    method: Method
    ef: float
    low: float | None = None
    high: float | None = None
    below_35: float | None = None
    below_40: float | None = None
    below_50: float | None = None


@dataclass(frozen=True)
class ClipReading:
    """EF of the clip that starts at a frame."""

    study: str
    start_frame: int
    ef: float


@dataclass(frozen=True)
class BeatReading:
    """One beat.

    Attributes
    ----------
    beat : int
        Counts from 0.
    es_frame : int
        Its end-systole.
    counts : bool
        True where it enters the study's EF.
    ef_video, ef_geometric : float or None
        Percent, by the EF network and from the contours.
    """

    study: str
    beat: int
    es_frame: int
    counts: bool
    ef_video: float | None = None
    ef_geometric: float | None = None


@dataclass(frozen=True)
class FrameSize:
    """Area of the ventricle in one frame, in pixels, and what the frame is.

    Attributes
    ----------
    traced_large, traced_small : bool
        The expert's frame of larger and of smaller area.
    systole : bool
        A systole that was found.
    """

    study: str
    frame: int
    area_px: int
    traced_large: bool = False
    traced_small: bool = False
    systole: bool = False


Row = TypeVar("Row")


def columns(kind: type[Row]) -> tuple[str, ...]:
    """Names of the columns of a kind of row."""
    return tuple(field.name for field in fields(kind))  # type: ignore[arg-type]  # rows are dataclasses


def write_rows(path: Path, rows: Iterable[Any], kind: type[Any], mode: Literal["w", "a"] = "w") -> None:
    """Write rows as CSV, or append them; a file that is begun gets a header. Floats are written in full."""
    begun = mode == "a" and path.exists() and path.stat().st_size > 0
    with path.open(mode, newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not begun:
            writer.writerow(columns(kind))
        writer.writerows([_cell(value) for value in asdict(row).values()] for row in rows)


def read_rows(path: Path, kind: type[Row], torn: bool = False) -> list[Row]:
    """Read rows of one kind; a file that does not exist holds none.

    Parameters
    ----------
    path : Path
    kind : type
        A dataclass of this module.
    torn : bool
        True where the writer may have been killed: a last line without its end is left out.

    Raises
    ------
    UnreadableFile
        The columns are others, or a value is none of its column's.
    """
    if not path.exists():
        return []
    text = path.read_bytes().decode("utf-8")
    if torn and not text.endswith("\n"):
        text = text[: text.rfind("\n") + 1]
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if reader.fieldnames and tuple(reader.fieldnames) != columns(kind):
        raise UnreadableFile(
            str(path), f"its columns are not {', '.join(columns(kind))}", "Evaluate again with --fresh"
        )
    optional = {field.name for field in fields(kind) if "None" in str(field.type)}  # type: ignore[arg-type]  # as above
    cells = [
        {name: None if value == "" and name in optional else value for name, value in row.items()} for row in reader
    ]
    try:
        return TypeAdapter(list[kind]).validate_python(cells)  # type: ignore[valid-type]  # known when it runs
    except ValidationError as error:
        where = error.errors()[0]["loc"]
        raise UnreadableFile(
            str(path), f"row {where[0]} is damaged at {where[-1]}", "Evaluate again with --fresh"
        ) from error


def _cell(value: object) -> object:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else value


def of_study(rows: Sequence[Any]) -> dict[str, list[Any]]:
    """Rows by study, in their order."""
    groups: dict[str, list[Any]] = {}
    for row in rows:
        groups.setdefault(row.study, []).append(row)
    return groups
