"""What a process may use of its machine, as the files of a container say it."""

from __future__ import annotations

from pathlib import Path

import pytest

from echobeat import machine


@pytest.fixture
def cgroup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the cgroups of a machine of 64 cores are; ``self`` in it names the process's own."""
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    monkeypatch.setattr(machine, "OWN_CGROUP", tmp_path / "self")
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    return tmp_path


def fill(folder: Path, **files: object) -> None:
    """Files of a cgroup; the first underscore in a name is its dot."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".", 1)).write_text(f"{text}\n")


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("max", 64), (400_000, 4), (290_000, 2), (100_000, 1), (50_000, 1), (9_900_000, 64)],
)
def test_a_quota_counts_in_whole_cores_but_at_least_one(cgroup, quota, cores):
    """Rounded down, and never more than the affinity."""
    fill(cgroup, cpu_max=f"{quota} 100000")
    assert machine.cores_here() == cores


def test_a_process_without_a_quota_has_the_cores_of_its_affinity(cgroup):
    """Where there are no cgroups at all, too."""
    assert machine.cores_here() == 64


def test_the_narrowest_of_the_cgroups_above_counts(cgroup):
    """cgroup 2, in a group whose name is not ASCII."""
    (cgroup / "self").write_text("0::/pods/Prüfung\n", encoding="utf-8")
    fill(cgroup / "pods", cpu_max="400000 100000", memory_max="max", memory_current=0)
    fill(cgroup / "pods" / "Prüfung", cpu_max="800000 100000", memory_max=900 * 2**20, memory_current=100 * 2**20)
    assert machine.cores_here() == 4
    assert machine.memory_here() <= 800 * 2**20
    fill(cgroup / "pods" / "Prüfung", cpu_max="300000 100000")
    assert machine.cores_here() == 3


def test_version_1_limits_as_well(cgroup):
    """In a container, which sees its own limits at the top, but its path from outside."""
    (cgroup / "self").write_text("4:memory:/docker/1f\n5:cpu,cpuacct:/docker/1f\n")
    fill(cgroup / "cpu", cpu_cfs_quota_us=-1, cpu_cfs_period_us=100_000)
    assert machine.cores_here() == 64
    fill(cgroup / "cpu", cpu_cfs_quota_us=200_000)
    fill(cgroup / "memory", memory_limit_in_bytes=900 * 2**20, memory_usage_in_bytes=100 * 2**20)
    assert machine.cores_here() == 2
    assert machine.memory_here() <= 800 * 2**20


def test_files_read_before_are_free_memory(cgroup, monkeypatch):
    """The cgroup counts them as used; they are given up when asked. The machine's own free memory bounds it all."""
    fill(cgroup, meminfo="MemAvailable:  500 kB", memory_max=1000, memory_current=900)
    monkeypatch.setattr(machine, "MEMORY_INFO", cgroup / "meminfo")
    fill(cgroup, memory_stat="anon 1\ninactive_file 300")
    assert machine.memory_here() == 400
    fill(cgroup, memory_max="max")
    assert machine.memory_here() == 500 * 1024
