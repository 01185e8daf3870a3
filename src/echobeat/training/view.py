"""Train the bundled view network: pools of pictures -> weights -> ONNX."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import PositiveInt, model_validator
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn import functional

from echobeat.errors import UsageError
from echobeat.models import VIEW_CLASSES
from echobeat.networks.export import export_segmentation
from echobeat.networks.light_classifier import LightClassifier
from echobeat.networks.preprocessing import standardise
from echobeat.training.bundled import Subject, draft_card, train_bundled
from echobeat.training.config import STRICT, Course, Machine, Optimiser, Share, check_size
from echobeat.training.lesson import Lesson
from echobeat.training.recipe_files import load_recipe
from echobeat.training.sampling import Order
from echobeat.training.view_pools import JUDGING, AllViews, Pools, ViewSamples, make_pools

FOUR_CHAMBER = 4
"""So many of `VIEW_CLASSES`, the first, are the four-chamber view in its displays."""
THRESHOLD = 0.5
"""Of belief in a four-chamber view: for the figures that a validation shows, and the most that a release chooses,
however sure the network is of the good clips that it knows. Scanners that nobody has data of are to pass, too: the one
clip of another vendor at hand is believed with 0.94, in other greys with 0.68."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class ViewConfig:
    """How the network is trained; the named recipes are ``recipes/view/*.toml``.

    Attributes
    ----------
    camus : bool
        Learn from CAMUS, too.
    images : int
        Four-chamber phantom frames made before training.
    others : int
        Pictures of other kinds, multiplied by `PORTIONS`.
    smoothing : float
        Of the labels, so that the network does not grow surer than it can know.
    """

    camus: bool
    images: PositiveInt = 24000
    others: PositiveInt = 2000
    size: PositiveInt = 112
    widths: tuple[PositiveInt, ...] = (24, 48, 96)
    smoothing: Share = 0.03
    optimiser: Optimiser = field(default_factory=Optimiser)
    course: Course = field(default_factory=lambda: Course(epoch_steps=500))
    machine: Machine = field(default_factory=Machine)

    @model_validator(mode="after")
    def _fits(self) -> ViewConfig:
        if not self.course.epoch_steps:
            raise ValueError("it needs course.epoch_steps")
        if self.course.monitor != "loss":
            raise ValueError("course.monitor is loss")
        check_size(self.size, 1 + len(self.widths))
        return self

    @classmethod
    def load(cls, name: str, overrides: Sequence[str] = ()) -> ViewConfig:
        """Read a recipe by name (bundled) or by path to a TOML file, see `load_recipe`."""
        return load_recipe(cls, "view", name, overrides)


class ViewTask:
    """Eight classes, see `VIEW_CLASSES`."""

    columns: tuple[str, ...] = ("study", "truth", "found", "four_chamber", "loss")
    higher_is_better: frozenset[str] = frozenset()

    def __init__(self, smoothing: float) -> None:
        self.smoothing = smoothing

    def loss(self, network: nn.Module, batch: Mapping[str, Any]) -> Tensor:
        """Cross-entropy with smoothed labels, of (batch, size, size) uint8 grey."""
        logits = network(standardise(batch["images"][:, None].float())).float()
        return functional.cross_entropy(logits, batch["classes"], label_smoothing=self.smoothing)

    def examine(self, network: nn.Module, batch: Mapping[str, Any]) -> Tensor:
        """(pictures, columns) float64."""
        logits = network(standardise(batch["images"][:, None].float())).float()
        each = functional.cross_entropy(logits, batch["classes"], reduction="none")
        belief = logits.softmax(dim=1)[:, :FOUR_CHAMBER].sum(dim=1)
        parts = (batch["study"], batch["classes"], logits.argmax(dim=1), belief, each)
        return torch.stack([part.double() for part in parts], dim=1)

    def scores(self, rows: NDArray[np.float64]) -> dict[str, float]:
        """Cross-entropy, share of right answers, and what a threshold on single pictures would refuse."""
        _, truth, found, belief, loss = rows.T
        good, other = truth < FOUR_CHAMBER, truth == VIEW_CLASSES.index("other_view")
        return {
            "loss": float(loss.mean()),
            "right": float((truth == found).mean()),
            "good_refused": float((belief[good] < THRESHOLD).mean()),
            "other_view_refused": float((belief[other] < THRESHOLD).mean()),
        }

    def figures(self, rows: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """One value a picture."""
        return {"right": (rows[:, 1] == rows[:, 2]).astype(float)}


def train_view(
    config: ViewConfig,
    camus: Path | None,
    out: Path,
    *,
    start: Path | None = None,
    resume: bool = False,
    log: Callable[[str], None] = print,
) -> Path:
    """Train, or go on training; pictures that are made are kept below `out`.

    Parameters
    ----------
    config : ViewConfig
    camus : Path or None
        Folder of CAMUS, for recipes that learn from it: ``train``, and ``valid`` helps to choose the weights.
    out, start, resume
        See `train_bundled`.
    log : callable
        Takes each line on what is made before.

    Returns
    -------
    Path
        The exported model.

    Raises
    ------
    UsageError
        The recipe needs CAMUS, or the folder holds another run.
    """
    if config.camus and camus is None:
        raise UsageError("This recipe learns from CAMUS: name its folder.")
    real = camus if config.camus else None
    return train_bundled(config, out, partial(_subject, config, real, log), resume=resume, start=start)


def _subject(config: ViewConfig, camus: Path | None, log: Callable[[str], None], folder: Path) -> Subject:
    course = config.course
    pools = make_pools(folder, config.others, config.images, course.seed, camus, "train", log)
    few = max(1, config.others // JUDGING), max(1, config.images // JUDGING)
    judging = make_pools(folder / "judging", *few, course.seed + 1, camus, "valid", log)
    torch.manual_seed(course.seed)
    network = LightClassifier(config.widths, config.size)
    train = ViewSamples(pools, config.size, course.seed)
    order = Order(config.images, course.batch, course.seed, steps=course.epoch_steps)
    return Subject(
        Lesson(
            network,
            ViewTask(config.smoothing),
            train,
            AllViews(ViewSamples(judging, config.size, course.seed + 1)),
            order,
            config.machine,
        ),
        _fingerprint(pools),
        lambda trained, path: export_segmentation(trained, path, config.size),
        draft_card(
            "view",
            "Tells apical four-chamber clips, in any display, from all else.",
            (*(f"{kind}: {len(made)} pictures" for kind, made in pools.made.items()), f"CAMUS: {len(pools.real)}"),
            config.size,
            VIEW_CLASSES,
        ),
    )


def _fingerprint(pools: Pools) -> str:
    digest = hashlib.sha256()
    for made in pools.made.values():
        digest.update(made[:: max(1, len(made) // 64)].tobytes())
    digest.update(str(len(pools.real)).encode())
    return digest.hexdigest()
