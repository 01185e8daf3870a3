"""Frames straight from the files: no cache on disk, each video decoded again when it is asked for."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from echobeat.datasets.decoding import Decoded, decode
from echobeat.datasets.placement import Placement
from echobeat.datasets.study import LabelledStudy, Tracing
from echobeat.errors import InvalidClip

KEPT = 4
"""Decoded videos that are kept for the next question; one longer than 64 MiB is on disk meanwhile."""


class DirectFrames:
    """`Frames` without a cache: for a few studies, or where there is no room on disk.

    Parameters
    ----------
    size : int or None
        Side of the frames in pixels; None: as stored.
    """

    def __init__(self, size: int | None) -> None:
        self.size = size
        self._kept: OrderedDict[tuple[str, ...], tuple[Decoded, Placement]] = OrderedDict()

    def count(self, study: LabelledStudy) -> int:
        """Frames of the study."""
        return len(self._open(study)[0].frames)

    def fps(self, study: LabelledStudy) -> float:
        """Frames a second.

        Raises
        ------
        InvalidClip
            Neither the video nor the table gives a rate.
        """
        return rate(self._open(study)[0].fps, study)

    def as_stored(self, study: LabelledStudy) -> bool:
        """False where the frames were letterboxed."""
        return self._open(study)[1].box is None

    def read(self, study: LabelledStudy, first: int, last: int, step: int = 1) -> NDArray[np.uint8]:
        """Frames first, first + step, ... before last: (n, height, width) uint8."""
        decoded, placement = self._open(study)
        return placement.enter(decoded.frames[first:last][::step])

    def mask(self, study: LabelledStudy, tracing: Tracing) -> NDArray[np.bool_]:
        """(height, width) bool, True in the LV's cavity."""
        return self._open(study)[1].mask(study, tracing)

    def __getstate__(self) -> dict[str, object]:
        return {"size": self.size, "_kept": OrderedDict()}  # decoded videos stay in the process that has them

    def _open(self, study: LabelledStudy) -> tuple[Decoded, Placement]:
        files = tuple(str(path) for path in study.files)
        if files not in self._kept:
            decoded = decode(study)
            self._kept[files] = decoded, Placement.of(decoded.frames, self.size)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(files)
        return self._kept[files]


def rate(fps: float | None, study: LabelledStudy) -> float:
    """The frame rate of a study whose video has `fps`.

    Raises
    ------
    InvalidClip
    """
    fps = fps or study.fps
    if fps is None:
        raise InvalidClip(str(study.files[0]), "its frame rate is not known", "Add a column FPS to the table")
    return fps
