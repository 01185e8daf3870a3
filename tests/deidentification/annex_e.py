"""DICOM PS3.15 (2026c), Table E.1-1: the attributes that the Basic Application Level Confidentiality Profile names.

The table is data, ``annex_e_2026c.csv``: tag, mask of the bits that count (repeating groups), action of the basic
profile, name. Its rows were taken from the lists of dicom-anonymizer 2.1.0 (Kitware, BSD-3-Clause), which makes them
from https://dicom.nema.org/medical/dicom/2026c/output/html/part15.html#table_E.1-1.

Actions (PS3.15, Table E.1-1a): D dummy value, Z empty or dummy, X remove, U replace the UID; X/Z and the like: remove
unless the object's definition requires it.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

TABLE = Path(__file__).with_name("annex_e_2026c.csv")


class Row(NamedTuple):
    """One row: the attributes whose tag agrees with `tag` in the bits of `mask`."""

    tag: int
    mask: int
    action: str
    name: str


@cache
def rows() -> tuple[Row, ...]:
    """The rows of the table, by tag."""
    return tuple(
        Row(int(line["tag"], 16), int(line["mask"], 16), line["action"], line["name"])
        for line in csv.DictReader(TABLE.read_text(encoding="ascii").splitlines())
    )


@cache
def _exact() -> dict[int, str]:
    return {row.tag: row.action for row in rows() if row.mask == 0xFFFFFFFF}


def action(tag: int) -> str | None:
    """What the basic profile does with an attribute; None where the table does not name it.

    Private attributes (odd groups) are removed: X.
    """
    if tag >> 16 & 1:
        return "X"
    masked = (row.action for row in rows() if row.mask != 0xFFFFFFFF and tag & row.mask == row.tag)
    return _exact().get(tag) or next(masked, None)
