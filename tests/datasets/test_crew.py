"""Many small tasks are done by several processes, and their outcomes come back in order."""

from __future__ import annotations

import os

import pytest

from echobeat.datasets.crew import in_order


def _where(task: int) -> tuple[int, int]:
    return task, os.getpid()


def _fails_at_7(task: int) -> int:
    if task == 7:
        raise ValueError("seven")
    return task


def test_outcomes_keep_the_order_of_the_tasks() -> None:
    """Whoever did them: other processes, where there are more tasks than one process is handed at a time."""
    outcomes = list(in_order(range(7), _where, chunk=2))
    assert [task for task, _ in outcomes] == list(range(7))
    assert os.getpid() not in {process for _, process in outcomes}


def test_few_tasks_start_no_process() -> None:
    """A process takes longer to start than they take."""
    assert {process for _, process in in_order(range(3), _where, chunk=3)} == {os.getpid()}


def test_what_a_task_raises_reaches_the_caller() -> None:
    """Nothing is left out silently."""
    with pytest.raises(ValueError, match="seven"):
        list(in_order(range(20), _fails_at_7, chunk=2))
