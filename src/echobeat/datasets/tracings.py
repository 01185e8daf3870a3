"""Experts' outlines from EchoNet's tables: a long axis with chords across it, or a polygon.

``FileName,X1,Y1,X2,Y2,Frame``: for each traced frame the first row is the long axis, the rows after it are chords
from apex to base (D. Ouyang et al., Nature 580, 2020, doi:10.1038/s41586-020-2145-8). ``FileName,X,Y,Frame``: the
points of a polygon (EchoNet-Pediatric, C. D. Reddy et al., J Am Soc Echocardiogr 36, 2023,
doi:10.1016/j.echo.2023.01.015).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from echobeat.datasets.names import bare, key
from echobeat.datasets.problems import problem
from echobeat.datasets.study import FloatArray, Problem, Tracing
from echobeat.datasets.tables import NAME_COLUMNS, number, opened

CHUNK_ROWS = 50_000
"""Rows that are text in memory at a time."""

_CHORDS = ("x1", "y1", "x2", "y2")
_POINTS = ("x", "y")

MOST_FRAMES = 2**31
"""Frames count below this."""


@dataclass(frozen=True)
class _Lines:
    """All rows of a table: `study` (rows,) int64 into `names`, `frame` (rows,) float64, `values` (rows, 4) float64."""

    names: list[str]
    study: NDArray[np.int64]
    frame: FloatArray
    values: FloatArray


def read_tracings(path: Path) -> tuple[dict[str, tuple[Tracing, ...]], tuple[Problem, ...]]:
    """Read all tracings of a table.

    Returns
    -------
    tracings : mapping
        From `key` of a study's name to its tracings in order of frame.
    problems : tuple of Problem
        Columns that are missing, rows that cannot be read, tracings that enclose nothing.

    Raises
    ------
    UnreadableFile
    """
    with opened(path) as table:
        missing = _missing_columns(table.header)
        if missing:
            return {}, (problem("column-missing", f"The table lacks {missing}.", file=path.name),)
        lines = _read(table.header, table.lines, table.delimiter)
    return _grouped(lines, path.name)


def _missing_columns(header: Sequence[str]) -> str:
    lacking = [] if set(NAME_COLUMNS) & set(header) else ["FileName"]
    lacking += [] if "frame" in header else ["Frame"]
    if not (set(_CHORDS) <= set(header) or set(_POINTS) <= set(header)):
        lacking.append("X1, Y1, X2, Y2 (or X, Y)")
    return ", ".join(lacking)


def _read(header: Sequence[str], lines: Iterator[str], delimiter: str) -> _Lines:
    known: dict[str, int] = {}
    parts: list[tuple[NDArray[np.int64], FloatArray, FloatArray]] = []
    while chunk := list(islice(lines, CHUNK_ROWS)):
        names, columns = _parsed(chunk, header, delimiter)
        if len(names):
            starts = np.flatnonzero(np.append(True, names[1:] != names[:-1]))
            of_run = [known.setdefault(str(names[start]), len(known)) for start in starts]
            spelling = np.repeat(np.array(of_run, np.int64), np.diff(starts, append=len(names)))
            parts.append((spelling, columns["frame"], _four(columns, len(names))))
    if not parts:
        return _Lines([], np.empty(0, np.int64), np.empty(0), np.empty((0, 4)))
    spelling, frame, values = (np.concatenate(part) for part in zip(*parts, strict=True))
    studies: dict[str, int] = {}
    of_spelling = np.array([studies.setdefault(key(name), len(studies)) for name in known], np.int64)
    names_of = {studies[key(name)]: bare(name) for name in known}
    return _Lines([names_of[index] for index in range(len(studies))], of_spelling[spelling], frame, values)


def _parsed(lines: list[str], header: Sequence[str], delimiter: str) -> tuple[NDArray[np.str_], dict[str, FloatArray]]:
    """The column of names and the columns of numbers of some lines, (lines,) each."""
    numeric = [name for name in ("frame", *_CHORDS, *_POINTS) if name in header]
    longest = max(map(len, lines))  # no cell is longer than its line
    kinds = [(f"{index}", "f8" if name in numeric else f"U{longest}") for index, name in enumerate(header)]
    at = {name: header.index(name) for name in numeric}
    named = next(header.index(name) for name in NAME_COLUMNS if name in header)
    try:
        table = np.loadtxt(lines, delimiter=delimiter, dtype=kinds, comments=None, quotechar='"', ndmin=1)
    except ValueError:  # a cell that is no number, or a row that is too short: rare, and slower
        rows = [row for row in csv.reader(lines, delimiter=delimiter) if len(row) > max(named, *at.values())]
        names = np.array([row[named] for row in rows], dtype=np.str_)
        return names, {name: _numbers([row[index] for row in rows]) for name, index in at.items()}
    return table[str(named)], {name: np.ascontiguousarray(table[str(index)]) for name, index in at.items()}


def _numbers(cells: Sequence[str]) -> FloatArray:
    """(n,) float64; NaN for what is no number."""
    return np.array([_number(cell) for cell in cells], dtype=np.float64)


def _number(text: str) -> float:
    try:
        value = number(text.strip())
    except ValueError:
        return float("nan")
    return float("nan") if value is None else value


def _four(cells: dict[str, FloatArray], count: int) -> FloatArray:
    """(n, 4) X1, Y1, X2, Y2; a point of a polygon is X1, Y1 with NaN behind it."""
    values = np.full((count, 4), np.nan)
    for column, name in enumerate(_CHORDS):
        if name in cells:
            values[:, column] = cells[name]
    if "x" in cells:
        point = np.isnan(values).all(axis=1)
        values[point, 0], values[point, 1] = cells["x"][point], cells["y"][point]
    return values


def _grouped(lines: _Lines, file: str) -> tuple[dict[str, tuple[Tracing, ...]], tuple[Problem, ...]]:
    found: dict[str, list[Tracing]] = {}
    problems: list[Problem] = []
    good = np.isfinite(lines.values[:, :2]).all(axis=1) & (np.abs(lines.frame) < MOST_FRAMES)
    good &= np.isfinite(lines.values[:, 2:]).sum(axis=1) != 1
    for index, count in zip(*np.unique(lines.study[~good], return_counts=True), strict=True):
        message = f"{count} rows have no frame or no coordinates."
        problems.append(problem("tracing-unreadable", message, lines.names[index], file))
    for study, frame, values in _frames(lines.study[good], lines.frame[good], lines.values[good]):
        name = lines.names[study]
        outline = polygon(_once(values))
        area = _area(outline)
        if area > 0:
            found.setdefault(key(name), []).append(Tracing(frame, outline, None, area))
        else:
            problems.append(problem("tracing-degenerate", f"It encloses nothing in frame {frame}.", name, file))
    return {name: tuple(sorted(many, key=lambda t: t.frame)) for name, many in found.items()}, tuple(problems)


def _frames(study: NDArray[np.int64], frame: FloatArray, values: FloatArray) -> Iterator[tuple[int, int, FloatArray]]:
    """Yield study, frame and its rows in their order, wherever in the table they stand."""
    order = np.lexsort((frame, study))  # stable: rows of one frame keep their order
    study, frame, values = study[order], frame[order], values[order]
    starts = np.flatnonzero((np.diff(study, prepend=-1) != 0) | (np.diff(frame, prepend=np.nan) != 0))
    for first, last in pairwise([*starts, len(study)]):
        yield int(study[first]), int(frame[first]), values[first:last]


def _once(rows: FloatArray) -> FloatArray:
    """The rows of one traced frame without those that repeat an earlier one, as where tables were joined."""
    first: dict[bytes, int] = {}
    for index, row in enumerate(rows):
        first.setdefault(row.tobytes(), index)
    return rows[list(first.values())]


def polygon(rows: FloatArray) -> FloatArray:
    """The outline that the rows of one traced frame give.

    Parameters
    ----------
    rows : ndarray
        (rows, 4) X1, Y1, X2, Y2: the long axis, then chords; or points of a polygon, with NaN for X2, Y2.

    Returns
    -------
    ndarray
        (points, 2), (column, row): side 1 of all chords, then side 2 backwards; or the points as they are,
        a repeated first one left out.
    """
    if np.isnan(rows[:, 2:]).all():
        points = rows[:, :2]
        return points[:-1].copy() if len(points) > 1 and (points[0] == points[-1]).all() else points.copy()
    chords = rows[1:][np.isfinite(rows[1:]).all(axis=1)]
    return np.concatenate([chords[:, :2], chords[::-1, 2:]])


def _area(points: FloatArray) -> float:
    """Inside a simple polygon (shoelace formula); `phantom.outlines` has the same, which is slower on thousands."""
    if len(points) < 3:
        return 0.0
    x, y = points[:, 0], points[:, 1]
    return 0.5 * abs(float(x[:-1] @ y[1:] - x[1:] @ y[:-1] + x[-1] * y[0] - x[0] * y[-1]))
