"""Checkpoints: whole or not at all, and readable without running any code from them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import torch

from echobeat.errors import ModelError
from echobeat.whole import whole_file

FORMAT = 1
"""Of last.ckpt and best.ckpt."""


def save(state: dict[str, Any], path: Path) -> None:
    """Write a checkpoint, whole or not at all: a killed save never destroys the one before.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    with whole_file(path, otherwise="then go on with --resume") as beside, beside.open("wb") as file:
        torch.save({"format": FORMAT, **state}, file)


def load(path: Path) -> dict[str, Any] | None:
    """A checkpoint on the CPU; None where there is none.

    Raises
    ------
    ModelError
        The file is damaged, or of another version of echobeat.
    """
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, BadZipFile, pickle.UnpicklingError) as error:
        raise ModelError(f"{path}: this checkpoint is damaged ({error}). Train again into another folder.") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise ModelError(f"{path}: this checkpoint is of another version of echobeat. Train again into another folder.")
    return state
