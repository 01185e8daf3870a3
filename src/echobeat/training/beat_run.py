"""Train a reader of beats by its recipe: material, steps, best weights, model and card."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from pydantic import NonNegativeInt, PositiveInt, model_validator
from pydantic.dataclasses import dataclass as checked_dataclass

from echobeat.datasets.camus import read_camus
from echobeat.errors import UsageError
from echobeat.machine import cores_here
from echobeat.models import Segmenter, load_segmenter
from echobeat.models.beat_clips import SIZE
from echobeat.models.cards import BEAT_OUTPUTS
from echobeat.networks.export import export_beats
from echobeat.networks.light_beat import LightBeat
from echobeat.phantom import Patient, draw_patient
from echobeat.phantom.dataset import write_patients
from echobeat.phantom.seeds import TRAINING_SEEDS, VALIDATION_SEEDS
from echobeat.training.beat_material import Animator, Beats, phantom_beats
from echobeat.training.beats import AllBeats, BeatClips, BeatTask
from echobeat.training.bundled import Subject, draft_card, train_bundled
from echobeat.training.config import STRICT, Course, Machine, Optimiser, Share
from echobeat.training.lesson import Lesson
from echobeat.training.recipe_files import load_recipe
from echobeat.training.sampling import Order

FIRST_SEED = TRAINING_SEEDS.stop // 2
"""The segmentation models learned from patients of lower seeds: their contours of these are as of strangers."""
TRAINING_BEATS = 2
"""Of a phantom to learn from: contours err from patient to patient, little from beat to beat, and a short clip is made
in half the time. Their number is the number of heart cycles, so that about one beat of each is whole."""
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

    @model_validator(mode="after")
    def _fits(self) -> BeatConfig:
        if self.course.monitor not in ("loss", "mae"):
            raise ValueError("course.monitor is loss or mae")
        if self.animated_share + self.pairs_share >= 1:
            raise ValueError("animated_share and pairs_share leave phantoms a share: together they are below 1")
        return self

    @classmethod
    def load(cls, name: str, overrides: Sequence[str] = ()) -> BeatConfig:
        """Read a recipe by name (bundled) or by path to a TOML file, see `load_recipe`."""
        return load_recipe(cls, "beats", name, overrides)


@dataclass(frozen=True)
class BeatMaterial:
    """What is learned from, and what chooses the weights."""

    train: list[tuple[Beats, float]]
    val: Beats
    described: tuple[str, ...]


def train_beats(
    config: BeatConfig, camus: Path | None, out: Path, *, resume: bool = False, log: Callable[[str], None] = print
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
    return train_bundled(config, out, partial(_subject, config, camus, log), resume=resume)


def _subject(config: BeatConfig, camus: Path | None, log: Callable[[str], None], folder: Path) -> Subject:
    segmenter = load_segmenter(config.segmentation)
    material = gather_beats(config, segmenter, camus, folder, log)
    course = config.course
    order = Order(sum(len(beats) for beats, _ in material.train), course.batch, course.seed, steps=course.epoch_steps)
    torch.manual_seed(course.seed)
    card = draft_card(
        "beats",
        f"Reads the EF of single beats beside the contours of {segmenter.card.name}.",
        material.described,
        SIZE,
        BEAT_OUTPUTS,
    )
    return Subject(
        Lesson(
            LightBeat(config.widths),
            BeatTask(),
            BeatClips(material.train, course.seed),
            AllBeats(material.val),
            order,
            config.machine,
        ),
        _fingerprint(material),
        export_beats,
        replace(card, architecture="light_beat", preprocessing="grey standardised over the cut-out, mask from -1 to 1"),
    )


def gather_beats(
    config: BeatConfig, segmenter: Segmenter, camus: Path | None, folder: Path, log: Callable[[str], None]
) -> BeatMaterial:
    """Make, or find again, all that is learned from."""
    short = (draw_patient(seed, beats=TRAINING_BEATS) for seed in range(FIRST_SEED, FIRST_SEED + config.phantoms))
    train = _phantoms(short, segmenter, folder / "train", log)
    first = VALIDATION_SEEDS.start
    whole = (draw_patient(seed) for seed in range(first, first + VALIDATION_PHANTOMS))
    val = _phantoms(whole, segmenter, folder / "val", log)
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


def _phantoms(patients: Iterable[Patient], segmenter: Segmenter, folder: Path, log: Callable[[str], None]) -> Beats:
    write_patients(folder / "phantoms", list(patients), jobs=cores_here(), progress=True)
    return phantom_beats(folder / "phantoms", segmenter, folder / segmenter.card.name, log)


def _fingerprint(material: BeatMaterial) -> str:
    digest = hashlib.sha256()
    for beats in (*(kind for kind, _ in material.train), material.val):
        digest.update(beats.ef.tobytes())
        digest.update(beats.clips.tobytes())
    return digest.hexdigest()
