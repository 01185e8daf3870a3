"""``echobeat train``: learn the left ventricle's mask or the EF from a data set, and make the bundled models."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from platformdirs import user_cache_path
from rich.console import Console

from echobeat.commands import folder_to_read, folder_to_write
from echobeat.errors import UsageError

if TYPE_CHECKING:
    from echobeat.training.config import Config, Task
    from echobeat.training.material import Source

train = typer.Typer(no_args_is_help=True, help="Train models (needs the extra: in a clone, pip install '.[train]').")

STOPPED = 130
"""Exit code after Ctrl-C, as shells have it."""

Camus = Annotated[
    Path | None, typer.Option(help="Folder of CAMUS; recipes without real images need none.", callback=folder_to_read)
]
Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY=VALUE...]", help="Entries of the recipe: course.epochs=10.")
]
Data = Annotated[Path, typer.Option(help="Folder of the data set.", callback=folder_to_read)]
Out = Annotated[Path, typer.Option(help="Folder of the run.", callback=folder_to_write)]
Recipe = Annotated[str, typer.Option(metavar="NAME|FILE", help="light, echonet-dynamic, or a TOML file.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run in --out from its last checkpoint.")]
Cache = Annotated[
    Path | None,
    typer.Option(help="Folder of decoded videos; default: in the user's cache.", callback=folder_to_write),
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Decode videos each time they are read: slow.")]
ValData = Annotated[
    Path | None, typer.Option(help="Another data set to choose the weights by.", callback=folder_to_read)
]
Fold = Annotated[
    int | None, typer.Option(help="Fold to test on, of a data set with folds (9 if not said); the one before chooses.")
]
View = Annotated[str, typer.Option(help="Of a data set with several views.")]
Start = Annotated[Path | None, typer.Option(help="Weights to begin with: the best.ckpt of another run.")]
Licence = Annotated[str | None, typer.Option(help="Of the weights, for the model's card.")]


@train.command()
def segmentation(
    data: Data,
    out: Out,
    overrides: Overrides = None,
    config: Recipe = "light",
    resume: Resume = False,
    cache: Cache = None,
    no_cache: NoCache = False,
    val_data: ValData = None,
    fold: Fold = None,
    view: View = "A4C",
    licence: Licence = None,
) -> None:
    """Train a network that finds the left ventricle, from two traced frames a video.

    --out gets config.toml, manifest.json, log.csv, checkpoints/, curves.png, model.onnx and model.json; `echobeat
    analyze --segmentation RUN` then uses it. Ctrl-C saves; the same command with --resume goes on.
    """
    from echobeat.training.material import Source
    from echobeat.training.recipe_files import load_config

    recipe = load_config("segmentation", config, _with_licence(overrides, licence))
    _run("segmentation", Source(data, _cache(cache, no_cache), val_data, fold, view), out, recipe, resume)


@train.command()
def ef(
    data: Data,
    out: Out,
    overrides: Overrides = None,
    config: Recipe = "light",
    resume: Resume = False,
    cache: Cache = None,
    no_cache: NoCache = False,
    val_data: ValData = None,
    fold: Fold = None,
    view: View = "A4C",
    licence: Licence = None,
) -> None:
    """Train a network that reads the ejection fraction from the video.

    --out gets config.toml, manifest.json, log.csv, checkpoints/, curves.png, model.onnx and model.json; `echobeat
    analyze --ef RUN` then uses it. Ctrl-C saves; the same command with --resume goes on.
    """
    from echobeat.training.material import Source
    from echobeat.training.recipe_files import load_config

    recipe = load_config("ef", config, _with_licence(overrides, licence))
    _run("ef", Source(data, _cache(cache, no_cache), val_data, fold, view), out, recipe, resume)


@train.command()
def contours(
    out: Out,
    overrides: Overrides = None,
    recipe: Annotated[str, typer.Option(metavar="NAME|FILE", help="lv, lv-camus, lv-phantom, or a TOML file.")] = "lv",
    camus: Camus = None,
    start: Start = None,
    resume: Resume = False,
) -> None:
    """Train the bundled segmentation network on phantoms and on CAMUS.

    The phantoms are made first, below --out, and found again by --resume. `echobeat analyze --segmentation RUN` then
    uses the model, without intervals until `echobeat calibrate` has measured its errors.
    """
    from echobeat.training.contours import ContoursConfig, train_contours

    config = ContoursConfig.load(recipe, overrides or ())
    _look_into(camus)
    _stoppable(lambda log: train_contours(config, camus, out, start=start, resume=resume, log=log))


@train.command()
def beats(
    out: Out,
    overrides: Overrides = None,
    recipe: Annotated[str, typer.Option(metavar="NAME|FILE", help="ef, ef-phantom, or a TOML file.")] = "ef",
    camus: Camus = None,
    resume: Resume = False,
) -> None:
    """Train a network that reads the EF of single beats beside the contours, on phantoms and animated stills.

    Everything that it learns from is made first, below --out, and found again by --resume; `echobeat analyze --ef RUN`
    then uses the model, without intervals until `echobeat calibrate` has measured its errors.
    """
    from echobeat.training.beat_run import BeatConfig, train_beats

    config = BeatConfig.load(recipe, overrides or ())
    _look_into(camus)
    _stoppable(lambda log: train_beats(config, camus, out, resume=resume, log=log))


@train.command()
def view(
    out: Out,
    overrides: Overrides = None,
    recipe: Annotated[str, typer.Option(metavar="NAME|FILE", help="view, view-phantom, or a TOML file.")] = "view",
    camus: Camus = None,
    start: Start = None,
    resume: Resume = False,
) -> None:
    """Train the network that tells views apart, on phantoms in many views and on real texture.

    The pictures are made first, below --out, and found again by --resume.
    """
    from echobeat.training.view import ViewConfig, train_view

    config = ViewConfig.load(recipe, overrides or ())
    _look_into(camus)
    _stoppable(lambda log: train_view(config, camus, out, start=start, resume=resume, log=log))


@train.command()
def release(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    name: Annotated[str, typer.Option(help="Name of the model; its text is in recipes/cards.toml.")],
    camus: Annotated[Path, typer.Option(help="Folder of CAMUS, for the card's figures.")],
    phantoms: Annotated[
        Path | None, typer.Option(help="Phantom studies of the calibration seeds; a view network needs none.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Default: among the bundled models.", callback=folder_to_write)
    ] = None,
) -> None:
    """Make a run a bundled model: measure, calibrate, write its card."""
    from echobeat.models.cards import load_card, weights_folder
    from echobeat.training.release import release as release_run

    run = run.resolve()  # a bare name would be a bundled model's
    if load_card(run).task == "view":
        from echobeat.training.view_release import release_view

        card = release_view(run, name, camus, out or weights_folder())
    elif phantoms is None:
        raise UsageError("Intervals come from phantom studies of the calibration seeds: name their folder, --phantoms.")
    elif load_card(run).task == "beats":
        from echobeat.training.beat_release import release_beats

        card = release_beats(run, name, camus, phantoms, out or weights_folder())
    else:
        card = release_run(run, name, camus, phantoms, out or weights_folder())
    for metric in card.metrics:
        span = "" if metric.low is None or metric.high is None else f" [{metric.low:.4f}, {metric.high:.4f}]"
        typer.echo(f"{metric.data}: {metric.name} {metric.value:.4f}{span}, n={metric.n}")


def _look_into(camus: Path | None) -> None:
    """See that a folder of CAMUS has both its splits, before hours are spent on phantoms.

    Raises
    ------
    UnreadableFile
    """
    from echobeat.datasets.camus import read_camus

    if camus is not None:
        for split in ("train", "valid"):
            next(read_camus(camus, split))


def _with_licence(overrides: list[str] | None, licence: str | None) -> list[str]:
    return [*(overrides or ()), *([] if licence is None else [f"licence={json.dumps(licence)}"])]


def _cache(folder: Path | None, unwanted: bool) -> Path | None:
    """Where decoded videos are kept; None: nowhere."""
    if unwanted and folder:
        raise UsageError("--cache and --no-cache cannot both be given.")
    return None if unwanted else folder or user_cache_path("echobeat", appauthor=False) / "frames"


def _run(task: Task, source: Source, out: Path, config: Config, resume: bool) -> None:
    from echobeat.training.run import train

    _stoppable(lambda _: train(task, source, out, config, resume))


def _stoppable(train_model: Callable[[Callable[[str], None]], Path]) -> None:
    """Train and print the model's path, or how to go on; only the first process talks."""
    from echobeat.training.run import is_first_process
    from echobeat.training.stopping import TrainingStopped

    console = Console(stderr=True, highlight=False)
    try:
        model = train_model(console.log)
    except TrainingStopped as stopped:
        if is_first_process():
            console.print(str(stopped))
        raise typer.Exit(STOPPED) from None
    if is_first_process():
        typer.echo(model)
