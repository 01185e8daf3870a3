"""What a training tells: a bar while it runs, a row of log.csv and of TensorBoard for each validation."""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from lightning.fabric import Fabric
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from echobeat.whole import whole_file

Row = dict[str, float]
Batch = dict[str, Any]

SMOOTHING = 0.95
"""Keep of the loss that the bar shows, from step to step."""


class Journal:
    """Only the first process tells.

    Parameters
    ----------
    out : Path
        Of the run.
    fabric : Fabric
    steps, done : int
        Of the whole training, and those made before.
    batch : int
        Studies a step.
    """

    def __init__(self, out: Path, fabric: Fabric, steps: int, done: int, batch: int) -> None:
        self.path, self.fabric, self.batch = out / "log.csv", fabric, batch
        self.console = Console(stderr=True, quiet=not fabric.is_global_zero)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]}"),
            TextColumn("{task.fields[speed]}"),
            TextColumn("{task.fields[memory]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self.console,
        )
        self._line = self._bar.add_task("training", total=steps, completed=done, loss="", speed="", memory="")
        self.rows = [row for row in read_log(self.path) if row["step"] <= done]
        self._clock = _Clock()
        self._shown: float | None = None

    def __enter__(self) -> Journal:
        if self.console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def say(self, line: str) -> None:
        """Show a line above the bar."""
        self.console.print(line, highlight=False)

    def waiting_for(self, loader: Iterable[Batch]) -> Iterator[Batch]:
        """The loader's batches; the time that each lets us wait is noted."""
        batches = iter(loader)
        while True:
            began = time.monotonic()
            batch = next(batches, None)
            self._clock.waiting += time.monotonic() - began
            if batch is None:
                return
            yield batch

    def stepped(self, step: int, loss: torch.Tensor) -> None:
        """Move the bar; the loss is fetched from its device only as often as the bar moves."""
        self._clock.steps += 1
        if not self.console.is_terminal or not self._clock.due():
            return
        value = float(loss)
        self._shown = value if self._shown is None else SMOOTHING * self._shown + (1 - SMOOTHING) * value
        speed = f"{self._clock.rate() * self.batch:.1f} studies/s"
        memory = memory_text(self.fabric.device)
        self._bar.update(self._line, completed=step, loss=f"{self._shown:.4g}", speed=speed, memory=memory)

    def validated(self, row: Row) -> None:
        """Write a row of log.csv, whole or not at all, and of TensorBoard; say it in a line."""
        speed, waiting = self._clock.rate() * self.batch, self._clock.share_waiting()
        row = {**row, "studies_per_s": round(speed, 3), "waiting_for_data": round(waiting, 4)}
        self._clock = _Clock()
        self.rows.append(row)
        if not self.fabric.is_global_zero:
            return
        with whole_file(self.path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(row))
            writer.writeheader()
            writer.writerows(self.rows)
        self.fabric.log_dict({k: v for k, v in row.items() if k not in ("epoch", "step")}, step=int(row["step"]))
        shown = " ".join(f"{name} {value:.4g}" for name, value in row.items() if name not in ("epoch", "step"))
        self.say(f"epoch {row['epoch']:.0f}, step {row['step']:.0f}: {shown}")


class _Clock:
    """Time since the last validation."""

    def __init__(self) -> None:
        self.began = self._last = time.monotonic()
        self.steps, self.waiting = 0, 0.0

    def due(self) -> bool:
        """True a few times a second at most."""
        now = time.monotonic()
        if now - self._last < 0.25:
            return False
        self._last = now
        return True

    def rate(self) -> float:
        return self.steps / max(time.monotonic() - self.began, 1e-9)

    def share_waiting(self) -> float:
        return self.waiting / max(time.monotonic() - self.began, 1e-9)


def read_log(path: Path) -> list[Row]:
    """The rows of a log.csv; none where there is none."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def memory_text(device: torch.device) -> str:
    """Most of a GPU's memory that was used; of the process's, what it holds."""
    if device.type == "cuda":
        return f"{torch.cuda.max_memory_allocated(device) / 2**30:.1f} GiB on the GPU"
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:  # no such file but on Linux
        return ""
    return f"{pages * os.sysconf('SC_PAGE_SIZE') / 2**30:.1f} GiB"
