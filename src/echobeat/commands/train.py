"""``echobeat train``: learn a segmentation model, and turn a finished run into a bundled model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

train = typer.Typer(no_args_is_help=True, help="Train models (needs the extra: pip install 'echobeat[train]').")

Camus = Annotated[Path | None, typer.Option(help="Folder of CAMUS; recipes without real images need none.")]


@train.command()
def segmentation(
    out: Annotated[Path, typer.Option(help="Folder of the run; one that was stopped goes on from its checkpoint.")],
    recipe: Annotated[str, typer.Option(help="Name of a bundled recipe, or a TOML file.")] = "lv",
    camus: Camus = None,
    start: Annotated[Path | None, typer.Option(help="Weights to begin with: a best.pt.")] = None,
) -> None:
    """Train the segmentation network by a recipe; writes config, log, checkpoints and best.onnx."""
    from echobeat.training.segmentation import SegmentationConfig, train_segmentation

    model = train_segmentation(SegmentationConfig.load(recipe), camus, out, start, log=Console(stderr=True).log)
    typer.echo(model)


@train.command()
def release(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    name: Annotated[str, typer.Option(help="Name of the model; its text is in recipes/cards.toml.")],
    camus: Annotated[Path, typer.Option(help="Folder of CAMUS, for the card's figures.")],
    phantoms: Annotated[Path, typer.Option(help="Phantom studies of the calibration seeds.")],
    out: Annotated[Path | None, typer.Option(help="Default: among the bundled models.")] = None,
) -> None:
    """Make a run a bundled model: check parity, measure, calibrate, write its card."""
    from echobeat.models.cards import weights_folder
    from echobeat.training.release import release as release_run

    card = release_run(run, name, camus, phantoms, out or weights_folder())
    for metric in card.metrics:
        typer.echo(
            f"{metric.data}: {metric.name} {metric.value:.4f} [{metric.low:.4f}, {metric.high:.4f}], n={metric.n}"
        )
