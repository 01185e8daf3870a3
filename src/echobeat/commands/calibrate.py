"""``echobeat calibrate``: a model's errors on studies of known EF become the intervals of its results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.progress import Progress

from echobeat.commands import folder_to_read
from echobeat.errors import EchobeatError, UsageError

if TYPE_CHECKING:
    from echobeat.records import FloatArray

SOME_FAILED = 3
"""Exit code: some studies could not be read; the calibration rests on the others."""

SHOWN = 20
"""Failures that are printed."""


def calibrate(
    data: Annotated[Path, typer.Option(help="Studies of known EF that the models never learned from.")],
    model: Annotated[str, typer.Option(metavar="NAME|RUN", help="Model to calibrate: segmentation or EF.")] = "lv",
    segmentation: Annotated[
        str, typer.Option(metavar="NAME|RUN", help="Segmentation model that an EF model works beside.")
    ] = "lv",
    split: Annotated[Literal["train", "val", "test", "all"], typer.Option(help="Which part of the data.")] = "all",
    view: Annotated[str, typer.Option(help="Of a data set with several views.")] = "A4C",
    forget: Annotated[bool, typer.Option("--forget", help="Take your own calibration of the model back.")] = False,
) -> None:
    """Analyse studies of known EF and keep the model's errors: from then on its results carry intervals.

    Give patients of your own that no part of the model has seen, at least 20, better some hundreds; the interval is
    for patients, scanners and labels like these. The calibration is kept with your own models and belongs to the
    model's weights; an EF model's also to the segmentation model that it was calibrated beside.

    Exit codes: 0 all studies were read, 2 wrong use, 3 some could not be read.
    """
    from echobeat.datasets import open_dataset
    from echobeat.evaluation.calibration import held_out, with_calibration
    from echobeat.evaluation.known import known_of
    from echobeat.given import check_folder
    from echobeat.models import load_card
    from echobeat.models.cards import calibration_file, own_folder, write_calibration
    from echobeat.pipeline import Models

    check_folder(own_folder(), "ECHOBEAT_MODELS")
    console, card = Console(stderr=True, highlight=False), load_card(model)
    alone = card.task == "segmentation"
    beside = None if alone else load_card(segmentation)
    if alone and segmentation not in ("lv", model):
        raise UsageError(
            f"{card.name} is a segmentation model and calibrated alone. To calibrate an EF model, name it with --model."
        )
    if forget:
        calibration_file(card, beside).unlink(missing_ok=True)
        pair = f" beside {beside.name}" if beside else ""
        console.print(f"{card.name}{pair} has the calibration that it came with, if any.")
        return
    if card.task == "view":
        raise UsageError(f"{card.name} gives no EF: there is nothing to calibrate.")
    folder_to_read(data)
    models = Models.load(model if alone else segmentation, None if alone else model)
    dataset = open_dataset(data, view)
    split_studies = [s for s in dataset.studies if split in ("all", s.split)]
    studies = [study for study in split_studies if study.has_ef]
    if not studies:
        raise UsageError(f"{data} has no study with an EF between 1 and 100 % in the split {split}.")
    if len(studies) < len(split_studies):
        without = len(split_studies) - len(studies)
        console.print(f"{without} of {len(split_studies)} studies have no EF between 1 and 100 % and are left out.")
    if dataset.rows_left_out:
        console.print(f"{dataset.rows_left_out}: see `echobeat check-dataset`.")
    known, failed = [], []
    with Progress(console=console, transient=True) as bar:
        line = bar.add_task("studies", total=len(studies))
        for study in studies:
            try:
                known.append(known_of(study, dataset, models))
            except EchobeatError as error:
                failed.append(f"{study.name}: {error}")
            bar.advance(line)
    usable = [study for study in known if study is not None]
    patients = len({study.patient for study in studies})
    said = (
        f"{dataset.kind}, {len(usable)} studies of at most {patients} patients, split {split}; calibrated by its user"
    )
    made = with_calibration(models.segmentation.card, None if alone else card, usable, said)
    path = write_calibration(card, made.measurement_error or {}, beside)
    console.print(f"{len(usable)} of {len(studies)} studies have a beat that counts; the calibration rests on them.")
    console.print(_held_out(held_out(usable, models.segmentation.card, None if alone else card)))
    for problem in failed[:SHOWN]:
        console.print(problem, style="red", markup=False, soft_wrap=True)
    typer.echo(path)
    if failed:
        raise typer.Exit(SOME_FAILED)


def _held_out(judged: FloatArray) -> str:
    """What the intervals do to studies that a calibration did not see."""
    if not len(judged):
        return "They are too few to be left out in turn: how often the interval holds on further ones is not known."
    low, high, truth = judged[:, :3].T
    width = sorted(high - low)[len(low) // 2]
    held = int(((low <= truth) & (truth <= high)).sum())
    return (
        f"Each fifth left out in turn: {held} of {len(truth)} true EFs ({100 * held / len(truth):.0f} %) lie in the "
        f"90 % interval that the others give, whose median width is {width:.1f} points."
    )
