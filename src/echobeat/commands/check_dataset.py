"""``echobeat check-dataset``: what is in a data set, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from echobeat.commands import file_to_write, folder_to_read

if TYPE_CHECKING:
    from rich.console import Console

    from echobeat.datasets.check import Check

FAILED = 3
"""Exit code where there are errors, as for an input that cannot be read."""


def check_dataset(
    folder: Annotated[
        Path,
        typer.Argument(
            help="EchoNet-Dynamic or -Pediatric, CAMUS, phantoms, or videos with a table.", callback=folder_to_read
        ),
    ],
    json: Annotated[
        Path | None, typer.Option(help="Write everything to this JSON file, too.", callback=file_to_write)
    ] = None,
    view: Annotated[str, typer.Option(help="Of a data set with several views.")] = "A4C",
    jobs: Annotated[int, typer.Option(help="Processes that decode; 0: one a core.", min=0)] = 0,
    quick: Annotated[bool, typer.Option(help="Do not decode the videos.")] = False,
) -> None:
    """Say what is in a data set and what is wrong with it, before a night is spent on training.

    Every video is decoded. The exit code is 0 where nothing or only warnings were found, and 3 where there are
    errors. The codes are listed in the reference.
    """
    from json import dumps

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from echobeat.datasets import open_dataset
    from echobeat.datasets.check import check_dataset as check
    from echobeat.report.folders import write_whole

    dataset = open_dataset(folder, view)
    columns = (TextColumn("checking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=len(dataset.studies))
        found = check(dataset, jobs, quick, lambda done, of: bar.update(task, completed=done, total=of))
    _show(found, Console(highlight=False))
    if json is not None:
        write_whole(json, dumps(found.as_json(), indent=1) + "\n")
    if not found.ok:
        raise typer.Exit(FAILED)


def _show(found: Check, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    from echobeat.datasets.check import contents, parts
    from echobeat.datasets.problems import CODES
    from echobeat.report.wording import printable

    counted = {name: contents(part) for name, part in parts(found.dataset).items()}
    console.print(Text(printable(f"{found.dataset.kind}: {found.dataset.root}"), "bold"), soft_wrap=True)
    there = Table("", box=None)
    for split in counted:
        there.add_column(split, justify="right")
    for fact in next(iter(counted.values()), {}):
        there.add_row(fact.replace("_", " "), *(f"{counts[fact]:,}" for counts in counted.values()))
    console.print(there)
    console.print()
    if not found.problems:
        console.print("Nothing is wrong with it." if not found.quick else "Nothing seen; the videos were not decoded.")
        return
    wrong = Table("", "code", "times", "for example", "what to do", box=None)
    for code, problems in found.by_code().items():
        one = problems[0]
        example = " ".join(
            part for part in (f"{one.study or one.file}:" if one.study or one.file else "", one.message) if part
        )
        style = "red" if one.severity == "error" else "yellow"
        wrong.add_row(
            Text(one.severity, style), code, f"{len(problems):,}", Text(printable(example)), CODES[code].remedy
        )
    console.print(wrong)
