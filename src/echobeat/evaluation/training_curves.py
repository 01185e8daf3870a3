"""How a model came to be, beside its figures: the course of the training, from the log in a run's folder."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from echobeat.evaluation.plots import MARKS, STROKES, Palette, Picture, new_figure

Log = Mapping[str, list[float]]
"""Columns of log.csv, a value a validation."""

FEW = 40
"""Validations that are marked one by one."""


def training_pictures(runs: Mapping[str, Path]) -> list[Picture]:
    """A picture for each model that was trained here.

    Parameters
    ----------
    runs : mapping
        Task to the folder in which the model lies; one without a log.csv is no run, and has no picture.
    """
    logs = {task: read_log(folder / "log.csv") for task, folder in runs.items()}
    return [
        Picture(
            f"training-{task}",
            f"Training of the {task} model",
            f"Loss of training and validation over {log['epoch'][-1]:.0f} epochs.",
            partial(_losses, log),
        )
        for task, log in logs.items()
        if log
    ]


def read_log(path: Path) -> Log:
    """The columns of a log; empty where there is none, or it has not the columns of a training's."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return {name: [float(row[name]) for row in rows] for name in ("epoch", "loss", "val_loss")} if rows else {}
    except (OSError, KeyError, TypeError, ValueError):
        return {}


def _losses(log: Log, palette: Palette) -> Figure:
    figure, axes = new_figure(2.4)
    for index, (name, label) in enumerate((("loss", "training"), ("val_loss", "validation"))):
        mark = MARKS[index] if len(log[name]) < FEW else ""
        (line,) = axes.plot(log["epoch"], log[name], color=palette.series[index], linewidth=1.2, label=label)
        line.set(linestyle=STROKES[index], marker=mark, markersize=2.5)
    axes.set(xlabel="Epoch", ylabel="Loss", yscale="log" if min(log["loss"] + log["val_loss"]) > 0 else "linear")
    figure.legend(loc="outside upper left", ncols=2, fontsize=7, handlelength=2.2)
    return figure
