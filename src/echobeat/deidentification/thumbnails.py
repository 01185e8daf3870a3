"""A small picture of a doubtful clip, for a person to look at."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from echobeat.deidentification.text import Box
from echobeat.frames import FrameStack

PICTURE = ".jpg"
"""Beside each file for review lies a picture of it."""

_SIDE_PX = 420
_BOX_COLOUR = (60, 170, 255)
_JPEG_QUALITY = 85


def thumbnail(frames: FrameStack | NDArray[np.uint8], mask: NDArray[np.bool_], boxes: Iterable[Box]) -> bytes:
    """A JPEG of two pictures side by side: the middle frame with the boxes, and the least grey value of each pixel.

    What stands still, as writing does, is what the second one keeps.

    Parameters
    ----------
    frames : FrameStack or ndarray
        (frames, height, width), uint8.
    mask : ndarray
        (height, width) bool; the rest is black.
    boxes : iterable of Box
    """
    rows, columns = (slice(int(used[0]), int(used[-1]) + 1) for used in _used(mask))
    least = np.full(mask.shape, 255, np.uint8)
    for index in np.unique(np.linspace(0, len(frames) - 1, 24).round().astype(int)):
        np.minimum(least, np.asarray(frames[int(index)], np.uint8), out=least)
    panes = []
    for picture, drawn in ((np.asarray(frames[len(frames) // 2], np.uint8), tuple(boxes)), (least, ())):
        seen = np.where(mask, picture, 0)[rows, columns].astype(np.uint8)
        factor = _SIDE_PX / max(seen.shape)
        how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        pane = cv2.cvtColor(cv2.resize(seen, None, fx=factor, fy=factor, interpolation=how), cv2.COLOR_GRAY2BGR)
        for box in drawn:
            first, last = (
                (round((column - columns.start) * factor), round((row - rows.start) * factor))
                for row, column in ((box.top - 2, box.left - 2), (box.bottom + 2, box.right + 2))
            )
            cv2.rectangle(pane, first, last, _BOX_COLOUR, 1, cv2.LINE_AA)
        panes.append(pane)
    done, data = cv2.imencode(".jpg", np.hstack(panes), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return data.tobytes() if done else b""


def _used(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
