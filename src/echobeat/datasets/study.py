"""One shape for every data set: a study with its video, labels, tracings, split and fold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from echobeat.records import Spacing

FloatArray = NDArray[np.float64]
Split = Literal["train", "val", "test"]

EF_RANGE = (0.0, 100.0)
"""Percent; both ends excluded."""

LARGEST_FRACTION = 1.0
"""An EF up to here is taken for a fraction: no living heart has an EF of 1 %."""


@dataclass(frozen=True)
class Tracing:
    """An expert's outline of the left ventricle in one frame.

    Attributes
    ----------
    frame : int
        Counts from 0.
    polygon_px : ndarray or None
        (points, 2) float64, (column, row) in pixels of the video as stored; closed without repeating the first point.
    labels : Path or None
        An image of labels instead (CAMUS); 1 is the LV's cavity.
    area_px : float
        Inside the outline, in pixels of the video as stored.
    """

    frame: int
    polygon_px: FloatArray | None
    labels: Path | None
    area_px: float

    @property
    def outline(self) -> bytes:
        """What the expert drew, for telling whether it changed; the image of labels is read."""
        if self.polygon_px is not None:
            return np.round(self.polygon_px, 3).tobytes()
        return b"" if self.labels is None else self.labels.read_bytes()


@dataclass(frozen=True)
class LabelledStudy:
    """A study of a data set. A value that the data set does not give is None.

    Attributes
    ----------
    name : str
        Of the study in its data set, without a suffix; unique there.
    files : tuple of Path
        One video; or several images, which are its frames in order.
    patient : str
        Splits keep patients together; the study's name where a data set does not say.
    split : "train", "val", "test" or None
    fold : int or None
    view : str
        "A4C", "PSAX".
    ef : float or None
        Percent.
    edv_ml, esv_ml : float or None
    tracings : tuple of Tracing
        In order of frame.
    fps : float or None
        As the data set's table gives it; the video's own rate may differ.
    declared : (frames, height, width) or None
        As the data set's table gives them.
    notes : mapping
        What else the data set says: "rhythm", "quality", "sex", "age".
    """

    name: str
    files: tuple[Path, ...]
    patient: str
    split: Split | None
    fold: int | None = None
    view: str = "A4C"
    ef: float | None = None
    edv_ml: float | None = None
    esv_ml: float | None = None
    tracings: tuple[Tracing, ...] = ()
    fps: float | None = None
    spacing_mm: Spacing | None = None
    declared: tuple[int, int, int] | None = None
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_ef(self) -> bool:
        """True with an EF that a heart can have: 0.55 is a fraction, 655 a slip."""
        return self.ef is not None and LARGEST_FRACTION < self.ef < EF_RANGE[1]

    @property
    def ed(self) -> Tracing | None:
        """The tracing of the largest area, whatever the order of the rows; None with fewer than two."""
        return max(self.tracings, key=lambda t: t.area_px) if len(self.tracings) > 1 else None

    @property
    def es(self) -> Tracing | None:
        """The tracing of the smallest area; None with fewer than two."""
        return min(self.tracings, key=lambda t: t.area_px) if len(self.tracings) > 1 else None


@dataclass(frozen=True)
class Problem:
    """Something wrong in a data set.

    Attributes
    ----------
    code : str
        Stable, listed in the docs: "video-missing", "ef-does-not-fit-volumes", ...
    severity : "error" makes `echobeat check-dataset` fail; "warning" does not.
    study : str
        Name of the study, or "" where the whole data set is meant.
    file : str
        Relative to the data set's folder.
    message : str
        What is wrong, in one sentence; what to do stands in `problems.CODES`.
    """

    code: str
    severity: Literal["error", "warning"]
    study: str
    file: str
    message: str


@dataclass(frozen=True)
class LabelledDataset:
    """All studies of a folder, in the order of its table, and what was wrong with the table.

    Attributes
    ----------
    kind : "echonet-dynamic", "echonet-pediatric", "camus", "phantom" or "folder"
    root : Path
    studies : tuple of LabelledStudy
    problems : tuple of Problem
    """

    kind: str
    root: Path
    studies: tuple[LabelledStudy, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def splits_drawn(self) -> bool:
        """True where the data set gives no splits, and they were drawn by patient."""
        return any(problem.code == "split-made" for problem in self.problems)

    @property
    def rows_left_out(self) -> str:
        """How many rows of the table are no studies, in words; empty where all are, or where there is no table."""
        if self.kind == "camus":
            return ""
        counts = Counter(problem.code for problem in self.problems)
        said = {"video-missing": "whose video is missing", "name-duplicate": "that name a study again"}
        parts = [f"{counts[code]} {words}" for code, words in said.items() if counts[code]]
        return f"Rows of the table that are left out: {', '.join(parts)}" if parts else ""

    def split(self, name: Split) -> tuple[LabelledStudy, ...]:
        """The studies of one split."""
        return tuple(study for study in self.studies if study.split == name)


class Frames(Protocol):
    """Where a training or an evaluation gets its pixels: the frame cache, or the files themselves.

    All frames of one source have one size (height, width): a study of another size is letterboxed into it, its
    tracings with it.
    """

    def count(self, study: LabelledStudy) -> int:
        """Frames of the study."""

    def fps(self, study: LabelledStudy) -> float:
        """Frames a second, the video's own where it has one."""

    def as_stored(self, study: LabelledStudy) -> bool:
        """True where the frames are those of the video; False where they were letterboxed, black borders cut off."""

    def read(self, study: LabelledStudy, first: int, last: int, step: int = 1) -> NDArray[np.uint8]:
        """Frames first, first + step, ... before last: (n, height, width) uint8, grey; only these are read."""

    def mask(self, study: LabelledStudy, tracing: Tracing) -> NDArray[np.bool_]:
        """(height, width) bool, True in the LV's cavity."""
