"""``echobeat models import``: a checkpoint from elsewhere becomes a model of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Licence = Annotated[str, typer.Option(help="Licence of the weights, for the card.")]


def import_model(
    checkpoint: Annotated[Path, typer.Argument(help="File saved by torch: a dict with state_dict, or a state dict.")],
    task: Annotated[Literal["ef", "segmentation"], typer.Option(help="What the network does.")],
    architecture: Annotated[str, typer.Option(metavar="NAME", help="Its architecture; docs: reference, networks.")],
    name: Annotated[str | None, typer.Option(help="Name of the model; default: the file's.")] = None,
    mean: Annotated[
        float | None,
        typer.Option(help="Mean grey level (0-255) of its training data. Checkpoints do not hold it; default: 32."),
    ] = None,
    std: Annotated[float | None, typer.Option(help="Standard deviation of the same; default: 49.")] = None,
    size: Annotated[int | None, typer.Option(help="Side of its frames in pixels; default: 112 where it can.")] = None,
    frames: Annotated[int | None, typer.Option(help="EF: frames of a clip; default: the file's, or 32.")] = None,
    period: Annotated[
        int | None, typer.Option(help="EF: 2 takes every second frame; default: the file's, or 2.")
    ] = None,
    fps: Annotated[float, typer.Option(help="EF: frames a second of the videos that it learned from.")] = 50.0,
    licence: Licence = "not stated",
) -> None:
    """Make a checkpoint of EchoNet-Dynamic, or of one's own, a model that `analyze` uses.

    The file is read without running any code in it, put into the network, written as ONNX, and compared with it in
    numbers. Mean and deviation of the published models' training data are about 32 and 49; the card says where they
    were assumed. Needs the extra `train`.
    """
    from rich.console import Console

    from echobeat.given import check_folder
    from echobeat.models.cards import own_folder
    from echobeat.networks.importing import Told, import_checkpoint

    check_folder(own_folder(), "ECHOBEAT_MODELS")
    told = Told(architecture, task, size, mean, std, frames, period, fps, licence)
    with Console(stderr=True).status(f"Importing {checkpoint.name}"):
        card = import_checkpoint(checkpoint, told, name)
    option = "--ef" if task == "ef" else "--segmentation"
    typer.echo(f"{card.name} lies in {own_folder()}. Use it: echobeat analyze {option} {card.name} PATH...")
    typer.echo(f"Preprocessing: {card.preprocessing}.")
