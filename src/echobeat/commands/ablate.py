"""``echobeat ablate``: train variants of an EF recipe and compare their errors by range of EF."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from platformdirs import user_cache_path

from echobeat.commands import folder_to_read, folder_to_write


def ablate(
    config: Annotated[str, typer.Argument(help="low-ef, echonet-dynamic, or a TOML file with base and [variants].")],
    data: Annotated[Path, typer.Option(help="Folder of the data set.", callback=folder_to_read)],
    out: Annotated[
        Path,
        typer.Option(help="Folder of the runs and the table; finished variants are kept.", callback=folder_to_write),
    ],
    overrides: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE...]", help="For every variant.")] = None,
    fold: Annotated[int | None, typer.Option(help="Fold to test on, as of `echobeat train`.")] = None,
    view: Annotated[str, typer.Option(help="Of a data set with several views.")] = "A4C",
    cache: Annotated[
        Path | None,
        typer.Option(help="Folder of decoded videos; default: in the user's cache.", callback=folder_to_write),
    ] = None,
) -> None:
    """Train each variant and print the mean absolute error of EF overall, below 40, 40-49 and from 50, with 95 %
    intervals by patient. Writes table.md, table.csv and table.json.

    The errors are those of the validation studies, which chose each variant's weights: variants are chosen by them,
    and the test split stays unseen. Test the one that you choose: `echobeat evaluate ef --model OUT/VARIANT`.
    """
    from echobeat.training.ablation import ablate as run
    from echobeat.training.ablation import markdown
    from echobeat.training.material import Source
    from echobeat.training.stopping import TrainingStopped

    folder = cache or user_cache_path("echobeat", appauthor=False) / "frames"
    try:
        typer.echo(markdown(run(config, Source(data, folder, fold=fold, view=view), out, overrides or ())))
    except TrainingStopped:
        typer.echo("Stopped and saved. The same command goes on.", err=True)
        raise typer.Exit(130) from None
