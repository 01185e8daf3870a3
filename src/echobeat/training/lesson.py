"""From a recipe and studies to what is trained: network, task, samples, their order, and the loaders."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import cv2
import numpy as np
import torch
from lightning.fabric import Fabric
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset

from echobeat.errors import UsageError
from echobeat.networks.registry import RawGrey, build, find
from echobeat.training.clips import EFClips, ValidationClips
from echobeat.training.config import Config, EFConfig, Machine, SegmentationConfig, Task
from echobeat.training.ef_losses import lds_weights
from echobeat.training.ef_task import EFTask
from echobeat.training.engine import LearningTask
from echobeat.training.loaders import LoaderSettings, choose_loading, make_loader
from echobeat.training.material import Material, grey_levels
from echobeat.training.sampling import Order, Steps, range_weights
from echobeat.training.segmentation_task import TracedTask
from echobeat.training.traced import TracedFrames

Net = TypeVar("Net", bound=nn.Module)


@dataclass(frozen=True)
class Lesson(Generic[Net]):
    """All that one training needs of its task.

    Attributes
    ----------
    network : Module
    task : LearningTask
    train, val : Dataset
        What the loaders read: items by (ordinal, study), and by number.
    order : Order
    machine : Machine
    """

    network: Net
    task: LearningTask
    train: Dataset[Any]
    val: Dataset[Any]
    order: Order
    machine: Machine

    def train_loader(self, fabric: Fabric, first: int, last: int) -> tuple[DataLoader[Any], LoaderSettings]:
        """The batches of the steps `first`..`last` for this process, and how they are loaded."""
        cv2.setNumThreads(1)  # workers are forked from here: see make_loader
        item = self.train[self.order.step(first)[0]]
        settings = self._loading(fabric, item, self.order.batch // fabric.world_size)
        steps = Steps(self.order, first, last, fabric.global_rank, fabric.world_size)
        return make_loader(self.train, settings, steps=steps), settings

    def validation_loader(self, fabric: Fabric) -> DataLoader[Any]:
        """This process's part of the validation's items."""
        count = len(self.val)  # type: ignore[arg-type]  # all our datasets have a length
        mine = Subset(self.val, range(fabric.global_rank, count, fabric.world_size))
        batch = max(1, self.order.batch // fabric.world_size)
        settings = self._loading(fabric, self.val[0], batch)
        few = replace(settings, workers=min(settings.workers, len(mine) // (4 * batch)))  # starting one takes longer
        return make_loader(mine, few, batch=batch)

    def _loading(self, fabric: Fabric, item: dict[str, torch.Tensor], batch: int) -> LoaderSettings:
        size = sum(value.nbytes for value in item.values()) * batch
        return choose_loading(self.machine, size, fabric.world_size, fabric.device.type == "cuda")


def prepare(config: Config, material: Material, fresh: bool) -> Lesson[RawGrey]:
    """Make all that a training needs.

    Parameters
    ----------
    config : Config
    material : Material
    fresh : bool
        False where weights will be restored: none are fetched then.

    Raises
    ------
    UsageError
        The architecture cannot take what the recipe gives it.
    """
    course, studies = config.course, config.studies
    weights = range_weights([study.ef for study in material.train], studies.ef_edges, studies.balance)
    order = Order(len(material.train), course.batch, course.seed, weights, course.epoch_steps)
    if isinstance(config, EFConfig):
        return _ef_lesson(config, material, order, fresh)
    return _segmentation_lesson(config, material, order, fresh)


def _ef_lesson(config: EFConfig, material: Material, order: Order, fresh: bool) -> Lesson[RawGrey]:
    network = _network("ef", config, material, fresh, 3 if config.loss.volumes else 1)
    architecture, clips, seed, noise = network.architecture, config.clips, config.course.seed, config.studies.noise
    if clips.whole and not architecture.whole_video:
        raise UsageError(f"{architecture.name} reads clips of one length only: clips.whole cannot be true.")
    smoothed = lds_weights(np.array([study.ef for study in material.train], float), config.loss)
    return Lesson(
        network,
        EFTask(config, network.network.get_submodule(architecture.head)),
        EFClips(material.train, material.frames, clips, seed, noise, smoothed),
        ValidationClips(material.val, material.frames, clips, config.validation_clips, seed, noise),
        order,
        config.machine,
    )


def _segmentation_lesson(config: SegmentationConfig, material: Material, order: Order, fresh: bool) -> Lesson[RawGrey]:
    within = config.loss.consistency_within if config.loss.consistency else 0
    noise, seed, frames = config.studies.noise, config.course.seed, material.frames
    return Lesson(
        _network("segmentation", config, material, fresh, 1),
        TracedTask(config),
        TracedFrames(material.train, frames, seed, noise, config.augment, within),
        TracedFrames(material.val, frames, seed, noise),
        order,
        config.machine,
    )


def _network(task: Task, config: Config, material: Material, fresh: bool, outputs: int) -> RawGrey:
    """A torchvision network gets the training studies' grey levels; they are restored with its weights later."""
    settings = config.network
    levels: dict[str, float] = {}
    if find(settings.architecture, task).family == "torchvision":
        mean, std = grey_levels(material, config.studies, config.course.seed) if fresh else (0.0, 1.0)
        levels = {"mean": mean, "std": std}
    torch.manual_seed(config.course.seed)
    return build(
        settings.architecture,
        task,
        outputs=outputs,
        pretrained=settings.pretrained and fresh,
        size=settings.size,
        frames=config.clips.frames if isinstance(config, EFConfig) else 1,
        **levels,
    )
