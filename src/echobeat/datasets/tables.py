"""CSV files as people and programs write them: any case of the header, with or without a byte-order mark."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from echobeat.errors import UnreadableFile

Row = dict[str, str]
"""Cells by the column's name in lower case, both without spaces around them."""

MISSING = {"", "-", "na", "n/a", "nan", "none", "null", "unknown"}
"""Cells, in lower case, that say that there is no value."""

_LONGEST_HEADER = 65536


@contextmanager
def opened(path: Path) -> Iterator[tuple[list[str], Iterator[list[str]]]]:
    """Give a CSV file's header (lower case) and its rows, which are read as they are asked for.

    The delimiter is the one of comma, semicolon and tab that is most frequent in the header.

    Raises
    ------
    UnreadableFile
        Missing, empty, or not text.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            delimiter = _delimiter(file, path)
            rows = csv.reader(file, delimiter=delimiter, skipinitialspace=True)
            yield [name.strip().lower() for name in next(rows)], rows
    except (OSError, csv.Error) as error:
        raise UnreadableFile(str(path), f"it cannot be read as a table ({error})", "Save it as CSV again") from error


def _delimiter(file: TextIO, path: Path) -> str:
    header = file.readline(_LONGEST_HEADER)
    file.seek(0)
    if not header.strip() or "\0" in header:
        raise UnreadableFile(str(path), "it holds no table", "Save it as CSV, the names of the columns first")
    return max(",;\t", key=header.count)


def read_rows(path: Path) -> list[Row]:
    """Read a whole table, for thousands of rows; empty rows are left out, short ones filled with empty cells.

    Raises
    ------
    UnreadableFile
    """
    with opened(path) as (header, rows):
        return [
            {name: cell.strip() for name, cell in zip(header, row + [""] * (len(header) - len(row)), strict=False)}
            for row in rows
            if any(cell.strip() for cell in row)
        ]


def cell(row: Row, *names: str) -> str:
    """The first of these columns that the row has a value in; "" where there is none."""
    return next((row[name] for name in names if row.get(name, "").lower() not in MISSING), "")


def number(text: str) -> float | None:
    """A finite number, a decimal comma included; None for an empty cell.

    Raises
    ------
    ValueError
        The cell holds something else.
    """
    if not text:
        return None
    value = float(text if "." in text else text.replace(",", "."))
    if not math.isfinite(value):
        raise ValueError(text)
    return value
