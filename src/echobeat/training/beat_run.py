"""Train a reader of beats by its recipe: material, steps, best weights, model and card."""

from __future__ import annotations

import copy
import hashlib
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import NonNegativeInt, PositiveInt, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from echobeat.datasets.camus import read_camus
from echobeat.errors import ModelError, UsageError
from echobeat.models import Card, Segmenter, load_segmenter
from echobeat.models.beat_clips import SIZE
from echobeat.models.cards import BEAT_OUTPUTS, file_hash, write_card
from echobeat.networks.export import export_beats
from echobeat.networks.light_beat import LightBeat
from echobeat.networks.registry import RawGrey
from echobeat.phantom import draw_patient
from echobeat.phantom.dataset import write_patients
from echobeat.phantom.seeds import TRAINING_SEEDS, VALIDATION_SEEDS
from echobeat.training import checkpoints
from echobeat.training.beat_material import Animator, Beats, phantom_beats
from echobeat.training.beats import AllBeats, BeatClips, BeatTask
from echobeat.training.config import STRICT, Course, Machine, Optimiser, Share
from echobeat.training.curves import draw_curves
from echobeat.training.engine import Engine
from echobeat.training.journal import Journal
from echobeat.training.lesson import Lesson
from echobeat.training.recipe_files import override, to_toml
from echobeat.training.run import Best, Training, make_fabric
from echobeat.training.run_folder import RunFolder, versions, write_text
from echobeat.training.sampling import Order

FIRST_SEED = TRAINING_SEEDS.stop // 2
"""The segmentation models learned from patients of lower seeds: their contours of these are as of strangers."""
VALIDATION_PHANTOMS = 60
"""They choose the weights, beside the stills of CAMUS valid where there are any."""


@checked_dataclass(frozen=True, kw_only=True, config=STRICT)
class BeatConfig:
    """How a reader of beats is trained.

    Attributes
    ----------
    segmentation : str
        Whose contours it reads.
    phantoms : int
        Patients that are made to learn from.
    animated, animated_share : int, float
        Beats of each patient of CAMUS, and their share of every batch; 0 needs no CAMUS.
    pairs_share : float
        Share of the beats from one still of CAMUS to the other as they are: contours err less on them than on animated
        ones, and the network has to see that, too.
    widths : tuple of int
        Of `LightBeat`.
    """

    segmentation: str
    phantoms: PositiveInt
    animated: NonNegativeInt = 0
    animated_share: Share = 0.0
    pairs_share: Share = 0.0
    widths: tuple[int, ...] = (32, 64, 128)
    optimiser: Optimiser = field(default_factory=Optimiser)
    course: Course = field(default_factory=Course)
    machine: Machine = field(default_factory=Machine)

    @classmethod
    def load(cls, name: str, overrides: Sequence[str] = ()) -> BeatConfig:
        """Read a bundled recipe by name, or a TOML file.

        Raises
        ------
        UsageError
            There is none, or an entry of it cannot be.
        """
        bundled = resources.files("echobeat.training") / "recipes" / "beats" / f"{name}.toml"
        try:
            values = tomllib.loads(bundled.read_text("utf-8") if bundled.is_file() else Path(name).read_text("utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise UsageError(f"There is no recipe {name}: it is neither bundled nor a TOML file.") from error
        for text in overrides:
            override(values, text)
        try:
            return TypeAdapter(cls).validate_python(values)
        except ValidationError as error:
            first = error.errors()[0]
            raise UsageError(f"The recipe {name}: {'.'.join(map(str, first['loc']))}: {first['msg']}.") from error


@dataclass(frozen=True)
class BeatMaterial:
    """What is learned from, and what chooses the weights."""

    train: list[tuple[Beats, float]]
    val: Beats
    described: tuple[str, ...]


def train_beats(
    config: BeatConfig, camus: Path | None, out: Path, resume: bool = False, log: Callable[[str], None] = print
) -> Path:
    """Train, or go on training; everything made on the way is kept below `out`.

    Parameters
    ----------
    config : BeatConfig
    camus : Path or None
        Folder of CAMUS, for recipes that animate it.
    out : Path
        Of the run, see `RunFolder`.
    resume : bool
        Go on with the run in `out`.
    log : callable
        Takes each line of progress.

    Returns
    -------
    Path
        The exported model.

    Raises
    ------
    UsageError
        The recipe needs CAMUS, or the folder holds another run.
    TrainingStopped
        Ctrl-C; the run is saved.
    """
    if config.animated and camus is None:
        raise UsageError("This recipe learns from CAMUS: name its folder.")
    folder = RunFolder(out)
    _begin(folder, config, resume)
    fabric = make_fabric(config.machine, out)
    fabric.launch()
    segmenter = load_segmenter(config.segmentation)
    material = gather_beats(config, segmenter, camus, out / "material", log)
    order = Order(sum(len(beats) for beats, _ in material.train), config.course.batch, config.course.seed)
    order = replace(order, steps=config.course.epoch_steps)
    network = LightBeat(config.widths)
    lesson = Lesson(
        cast(RawGrey, network),  # of a `RawGrey` nothing is asked here but that it is a module
        BeatTask(),
        BeatClips(material.train, config.course.seed),
        AllBeats(material.val),
        order,
        config.machine,
    )
    last = checkpoints.load(folder.last)
    done = last["engine"]["step"] if last else 0
    with Journal(out, fabric, config.course.epochs * order.epoch_steps, done, config.course.batch) as journal:
        engine = Engine(fabric, network, lesson.task, cast(Any, config), order.epoch_steps, journal.say)
        _note(folder, material, network)
        training = Training(folder, engine, lesson, journal, Best.read(folder, fabric))
        training.fit(last)
        return _conclude(training, config, segmenter, material)


def _begin(folder: RunFolder, config: BeatConfig, resume: bool) -> None:
    if folder.config.exists():
        if not resume:
            raise UsageError(f"{folder.path} holds a run. Go on with it by --resume, or name another folder.")
        if replace(BeatConfig.load(str(folder.config)), machine=Machine()) != replace(config, machine=Machine()):
            raise UsageError(f"{folder.path} is a run of another recipe: see {folder.config}.")
    write_text(folder.config, to_toml(cast(Any, config)))


def gather_beats(
    config: BeatConfig, segmenter: Segmenter, camus: Path | None, folder: Path, log: Callable[[str], None]
) -> BeatMaterial:
    """Make, or find again, all that is learned from."""
    train = _phantoms(range(FIRST_SEED, FIRST_SEED + config.phantoms), segmenter, folder / "train", log)
    first = VALIDATION_SEEDS.start
    val = _phantoms(range(first, first + VALIDATION_PHANTOMS), segmenter, folder / "val", log)
    kinds, chosen_by = [(train, 1.0 - config.animated_share - config.pairs_share)], [val]
    said = [f"echobeat phantoms: {len(train)} beats of {config.phantoms} patients, training seeds"]
    if config.animated and camus is not None:
        animator = Animator(segmenter, config.animated, config.course.seed)
        moving = animator.beats(read_camus(camus, "train"), folder / "camus-train", log)
        kinds.append((moving, config.animated_share))
        plain = Animator(segmenter, 0, config.course.seed, plain=True)
        kinds.append((plain.beats(read_camus(camus, "train"), folder / "camus-pairs", log), config.pairs_share))
        chosen_by.append(plain.beats(read_camus(camus, "valid"), folder / "camus-valid", log))
        patients = len(np.unique(moving.patient))
        said.append(f"CAMUS, {patients} patients' stills animated into {len(moving)} beats, CC BY-NC-SA 4.0")
    return BeatMaterial([kind for kind in kinds if kind[1] > 0], Beats.joined(chosen_by), tuple(said))


def _phantoms(seeds: range, segmenter: Segmenter, folder: Path, log: Callable[[str], None]) -> Beats:
    write_patients(folder / "phantoms", [draw_patient(seed) for seed in seeds], jobs=1, progress=True)
    return phantom_beats(folder / "phantoms", segmenter, folder / segmenter.card.name, log)


def _note(folder: RunFolder, material: BeatMaterial, network: LightBeat) -> None:
    digest = hashlib.sha256()
    for beats in (*(kind for kind, _ in material.train), material.val):
        digest.update(beats.ef.tobytes())
        digest.update(beats.clips.tobytes())
    folder.note(
        {
            "task": "beats",
            "data": {"described": material.described, "fingerprint": digest.hexdigest()},
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
            "versions": versions(),
        }
    )


def _conclude(training: Training, config: BeatConfig, segmenter: Segmenter, material: BeatMaterial) -> Path:
    """Best weights in place, measured; model, card and curves written."""
    engine, folder = training.engine, training.folder
    best = checkpoints.load(folder.best)
    if best is None:
        raise ModelError(f"{folder.best} is missing. Train again into another folder.")
    engine.judged.load_state_dict(best["network"])
    rows = engine.examine(training.lesson.validation_loader(engine.fabric))
    write_text(folder.validation, _as_csv(rows, training.lesson.task.columns))
    network = copy.deepcopy(engine.judged).cpu()
    export_beats(network, folder.model)
    write_card(_card(folder, config, segmenter, material, rows), folder.model.with_suffix(".json"))
    draw_curves(training.journal.rows, best["step"], folder.path)
    training.journal.say(f"Best after step {best['step']}: {folder.model}")
    return folder.model


def _as_csv(rows: NDArray[np.float64], columns: Sequence[str]) -> str:
    lines = [",".join(columns), *(",".join(f"{value:.6g}" for value in row) for row in rows)]
    return "\n".join(lines) + "\n"


def _card(
    folder: RunFolder, config: BeatConfig, segmenter: Segmenter, material: BeatMaterial, rows: NDArray[np.float64]
) -> Card:
    """A draft: what a person says of the model, its figures and its calibration come with its release."""
    return Card(
        name=folder.path.resolve().name,
        version="0",
        task="beats",
        summary=f"Reads the EF of single beats beside the contours of {segmenter.card.name}.",
        licence="unknown: set by who trained it",
        data=material.described,
        recipe="config.toml of the run",
        parameters=sum(parameter.numel() for parameter in LightBeat(config.widths).parameters()),
        size=SIZE,
        classes=BEAT_OUTPUTS,
        metrics=(),
        limits=("Research only: not cleared for diagnosis or treatment.",),
        measurement_error=None,
        sha256=file_hash(folder.model),
        architecture="light_beat",
        preprocessing="grey standardised over the cut-out, mask from -1 to 1",
    )
