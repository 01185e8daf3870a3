"""Train variants of a recipe one after another, and set their errors by range of EF side by side."""

from __future__ import annotations

import csv
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from echobeat.errors import UsageError
from echobeat.evaluation import ef_figures
from echobeat.evaluation.bootstrap import bootstrap, ratio, within
from echobeat.evaluation.predictions import write_rows
from echobeat.evaluation.tables import markdown_table
from echobeat.training.material import Source, gather
from echobeat.training.recipe_files import load_config
from echobeat.training.run import train
from echobeat.training.run_folder import RunFolder
from echobeat.whole import whole_file, write_file

RANGES: Mapping[str, tuple[float, float]] = {"overall": (-np.inf, np.inf), **ef_figures.RANGES}


@dataclass(frozen=True)
class Ablation:
    """A base recipe for EF, and by name what each variant changes in it."""

    base: str
    variants: Mapping[str, tuple[str, ...]]

    @classmethod
    def load(cls, name: str) -> Ablation:
        """Read a bundled set by name (low-ef, echonet-dynamic), or a TOML file.

        Raises
        ------
        UsageError
            There is no such set, or it does not name a base and variants.
        """
        bundled = resources.files("echobeat.training") / "recipes" / "ablations" / f"{name}.toml"
        try:
            text = bundled.read_text("utf-8") if bundled.is_file() else Path(name).read_text("utf-8")
            values = tomllib.loads(text)
            return cls(str(values["base"]), {str(k): tuple(v) for k, v in values["variants"].items()})
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            raise UsageError(f"{name} is no set of variants: it needs a base and [variants] ({error}).") from error


@dataclass(frozen=True)
class Row:
    """Mean absolute error of a variant in a range of EF, with its 95 % interval by patient; validation studies."""

    variant: str
    range: str
    mae: float | None
    low: float | None
    high: float | None
    n: int


def ablate(name: str, source: Source, out: Path, overrides: Sequence[str] = ()) -> list[Row]:
    """Train every variant that is not finished yet; write table.csv, table.json and table.md.

    `overrides` are of every variant; a variant's own win.

    Raises
    ------
    UsageError
        A variant was trained by another recipe, or on other data: it cannot stand beside the others.
    """
    ablation = Ablation.load(name)
    configs = {v: load_config("ef", ablation.base, [*overrides, *own]) for v, own in ablation.variants.items()}
    rows: list[Row] = []
    for variant, config in configs.items():
        folder = RunFolder(out / variant)
        if folder.finished:
            folder.check_recipe(config)
            folder.check_data(gather("ef", config, source).identity)
        else:
            train("ef", source, folder.path, config, resume=True)
        rows += by_range(variant, folder.validation)
        write_tables(rows, out)
    return rows


def by_range(variant: str, predictions: Path) -> list[Row]:
    """The errors of a run's validation.csv."""
    with predictions.open(newline="", encoding="utf-8") as file:
        lines: list[dict[str, Any]] = list(csv.DictReader(file))
    truth = np.array([float(line["truth"]) for line in lines])
    gap = np.abs(np.array([float(line["predicted"]) for line in lines]) - truth)
    inside = {label: (truth >= low) & (truth < high) for label, (low, high) in RANGES.items()}
    statistics = {label: within(mask, ratio(gap[mask])) for label, mask in inside.items() if mask.any()}
    spreads = bootstrap(statistics, [line["patient"] for line in lines])
    return [
        Row(variant, label, spreads[label].value, spreads[label].low, spreads[label].high, int(mask.sum()))
        if label in spreads
        else Row(variant, label, None, None, None, 0)
        for label, mask in inside.items()
    ]


def write_tables(rows: Sequence[Row], out: Path) -> None:
    """The same rows for machines and for people."""
    records = [asdict(row) for row in rows]
    write_file(out / "table.json", json.dumps(records, indent=1) + "\n")
    with whole_file(out / "table.csv") as beside:
        write_rows(beside, rows, Row)
    write_file(out / "table.md", markdown(rows))


def markdown(rows: Sequence[Row]) -> str:
    """A line a variant, a column a range."""
    variants = dict.fromkeys(row.variant for row in rows)
    lines = ([variant, *(cell(row) for row in rows if row.variant == variant)] for variant in variants)
    return markdown_table(("variant", *RANGES), lines) + "\n"


def cell(row: Row) -> str:
    """Error, interval, n."""
    if row.mae is None:
        return "-"
    spread = "" if row.low is None or row.high is None else f" ({row.low:.2f}-{row.high:.2f})"
    return f"{row.mae:.2f}{spread}, n={row.n}"
