"""Speed and memory, each as a ratio of two figures of this run: ``python -m benchmarks.run``.

Nothing here is a test: times depend on the machine and on what else it does. Each time is the shortest of a few runs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.clips import FPS, FRAMES, phantom_loop, write_avi
from benchmarks.loaders import call, clips_a_second
from echobeat.machine import cores_here

ROOT = Path(__file__).parents[1]
LAUNCH = Path(__file__).with_name("launch.py")
PRODUCT_SIDE = 2048


@dataclass(frozen=True)
class Row:
    """One line of the table: `value` over `against` is the ratio; `goal` is the most or least it should be."""

    what: str
    value: float
    against: float
    unit: str
    meaning: str
    goal: str
    cpu_s: float | None = None

    def __str__(self) -> str:
        ratio = self.value / self.against
        cpu = "" if self.cpu_s is None else f" ({self.cpu_s:.3g} s of processor time)"
        return (
            f"| {self.what} | {self.value:.3g} {self.unit}{cpu} | {self.meaning}: {self.against:.3g} {self.unit} "
            f"| **{ratio:.2f}** | {self.goal} |"
        )


@dataclass(frozen=True)
class Figures:
    """What one command took."""

    seconds: float
    cpu_s: float
    peak_mb: float
    status: int


class Bench:
    """Clips and scratch space of one run."""

    def __init__(self, folder: Path, runs: int) -> None:
        self.folder, self.runs = folder, runs
        self._loop = phantom_loop()

    def clip(self, name: str, frames: int = FRAMES) -> str:
        return str(write_avi(self.folder / f"{name}.avi", self._loop, frames))

    def command(self, *arguments: str, runs: int | None = None) -> Figures:
        """Run a command line in a process of its own; the quickest of some runs.

        Raises
        ------
        RuntimeError
            The command failed, so that its time means nothing.
        """
        report = self.folder / "launch.json"
        figures = []
        for _ in range(runs or self.runs):
            call = [sys.executable, "-S", str(LAUNCH), str(report), *arguments]
            done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=True)
            figures.append(Figures(**json.loads(report.read_text())))
            if figures[-1].status != 0:
                raise RuntimeError(f"{' '.join(arguments)} ended with {figures[-1].status}:\n{done.stderr}")
        return min(figures, key=lambda figure: figure.seconds)

    def analyze(self, *arguments: str, runs: int | None = None) -> Figures:
        with tempfile.TemporaryDirectory(dir=self.folder) as out:
            echobeat = (sys.executable, "-m", "echobeat", "analyze", "--out", f"{out}/results")
            return self.command(*echobeat, *arguments, runs=runs if runs is not None else 1)

    def inside(self, what: str, argument: str) -> tuple[float, float]:
        """Seconds on the clock and of processor time; see `benchmarks.in_process`."""
        call = [sys.executable, "-m", "benchmarks.in_process", what, argument]
        seconds, cpu_s = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
        return float(seconds), float(cpu_s)


def speed(bench: Bench) -> Iterator[Row]:
    duration = FRAMES / FPS
    clip = bench.clip("clip")
    seconds, cpu_s = bench.inside("decode_to_ef", clip)
    yield Row("decode to EF, after start-up", seconds, duration, "s", "the clip", "≤ 0.5", cpu_s)
    whole = min((bench.analyze(clip) for _ in range(bench.runs)), key=lambda figures: figures.seconds)
    yield Row("`analyze`, everything, with start-up", whole.seconds, duration, "s", "the clip", "≤ 1.5", whole.cpu_s)
    python = bench.command(sys.executable, "-c", "pass").seconds
    start = bench.command(sys.executable, "-m", "echobeat", "--help")
    yield Row("`--help`", start.seconds, python, "s", "bare Python", "under 1 s", start.cpu_s)


def memory(bench: Bench, long: int) -> Iterator[Row]:
    short = long // 10
    small, large = (bench.analyze(bench.clip(f"frames-{count}", count)) for count in (short, long))
    yield Row(f"peak memory, {long:,} frames", large.peak_mb, small.peak_mb, "MB", f"{short:,} frames", "under 700 MB")
    yield Row(f"time, {long:,} frames", large.seconds, small.seconds, "s", f"{short:,} frames", "≤ 10", large.cpu_s)


def jobs(bench: Bench, clips: int = 6) -> Iterator[Row]:
    paths = [bench.clip(f"job-{number}") for number in range(clips)]
    one, two = (bench.analyze(*paths, "--jobs", number) for number in ("1", "2"))
    yield Row(f"{clips} clips, `--jobs 2`", two.seconds, one.seconds, "s", "`--jobs 1`", "scales with cores")


def phantoms(bench: Bench) -> Iterator[Row]:
    seconds, _ = bench.inside("phantom_study", "112")
    yield Row("phantom frames", 1 / seconds, 30.0, "a second", "wanted on one core", "≥ 1")


def loaders(bench: Bench, patients: int) -> Iterator[Row]:
    from echobeat.phantom import write_dataset

    data, cache = bench.folder / "loaders", bench.folder / "cache"
    write_dataset(data, patients, seed=0, jobs=cores_here())
    for workers in (0, 2):
        (ours, ours_cpu), (theirs, theirs_cpu) = (
            clips_a_second(f"{whose}_training", data, cache, workers, bench.runs) for whose in ("our", "published")
        )
        what = f"training clips, {workers} workers, cached"
        yield Row(what, ours, theirs, "a second", "published loading", "≥ 20")
        if workers == 0:
            told = "a second of processor time"
            yield Row("the same", ours_cpu, theirs_cpu, told, "published loading", "≥ 20")
    above = [
        bench.command(*call(f"{whose}_all_clips", data, cache, 0), runs=1).peak_mb
        - bench.command(*call(f"{whose}_imports", data, cache, 0), runs=1).peak_mb
        for whose in ("our", "published")
    ]
    yield Row("all clips, memory above imports", *above, "MB", "published loading", "≤ 0.1")


def machine(bench: Bench) -> str:
    product, _ = bench.inside("matrix_product", str(PRODUCT_SIDE))
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return (
        f"{platform.machine()}, {cores_here()} cores, Python {platform.python_version()}, load before the run {load}; "
        f"a {PRODUCT_SIDE}³ float32 matrix product reaches {2 * PRODUCT_SIDE**3 / product / 1e9:.0f} GFLOP/s."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="runs of which the shortest counts")
    parser.add_argument("--long", type=int, default=10_000, help="frames of the clip that memory is measured on")
    parser.add_argument("--patients", type=int, default=40, help="phantoms that the loaders read")
    parser.add_argument(
        "--only", choices=["speed", "memory", "jobs", "phantoms", "loaders"], help="one part of the table"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="echobeat-bench-") as folder:
        bench = Bench(Path(folder), options.runs)
        parts = {
            "speed": lambda: speed(bench),
            "memory": lambda: memory(bench, options.long),
            "jobs": lambda: jobs(bench),
            "phantoms": lambda: phantoms(bench),
            "loaders": lambda: loaders(bench, options.patients),
        }
        print(machine(bench))
        print("\n| What | Measured | Against | Ratio | Goal |\n|---|---|---|---|---|", flush=True)
        for name, rows in parts.items():
            if options.only in (None, name):
                for row in rows():
                    print(row, flush=True)


if __name__ == "__main__":
    main()
