"""CSV files as people and programs write them: any case of the header, with or without a byte-order mark."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from echobeat.errors import UnreadableFile

Row = dict[str, str]
"""Cells by the column's name in lower case, both without spaces around them."""

MISSING = {"", "-", "na", "n/a", "nan", "none", "null", "unknown"}
"""Cells, in lower case, that say that there is no value."""

NAME_COLUMNS = ("filename", "file", "file_name", "name", "video", "path")
"""Columns that name a study's video, in lower case; the first that is there counts."""

_LONGEST_HEADER = 65536


@dataclass(frozen=True)
class Table:
    """An open CSV file.

    Attributes
    ----------
    header : list of str
        In lower case.
    lines : iterator of str
        Behind the header, read as they are asked for.
    delimiter : str
        The one of comma, semicolon and tab that is most frequent in the header.
    """

    header: list[str]
    lines: Iterator[str]
    delimiter: str

    def rows(self) -> Iterator[list[str]]:
        """The lines as cells."""
        return csv.reader(self.lines, delimiter=self.delimiter, skipinitialspace=True)


@contextmanager
def opened(path: Path) -> Iterator[Table]:
    """Open a CSV file.

    Raises
    ------
    UnreadableFile
        Missing, empty, or not text.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            header = file.readline(_LONGEST_HEADER)
            if not header.strip() or "\0" in header:
                raise UnreadableFile(str(path), "it holds no table", "Save it as CSV, the names of the columns first")
            delimiter = max(",;\t", key=header.count)
            names = next(csv.reader([header], delimiter=delimiter, skipinitialspace=True))
            yield Table([name.strip().lower() for name in names], file, delimiter)
    except (OSError, csv.Error) as error:
        raise UnreadableFile(str(path), f"it cannot be read as a table ({error})", "Save it as CSV again") from error


def read_rows(path: Path) -> list[Row]:
    """Read a whole table, for thousands of rows; empty rows are left out, short ones filled with empty cells.

    Raises
    ------
    UnreadableFile
    """
    with opened(path) as table:
        return [
            {name: cell.strip() for name, cell in zip_longest(table.header, row[: len(table.header)], fillvalue="")}
            for row in table.rows()
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
