"""Masks from anywhere, checked where they enter."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from echobeat.errors import UsageError
from echobeat.frames import FrameStack
from echobeat.given import array_of

BLOCK = 64
"""Frames that are looked at at once."""


def masks_of(given: object) -> NDArray[np.bool_] | FrameStack:
    """Return masks, in which the ventricle is marked by one value beside 0, as bool; block by block, as they come.

    Raises
    ------
    UsageError
        They are no masks (frames, height, width), or hold several values: which of them mean the cavity is not known.
    """
    values = given if isinstance(given, FrameStack) else array_of(given, "masks", "; a result's are its masks.lv")
    if len(values.shape) != 3:
        raise UsageError(f"Masks have the axes (frames, height, width); these have the shape {values.shape}.")
    if values.dtype == bool:
        return values
    count, height, width = values.shape
    masks, marks = FrameStack(height, width, bool), set[float]()
    for first in range(0, count if values.dtype.kind in "iuf" else 0, BLOCK):
        block = values[first : first + BLOCK]
        marked = block[block != 0]
        marks |= {float(marked.min()), float(marked.max())} if marked.size else set()
        masks.append(block != 0)
    if values.dtype.kind not in "iuf" or len(marks) > 1 or not all(map(math.isfinite, marks)):
        raise UsageError(
            f"The masks, of type {values.dtype}, should hold 0 and one value that marks the left ventricle, and hold "
            "others: of labels give masks == 1 (or its number), of probabilities masks > 0.5."
        )
    return masks
