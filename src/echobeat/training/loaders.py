"""How data are loaded: chosen from the cores and the memory there are, in a container too, and said."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Any

import cv2
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from echobeat.machine import cores_for_each, memory_here
from echobeat.training.config import Machine
from echobeat.training.sampling import Key
from echobeat.training.traced import collate_whole

WORKER_BYTES = 600 * 2**20
"""What a worker may need beside its batches: an interpreter with torch, of which forked workers share most."""

SHARE_FOR_LOADING = 0.5
"""Of the free memory; the rest is the network's."""


@dataclass(frozen=True)
class LoaderSettings:
    """What `DataLoader` is told."""

    workers: int
    prefetch: int
    pin_memory: bool

    def __str__(self) -> str:
        ahead = f"{self.workers} loading processes, {self.prefetch} batches ahead each"
        return (ahead if self.workers else "loading in the training's own process") + (
            ", pinned memory" if self.pin_memory else ""
        )


def choose_loading(machine: Machine, batch_bytes: int, processes: int = 1, gpu: bool = False) -> LoaderSettings:
    """Settings that the machine bears; what the recipe says wins.

    Parameters
    ----------
    machine : Machine
    batch_bytes : int
        Of one process's batch as it leaves the loader.
    processes : int
        Training on this machine: they share it.
    gpu : bool
    """
    cores = cores_for_each(processes)
    room = int(memory_here() * SHARE_FOR_LOADING) // processes
    prefetch = machine.prefetch or 2
    if machine.workers >= 0:
        workers = machine.workers
    else:
        each = WORKER_BYTES + (prefetch + 1) * batch_bytes
        workers = min(cores if gpu else cores - 1, 16, room // each)
        workers = max(workers, 0)
        if workers and not machine.prefetch:
            prefetch = max(1, min(4, (room // workers - WORKER_BYTES) // max(1, batch_bytes) - 1))
    pin = gpu if machine.pin_memory is None else machine.pin_memory
    return LoaderSettings(workers, prefetch if workers else 0, pin)


def make_loader(
    data: Dataset[Any], settings: LoaderSettings, *, steps: Sampler[list[Key]] | None = None, batch: int = 1
) -> DataLoader[Any]:
    """A loader over the batches of `steps`, or over the items in order."""
    options: dict[str, Any] = {"batch_sampler": steps} if steps is not None else {"batch_size": batch}
    if settings.workers:
        cv2.setNumThreads(
            1
        )  # before workers are forked: OpenCV's threads do not survive it, and waiting for them hangs
        options |= {"num_workers": settings.workers, "prefetch_factor": settings.prefetch}
        options["worker_init_fn"] = _begin_worker
    return DataLoader(data, pin_memory=settings.pin_memory, collate_fn=collate_whole, **options)


def _begin_worker(_: int) -> None:
    """A worker keeps to its core, and leaves Ctrl-C and a scheduler's signal, which reach the whole process group, to
    the training, which still needs what it loads. A worker ends when the training does, however that ends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
