"""Which study comes when: a function of the seed and the count of samples drawn so far, so that a run that was stopped
goes on with what it would have had, and no state of any loader is stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

Key = tuple[int, int]
"""(ordinal, study): the how-manieth sample of the training, and which study it shows."""


@dataclass(frozen=True)
class Order:
    """The order of the studies over the whole training.

    Attributes
    ----------
    count : int
        Studies.
    batch : int
        A step's, over all processes.
    seed : int
    weights : ndarray or None
        (count,) float64, how often each study is drawn; None shuffles: each once an epoch.
    steps : int
        Of an epoch; 0: as many whole batches as there are studies for, at least one. The rest is dropped, and is
        another one in every epoch.
    """

    count: int
    batch: int
    seed: int
    weights: NDArray[np.float64] | None = None
    steps: int = 0
    epoch_steps: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "epoch_steps", self.steps or max(1, self.count // self.batch))

    def study(self, ordinal: int) -> int:
        """The study shown as the `ordinal`-th sample."""
        if self.weights is not None:
            rng = np.random.default_rng((self.seed, 1, ordinal))
            return int(rng.choice(self.count, p=self.weights / self.weights.sum()))
        turn, place = divmod(ordinal, self._turn)
        return int(_shuffled(self.count, self.seed, turn)[place % self.count])

    @property
    def _turn(self) -> int:
        """Samples after which the studies are shuffled anew: those of an epoch, or once through all."""
        return self.count if self.steps else self.epoch_steps * self.batch

    def step(self, step: int, rank: int = 0, world: int = 1) -> list[Key]:
        """What process `rank` of `world` gets at a step; all of them together get the batch."""
        share = self.batch // world
        first = step * self.batch + rank * share
        return [(ordinal, self.study(ordinal)) for ordinal in range(first, first + share)]


@lru_cache(maxsize=4)
def _shuffled(count: int, seed: int, turn: int) -> NDArray[np.int64]:
    return np.random.default_rng((seed, 0, turn)).permutation(count)


class Steps(Sampler[list[Key]]):
    """The batches of the steps `first`..`last` for one process, as a loader's ``batch_sampler``."""

    def __init__(self, order: Order, first: int, last: int, rank: int = 0, world: int = 1) -> None:
        self.order, self.first, self.last, self.rank, self.world = order, first, last, rank, world

    def __len__(self) -> int:
        return self.last - self.first

    def __iter__(self) -> Iterator[list[Key]]:
        return (self.order.step(step, self.rank, self.world) for step in range(self.first, self.last))


def range_weights(ef: Sequence[float | None], edges: Sequence[float], balance: float) -> NDArray[np.float64] | None:
    """How often each study is drawn so that rare ranges of EF come up.

    Parameters
    ----------
    ef : sequence of float or None
        Percent; studies without one are a range of their own.
    edges : sequence of float
        Borders between ranges; a border belongs to the range above it.
    balance : float
        A range with a share s of the studies gets a share proportional to s ** (1 - balance) of the draws.

    Returns
    -------
    ndarray or None
        (studies,) float64; None for no balance.
    """
    if balance == 0:
        return None
    known = np.array([np.nan if value is None else value for value in ef], float)
    ranges = np.where(np.isnan(known), -1, np.digitize(known, sorted(edges)))
    _, which, counts = np.unique(ranges, return_inverse=True, return_counts=True)
    weights: NDArray[np.float64] = (counts[which] / len(ranges)) ** -balance
    return weights
