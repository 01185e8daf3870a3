"""Where a study's pixels lie in the frames that a network reads, and its tracings with them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from echobeat.datasets.study import LabelledStudy, Tracing
from echobeat.errors import InvalidClip
from echobeat.frames import FrameStack
from echobeat.models.letterbox import Letterbox
from echobeat.phantom.outlines import polygon_mask


@dataclass(frozen=True)
class Placement:
    """How frames of one size become frames of another, or stay as they are.

    Attributes
    ----------
    height, width : int
        Of the video as stored.
    box : Letterbox or None
        None: frames are kept as they are.
    """

    height: int
    width: int
    box: Letterbox | None

    @classmethod
    def of(cls, frames: FrameStack, size: int | None) -> Placement:
        """Choose for a video: kept where `size` is None or the video has it already, otherwise letterboxed."""
        _, height, width = frames.shape
        keep = size is None or (height, width) == (size, size)
        box = None if keep or size is None else Letterbox.of(frames, size)
        return cls(height, width, box)

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the frames that come out."""
        return (self.box.size, self.box.size) if self.box else (self.height, self.width)

    @property
    def geometry(self) -> Placement:
        """The same without what is written on the screen, for pixels that have entered already."""
        return replace(self, box=self.box and replace(self.box, writing=None))

    def enter(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(n, height, width) uint8 of the video to (n, *shape) uint8."""
        if self.box is None:
            return frames
        return np.rint(np.clip(self.box.enter(frames), 0, 255)).astype(np.uint8)

    def mask(self, study: LabelledStudy, tracing: Tracing) -> NDArray[np.bool_]:
        """(*shape) bool, True in the LV's cavity.

        A polygon is moved, then filled: its border is as exact as at the video's own size.

        Raises
        ------
        InvalidClip
            An image of labels has another size than the video.
        UnreadableFile
        """
        if tracing.polygon_px is not None:
            return polygon_mask(self.points(tracing.polygon_px), *self.shape)
        if tracing.labels is None:
            return np.zeros(self.shape, bool)
        cavity = read_cavity(tracing)
        if cavity.shape != (self.height, self.width):
            raise InvalidClip(str(tracing.labels), "its size is not that of the frames", "Restore both")
        if self.box is None:
            return cavity
        return np.asarray(self.box.enter(cavity[None] * np.uint8(255))[0] >= 127.5)

    def points(self, points_px: NDArray[np.float64]) -> NDArray[np.float64]:
        """(points, 2) (column, row) of the video to those of the frames that come out."""
        if self.box is None:
            return points_px
        moved: NDArray[np.float64] = points_px @ self.box.matrix[:, :2].T + self.box.matrix[:, 2]
        return moved


def read_cavity(tracing: Tracing) -> NDArray[np.bool_]:
    """(height, width) bool of a tracing that is an image of labels.

    Raises
    ------
    UnreadableFile
    """
    from echobeat.datasets.camus import LV_CAVITY, read_image

    if tracing.labels is None:
        raise ValueError("the tracing has no image of labels")
    return np.asarray(read_image(tracing.labels)[0] == LV_CAVITY)
