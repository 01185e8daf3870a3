"""``echobeat models``: which models there are, and what each was made from and measured to do."""

from __future__ import annotations

from typing import Annotated

import typer

models = typer.Typer(no_args_is_help=True, help="List the models, or show a model's card.")


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


@models.command("show")
def show_model(name: Annotated[str, typer.Argument(help="The model's name.")]) -> None:
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
        ("input", f"{card.size} x {card.size} pixels"),
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
    for limit in card.limits:
        console.print(f"Limit: {limit}")
