"""Train one of the bundled models: recipe -> what there is to learn -> steps -> best weights -> model and draft card.

The steps are those of `run.Training`, as for one's own data; what differs from model to model is its `Subject`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray
from torch import nn

from echobeat.errors import ModelError
from echobeat.models import Card
from echobeat.models.cards import ModelTask, file_hash, write_card
from echobeat.training import checkpoints
from echobeat.training.config import UNKNOWN_LICENCE, Course, Machine, Optimiser
from echobeat.training.engine import Engine
from echobeat.training.journal import Journal
from echobeat.training.lesson import Lesson
from echobeat.training.run import Best, Training, check_batch, is_first_process, make_fabric
from echobeat.training.run_folder import RunFolder
from echobeat.whole import write_file

NOT_CLEARED = "Research only: not cleared for diagnosis or treatment."


class BundledConfig(Protocol):
    """What the recipes of all bundled models have."""

    @property
    def optimiser(self) -> Optimiser: ...

    @property
    def course(self) -> Course: ...

    @property
    def machine(self) -> Machine: ...


@dataclass(frozen=True)
class Subject:
    """What one model is taught.

    Attributes
    ----------
    lesson : Lesson
        Its network is on the CPU.
    fingerprint : str
        Of all that is learned from: a run goes on with the same only.
    export : callable
        Writes the network as ONNX to a path, and compares the two.
    card : Card
        A draft: name, file and parameters are set when the run ends, licence, figures and intervals by its release.
    """

    lesson: Lesson[Any]
    fingerprint: str
    export: Callable[[nn.Module, Path], None]
    card: Card


def draft_card(task: ModelTask, summary: str, data: tuple[str, ...], size: int, classes: tuple[str, ...]) -> Card:
    """A card that claims nothing yet."""
    return Card(
        name="",
        version="0",
        task=task,
        summary=summary,
        licence=UNKNOWN_LICENCE,
        data=data,
        recipe="config.toml of the run",
        parameters=0,
        size=size,
        classes=classes,
        metrics=(),
        limits=(NOT_CLEARED,),
        measurement_error=None,
        sha256="",
    )


def train_bundled(
    config: BundledConfig, out: Path, subject_of: Callable[[Path], Subject], *, resume: bool, start: Path | None = None
) -> Path:
    """Train, or go on training.

    Parameters
    ----------
    config : BundledConfig
    out : Path
        Of the run, see `RunFolder`.
    subject_of : callable
        Makes what is learned, or finds it again, below a folder.
    resume : bool
        Go on with the run in `out`; a new one is begun where there is none.
    start : Path or None
        Weights that a new run begins with: a best.ckpt. A run that goes on is given the same.

    Returns
    -------
    Path
        The exported model; its draft card lies beside it.

    Raises
    ------
    UsageError
        The folder holds another run, or one that began with other weights or data.
    ModelError
        `start` does not fit, or the exported file does not answer as the network does.
    TrainingStopped
        Ctrl-C; the run is saved.
    """
    if start is not None and not start.is_file():
        raise ModelError(f"{start} does not exist. Name the checkpoints/best.ckpt of a run.")
    folder = RunFolder(out)
    origin = () if start is None else (file_hash(start),)
    subject: Subject | None = None
    if is_first_process():  # it makes what is learned from before the others start
        folder.begin(config, resume)
        subject = subject_of(folder.material)
    fabric = make_fabric(config.machine, out)
    fabric.launch()
    check_batch(config.course.batch, fabric)
    subject = subject or subject_of(folder.material)
    lesson, network = subject.lesson, subject.lesson.network
    last = checkpoints.load(folder.last)
    if start is not None and last is None:
        begin_with(network, start)
    steps, done = config.course.epochs * lesson.order.epoch_steps, last["engine"]["step"] if last else 0
    parameters = sum(parameter.numel() for parameter in network.parameters())
    with Journal(out, fabric, steps, done, config.course.batch) as journal:
        engine = Engine(fabric, network, lesson.task, cast(Any, config), lesson.order.epoch_steps, journal.say)
        begun = tuple(f"begun with the weights of a file with the SHA-256 {digest}" for digest in origin)
        card = replace(subject.card, parameters=parameters, data=(*subject.card.data, *begun))
        if fabric.is_global_zero:
            fingerprint = " ".join((subject.fingerprint, *origin))
            data = {"described": card.data, "fingerprint": fingerprint}
            folder.note({"task": card.task, "data": data, "parameters": parameters})
        training = Training(folder, engine, lesson, journal, Best.read(folder, fabric))
        training.fit(last)
        return training.conclude(partial(_write, folder, replace(subject, card=card)))


def begin_with(network: nn.Module, start: Path) -> None:
    """Put the weights of a best.ckpt into a network.

    Raises
    ------
    ModelError
        They are of another network.
    """
    kept = checkpoints.load(start) or {}
    try:
        network.load_state_dict(kept["network"])
    except (KeyError, RuntimeError) as error:
        raise ModelError(f"{start} holds weights of another network. Give the recipe that they came from.") from error


def _write(folder: RunFolder, subject: Subject, network: nn.Module, rows: NDArray[np.float64]) -> None:
    """What `Training.conclude` asks for."""
    write_file(folder.validation, _as_csv(rows, subject.lesson.task.columns))
    subject.export(network, folder.model)
    card = replace(subject.card, name=folder.path.resolve().name, sha256=file_hash(folder.model))
    write_card(card, folder.model.with_suffix(".json"))


def _as_csv(rows: NDArray[np.float64], columns: Sequence[str]) -> str:
    lines = [",".join(columns), *(",".join(f"{value:.6g}" for value in row) for row in rows)]
    return "\n".join(lines) + "\n"
