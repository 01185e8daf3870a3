"""Train the bundled segmentation network: pools of labelled images, real and made -> weights -> ONNX."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import field, replace
from functools import partial
from pathlib import Path
from typing import Literal, cast

import torch
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator
from pydantic.dataclasses import dataclass

from echobeat.datasets.camus import read_camus
from echobeat.datasets.phantom_frames import FrameMaker
from echobeat.errors import UsageError
from echobeat.models import load_card
from echobeat.networks.export import export_segmentation
from echobeat.networks.light_unet import CLASSES, LightUNet
from echobeat.training.augment import Augmentation
from echobeat.training.bundled import Subject, draft_card, train_bundled
from echobeat.training.config import STRICT, Course, Machine, Optimiser, check_size
from echobeat.training.contours_task import ContoursTask, JudgingImages, shifted
from echobeat.training.lesson import Lesson
from echobeat.training.pools import Labelled, Pool, PooledImages
from echobeat.training.recipe_files import load_recipe
from echobeat.training.run import is_first_process
from echobeat.training.run_folder import RunFolder
from echobeat.training.sampling import Order

Log = Callable[[str], None]

UNSEEN = 1_000_003
"""Added to the seed for the phantom frames that choose the weights."""
JUDGING_PHANTOMS = 200


@dataclass(frozen=True, kw_only=True, config=STRICT)
class PoolConfig:
    """One kind of training image.

    Attributes
    ----------
    share : float
        Part of what is drawn, relative to the other pools.
    images : int
        How many frames are made before training (phantom and negatives).
    strength : float
        Of the appearance augmentation, see `Augmentation`.
    """

    kind: Literal["camus", "phantom", "negatives"]
    share: PositiveFloat
    images: NonNegativeInt = 0
    strength: NonNegativeFloat = 1.0


@dataclass(frozen=True, kw_only=True, config=STRICT)
class ContoursConfig:
    """How the network is trained; the named recipes are ``recipes/contours/*.toml``.

    `each` and `area` shape the loss, see `dice_cross_entropy`. `begin_with` is the recipe, a name or a file, that is
    trained first and whose best weights this one goes on from.
    """

    pools: tuple[PoolConfig, ...]
    begin_with: str = ""
    size: PositiveInt = 112
    widths: tuple[PositiveInt, ...] = (16, 32, 64, 128, 192)
    each: bool = False
    area: NonNegativeFloat = 0.0
    optimiser: Optimiser = field(default_factory=Optimiser)
    course: Course = field(default_factory=lambda: Course(epoch_steps=600, monitor="dice"))
    machine: Machine = field(default_factory=Machine)

    @model_validator(mode="after")
    def _fits(self) -> ContoursConfig:
        if not self.pools or not self.course.epoch_steps:
            raise ValueError("it needs images to learn from, [[pools]], and course.epoch_steps")
        if not all(pool.images for pool in self.pools if pool.kind != "camus"):
            raise ValueError("pools of phantoms and of negatives need images, how many are made")
        if self.course.monitor not in ("loss", "dice"):
            raise ValueError("course.monitor is loss or dice")
        check_size(self.size, len(self.widths) - 1)
        return self

    @classmethod
    def load(cls, name: str, overrides: Sequence[str] = ()) -> ContoursConfig:
        """Read a recipe by name (bundled) or by path to a TOML file, see `load_recipe`."""
        return load_recipe(cls, "contours", name, overrides)

    @property
    def first(self) -> ContoursConfig | None:
        """The recipe that `begin_with` names, on the same machine.

        Raises
        ------
        UsageError
            There is none, it is of another network, or begins with another one itself.
        """
        if not self.begin_with:
            return None
        first = replace(ContoursConfig.load(self.begin_with), machine=self.machine)
        if first.begin_with or first.widths != self.widths:
            why = "begins with another one itself" if first.begin_with else "is of a network of other widths"
            raise UsageError(f"begin_with = {self.begin_with}: that recipe {why}.")
        return first

    @property
    def needs_camus(self) -> bool:
        return any(pool.kind == "camus" for pool in self.pools)


def train_contours(
    config: ContoursConfig,
    camus: Path | None,
    out: Path,
    *,
    start: Path | None = None,
    resume: bool = False,
    log: Log = print,
) -> Path:
    """Train, or go on training; frames that are made are kept below `out`.

    Parameters
    ----------
    config : ContoursConfig
    camus : Path or None
        Folder of CAMUS, for the pools and for validation on its ``valid`` split.
    out, resume
        See `train_bundled`.
    start : Path or None
        See `train_bundled`; in place of what `config.begin_with` would give.
    log : callable
        Takes each line on what is made before.

    Returns
    -------
    Path
        The exported model.

    Raises
    ------
    UsageError
        The recipe needs CAMUS or begins with one that does not fit, or the folder holds another run.
    """
    first = None if start else config.first
    if camus is None and any(recipe.needs_camus for recipe in (config, first) if recipe):
        raise UsageError("This recipe learns from CAMUS: name its folder.")
    learned: tuple[str, ...] = ()
    if first:
        folder = RunFolder(out)
        stage = RunFolder(folder.first)
        if is_first_process():
            folder.begin(config, resume)
            log(f"Begins with the recipe {config.begin_with}, in {stage.path}")
        if not stage.finished:
            train_contours(first, camus, stage.path, resume=True, log=log)
        learned = tuple(f"by {config.begin_with} before: {line}" for line in load_card(stage.path).data)
        start, resume = stage.best, True
    return train_bundled(config, out, partial(_subject, config, camus, log, learned), resume=resume, start=start)


def _subject(config: ContoursConfig, camus: Path | None, log: Log, learned: tuple[str, ...], folder: Path) -> Subject:
    folder.mkdir(parents=True, exist_ok=True)
    maker = FrameMaker(folder, config.size, config.course.seed, log)
    pools = [
        Pool(_images(pool, camus, maker), pool.share, Augmentation(strength=pool.strength)) for pool in config.pools
    ]
    train, course = PooledImages(pools, config.size, config.course.seed), config.course
    groups = _judging(config, camus, maker)
    task = ContoursTask(config.each, config.area, tuple(tuple(judge) for judge in groups))
    val = JudgingImages.of((images for judge in groups for images in judge.values()), config.size)
    torch.manual_seed(course.seed)
    network = LightUNet(config.widths)
    order = Order(len(train), course.batch, course.seed, steps=course.epoch_steps)
    return Subject(
        Lesson(network, task, train, val, order, config.machine),
        _fingerprint(pools, val),
        lambda trained, path: export_segmentation(trained, path, config.size),
        draft_card(
            "segmentation",
            "Left ventricle, myocardium and left atrium in apical four-chamber frames.",
            (
                *learned,
                *(f"{pool.kind}: {len(made.images)} images" for pool, made in zip(config.pools, pools, strict=True)),
            ),
            config.size,
            CLASSES,
        ),
    )


def _images(pool: PoolConfig, camus: Path | None, maker: FrameMaker) -> list[Labelled]:
    if pool.kind == "phantom":
        return maker.phantoms(pool.images)
    if pool.kind == "negatives":
        return maker.negatives(pool.images)
    return [(sample.image, sample.labels) for sample in read_camus(cast(Path, camus), "train")]


def _judging(config: ContoursConfig, camus: Path | None, maker: FrameMaker) -> list[dict[str, list[Labelled]]]:
    """Groups of images that choose the weights, judge by judge: CAMUS `valid`, its held-out appearances, and phantoms
    never seen where the recipe learns from phantoms. Where CAMUS is not at hand, phantoms alone choose."""
    judges: list[dict[str, list[Labelled]]] = []
    if camus is not None:
        valid = list(read_camus(camus, "valid"))
        judges = [{"camus": [(one.image, one.labels) for one in valid]}, shifted(valid[::2] + valid[1::4])]
    if camus is None or any(pool.kind == "phantom" for pool in config.pools):
        unseen = replace(maker, seed=config.course.seed + UNSEEN)
        judges.append({"phantoms": unseen.phantoms(JUDGING_PHANTOMS)})
    return judges


def _fingerprint(pools: Sequence[Pool], val: JudgingImages) -> str:
    digest = hashlib.sha256()
    for pool in pools:
        for image, labels in pool.images[:: max(1, len(pool.images) // 64)]:
            digest.update(image.tobytes())
            digest.update(labels.tobytes())
    digest.update(val.images.tobytes())
    return digest.hexdigest()
