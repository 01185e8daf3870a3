"""Train a network: data -> samples -> steps -> best weights -> model and card. The spine, to be read top-down."""

from __future__ import annotations

import copy
import csv
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric
from lightning.fabric.loggers.tensorboard import TensorBoardLogger
from lightning.fabric.utilities.rank_zero import rank_zero_only
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from echobeat.errors import ModelError, UsageError
from echobeat.networks.registry import RawGrey
from echobeat.training import checkpoints
from echobeat.training.config import Config, Machine, Task
from echobeat.training.curves import draw_curves
from echobeat.training.engine import Engine, rate_at
from echobeat.training.finish import finish
from echobeat.training.journal import Journal
from echobeat.training.lesson import Lesson, prepare
from echobeat.training.material import Material, Source, gather
from echobeat.training.run_folder import RunFolder
from echobeat.training.stopping import StopSign, TrainingStopped
from echobeat.whole import write_file

Checkpoint = dict[str, Any]


def train(task: Task, source: Source, out: Path, config: Config, resume: bool = False) -> Path:
    """Train, or go on training.

    Parameters
    ----------
    task : "segmentation" or "ef"
    source : Source
        The data set, its folds, and the frame cache.
    out : Path
        Folder of the run, see `RunFolder`.
    config : Config
        See `load_config`.
    resume : bool
        Go on with the run in `out` from its last checkpoint; a new one is begun where there is none.

    Returns
    -------
    Path
        The exported model.

    Raises
    ------
    UsageError
        The folder holds another run, or the data cannot teach the task.
    TrainingStopped
        Ctrl-C; the run is saved.
    """
    folder = RunFolder(out)
    if is_first_process():  # it decodes before the others start
        folder.begin(config, resume)
        with _decoding() as progress:
            gather(task, config, source, progress)
    fabric = make_fabric(config.machine, out)
    fabric.launch()
    check_batch(config.course.batch, fabric)
    material = gather(task, config, source)
    last = checkpoints.load(folder.last)
    lesson = prepare(config, material, fresh=last is None)
    total, done = config.course.epochs * lesson.order.epoch_steps, last["engine"]["step"] if last else 0
    with Journal(out, fabric, total, done, config.course.batch) as journal:
        engine = Engine(fabric, lesson.network, lesson.task, config, lesson.order.epoch_steps, journal.say)
        _announce(folder, fabric, lesson, material, journal)
        training = Training(folder, engine, lesson, journal, Best.read(folder, fabric))
        training.fit(last)
        return training.conclude(partial(_write, training, material))


def is_first_process() -> bool:
    """True but in the further processes of a training with several."""
    return bool(rank_zero_only.rank == 0)  # type: ignore[attr-defined]  # lightning sets it on the function


def check_batch(batch: int, fabric: Fabric) -> None:
    """Refuse a batch that the processes cannot share evenly.

    Raises
    ------
    UsageError
    """
    if batch % fabric.world_size:
        raise UsageError(f"A batch of {batch} cannot be shared by {fabric.world_size} processes.")


def make_fabric(machine: Machine, out: Path) -> Fabric:
    """Devices, processes and precision as the recipe says; on a CPU one process unless told otherwise."""
    gpu = torch.cuda.is_available() and machine.accelerator in ("auto", "gpu")
    devices = machine.devices or (torch.cuda.device_count() if gpu else 1)
    return Fabric(
        accelerator=machine.accelerator,
        devices=devices,
        num_nodes=machine.nodes,
        strategy="ddp" if devices * machine.nodes > 1 else "auto",
        precision=PRECISIONS[chosen_precision(machine, gpu)],  # type: ignore[arg-type]  # a literal there
        loggers=TensorBoardLogger(out, name="tensorboard", version=""),
    )


def chosen_precision(machine: Machine, gpu: bool) -> str:
    """The recipe's; but bf16 becomes 32 where GPU or processor only imitate it, at a tenth of the speed."""
    able = torch.cpu.get_capabilities()
    native = (
        torch.cuda.is_bf16_supported(including_emulation=False)
        if gpu
        else able.get("avx512_bf16", False) or able.get("amx_bf16", False)
    )
    wanted = ("bf16" if gpu else "32") if machine.precision == "auto" else machine.precision
    return "32" if wanted == "bf16" and not native else wanted


NOTHING = 0.01
"""A Dice below is that of a network that finds nothing: masks that touch at all have more."""

PRECISIONS = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}
"""Ours to Lightning's."""


@dataclass
class Best:
    """How good the best weights are; best.ckpt is the only place that remembers it."""

    score: float = math.nan
    step: int = 0

    @classmethod
    def read(cls, folder: RunFolder, fabric: Fabric) -> Best:
        """From best.ckpt, the same for all processes."""
        kept = checkpoints.load(folder.best) if fabric.is_global_zero else None
        score, step = fabric.broadcast((kept["score"], kept["step"]) if kept else (math.nan, 0))
        return cls(score, step)

    def is_beaten_by(self, score: float, higher_is_better: bool) -> bool:
        """A figure that is not a number is worse than any other."""
        if math.isnan(self.score):
            return True
        return score > self.score if higher_is_better else score < self.score


class Training:
    """One run from its last checkpoint to its end."""

    def __init__(self, folder: RunFolder, engine: Engine, lesson: Lesson[Any], journal: Journal, best: Best) -> None:
        self.folder, self.engine, self.lesson, self.journal, self.best = folder, engine, lesson, journal, best
        self.fabric, self.course = engine.fabric, engine.config.course
        self.losses = Losses()
        self._saved = time.monotonic()

    def fit(self, last: Checkpoint | None) -> None:
        """Step by step to the end of the course, validating after each epoch.

        Raises
        ------
        TrainingStopped
            Ctrl-C; last.ckpt holds everything.
        """
        engine, epoch_steps = self.engine, self.lesson.order.epoch_steps
        if last is not None:
            engine.restore(last["engine"])
            self.losses = Losses(*last["losses"])
        if engine.step % epoch_steps == 0 and self._out_of_patience():
            return
        loader, loading = self.lesson.train_loader(self.fabric, engine.step, engine.steps)
        self.journal.say(f"Loading: {loading}")
        with StopSign(self.fabric, self.journal.say) as stop:
            for batch in self.journal.waiting_for(loader):
                loss = engine.learn(self.fabric.to_device(batch))
                self.losses.add(loss)
                self.journal.stepped(engine.step, loss)
                if engine.step % epoch_steps == 0:
                    self.validate()
                    self.save()
                    if self._out_of_patience():
                        self.journal.say(f"No better validation for {self.course.patience} epochs: the training ends.")
                        return
                elif time.monotonic() - self._saved >= 60 * self.course.checkpoint_minutes:
                    self.save()
                if stop.asked and engine.step < engine.steps:
                    self.save()
                    raise TrainingStopped(
                        f"Stopped after step {engine.step} of {engine.steps}. The same command with --resume goes on."
                    )

    def validate(self) -> None:
        """Judge the weights, keep them if they are the best, and tell."""
        engine, task = self.engine, self.lesson.task
        scores = task.scores(engine.examine(self.lesson.validation_loader(self.fabric)))
        score = scores[self.course.monitor]
        if self.best.is_beaten_by(score, self.course.monitor in task.higher_is_better):
            self.best = Best(score, engine.step)
            if self.fabric.is_global_zero:
                kept = {"network": engine.judged.state_dict(), "score": score, "step": engine.step}
                checkpoints.save(kept, self.folder.best)
        steps = self.lesson.order.epoch_steps
        row = {"epoch": engine.step / steps, "step": float(engine.step), "loss": self.losses.mean}
        row["learning_rate"] = rate_at(engine.config.optimiser, engine.step - 1, steps, engine.steps)
        self.journal.validated({**row, **{f"val_{name}": value for name, value in scores.items()}})
        self.losses = Losses()

    def save(self) -> None:
        """Write last.ckpt."""
        self._saved = time.monotonic()
        if self.fabric.is_global_zero:
            losses = [float(self.losses.total), self.losses.count]
            checkpoints.save({"engine": self.engine.state(), "losses": losses}, self.folder.last)

    def _out_of_patience(self) -> bool:
        epochs = (self.engine.step - self.best.step) // self.lesson.order.epoch_steps
        return bool(self.course.patience) and epochs >= self.course.patience

    def say_best(self, step: int) -> None:
        """Name the model, and warn of one that found nothing."""
        self.journal.say(f"Best after step {step}: {self.folder.model}")
        monitor, score = self.course.monitor, self.best.score
        if monitor in self.lesson.task.higher_is_better and score < NOTHING:
            self.journal.say(
                f"Warning: the best {monitor} of all validations is {score:.3f}. The network has learned nothing: look "
                "at curves.png, check the data with `echobeat check-dataset`, or train for more epochs."
            )

    def conclude(self, write: Callable[[Any, NDArray[np.float64]], None]) -> Path:
        """Put the best weights in place, measure them, and draw the curves.

        Parameters
        ----------
        write : callable
            Takes the network, on the CPU, and the rows of its validation; writes both, the network with its card. One
            process of several calls it.

        Raises
        ------
        ModelError
            The best weights are missing.
        """
        engine = self.engine
        self.fabric.barrier()  # the process that writes the best weights may still be at it
        best = checkpoints.load(self.folder.best)
        if best is None:
            raise ModelError(f"{self.folder.best} is missing. Train again into another folder.")
        engine.judged.load_state_dict(best["network"])
        rows = engine.examine(self.lesson.validation_loader(self.fabric))
        if self.fabric.is_global_zero:
            write(copy.deepcopy(engine.judged).cpu(), rows)
            draw_curves(self.journal.rows, best["step"], self.folder.path)
            self.say_best(best["step"])
        self.fabric.barrier()
        return self.folder.model


def _write(training: Training, material: Material, network: RawGrey, rows: NDArray[np.float64]) -> None:
    """What `Training.conclude` asks for."""
    folder, engine, task = training.folder, training.engine, training.lesson.task
    epochs = engine.step // training.lesson.order.epoch_steps
    write_file(folder.validation, rows_as_csv(task.columns, rows, material))
    finish(folder, network, engine.config, material, task.figures(rows), epochs)


def rows_as_csv(columns: tuple[str, ...], rows: NDArray[np.float64], material: Material) -> str:
    """Rows of a validation with the names of study and patient."""
    text = StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("study", "patient", *columns[1:]))
    for number, *values in rows:
        study = material.val[int(number)]
        table.writerow((study.name, study.patient, *(f"{value:.6g}" for value in values)))
    return text.getvalue()


class Losses:
    """Mean training loss of an epoch, summed on the device: fetching each would hold up a GPU."""

    def __init__(self, total: float = 0.0, count: int = 0) -> None:
        self.total: torch.Tensor | float = total
        self.count = count

    def add(self, loss: torch.Tensor) -> None:
        self.total = self.total + loss
        self.count += 1

    @property
    def mean(self) -> float:
        return float(self.total) / max(1, self.count)


def _announce(folder: RunFolder, fabric: Fabric, lesson: Lesson[RawGrey], material: Material, journal: Journal) -> None:
    """Say what is trained on what, and write it into the manifest."""
    parameters = sum(parameter.numel() for parameter in lesson.network.parameters())
    journal.say(
        f"{lesson.network.architecture.name}, {parameters / 1e6:.2f} M parameters, on {fabric.world_size} x "
        f"{fabric.device.type}: {len(material.train)} studies to learn from, {len(material.val)} to choose by"
    )
    for line in material.left_out:
        journal.say(f"Left out: {line}")
    if not fabric.is_global_zero:
        return
    counts = {"kind": material.kind, "train": len(material.train), "val": len(material.val)}
    folder.note(
        {
            "task": lesson.network.architecture.task,
            "data": {**counts, **material.identity},
            "device": torch.cuda.get_device_name() if fabric.device.type == "cuda" else fabric.device.type,
            "processes": fabric.world_size,
            "parameters": parameters,
        }
    )


@contextmanager
def _decoding() -> Iterator[Any]:
    """A bar for the frame cache."""
    with Progress(console=Console(stderr=True), transient=True) as bar:
        line = bar.add_task("decoding", total=None)
        yield lambda done, total: bar.update(line, completed=done, total=total)
