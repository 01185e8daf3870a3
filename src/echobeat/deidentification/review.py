"""One page with the pictures of all that is doubtful, for the person who decides."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from echobeat.deidentification.log import Row
from echobeat.deidentification.thumbnails import PICTURE
from echobeat.whole import write_file, writing

SHEET = "review.html"
MOST_ON_A_SHEET = 400

_TOLD = ("The review sheet", "or choose another --out")
"""What errors call it, without a path that may name somebody, and what to do where it cannot be written."""


class Item(NamedTuple):
    """One clip on the sheet."""

    row: Row
    picture: str


@cache
def _template() -> Template:
    loader = PackageLoader("echobeat.deidentification", "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined).get_template("review.html.j2")


def write_sheets(out: Path, rows: Sequence[Row]) -> list[Path]:
    """Write the review sheet, or several of them where there is much to look at; remove those of an earlier run.

    Parameters
    ----------
    out : Path
        The output folder; the sheets become ``review/review.html``, ``review/review-2.html`` and so on.
    rows : sequence of Row
        Of state "review".

    Returns
    -------
    list of Path
        Empty where there is nothing to review.

    Raises
    ------
    OutputError
    """
    folder = out / "review"
    ordered = sorted(rows, key=lambda row: (row.reason, row.patient, row.study, row.instance))
    pages = [ordered[start : start + MOST_ON_A_SHEET] for start in range(0, len(ordered), MOST_ON_A_SHEET)]
    names = [SHEET if number == 1 else f"review-{number}.html" for number in range(1, len(pages) + 1)]
    with writing(*_TOLD):
        for old in folder.glob("review*.html"):
            if old.name not in names:
                old.unlink()
        for name, page in zip(names, pages, strict=True):
            items = [Item(row, _embedded((out / row.path).with_suffix(PICTURE))) for row in page]
            text = _template().render(items=items, name=name, names=names, total=len(rows))
            write_file(folder / name, text, *_TOLD)
    return [folder / name for name in names]


def _embedded(picture: Path) -> str:
    """The picture as a data URL; empty where it is missing."""
    if not picture.is_file():
        return ""
    return "data:image/jpeg;base64," + base64.b64encode(picture.read_bytes()).decode("ascii")
