"""The course of a training as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from echobeat.training.journal import Row
from echobeat.whole import whole_file

NOT_DRAWN = ("epoch", "step", "studies_per_s", "waiting_for_data", "learning_rate", "loss")
"""Columns of log.csv that have no panel of their own; the losses share one."""


def draw_curves(rows: Sequence[Row], best_step: int, out: Path) -> None:
    """Write curves.png and curves.pdf: the losses, and each figure of the validations, over the epochs.

    Parameters
    ----------
    rows : sequence of dict
        Of log.csv, at least one.
    best_step : int
        Step whose weights are the best; a line marks it.
    out : Path
        Folder.
    """
    panels = [name for name in rows[0] if name not in (*NOT_DRAWN, "val_loss")]
    figure = Figure(figsize=(3.2 * (1 + len(panels)), 2.8), layout="constrained")
    axes = figure.subplots(1, 1 + len(panels), squeeze=False)[0]
    epochs = [row["epoch"] for row in rows]
    best = next((row["epoch"] for row in rows if row["step"] == best_step), None)
    for axis, names in zip(axes, [("loss", "val_loss"), *((name,) for name in panels)], strict=True):
        for name in names:
            label = {"loss": "training", "val_loss": "validation"}.get(name, name.removeprefix("val_"))
            axis.plot(epochs, [row[name] for row in rows], marker="." if len(rows) < 40 else "", label=label)
        if best is not None:
            axis.axvline(best, color="0.6", linewidth=0.8, linestyle=":")
        axis.set_xlabel("epoch")
        axis.set_title("loss" if names[0] == "loss" else names[0].removeprefix("val_"), fontsize=9)
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=8)
    for suffix in ("png", "pdf"):
        with whole_file(out / f"curves.{suffix}") as beside:
            figure.savefig(beside, format=suffix, dpi=150)
