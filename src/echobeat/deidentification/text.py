"""Writing that is burnt into the moving picture: still letters where everything else moves.

Speckle and walls change from frame to frame, letters do not. A small network of our own looks at four statistics of
each pixel over a run of frames (least, greatest and mean grey value, mean step from frame to frame) and tells for each
cell of 4 x 4 pixels how likely it is part of writing. It was taught by ``benchmarks/deidentification/train.py`` on
phantoms with made-up writing, and on nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from echobeat.frames import FrameStack

DETECTOR = "echobeat still-letters network 2"
MODEL = "text.onnx"

RUN = 32
"""Frames of a run; every second one is looked at. Writing that is shown for twice as long fills one of them."""

EVERY = 2
FEWEST_FRAMES = 8
"""Frames that are needed to tell what is still from what moves."""

CELL = 4
"""Side of a cell in pixels: the network's stride."""

SEEN = 0.8
"""Likelihood from which a cell counts as writing."""

FEWEST_CELLS = 5
"""Cells of a patch that is taken for writing: 80 square pixels. Both were chosen on 79 phantoms of validation seeds,
where they flag 1 of the clean clips and find all of 143 texts, as 0.9 does; 0.5 flags 4."""

_ALIGN, _MARGIN_PX = 8, 8


class Box(NamedTuple):
    """A rectangle in pixels; the last row and column are not included."""

    top: int
    left: int
    bottom: int
    right: int


DOUBTS = {
    "text": "there seems to be writing inside the sector",
    "too_few_frames": "it has too few frames to tell writing from tissue",
}


@dataclass(frozen=True)
class TextFinding:
    """What was seen.

    Attributes
    ----------
    boxes : tuple of Box
        Where there seems to be writing; merged where they touch.
    doubt : str
        Why the clip is not taken to be free of writing, as a code of `DOUBTS`; empty where it is.
    """

    boxes: tuple[Box, ...] = ()
    doubt: str = ""

    @property
    def clean(self) -> bool:
        """Nothing was found, and there was enough to look at."""
        return not self.doubt


def find_text(frames: FrameStack | NDArray[np.uint8], mask: NDArray[np.bool_]) -> TextFinding:
    """Look for writing inside a mask.

    Parameters
    ----------
    frames : FrameStack or ndarray
        (frames, height, width), uint8, grey. Read run by run.
    mask : ndarray
        (height, width) bool: the sector, where to look.

    Returns
    -------
    TextFinding
    """
    if len(frames) < FEWEST_FRAMES:
        return TextFinding(doubt="too_few_frames")
    likely = likelihood(frames, mask)
    boxes = _boxes(likely, mask.shape)
    return TextFinding(boxes, "text" if boxes else "")


def likelihood(frames: FrameStack | NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(ceil(height / `CELL`), ceil(width / `CELL`)) float32, 0-1: writing in some run of frames; 0 outside `mask`."""
    cells = np.zeros([-(-side // CELL) for side in mask.shape], np.float32)
    if not mask.any():
        return cells
    window = _window(mask)
    for run in _runs(frames):
        inside = np.where(mask[window], run[:, *window], 0).astype(np.uint8)
        seen = _network_on(statistics(inside))
        place = tuple(
            slice(part.start // CELL, part.start // CELL + side) for part, side in zip(window, seen.shape, strict=True)
        )
        there = cells[place]
        np.maximum(there, seen[: there.shape[0], : there.shape[1]], out=there)
    reach = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8))
    covered = cv2.resize(reach, cells.shape[::-1], interpolation=cv2.INTER_AREA) > 0
    return np.where(covered, cells, 0).astype(np.float32)


def statistics(run: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the network sees of a run.

    Parameters
    ----------
    run : ndarray
        (frames, height, width), uint8.

    Returns
    -------
    ndarray
        (4, height, width) float32: least, greatest and mean grey value, 0-1; mean step between frames in units of
        32 grey values.
    """
    low, high = run.min(axis=0), run.max(axis=0)
    mean = run.mean(axis=0, dtype=np.float32)
    step = np.zeros(run.shape[1:], np.float32)
    for before, after in pairwise(run):
        step += cv2.absdiff(before, after)
    step /= max(1, len(run) - 1)
    return np.stack([low / 255, high / 255, mean / 255, step / 32]).astype(np.float32)


def _window(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Rows and columns around a mask, with a margin; starts are multiples of `_ALIGN`."""
    spans = []
    for axis in (0, 1):
        used = np.flatnonzero(mask.any(axis=1 - axis))
        start = max(0, int(used[0]) - _MARGIN_PX) // _ALIGN * _ALIGN
        spans.append(slice(start, min(mask.shape[axis], int(used[-1]) + 1 + _MARGIN_PX)))
    return spans[0], spans[1]


def _runs(frames: FrameStack | NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """Every second frame of each run; the last run ends with the clip and overlaps the one before it."""
    count = len(frames)
    every = EVERY if count >= RUN else 1
    starts = list(range(0, max(1, count - RUN + 1), RUN))
    if starts[-1] + RUN < count:
        starts.append(count - RUN)
    for start in starts:
        yield np.asarray(frames[start : start + RUN], np.uint8)[::every]


@cache
def _session() -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    model = files(__package__).joinpath(MODEL).read_bytes()
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _network_on(seen: NDArray[np.float32]) -> NDArray[np.float32]:
    """(rows / `CELL`, columns / `CELL`) float32, 0-1, of statistics (4, rows, columns); rounded up."""
    height, width = seen.shape[1:]
    padding = ((0, 0), (0, -height % _ALIGN), (0, -width % _ALIGN))
    (result,) = _session().run(None, {"statistics": np.pad(seen, padding)[None]})
    likely: NDArray[np.float32] = result[0, 0, : -(-height // CELL), : -(-width // CELL)]
    return likely


def _boxes(likely: NDArray[np.float32], shape: tuple[int, ...]) -> tuple[Box, ...]:
    """Patches of likely cells, those one cell apart taken together."""
    seen = (likely >= SEEN).astype(np.uint8)
    near = cv2.dilate(seen, np.ones((3, 3), np.uint8))
    count, labels = cv2.connectedComponents(near)
    boxes = []
    for label in range(1, count):
        rows, columns = np.nonzero((labels == label) & (seen > 0))
        if len(rows) >= FEWEST_CELLS:
            top, left = int(rows.min()) * CELL, int(columns.min()) * CELL
            bottom, right = (int(rows.max()) + 1) * CELL, (int(columns.max()) + 1) * CELL
            boxes.append(Box(top, left, min(bottom, shape[0]), min(right, shape[1])))
    return tuple(boxes)
