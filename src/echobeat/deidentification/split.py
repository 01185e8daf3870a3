"""Two pictures side by side, seen by their outline: what moves has one summit in a sector, two in a split screen.

The sector detector fits one fan; over two sectors it can fit a broad one. So the upper outline of what moves is looked
at: between two sectors it falls into a valley that reaches far down, however near they stand.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from echobeat.frames import FrameStack

SAMPLES = 16
"""Frames looked at, spread evenly over the clip."""

MOVES_BY = 12
"""Grey values by which a pixel changes over the clip if it belongs to a picture; codecs and ringing stay below."""

DEEP = 0.35
"""Of the height of all that moves: a valley between two summits. The arc of a convex probe sinks by a tenth at most."""

SHARE = 0.2
"""Of all that moves, on each side of the valley."""

_SIDE_PX = 128


def has_two_pictures(frames: FrameStack | NDArray[np.uint8]) -> bool:
    """True where two pictures seem to stand side by side.

    Parameters
    ----------
    frames : FrameStack or ndarray
        (frames, height, width), uint8, grey.
    """
    moving = _moving(frames)
    rows, area = np.flatnonzero(moving.any(axis=1)), moving.sum(axis=0).cumsum()
    if not len(rows) or area[-1] == 0:
        return False
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    outline = np.where(moving.any(axis=0), moving.argmax(axis=0), bottom)
    left, right = np.minimum.accumulate(outline), np.minimum.accumulate(outline[::-1])[::-1]
    depth = (outline - np.maximum(left, right)) / (bottom - top)
    before = area / area[-1]
    return bool(((depth > DEEP) & (before > SHARE) & (before < 1 - SHARE)).any())


def _moving(frames: FrameStack | NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(height, width) bool at no more than `_SIDE_PX`: patches that change over the clip."""
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), SAMPLES)).round().astype(int))
    low = high = np.asarray(frames[int(chosen[0])])
    for index in chosen[1:].tolist():
        low, high = np.minimum(low, frames[index]), np.maximum(high, frames[index])
    shrink = max(1.0, max(low.shape) / _SIDE_PX)
    size = max(1, round(low.shape[1] / shrink)), max(1, round(low.shape[0] / shrink))
    change = np.asarray(cv2.resize(high - low, size, interpolation=cv2.INTER_AREA), np.uint8)
    moving = (change >= MOVES_BY).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    closed = cv2.morphologyEx(moving, cv2.MORPH_CLOSE, kernel)
    return np.asarray(cv2.morphologyEx(closed, cv2.MORPH_OPEN, kernel) > 0)
