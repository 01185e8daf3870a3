"""The cores and the free memory that this process may use, in a container less than the machine has.

They are asked for here alone, because each way of limiting them is seen elsewhere: ``taskset`` and ``docker
--cpuset-cpus`` set an affinity, ``docker --cpus`` and a Kubernetes limit only a quota of the cgroup. Threads beyond a
quota do not get more done: they use it up sooner, and then all of them stand still until its next period.
"""

from __future__ import annotations

import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
OWN_CGROUP = Path("/proc/self/cgroup")
MEMORY_INFO = Path("/proc/meminfo")

UNLIMITED = 2**60
"""cgroup v1 writes a number near 2**63 where there is no limit."""


def cores_here() -> int:
    """Cores that this process may use: its affinity, and the quota of its cgroups (version 2, then 1).

    A quota is rounded down, so that it is never exceeded, but to no less than 1.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cpu_quota()
    return max(1, min(cores, int(quota))) if quota else cores


def cores_for_each(processes: int) -> int:
    """Cores for each of some processes that share them, at least 1."""
    return max(1, cores_here() // processes)


def _cpu_quota() -> float | None:
    """Cores' worth of time; None where there is no limit."""
    quotas = []
    for folder in _cgroups(""):
        most, _, each = (_read(folder / "cpu.max") or "max").partition(" ")
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
        return os.fsdecode(path.read_bytes()).strip()  # a cgroup's name may hold any byte
    except OSError:
        return None
