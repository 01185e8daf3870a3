"""Predictions to everything that is written about them: tables, pictures, page, and the original's files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

from echobeat import __version__
from echobeat.evaluation.bootstrap import Resampling
from echobeat.evaluation.ef_figures import ef_figures, pairs
from echobeat.evaluation.ef_plots import ef_pictures
from echobeat.evaluation.ledger import Predictions
from echobeat.evaluation.measured import Measured
from echobeat.evaluation.page import write_page
from echobeat.evaluation.plots import Picture, write_picture
from echobeat.evaluation.segmentation_figures import segmentation_figures
from echobeat.evaluation.segmentation_plots import segmentation_pictures
from echobeat.evaluation.tables import write_failures, write_originals, write_tables
from echobeat.evaluation.training_curves import training_pictures


def figures(predictions: Predictions, how: Resampling) -> list[Measured]:
    """Every figure that the predictions allow."""
    whole = predictions.whole
    return [
        *segmentation_figures(whole, predictions.frames, how),
        *ef_figures(predictions.studies, predictions.readings, predictions.beats, how),
    ]


def pictures(
    predictions: Predictions, rows: list[Measured], level: float, runs: Mapping[str, Path] = MappingProxyType({})
) -> list[Picture]:
    """Every picture that the predictions allow, and of the models' trainings."""
    paired = pairs(predictions.whole, predictions.readings)
    return [*segmentation_pictures(predictions.frames), *ef_pictures(paired, rows, level), *training_pictures(runs)]


def write_results(
    predictions: Predictions, folder: Path, how: Resampling, runs: Mapping[str, Path] = MappingProxyType({})
) -> list[Measured]:
    """Write all that is said about predictions, and return the figures; `runs` as for `training_pictures`.

    ::

        metrics.csv, metrics.json, metrics.md    every figure with n and interval
        figures/*.png, *.pdf                     the pictures, for print
        report.html                              all of it on one page
        size.csv, test_predictions.csv           as the published code writes them
        failures.csv                             studies without predictions, and why

    Raises
    ------
    OutputError
        The folder cannot be written.
    """
    rows = figures(predictions, how)
    drawn = pictures(predictions, rows, how.level, runs)
    write_tables(rows, _head(predictions), how, folder)
    write_originals(predictions, folder)
    write_failures(predictions.failed, folder)
    _clear(folder / "figures", {picture.name for picture in drawn})
    for picture in drawn:
        write_picture(picture, folder / "figures")
    write_page(predictions, rows, drawn, how, folder / "report.html")
    return rows


def _clear(folder: Path, kept: set[str]) -> None:
    """Remove the pictures that an earlier evaluation drew there and this one does not."""
    for path in folder.glob("*"):
        if path.suffix in (".png", ".pdf") and path.stem not in kept:
            path.unlink()


def _head(predictions: Predictions) -> dict[str, Any]:
    return {
        "echobeat": __version__,
        **asdict(predictions.identity),
        "studies": len(predictions.whole),
        "patients": len({study.patient for study in predictions.whole}),
        "failed": len(predictions.failed),
    }
