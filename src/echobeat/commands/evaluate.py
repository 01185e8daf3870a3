"""``echobeat evaluate``: a model's figures on phantoms, beside the oracle's, or on CAMUS."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

if TYPE_CHECKING:
    from echobeat.models import Metric

evaluate = typer.Typer(no_args_is_help=True, help="Measure a segmentation model.")

Segmentation = Annotated[str, typer.Option(help="Name of the model.")]
Out = Annotated[Path | None, typer.Option(help="Write the figures to this JSON file, too.")]


@evaluate.command()
def phantoms(
    data: Annotated[Path, typer.Option(help="Folder made by `echobeat phantom`, e.g. with --benchmark.")],
    segmentation: Segmentation = "lv",
    out: Out = None,
) -> None:
    """Beats found and EF from our masks, beside the same measurement on the true masks."""
    from echobeat.evaluation.phantoms import by_rhythm, score_phantoms, summarise
    from echobeat.models import load_segmenter

    total = sum(1 for _ in (data / "Truth").glob("*.json"))
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("studies", total=total)
        scores = score_phantoms(data, load_segmenter(segmentation), lambda: bar.advance(task))
    metrics = [m for name, part in by_rhythm(scores).items() for m in summarise(part, f"{data.name}, {name}")]
    _show(metrics, out)


@evaluate.command()
def camus(
    data: Annotated[Path, typer.Option(help="Folder of CAMUS.")],
    split: Annotated[str, typer.Option(help="valid, calibration, ...")] = "valid",
    segmentation: Segmentation = "lv",
    out: Out = None,
) -> None:
    """Dice against the experts' masks, and EF of the ED/ES pairs."""
    from echobeat.datasets.camus import read_camus
    from echobeat.evaluation.camus import evaluate_camus
    from echobeat.models import load_segmenter

    _show(evaluate_camus(load_segmenter(segmentation), read_camus(data, split), f"CAMUS {split}"), out)


def _show(metrics: Sequence[Metric], out: Path | None) -> None:
    """Print the figures as a table; write them as JSON, whole or not at all."""
    table = Table("data", "figure", "value", "95 % interval", "n")
    for m in metrics:
        interval = "" if m.low is None or m.high is None else f"{m.low:.3f} to {m.high:.3f}"
        table.add_row(m.data, m.name, f"{m.value:.3f}", interval, str(m.n))
    Console().print(table)
    if out:
        beside = out.with_name(out.name + ".part")
        beside.write_text(json.dumps([asdict(m) for m in metrics], indent=1) + "\n", encoding="utf-8")
        os.replace(beside, out)
