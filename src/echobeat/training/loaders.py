"""How data are loaded: chosen from the cores and the memory there are, in a container too, and said."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from echobeat.training.config import Machine
from echobeat.training.sampling import Key
from echobeat.training.traced import collate_whole

CGROUP = Path("/sys/fs/cgroup")
OWN_CGROUP = Path("/proc/self/cgroup")
MEMORY_INFO = Path("/proc/meminfo")

WORKER_BYTES = 600 * 2**20
"""What a worker may need beside its batches: an interpreter with torch, of which forked workers share most."""

SHARE_FOR_LOADING = 0.5
"""Of the free memory; the rest is the network's."""

UNLIMITED = 2**60
"""cgroup v1 writes a number near 2**63 where there is no limit."""


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
    cores = max(1, cores_here() // processes)
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


def cores_here() -> int:
    """Cores that this process may use: its affinity, and the quota of its cgroup (version 2, then 1)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cpu_quota()
    return max(1, min(cores, int(quota))) if quota else cores


def _cpu_quota() -> float | None:
    quotas = []
    for folder in _cgroups(""):
        if (two := _read(folder / "cpu.max")) is not None:
            most, _, each = two.partition(" ")
            quotas += [int(most) / int(each)] if most != "max" else []
    for folder in _cgroups("cpu"):
        limit, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
        quotas += [int(limit) / int(period)] if limit and period and int(limit) > 0 else []
    return min(quotas, default=None)


def memory_here() -> int:
    """Free bytes: the machine's, or what its cgroups leave of their limits (version 2, then 1)."""
    free = [_machine_memory()]
    names = {"": ("memory.max", "memory.current"), "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes")}
    for controller, (limit_name, used_name) in names.items():
        for folder in _cgroups(controller):
            limit, used = _read(folder / limit_name), _read(folder / used_name)
            if limit and used and limit != "max" and int(limit) < UNLIMITED:
                free.append(int(limit) - int(used) + _reclaimable(folder))
    return max(0, min(free))


def _cgroups(controller: str) -> list[Path]:
    """The folders of this process's cgroup and of those above it: each may set a limit. Version 2 has no controller."""
    for line in (_read(OWN_CGROUP) or "").splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            inside = CGROUP / controller / path.lstrip("/")
            folders = [inside, *inside.parents]
            return folders[: folders.index(CGROUP / controller) + 1]
    return [CGROUP / controller]


def _reclaimable(folder: Path) -> int:
    """Bytes that the cgroup counts as used, yet gives up when asked: files read before, such as the frame cache."""
    values = dict(line.split(" ", 1) for line in (_read(folder / "memory.stat") or "").splitlines() if " " in line)
    return int(values.get("inactive_file", 0))


def _machine_memory() -> int:
    for line in (_read(MEMORY_INFO) or "").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return 4 * 2**30


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return None
