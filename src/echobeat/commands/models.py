"""``echobeat models``: which models there are, what each was made from and measured to do, and one's own among them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from echobeat.commands.import_model import import_model

if TYPE_CHECKING:
    from echobeat.models import Card

models = typer.Typer(no_args_is_help=True, help="List, show, import, export, verify and remove models.")

SOME_BAD = 3
"""Exit code of verify."""

Name = Annotated[str, typer.Argument(help="The model's name, or the folder of a training run.")]


@models.command("list")
def list_models() -> None:
    """List the models at hand."""
    from rich.console import Console
    from rich.table import Table

    from echobeat.models import list_cards

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("name", "version", "task", "licence", "summary"):
        table.add_column(name, no_wrap=name != "summary")
    for card in list_cards():
        table.add_row(card.name, card.version, card.task, card.licence, card.summary)
    Console(highlight=False, markup=False).print(table)


def _calibrated(card: Card) -> str:
    """What a model's intervals come from, in words."""
    numbers = card.measurement_error
    if not numbers:
        return "none: it was not calibrated, see echobeat calibrate."
    whole = numbers.get("combined", numbers)
    beside = " beside the segmentation model that it came with" if "combined" in numbers else ""
    known = f"{whole['studies']} studies, {numbers.get('data', 'not known which')}{beside}"
    return f"calibrated on {known}; 90 % interval of one beat's EF as wide as usual: ±{whole['beat_half_width']:.1f}."


@models.command("show")
def show_model(name: Name) -> None:
    """Show a model's card: data, licence, metrics with n and interval, limits."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table

    from echobeat.models import load_card

    card = load_card(name)
    console = Console(highlight=False, markup=False)
    console.print(f"{card.name} {card.version}: {card.summary}")
    facts = Table.grid(padding=(0, 2))
    for label, value in (
        ("task", card.task),
        ("licence", card.licence),
        ("data", "; ".join(card.data)),
        ("recipe", card.recipe),
        ("parameters", f"{card.parameters:,}"),
        ("architecture", card.architecture or "light_unet"),
        ("input", _input(card)),
        ("grey levels", card.preprocessing or "each frame by its own mean and deviation"),
        ("output", ", ".join(card.classes)),
        ("SHA-256", card.sha256),
    ):
        facts.add_row(label, value)
    console.print(Padding(facts, (1, 0)))
    metrics = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("measured", "value", "95 % interval", "n", "on"):
        metrics.add_column(column)
    for metric in card.metrics:
        span = "" if metric.low is None or metric.high is None else f"{metric.low:.4g} to {metric.high:.4g}"
        metrics.add_row(metric.name, f"{metric.value:.4g}", span, str(metric.n), metric.data)
    console.print(metrics)
    console.print()
    console.print(f"Intervals: {_calibrated(card)}", soft_wrap=True)
    for limit in card.limits:
        console.print(f"Limit: {limit}")


def _input(card: Card) -> str:
    pixels = f"{card.size} x {card.size} pixels"
    if card.clip is None:
        return pixels
    whole = ", or an entire video" if card.clip.whole_video else ""
    return f"clips of {card.clip.frames} frames at {card.clip.rate_hz:g} a second{whole}, {pixels}"


models.command("import")(import_model)


@models.command("export")
def export_model(
    name: Name,
    out: Annotated[Path, typer.Argument(help="A folder, or a file that ends in .zip.")],
) -> None:
    """Copy a model and its card, to carry them elsewhere."""
    from echobeat.given import check_file, check_folder
    from echobeat.models.library import export

    check = check_file if out.suffix == ".zip" else check_folder
    check(out, "OUT")
    for path in export(name, out):
        typer.echo(path)


@models.command("verify")
def verify_models(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Default: all models.")] = None,
) -> None:
    """Check that each model's file is the one of its card (SHA-256), and run it once.

    Exit codes: 0 all are well, 3 some are not.
    """
    from echobeat.models.library import all_names, verify

    bad = 0
    for name in names or all_names():
        fault = verify(name)
        bad += fault is not None
        typer.echo(f"{name}: {fault or 'well: the hash is right, and it runs'}")
    if bad:
        raise typer.Exit(SOME_BAD)


@models.command("remove")
def remove_model(name: Annotated[str, typer.Argument(help="One of your own models.")]) -> None:
    """Remove one of your own models; the bundled ones stay."""
    from echobeat.models.library import remove

    remove(name)
    typer.echo(f"{name} is removed.")
