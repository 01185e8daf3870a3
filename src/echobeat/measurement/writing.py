"""Writing on the screen beside the scanner's picture, which neither networks nor checks are to see.

A scanner's screen holds names, dates, settings, a grey bar, scales and an ECG trace. The networks learned from pictures
without them. What is small beside the picture and stands still is taken for writing, and so is a long thin line, which
may move. A second picture is neither, and stays. What touches the picture belongs to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import cv2
import numpy as np
from numpy.typing import NDArray

from echobeat.frames import FrameStack

DARK = 12
"""Grey level (of 255) that black borders stay under, JPEG noise included."""

LEAST_PICTURE = 0.04
"""Share of the frame that the picture covers at least: less is no screen of an ultrasound scanner."""

SMALL = 0.2
"""Of the picture's size: anything larger is a picture, too, or a trace that somebody recorded."""

BRIGHT = 40
"""Grey level that writing reaches; what is darker is noise at the picture's edge."""

STILL = 0.5
"""Share of its pixels that change over the clip, at most, where something stands still."""

CHANGES = 6, 0.12
"""Grey levels by which a changing pixel changes at least, and their share of its brightest: codecs stay below."""

STROKE, GAP = 1 / 80, 1 / 150
"""Of the frame's longer side: the width of a stroke, and the gap over which pixels still belong together."""

THIN, LONG = 0.1, 0.25
"""A trace: share of its pixels that are wider than a stroke, at most, and of the frame's width that it runs through."""


CROP_BELOW = 0.8
"""Black borders are cut off where the picture fills less than this share of a side: a sector in the corner
of a screen would otherwise reach the network far smaller than anything it has learned from."""

LOOKED_AT = 24
"""Frames, spread over the clip, from which the picture's place on the screen is found."""

Screen = tuple[NDArray[np.uint8], NDArray[np.bool_] | None]
"""What `brightest_and_writing` finds."""

Box = tuple[int, int, int, int]
"""(top, left, bottom, right) in pixels; bottom and right are exclusive."""

_SCREENS: WeakKeyDictionary[FrameStack, tuple[int, Screen]] = WeakKeyDictionary()
"""Of the clips that are at hand, with the number of their frames: several networks look at one clip."""


def screen(frames: FrameStack) -> Screen:
    """What `brightest_and_writing` finds in `LOOKED_AT` frames of a clip, looked for once a clip."""
    count = len(frames)
    found = _SCREENS.get(frames)
    if found is None or found[0] != count:
        indices = np.linspace(0, count - 1, min(LOOKED_AT, count)).astype(int).tolist()
        found = _SCREENS[frames] = count, brightest_and_writing(frames, indices)
    return found[1]


def picture_box(brightest: NDArray[np.uint8], writing: NDArray[np.bool_] | None) -> Box:
    """Where the picture lies in the frame, (height, width) uint8: a side is cut only where much of it is black."""
    height, width = brightest.shape
    lit = brightest > DARK if writing is None else (brightest > DARK) & ~writing
    rows, columns = np.flatnonzero(lit.mean(axis=1) > 0.01), np.flatnonzero(lit.mean(axis=0) > 0.01)
    top, bottom, left, right = 0, height, 0, width
    if len(rows) and len(columns):
        if rows[-1] + 1 - rows[0] < CROP_BELOW * height:
            top, bottom = int(rows[0]), int(rows[-1]) + 1
        if columns[-1] + 1 - columns[0] < CROP_BELOW * width:
            left, right = int(columns[0]), int(columns[-1]) + 1
    return top, left, bottom, right


def brightest_and_writing(frames: FrameStack, indices: Sequence[int]) -> Screen:
    """The brightest value of each pixel over some frames of a clip, and what is written beside the picture.

    Parameters
    ----------
    frames : FrameStack
        (frames, height, width) uint8.
    indices : sequence of int
        The frames that are looked at; of a single one nothing is taken for writing.

    Returns
    -------
    (height, width) uint8, and (height, width) bool or None as in `writing_beside`
    """
    darkest = brightest = np.asarray(frames[indices[0]], np.uint8)
    for index in indices[1:]:
        frame = frames[index]
        darkest, brightest = np.minimum(darkest, frame), np.maximum(brightest, frame)
    return brightest, writing_beside(darkest, brightest) if len(indices) > 1 else None


def writing_beside(darkest: NDArray[np.uint8], brightest: NDArray[np.uint8]) -> NDArray[np.bool_] | None:
    """Find the writing beside the picture of a clip.

    Parameters
    ----------
    darkest, brightest : ndarray
        (height, width) uint8: of each pixel over some frames. Of a single image all stands still.

    Returns
    -------
    ndarray or None
        (height, width) bool: writing, and a border around it; None where there is none.
    """
    lit = brightest > DARK
    longer = max(brightest.shape)
    together = cv2.morphologyEx(lit.astype(np.uint8), cv2.MORPH_CLOSE, _square(longer * GAP))
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(together)
    sizes = np.bincount(labels[lit], minlength=count)
    sizes[0] = 0
    picture = sizes.max()
    if count < 3 or picture < LEAST_PICTURE * brightest.size:
        return None

    def share(of: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.bincount(labels[lit & of], minlength=count) / np.maximum(sizes, 1)

    still = share(brightest - darkest >= np.maximum(CHANGES[0], CHANGES[1] * brightest)) < STILL
    wide = cv2.morphologyEx(lit.astype(np.uint8), cv2.MORPH_OPEN, _square(longer * STROKE)) > 0
    trace = (share(wide) < THIN) & (boxes[:, cv2.CC_STAT_WIDTH] > LONG * brightest.shape[1])
    written = (still | trace) & (sizes > 0) & (sizes < SMALL * picture) & (share(brightest >= BRIGHT) > 0)
    if not written.any():
        return None
    return np.asarray(cv2.dilate(written[labels].astype(np.uint8), _square(longer * GAP)) > 0)


def _square(side: float) -> NDArray[np.uint8]:
    """A structuring element of an odd side of at least 3 pixels."""
    odd = max(3, round(side)) | 1
    return np.ones((odd, odd), np.uint8)
