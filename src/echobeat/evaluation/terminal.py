"""Figures on the terminal, and the JSON file of those that have no folder."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from echobeat.errors import OutputError
from echobeat.evaluation.bootstrap import NO_INTERVAL
from echobeat.evaluation.ef_figures import NOTED
from echobeat.evaluation.measured import Measured
from echobeat.evaluation.tables import cells
from echobeat.models import Metric
from echobeat.whole import write_file


def show_measured(rows: Sequence[Measured], interval: float) -> None:
    """Print every figure but those by rhythm and quality, which the tables have."""
    table = Table(
        "read", "figure", "of", "value", f"{interval:g} % interval", "n", "published", box=None, pad_edge=False
    )
    for row in rows:
        if row.group.startswith(tuple(NOTED.values())):
            continue
        name, group, value, span, n, _, known = cells(row)
        table.add_row(row.method, name, group, value, span, n, known)
    print_figures(table, all(row.low is not None for row in rows))


def print_figures(table: Table, intervals: bool) -> None:
    """Print figures, and why some have no interval."""
    console = Console(highlight=False, markup=False)
    console.print(table)
    if not intervals:
        console.print(NO_INTERVAL)


def make_room(out: Path | None) -> None:
    """Make the folder of the file that --out names, before the work and not after it.

    Raises
    ------
    OutputError
        The file cannot be written there.
    """
    if out is None:
        return
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out}: its folder cannot be made ({error.strerror}). Choose another --out.") from error
    if not os.access(out.parent, os.W_OK):
        raise OutputError(f"{out} cannot be written. Name a file with --out, in a folder that is yours to write.")


def show_metrics(metrics: Sequence[Metric], out: Path | None) -> None:
    """Print the figures as a table; write them as JSON, whole or not at all."""
    table = Table("data", "figure", "value", "95 % interval", "n")
    for m in metrics:
        interval = "" if m.low is None or m.high is None else f"{m.low:.3f} to {m.high:.3f}"
        table.add_row(m.data, m.name, f"{m.value:.3f}", interval, str(m.n))
    print_figures(table, all(m.low is not None for m in metrics))
    if out:
        write_file(out, json.dumps([asdict(m) for m in metrics], indent=1) + "\n")
