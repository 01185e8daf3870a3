"""``report.html``: an evaluation on one self-contained page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from echobeat import __version__
from echobeat.evaluation.bootstrap import NO_INTERVAL, Resampling
from echobeat.evaluation.ef_figures import Answered
from echobeat.evaluation.ledger import Identity, Predictions
from echobeat.evaluation.measured import ALL, Measured, published
from echobeat.evaluation.plots import Picture, svg
from echobeat.evaluation.predictions import BY_WEIGHT
from echobeat.evaluation.tables import by_method, cells, digits_of, heading
from echobeat.records import NOTICE
from echobeat.whole import write_file

SHOWN_FAILURES = 20

TITLES = {
    "segmentation": "Segmentation",
    "ef": "Ejection fraction from video",
    "beats": "Ejection fraction beat by beat",
}

ORDER = (*BY_WEIGHT, "")
"""Whose figures stand on top: the first of these that was evaluated; segmentation has no method."""

HEADLINES = ("MAE", "RMSE", "R2", "AUC, EF < 50", "pooled Dice", "Dice of an image", "Hausdorff distance, 95 %")

OTHER_DATA = (
    "The published figures are those of EchoNet-Dynamic's test split. Beside figures of other data they show the order "
    "of magnitude, no more."
)


@dataclass(frozen=True)
class Tile:
    """One large figure."""

    name: str
    value: str
    unit: str
    span: str
    published: str


@dataclass(frozen=True)
class Table:
    """A method's figures in words."""

    title: str
    rows: list[tuple[str, ...]]


def write_page(
    predictions: Predictions, rows: Sequence[Measured], pictures: Sequence[Picture], how: Resampling, path: Path
) -> None:
    """Write the page, whole or not at all; every text is escaped.

    Raises
    ------
    OutputError
    """
    identity, whole = predictions.identity, predictions.whole
    main = next((method for method in ORDER if any(row.method == method for row in rows)), "")
    answered = None if identity.task == "segmentation" else Answered.of(predictions.studies, predictions.readings)
    text = _template().render(
        version=__version__,
        notice=NOTICE,
        title=f"{TITLES.get(identity.task, identity.task)}: {identity.data}, {identity.split}",
        facts=[
            f"{len(whole)} studies of {len({study.patient for study in whole})} patients",
            *([answered.in_words.rstrip(".")] if answered and answered.all_well else []),
            *(f"{task} model {model['name']} {model['version']}" for task, model in identity.models.items()),
        ],
        unread="" if answered is None or answered.all_well else answered.in_words,
        headline=f"{heading(main)}, {100 * how.level:g} % intervals",
        tiles=[_tile(row) for row in _headlines(rows, main)],
        failed=predictions.failed,
        studies=len(predictions.studies),
        shown_failures=SHOWN_FAILURES,
        pictures=[(picture, svg(picture)) for picture in pictures],
        columns=("Figure", "Of", "Value", f"{100 * how.level:g} % interval", "n", "Patients", "Published"),
        tables=[Table(heading(method), [cells(row) for row in group]) for method, group in _ordered(rows).items()],
        about=_about(identity, rows, how),
    )
    write_file(path, text)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("echobeat.evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("evaluation.html.j2")


def _ordered(rows: Sequence[Measured]) -> dict[str, list[Measured]]:
    """By method, the main one first."""
    groups = by_method(rows)
    return {method: groups[method] for method in ORDER if method in groups}


def _headlines(rows: Sequence[Measured], main: str) -> list[Measured]:
    found = {}
    for row in rows:
        if row.method == main and row.group == ALL and row.name in HEADLINES:
            found[row.name] = row  # a distance in mm comes after that in px, and is preferred
    return [found[name] for name in HEADLINES if name in found]


def _tile(row: Measured) -> Tile:
    digits = digits_of(row)
    span = "no interval" if row.low is None or row.high is None else f"{row.low:.{digits}f} to {row.high:.{digits}f}"
    other = published(row)
    name = row.name.replace("R2", "R²")
    return Tile(name, f"{row.value:.{digits}f}", row.unit, f"{span}, n = {row.n}", f"{other.value:g}" if other else "")


def _about(identity: Identity, rows: Sequence[Measured], how: Resampling) -> list[str]:
    made = [
        f"Intervals hold {100 * how.level:g} %: percentiles of {how.samples:,} bootstrap resamples by patient. "
        f"{NO_INTERVAL} "
        "Each figure is defined, with its source, in the reference of metrics of echobeat's documentation."
    ]
    sources = dict.fromkeys(other.source for row in rows if (other := published(row)))
    if sources:
        made.append(f"{OTHER_DATA} Sources: {'; '.join(sources)}.")
    made += [
        f"The {task} model is {model['name']} {model['version']}, SHA-256 {model['sha256'][:16]}…"
        for task, model in identity.models.items()
    ]
    if identity.options:
        made.append("Options: " + ", ".join(f"{name} {value}" for name, value in identity.options.items()) + ".")
    return made
