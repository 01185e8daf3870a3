"""Experts' outlines from EchoNet's tables: a long axis with chords across it, or a polygon.

``FileName,X1,Y1,X2,Y2,Frame``: for each traced frame the first row is the long axis, the rows after it are chords
from apex to base (D. Ouyang et al., Nature 580, 2020, doi:10.1038/s41586-020-2145-8). ``FileName,X,Y,Frame``: the
points of a polygon (EchoNet-Pediatric, C. D. Reddy et al., J Am Soc Echocardiogr 36, 2023,
doi:10.1016/j.echo.2023.01.015).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from echobeat.datasets.names import key, stem
from echobeat.datasets.problems import problem
from echobeat.datasets.study import FloatArray, Problem, Tracing
from echobeat.datasets.tables import number, opened
from echobeat.phantom.outlines import polygon_area

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
    study: np.ndarray[tuple[int], np.dtype[np.int64]]
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
    with opened(path) as (header, rows):
        missing = _missing_columns(header)
        if missing:
            return {}, (problem("column-missing", f"The table lacks {missing}.", file=path.name),)
        lines = _read(header, rows)
    return _grouped(lines, path.name)


def _missing_columns(header: Sequence[str]) -> str:
    lacking = [name for name in ("filename", "frame") if name not in header]
    if not (set(_CHORDS) <= set(header) or set(_POINTS) <= set(header)):
        lacking.append("X1, Y1, X2, Y2 (or X, Y)")
    return ", ".join(lacking)


def _read(header: Sequence[str], rows: Iterator[list[str]]) -> _Lines:
    wanted = [name for name in (*_CHORDS, *_POINTS) if name in header]
    at = {name: header.index(name) for name in ("filename", "frame", *wanted)}
    known: dict[str, int] = {}
    parts: list[tuple[FloatArray, FloatArray, FloatArray]] = []
    while chunk := list(islice(rows, CHUNK_ROWS)):
        whole = [row for row in chunk if len(row) > max(at.values())]
        if not whole:
            continue
        columns = list(zip(*whole, strict=False))
        study = [known.setdefault(name, len(known)) for name in columns[at["filename"]]]
        cells = {name: _numbers(columns[at[name]]) for name in ("frame", *wanted)}
        parts.append((np.array(study, np.float64), cells["frame"], _four(cells, len(whole))))
    spelling, frame, values = (np.concatenate(part) for part in zip(*parts, strict=True)) if parts else _nothing()
    studies: dict[str, int] = {}
    of_spelling = np.array([studies.setdefault(key(name), len(studies)) for name in known], np.int64)
    names = {studies[key(name)]: stem(name) for name in known}
    return _Lines(
        [names[index] for index in range(len(studies))], of_spelling[spelling.astype(np.int64)], frame, values
    )


def _nothing() -> tuple[FloatArray, FloatArray, FloatArray]:
    return np.empty(0), np.empty(0), np.empty((0, 4))


def _numbers(cells: Sequence[str]) -> FloatArray:
    """(n,) float64; NaN for what is no number."""
    try:
        return np.array(cells, dtype=np.float64)
    except ValueError:
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
        outline = polygon(values)
        area = polygon_area(outline) if len(outline) > 2 else 0.0
        if area > 0:
            found.setdefault(key(name), []).append(Tracing(frame, outline, None, area))
        else:
            problems.append(problem("tracing-degenerate", f"It encloses nothing in frame {frame}.", name, file))
    return {name: tuple(sorted(many, key=lambda t: t.frame)) for name, many in found.items()}, tuple(problems)


def _frames(
    study: np.ndarray[tuple[int], np.dtype[np.int64]], frame: FloatArray, values: FloatArray
) -> Iterable[tuple[int, int, FloatArray]]:
    """Yield study, frame and its rows in their order, wherever in the table they stand."""
    order = np.lexsort((frame, study))  # stable: rows of one frame keep their order
    study, frame, values = study[order], frame[order], values[order]
    starts = np.flatnonzero((np.diff(study, prepend=-1) != 0) | (np.diff(frame, prepend=np.nan) != 0))
    for first, last in zip(starts, [*starts[1:], len(study)], strict=True):
        yield int(study[first]), int(frame[first]), values[first:last]


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
