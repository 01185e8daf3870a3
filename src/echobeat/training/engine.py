"""One step after another: gradients in parts that the memory bears, the weights' move, their average, validation.

Lightning Fabric gives devices, precision and processes; the loop is ours, because a step has to be repeatable exactly:
everything drawn in it depends on the seed and the number of the step alone.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from lightning.fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn

from echobeat.errors import EchobeatError
from echobeat.training.config import Config, Optimiser

Batch = Mapping[str, Any]
Answer = TypeVar("Answer")


class LearningTask(Protocol):
    """What is learned: see `TracedTask` and `EFTask`."""

    columns: tuple[str, ...]
    higher_is_better: frozenset[str]

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """A scalar: the mean over the batch."""

    def examine(self, network: nn.Module, batch: Batch) -> Tensor:
        """(items, columns); the first column is the item's number."""

    def scores(self, rows: NDArray[np.float64]) -> dict[str, float]:
        """The figures of a validation."""

    def figures(self, rows: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """One value an item, for the card."""


class OutOfMemory(EchobeatError):
    """A single item does not fit into the GPU's memory, or one of several processes ran out of it."""


class Engine:
    """Network, average, optimiser and step: what a checkpoint holds.

    Parameters
    ----------
    fabric : Fabric
        Launched.
    network : Module
        On the CPU.
    task : LearningTask
    config : Config
    epoch_steps : int
    log : callable
        Takes lines for the user.
    """

    def __init__(
        self,
        fabric: Fabric,
        network: nn.Module,
        task: LearningTask,
        config: Config,
        epoch_steps: int,
        log: Callable[[str], None],
    ) -> None:
        self.fabric, self.task, self.config, self.epoch_steps, self.log = fabric, task, config, epoch_steps, log
        if config.machine.channels_last:
            to_channels_last(network)
        self.network = network
        self.average = copy.deepcopy(network).eval().requires_grad_(False) if config.optimiser.average else None
        whole: Any = torch.compile(network) if config.machine.compile else network
        self._module, self._optimiser = fabric.setup(whole, make_optimiser(config.optimiser, network))
        if self.average is not None:
            fabric.to_device(self.average)
        self.step = 0
        self.microbatch = config.machine.microbatch

    @property
    def steps(self) -> int:
        """Of the whole training."""
        return self.config.course.epochs * self.epoch_steps

    @property
    def judged(self) -> nn.Module:
        """The weights that are validated and exported."""
        return self.network if self.average is None else self.average

    def learn(self, batch: Batch) -> Tensor:
        """Take one step; returns the loss, still on its device."""
        settings = self.config.optimiser
        rate = rate_at(settings, self.step, self.epoch_steps, self.steps)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self.network.train()
        loss = self._in_parts(batch, self._gradients)
        if settings.clip_norm:
            self.fabric.clip_gradients(self._module, self._optimiser, max_norm=settings.clip_norm)
        self._optimiser.step()
        self.step += 1
        self._update_average()
        return loss

    def _gradients(self, batch: Batch, size: int) -> Tensor:
        """Gradients of the whole batch, `size` items at a time."""
        seeds = np.random.SeedSequence((self.config.course.seed, self.step, self.fabric.global_rank))
        torch.manual_seed(int(seeds.generate_state(1, np.uint64)[0] >> 1))
        self._optimiser.zero_grad()
        count = len(batch["study"])
        total = torch.zeros((), device=self.fabric.device)
        for first in range(0, count, size):
            part = {name: values[first : first + size] for name, values in batch.items()}
            with self.fabric.no_backward_sync(self._module, enabled=first + size < count):
                loss = self.task.loss(self._module, part) * (len(part["study"]) / count)
                self.fabric.backward(loss)
            total += loss.detach()
        return total

    def _in_parts(self, batch: Batch, work: Callable[[Batch, int], Answer]) -> Answer:
        """Do the work with as many items at once as the GPU's memory bears."""
        count = len(batch["study"])
        while True:
            size = min(self.microbatch or count, count)
            try:
                return work(batch, size)
            except torch.OutOfMemoryError as error:
                reason = str(error)
            self._halve(size, reason)  # outside: the error holds on to the tensors of the failed attempt

    def _halve(self, size: int, reason: str) -> None:
        if size == 1:
            raise OutOfMemory(f"The GPU's memory does not hold a single item ({reason}). Train at a smaller size.")
        if self.fabric.world_size > 1:
            raise OutOfMemory(
                f"The GPU's memory does not hold {size} items ({reason}). Several processes cannot change that while "
                f"they run: go on with --resume machine.microbatch={size // 2}."
            )
        self.microbatch = (size + 1) // 2
        if self.fabric.device.type == "cuda":
            torch.cuda.empty_cache()
        self.log(
            f"The GPU's memory does not hold {size} items at once: from here on {self.microbatch}, with the gradients "
            "of a batch added up. Batch statistics and losses that compare items are then those of the parts."
        )

    @torch.no_grad()
    def _update_average(self) -> None:
        if self.average is None:
            return
        keep = min(self.config.optimiser.average, (1 + self.step) / (10 + self.step))
        for mine, new in zip(self.average.state_dict().values(), self.network.state_dict().values(), strict=True):
            if mine.dtype.is_floating_point:
                mine.lerp_(new, 1 - keep)
            else:
                mine.copy_(new)

    @torch.no_grad()
    def examine(self, loader: Any) -> NDArray[np.float64]:
        """Rows of the validation, (items, columns), from all processes, in order of the items."""
        network = self.judged.eval()
        rows = [self._in_parts(self.fabric.to_device(batch), self._rows_of(network)).cpu() for batch in loader]
        mine = torch.cat(rows) if rows else torch.empty((0, len(self.task.columns)), dtype=torch.float64)
        return gathered(self.fabric, mine)

    def _rows_of(self, network: nn.Module) -> Callable[[Batch, int], Tensor]:
        def work(batch: Batch, size: int) -> Tensor:
            parts = []
            for first in range(0, len(batch["study"]), size):
                with self.fabric.autocast():
                    part = {name: values[first : first + size] for name, values in batch.items()}
                    parts.append(self.task.examine(network, part))
            return torch.cat(parts)

        return work

    def state(self) -> dict[str, Any]:
        """All that the training goes on from; nothing else is remembered."""
        return {
            "network": self.network.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "step": self.step,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`."""
        self.network.load_state_dict(state["network"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.step = state["step"]


def make_optimiser(settings: Optimiser, network: nn.Module) -> torch.optim.Optimizer:
    """SGD with momentum or AdamW over all weights that learn."""
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    if settings.kind == "sgd":
        return torch.optim.SGD(
            weights, settings.learning_rate, momentum=settings.momentum, weight_decay=settings.weight_decay
        )
    return torch.optim.AdamW(weights, settings.learning_rate, weight_decay=settings.weight_decay)


def rate_at(settings: Optimiser, step: int, epoch_steps: int, steps: int) -> float:
    """Learning rate of a step; a function, so that there is no schedule's state to store."""
    rate = settings.learning_rate
    if settings.warmup_steps:
        rate *= min(1.0, (step + 1) / settings.warmup_steps)
    if settings.schedule == "cosine":  # Loshchilov & Hutter 2017, "SGDR", ICLR
        rate *= 0.5 * (1 + math.cos(math.pi * step / steps))
    elif settings.schedule == "step":
        rate *= settings.step_factor ** (step // epoch_steps // settings.step_epochs)
    return rate


def to_channels_last(network: nn.Module) -> None:
    """Lay out the kernels of convolutions as GPUs prefer, those over space and time, too."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing from torch's stub
        elif isinstance(module, nn.Conv3d):
            module.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # likewise


def gathered(fabric: Fabric, mine: Tensor) -> NDArray[np.float64]:
    """Rows of all processes in order of their first column; processes may have different numbers of them."""
    rows = mine
    if fabric.world_size > 1:
        counts: Any = fabric.all_gather(torch.tensor(len(mine)))
        longest = int(counts.max())
        padded = torch.full((longest, mine.shape[1]), torch.nan, dtype=mine.dtype)
        padded[: len(mine)] = mine
        everyones: Any = fabric.all_gather(padded)
        rows = everyones.cpu().flatten(0, 1)
        rows = rows[~rows[:, 0].isnan()]
    found: NDArray[np.float64] = rows.numpy()
    return found[np.argsort(found[:, 0], kind="stable")]
