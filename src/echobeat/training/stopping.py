"""Ctrl-C, and the signal that a scheduler sends: the step at hand is finished and saved."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType

import torch
from lightning.fabric import Fabric


class TrainingStopped(Exception):
    """The user stopped the training; what it goes on from is saved. `str` says how to go on."""


class StopSign:
    """While it is entered, the first Ctrl-C (or SIGTERM) asks to stop; a second one stops at once.

    Parameters
    ----------
    fabric : Fabric
        Its processes stop at the same step.
    log : callable
        Takes the line that is shown.
    """

    def __init__(self, fabric: Fabric, log: Callable[[str], None]) -> None:
        self.fabric, self.log = fabric, log
        self._asked = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> StopSign:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give_back()

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
        self._give_back()
        self.log("Stopping as soon as this step, or a validation that is running, is done. Ctrl-C again stops at once.")

    def _give_back(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal returned before
        self._before.clear()

    @property
    def asked(self) -> bool:
        """True for all processes where it is for one."""
        if self.fabric.world_size == 1:
            return self._asked
        asked = torch.tensor(float(self._asked), device=self.fabric.device)
        return bool(self.fabric.all_reduce(asked, reduce_op="sum") > 0)  # type: ignore[operator]  # a tensor in, a tensor out
