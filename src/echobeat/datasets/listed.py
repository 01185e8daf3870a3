"""Studies from the rows of a table: names to files, cells to labels, and what was wrong with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from echobeat.datasets.names import VideoFolder, key, names_no_video, stem
from echobeat.datasets.problems import problem
from echobeat.datasets.splits import read_split
from echobeat.datasets.study import LabelledStudy, Problem, Tracing
from echobeat.datasets.tables import Row, cell, number

EF_COLUMNS = ("ef", "ef_percent", "lvef")
EDV_COLUMNS = ("edv_ml", "edv", "lvedv")
ESV_COLUMNS = ("esv_ml", "esv", "lvesv")
FPS_COLUMNS = ("fps", "framerate", "frame_rate")
NOTES = ("rhythm", "quality", "sex", "age", "weight", "height")
"""Columns that are kept as they are."""


@dataclass
class Listing:
    """Turns rows of a table into studies and remembers what was wrong.

    Attributes
    ----------
    root : Path
        Of the data set; problems name files relative to it.
    table : Path
    view : str
    tracings : mapping from `key` of a name
    """

    root: Path
    table: Path
    view: str
    tracings: dict[str, tuple[Tracing, ...]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)
    _traced: set[str] = field(default_factory=set)

    def found(self, name: str, folder: VideoFolder, study: str = "") -> Path | None:
        """The video of a row; None, with a problem, where there is none or the row repeats another.

        Parameters
        ----------
        name : str
            Of the file, as the table spells it.
        folder : VideoFolder
            Where it lies.
        study : str, optional
            Name of the study, where it is not that of the file.
        """
        path, exact = folder.find(name)
        if path is None:
            if names_no_video(name):
                self.add("row-not-a-video", f"The name {name!r} is not a video's.", name)
            else:
                self.add("video-missing", f"{name} is not in {folder.path.name}.", study or stem(name))
            return None
        study = study or stem(path.name)
        if study.casefold() in self._taken:
            self.add("name-duplicate", f"{study} has more than one row.", study)
            return None
        self._taken.add(study.casefold())
        if not exact:
            self.add("name-differs", f"{name} in the table is {path.name} in the folder.", study)
        return path

    def study(self, row: Row, name: str, path: Path) -> LabelledStudy:
        """The study of a row whose video was found; `name` is its name in the data set."""
        text = cell(row, "split", "fold")
        split, fold = read_split(text)
        if text and split is None:
            self.add("split-unknown", f"The split is {text!r}.", name)
        return LabelledStudy(
            name=name,
            files=(path,),
            patient=cell(row, "patient", "patient_id", "patientid") or name,
            split=split,
            fold=fold,
            view=self.view,
            ef=self.value(row, name, EF_COLUMNS),
            edv_ml=self.value(row, name, EDV_COLUMNS),
            esv_ml=self.value(row, name, ESV_COLUMNS),
            tracings=self.traced(name, path),
            fps=self.value(row, name, FPS_COLUMNS),
            spacing_mm=self.spacing(row, name),
            declared=self.declared(row, name),
            notes={note: cell(row, note) for note in NOTES if cell(row, note)},
        )

    def traced(self, name: str, path: Path) -> tuple[Tracing, ...]:
        """Tracings under a study's name, or else under its file's path in the data set."""
        inside = [path.relative_to(self.root).as_posix()] if path.is_relative_to(self.root) else []
        found = next((key(spelt) for spelt in (name, *inside) if key(spelt) in self.tracings), None)
        if found is None:
            return ()
        self._traced.add(found)
        return self.tracings[found]

    def tell_untaken(self, table: Path | None) -> None:
        """A problem for each study of the table of tracings that `traced` was not asked for."""
        for name in sorted(set(self.tracings) - self._traced):
            self.add("tracing-without-study", f"{name} is traced, but no study.", name, table)

    def value(self, row: Row, study: str, columns: tuple[str, ...]) -> float | None:
        """A number of a row; None where it is missing or, with a problem, no number."""
        text = cell(row, *columns)
        try:
            return number(text)
        except ValueError:
            self.add("label-unreadable", f"{columns[0].upper()} is {text!r}.", study)
            return None

    def spacing(self, row: Row, study: str) -> tuple[float, float] | None:
        """Spacing in mm (row, column)."""
        one = self.value(row, study, ("spacing_mm",))
        rows, columns = (self.value(row, study, (f"{side}_spacing_mm",)) or one for side in ("row", "column"))
        return (rows, columns) if rows and columns and min(rows, columns) > 0 else None

    def declared(self, row: Row, study: str) -> tuple[int, int, int] | None:
        """(frames, height, width) as the table gives them."""
        names = (("numberofframes", "frames"), ("frameheight",), ("framewidth",))
        values = [self.value(row, study, columns) for columns in names]
        if any(value is None or value < 1 for value in values):
            return None
        frames, height, width = (int(value) for value in values if value is not None)
        return frames, height, width

    def add(self, code: str, message: str, study: str = "", file: Path | None = None) -> None:
        """Remember a problem; `file` is the table where it is not said."""
        path = file or self.table
        inside = path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.name
        self.problems.append(problem(code, message, study, inside))
