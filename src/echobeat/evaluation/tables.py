"""Figures as tables: CSV, JSON and Markdown; and the original's two files for others' scripts."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from echobeat.evaluation.bootstrap import NO_INTERVAL, Resampling
from echobeat.evaluation.ledger import Predictions
from echobeat.evaluation.measured import ALL, Measured, published
from echobeat.evaluation.predictions import StudyRow, write_rows
from echobeat.records import NOTICE
from echobeat.whole import whole_file, write_file

TITLES = {"": "Segmentation"}
"""Headings where the method's name is none."""


def write_tables(rows: Sequence[Measured], head: dict[str, Any], how: Resampling, folder: Path) -> None:
    """Write ``metrics.csv``, ``metrics.json`` and ``metrics.md``, each whole or not at all.

    Parameters
    ----------
    rows : sequence of Measured
    head : dict
        What was evaluated; goes into the JSON file.
    how : Resampling
        How the intervals were made.
    folder : Path
    """
    with whole_file(folder / "metrics.csv") as beside:
        write_rows(beside, rows, Measured)
    write_json(folder / "metrics.json", {**head, "metrics": [_entry(row) for row in rows]}, how)
    write_file(folder / "metrics.md", markdown(rows, how))


def write_json(path: Path, content: dict[str, Any], how: Resampling) -> None:
    """Write figures with how their intervals were made, and what they are not for; whole or not at all.

    Raises
    ------
    OutputError
    """
    interval = {"level": how.level, "resamples": how.samples, "seed": how.seed, "by": "patient", "kind": "percentile"}
    write_file(path, json.dumps({**content, "interval": interval, "notice": NOTICE}, indent=1) + "\n")


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; a bar inside a cell is escaped."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _entry(row: Measured) -> dict[str, Any]:
    other = published(row)
    return {**asdict(row), "published": other and {"value": other.value, "source": other.source}}


def markdown(rows: Sequence[Measured], how: Resampling) -> str:
    """All figures, a table a method."""
    parts = []
    for method, members in by_method(rows).items():
        head = ("Figure", "Of", "Value", f"{100 * how.level:g} % interval", "n", "Patients", "Published")
        table = markdown_table(head, map(cells, members))
        parts.append(f"## {heading(method)}\n\n{table}\n")
    sources = dict.fromkeys(other.source for row in rows if (other := published(row)))
    notes = [f"Intervals: percentile bootstrap over patients, {how.samples:,} resamples. {NO_INTERVAL}"]
    if sources:
        notes.append("Published, on EchoNet-Dynamic's test split: " + "; ".join(sources) + ".")
    return "\n".join([*parts, *notes, NOTICE, ""])


def by_method(rows: Iterable[Measured]) -> dict[str, list[Measured]]:
    """Figures by how EF was read, in their order."""
    groups: dict[str, list[Measured]] = {}
    for row in rows:
        groups.setdefault(row.method, []).append(row)
    return groups


def heading(method: str) -> str:
    """Title of a method's table."""
    return TITLES.get(method) or f"EF, {method}"


def cells(row: Measured) -> tuple[str, ...]:
    """A figure in words: name, group, value, interval, n, patients, published."""
    digits = digits_of(row)
    span = "" if row.low is None or row.high is None else f"{row.low:.{digits}f} to {row.high:.{digits}f}"
    other = published(row)
    group = "" if row.group == ALL else row.group
    known = "" if other is None else f"{other.value:g}"
    unit = f" {row.unit}" if row.unit else ""
    return row.name, group, f"{row.value:.{digits}f}{unit}", span, str(row.n), str(row.patients), known


def digits_of(row: Measured) -> int:
    """Decimals: two for what has a unit, three for shares and coefficients."""
    return 2 if row.unit and math.isfinite(row.value) else 3


def write_originals(predictions: Predictions, folder: Path) -> None:
    """Write ``size.csv`` and ``test_predictions.csv`` as the published code does, where there is what they hold.

    ``size.csv``: Filename,Frame,Size,HumanLarge,HumanSmall,ComputerSmall; a row a frame, its area in pixels, and 1
    where the expert's larger or smaller frame, or a systole that was found. ``test_predictions.csv``: no header; file,
    first frame of the clip, EF. What an earlier evaluation left of a file that there is nothing for is removed.
    """
    file_of = {study.study: study.file or study.study for study in predictions.studies}
    head = ("Filename", "Frame", "Size", "HumanLarge", "HumanSmall", "ComputerSmall")
    sizes = [
        (file_of[row.study], row.frame, row.area_px, int(row.traced_large), int(row.traced_small), int(row.systole))
        for row in predictions.sizes
    ]
    clips = [(file_of[row.study], row.start_frame, f"{row.ef:.4f}") for row in predictions.clips]
    _write_or_remove(folder / "size.csv", [head, *sizes] if sizes else [])
    _write_or_remove(folder / "test_predictions.csv", clips)


def _write_or_remove(path: Path, lines: Sequence[Sequence[object]]) -> None:
    if not lines:
        path.unlink(missing_ok=True)
        return
    with whole_file(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)


def write_failures(failed: Sequence[StudyRow], folder: Path) -> None:
    """Write ``failures.csv``: the studies without predictions, and why; removed where there are none."""
    path = folder / "failures.csv"
    if failed:
        with whole_file(path) as beside:
            write_rows(beside, failed, StudyRow)
    else:
        path.unlink(missing_ok=True)
