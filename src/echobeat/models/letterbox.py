"""Frames of any size into the square that a network reads, and its answer back."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from echobeat.frames import FrameStack
from echobeat.measurement.writing import picture_box, screen


@dataclass(frozen=True)
class Letterbox:
    """Where the source's pixels lie in a `size` x `size` square, aspect kept.

    Attributes
    ----------
    height, width : int
        Size of the source's frames.
    top, left, bottom, right : int
        The part of the source that is used (bottom and right are exclusive).
    size : int
        Side of the square.
    writing : ndarray or None
        (height, width) bool: what is black in the square, because it is written beside the picture.
    """

    height: int
    width: int
    top: int
    left: int
    bottom: int
    right: int
    size: int
    writing: NDArray[np.bool_] | None = field(default=None, compare=False, repr=False)

    @classmethod
    def around(cls, brightest: NDArray[np.uint8], size: int, writing: NDArray[np.bool_] | None = None) -> Letterbox:
        """Choose the box from the brightest value of each pixel over some frames, (height, width) uint8."""
        height, width = brightest.shape
        top, left, bottom, right = picture_box(brightest, writing)
        return cls(height, width, top, left, bottom, right, size, writing)

    @classmethod
    def of(cls, frames: FrameStack, size: int, crop: bool = True) -> Letterbox:
        """Choose the box for a clip, (frames, height, width) uint8.

        Without `crop`, frames of the square's size are the square, whatever borders they have.
        """
        if not crop and frames.shape[1:] == (size, size):
            return cls(size, size, 0, 0, size, size, size)
        brightest, writing = screen(frames)
        return cls.around(brightest, size, writing)

    @property
    def scale(self) -> float:
        """Square's pixels per source pixel."""
        return self.size / max(self.bottom - self.top, self.right - self.left)

    @property
    def matrix(self) -> NDArray[np.float64]:
        """2 x 3, from source (column, row) to the square; pixel centres are whole numbers, as OpenCV counts."""
        middle = np.array([self.left + self.right - 1, self.top + self.bottom - 1]) / 2
        shift = (self.size - 1) / 2 - self.scale * middle
        return np.array([[self.scale, 0, shift[0]], [0, self.scale, shift[1]]])

    @property
    def is_identity(self) -> bool:
        """True for frames that are the square already."""
        return (self.height, self.width) == (self.size, self.size) and self.scale == 1.0

    def enter(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(n, height, width) uint8 to (n, size, size) float32, 0-255; blurred first where it shrinks."""
        frames = frames if self.writing is None else frames * ~self.writing
        if self.is_identity:
            return frames.astype(np.float32)
        square = np.empty((len(frames), self.size, self.size), np.float32)
        for index, frame in enumerate(frames):
            square[index] = self._enter_one(frame)
        return square

    def _enter_one(self, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        blur = 0.4 / self.scale
        source = cv2.GaussianBlur(frame, (0, 0), blur) if self.scale < 0.75 else frame
        moved = cv2.warpAffine(source, self.matrix, (self.size, self.size), flags=cv2.INTER_LINEAR)
        return np.asarray(moved, np.float32)

    def leave(self, square: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, size, size) float32 back to (n, height, width), interpolated linearly; 0 outside the box."""
        if self.is_identity:
            return square
        back = np.empty((len(square), self.height, self.width), np.float32)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        for index, one in enumerate(square):
            back[index] = np.asarray(cv2.warpAffine(one, self.matrix, (self.width, self.height), flags=flags))
        return back
