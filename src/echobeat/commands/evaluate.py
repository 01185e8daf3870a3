"""``echobeat evaluate``: a model's figures on labelled data, tables, pictures and a page; and two models compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from echobeat import __version__
from echobeat.commands import file_to_write, folder_to_read, folder_to_write
from echobeat.errors import UsageError
from echobeat.machine import cores_for_each

if TYPE_CHECKING:
    from echobeat.datasets import LabelledStudy
    from echobeat.evaluation.bootstrap import Resampling
    from echobeat.evaluation.ledger import Ledger, Outcome
    from echobeat.evaluation.predictors import Predictor, Running
    from echobeat.models import Card

evaluate = typer.Typer(no_args_is_help=True, help="Measure models on labelled data, and compare two.")

SOME_FAILED, STOPPED = 3, 130
"""Exit codes: some studies could not be evaluated; stopped by Ctrl-C, as shells have it."""

SHOWN = 20
"""Failures that are printed; failures.csv has all."""

Data = Annotated[
    Path,
    typer.Option(
        help="EchoNet-Dynamic or -Pediatric, CAMUS, phantoms, or videos with a table.", callback=folder_to_read
    ),
]
Split = Annotated[Literal["train", "val", "test", "all"], typer.Option(help="Which part of the data.")]
Folder = Annotated[
    Path, typer.Option(help="Folder of the results; one that was stopped goes on.", callback=folder_to_write)
]
View = Annotated[str, typer.Option(help="Of a data set with several views.")]
Fold = Annotated[int | None, typer.Option(help="Fold to test on, of a data set with folds (9 if not said).")]
Device = Annotated[
    str | None,
    typer.Option(metavar="cpu|cuda", help="Run the networks of training runs by torch there, not from their files."),
]
Interval = Annotated[float, typer.Option(min=50, max=99.9, help="Percent of the intervals; 90 as published.")]
Jobs = Annotated[int, typer.Option(min=1, help="Studies at once.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Begin anew, whatever the folder holds.")]
Segmentation = Annotated[str, typer.Option(metavar="NAME|RUN", help="Segmentation model.")]
Out = Annotated[Path | None, typer.Option(help="Write the figures to this JSON file, too.", callback=file_to_write)]


@dataclass(frozen=True)
class _Wanted:
    """What all three evaluations are told."""

    data: Path
    split: str
    view: str
    out: Path
    interval: float
    jobs: int
    fresh: bool
    fold: int | None
    device: str | None


@evaluate.command()
def segmentation(
    data: Data,
    out: Folder,
    model: Segmentation = "lv",
    split: Split = "test",
    every_frame: Annotated[
        bool, typer.Option("--every-frame", help="Segment whole videos as analyze does; writes size.csv, too.")
    ] = False,
    interval: Interval = 95,
    jobs: Jobs = 1,
    view: View = "A4C",
    fresh: Fresh = False,
    fold: Fold = None,
    device: Device = None,
) -> None:
    """Dice, Hausdorff and surface distances against the experts' tracings, overall, at ED and at ES."""
    from echobeat.evaluation.predictors import prepare_segmentation

    wanted = _Wanted(data, split, view, out, interval, jobs, fresh, fold, device)
    prepare = partial(prepare_segmentation, model, every_frame, _running(wanted, model))
    _evaluate("segmentation", wanted, {"segmentation": model}, {"every_frame": every_frame}, prepare)


@evaluate.command()
def ef(
    data: Data,
    out: Folder,
    model: Annotated[str, typer.Option(metavar="NAME|RUN", help="EF model.")],
    split: Split = "test",
    all_clips: Annotated[bool, typer.Option(help="Average every clip of a video, too.")] = True,
    entire_video: Annotated[bool, typer.Option("--entire-video", help="Read the video in one piece, too.")] = False,
    stride: Annotated[int, typer.Option(min=1, help="Frames between the starts of all clips.")] = 1,
    interval: Interval = 95,
    jobs: Jobs = 1,
    view: View = "A4C",
    fresh: Fresh = False,
    fold: Fold = None,
    device: Device = None,
) -> None:
    """EF from video against the experts': one clip, all clips averaged, the entire video."""
    from echobeat.evaluation.predictions import METHODS
    from echobeat.evaluation.predictors import check_ef, prepare_ef

    wished = {"one clip": True, "all clips": all_clips, "entire video": entire_video}
    methods = [method for method in METHODS if wished.get(method)]
    check_ef(model, methods)
    wanted = _Wanted(data, split, view, out, interval, jobs, fresh, fold, device)
    prepare = partial(prepare_ef, model, methods, stride, _running(wanted, model))
    _evaluate("ef", wanted, {"ef": model}, {"methods": methods, "stride": stride}, prepare)


@evaluate.command()
def beats(
    data: Data,
    out: Folder,
    segmentation: Segmentation = "lv",
    model: Annotated[str | None, typer.Option(metavar="NAME|RUN", help="EF model; none: contours only.")] = None,
    split: Split = "test",
    beats: Annotated[
        Literal["echobeat", "echonet"], typer.Option(help="Whose beat finder: ours, or the published one.")
    ] = "echobeat",
    interval: Interval = 95,
    jobs: Jobs = 1,
    view: View = "A4C",
    fresh: Fresh = False,
    fold: Fold = None,
    device: Device = None,
) -> None:
    """EF beat by beat: the segmentation finds the beats, the EF model reads a clip of each; and EF from contours."""
    from echobeat.evaluation.predictors import check_beats, prepare_beats
    from echobeat.pipeline import Choice

    if model:
        check_beats(model, beats)
    wanted = _Wanted(data, split, view, out, interval, jobs, fresh, fold, device)
    models = {"segmentation": segmentation} | ({"ef": model} if model else {})
    running = _running(wanted, *models.values())
    looks = Choice.of(segmentation, None).view if beats == "echobeat" else None  # the published system looks at no view
    models |= {"view": looks} if looks else {}
    prepare = partial(prepare_beats, segmentation, model, beats, running, looks)
    _evaluate("beats", wanted, models, {"beats": beats}, prepare)


@evaluate.command()
def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="Folder of an evaluation, or of a run that was evaluated.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another, of the same patients.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for comparison.csv, .json and .md.", callback=folder_to_write)
    ] = None,
    method: Annotated[str | None, typer.Option(help='How EF was read in A: "all clips", ...')] = None,
    against: Annotated[str | None, typer.Option(help="How EF was read in B; as in A if not given.")] = None,
    interval: Interval = 95,
) -> None:
    """Paired difference of two evaluations on the same patients, with its interval."""
    from echobeat.evaluation.comparison import (
        compare as compare_predictions,
    )
    from echobeat.evaluation.comparison import (
        comparison_cells,
        comparison_header,
        find_evaluation,
        write_comparison,
    )
    from echobeat.evaluation.ledger import read_predictions

    one, other = (read_predictions(find_evaluation(path)) for path in (a, b))
    how = _resampling(interval)
    rows = compare_predictions(one, other, how, (_method(method), _method(against or method)))
    table = Table(*comparison_header(how), box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*comparison_cells(row))
    Console(highlight=False, markup=False).print(table)
    if out:
        write_comparison(rows, {"a": asdict(one.identity), "b": asdict(other.identity)}, how, out)


def _method(name: str | None) -> Any:
    from echobeat.evaluation.predictions import METHODS

    if name is not None and name not in METHODS:
        raise UsageError(f"EF is not read {name!r}. Choose one of: {', '.join(METHODS)}.")
    return name


def _running(wanted: _Wanted, *models: str) -> Running:
    from echobeat.evaluation.predictors import Running

    threads = cores_for_each(wanted.jobs)
    if wanted.device is None:
        return Running(threads=threads)
    from echobeat.training.trained import is_run, trained_backend

    if not any(is_run(model) for model in models):
        raise UsageError(
            f"--device is for training runs, whose checkpoints torch can run; {' and '.join(models)} has only its "
            "model file, which runs on the CPU. Leave --device out."
        )
    return Running(threads=threads, torch=partial(trained_backend, device=wanted.device))


def _resampling(interval: float) -> Resampling:
    from echobeat.evaluation.bootstrap import Resampling

    return Resampling(level=interval / 100)


def _evaluate(
    task: str, wanted: _Wanted, models: dict[str, str], options: dict[str, Any], prepare: Callable[[], Predictor]
) -> None:
    """Predict what is not predicted yet, write everything, print the figures, and end with the exit code."""
    from echobeat.datasets import open_dataset
    from echobeat.datasets.splits import with_folds
    from echobeat.evaluation.ef_figures import Answered
    from echobeat.evaluation.ledger import Identity, Ledger, read_predictions
    from echobeat.evaluation.results import write_results
    from echobeat.evaluation.terminal import show_measured
    from echobeat.models import load_card
    from echobeat.models.cards import card_file

    cards = {kind: load_card(name) for kind, name in models.items()}
    beside = cards.get("segmentation")
    facts = {kind: _facts(card, beside) for kind, card in cards.items()}
    dataset = open_dataset(wanted.data, wanted.view)
    if wanted.fold is not None:
        dataset, options = with_folds(dataset, wanted.fold), options | {"fold": wanted.fold}
    studies = [study for study in dataset.studies if wanted.split in ("all", study.split)]
    labelled = [study for study in studies if (study.tracings if task == "segmentation" else study.has_ef)]
    label = "a tracing" if task == "segmentation" else "an EF between 1 and 100 %"
    if not labelled:
        raise UsageError(
            f"{wanted.data} has no study with {label} in the split {wanted.split}. Name another with --split."
        )
    if task != "segmentation":
        _refuse_images(dataset.kind, wanted.data, labelled, task)
    console = Console(stderr=True, highlight=False, markup=False)
    if len(labelled) < len(studies):
        console.print(f"{len(studies) - len(labelled)} of {len(studies)} studies are without {label} and left out.")
    if dataset.rows_left_out:
        console.print(f"{dataset.rows_left_out}: see `echobeat check-dataset`.")
    options |= {"view": wanted.view, "echobeat": __version__}
    identity = Identity(task, facts, dataset.kind, wanted.split, options)
    try:
        with Ledger(wanted.out, identity, labelled, fresh=wanted.fresh) as ledger:
            _predict(ledger, prepare, wanted.jobs, console)
    except KeyboardInterrupt:
        console.print("Stopped. Studies that are done are kept; the same command goes on.")
        raise typer.Exit(STOPPED) from None
    predictions = read_predictions(wanted.out)
    with console.status("figures and pictures"):
        runs = {kind: card_file(name).parent for kind, name in models.items()}
        rows = write_results(predictions, wanted.out, _resampling(wanted.interval), runs)
    if task != "segmentation":
        typer.echo(Answered.of(predictions.studies, predictions.readings).in_words)
    show_measured(rows, wanted.interval)
    for study in predictions.failed[:SHOWN]:
        console.print(Text(f"{study.study}: {study.problem}", "red"), soft_wrap=True)
    if len(predictions.failed) > SHOWN:
        console.print(f"and {len(predictions.failed) - SHOWN} more in {wanted.out / 'failures.csv'}")
    typer.echo(wanted.out / "report.html")
    if predictions.failed:
        raise typer.Exit(SOME_FAILED)


def _facts(card: Card, segmentation: Card | None) -> dict[str, str]:
    """What predictions depend on of a model, its calibration included."""
    used = card.used if segmentation is None else card.used_beside(segmentation)
    return {"name": card.name, "version": card.version, "sha256": card.sha256, "calibration": used.calibration or ""}


def _refuse_images(kind: str, data: Path, studies: Sequence[LabelledStudy], task: str) -> None:
    """Say at once that no study can be read, rather than once a study."""
    if any(len(study.files) == 1 for study in studies) and not (task == "beats" and kind == "camus"):
        return
    reason = (
        "holds half a beat a patient, from end-diastole to end-systole: no beat can be told from it"
        if any(len(study.files) == 1 for study in studies)
        else "holds single images of end-diastole and end-systole, no videos"
    )
    raise UsageError(
        f"{data} {reason}. `echobeat evaluate segmentation` measures the contours on it; `echobeat evaluate camus` the "
        "EF that they give from the two images."
    )


def _predict(ledger: Ledger, prepare: Callable[[], Predictor], jobs: int, console: Console) -> None:
    waiting = ledger.waiting
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(TextColumn("studies"), *columns, console=console, transient=True) as bar:
        total = len(ledger.studies)
        task = bar.add_task("studies", total=total, completed=total - len(waiting))
        for outcome in _outcomes(waiting, prepare, jobs):
            ledger.add(outcome)
            bar.advance(task)


def _outcomes(waiting: Sequence[LabelledStudy], prepare: Callable[[], Predictor], jobs: int) -> Iterator[Outcome]:
    """Outcomes as they come, in this process or in several; one that dies takes only its own study with it."""
    from echobeat.commands.workers import Died, work_through
    from echobeat.evaluation.ledger import failed

    if jobs == 1 or len(waiting) < 2:
        if waiting:
            predict = prepare()
            yield from (predict(study) for study in waiting)
        return
    for study, outcome in work_through(waiting, prepare, min(jobs, len(waiting))):
        if isinstance(outcome, Died):
            yield failed(study, f"its process ended (exit code {outcome.exit_code}), maybe for want of memory")
        else:
            yield outcome


@evaluate.command()
def phantoms(
    data: Annotated[
        Path, typer.Option(help="Folder made by `echobeat phantom`, e.g. with --benchmark.", callback=folder_to_read)
    ],
    segmentation: Segmentation = "lv",
    ef: Annotated[str | None, typer.Option(metavar="NAME|RUN", help="EF model; none: contours only.")] = None,
    out: Out = None,
) -> None:
    """Beats found and EF from contours and video, beside the same measurement on the true masks."""
    from echobeat.evaluation.phantoms import by_rhythm, score_phantoms, summarise
    from echobeat.evaluation.terminal import make_room, show_metrics
    from echobeat.pipeline import Models

    make_room(out)
    console = Console(stderr=True, highlight=False, markup=False)
    total = sum(1 for _ in (data / "Truth").glob("*.json"))
    failed: list[str] = []
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("studies", total=total)
        models = Models.load(segmentation, ef)
        scores = score_phantoms(data, models, lambda: bar.advance(task), failed.append)
    metrics = [m for name, part in by_rhythm(scores).items() for m in summarise(part, f"{data.name}, {name}")]
    show_metrics(metrics, out)
    for problem in failed[:SHOWN]:
        console.print(Text(problem, "red"), soft_wrap=True)
    if failed:
        raise typer.Exit(SOME_FAILED)


@evaluate.command()
def camus(
    data: Annotated[Path, typer.Option(help="Folder of CAMUS.", callback=folder_to_read)],
    split: Annotated[str, typer.Option(help="valid, calibration, ...")] = "valid",
    segmentation: Segmentation = "lv",
    out: Out = None,
) -> None:
    """Dice against the experts' masks, and EF of the ED/ES pairs."""
    from echobeat.datasets.camus import read_camus
    from echobeat.evaluation.camus import evaluate_camus
    from echobeat.evaluation.terminal import make_room, show_metrics
    from echobeat.models import load_segmenter

    make_room(out)
    show_metrics(evaluate_camus(load_segmenter(segmentation), read_camus(data, split), f"CAMUS {split}"), out)
