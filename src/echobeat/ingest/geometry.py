"""The sector into frames of one size, aspect kept, and frame times to a constant rate; all of it block by block."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from echobeat.errors import UsageError
from echobeat.frames import FrameStack
from echobeat.records import FloatArray, Spacing

SIZES = (32, 1024)
"""Sides of the square that can be asked for, in pixels."""

BLUR = 0.4
"""Standard deviation, in pixels of the square, of the blur before shrinking: keeps speckle from turning into noise that
was not there. The same as in `models.letterbox`."""

SHRINKS_BELOW = 0.75
REGULAR = 0.1
"""Largest departure of a frame's step from the mean step, relative to it, of a clip whose rate is taken to be constant:
times in DICOM are rounded to milliseconds by some makers."""

MIN_NATIVE_PX = 32


@dataclass(frozen=True)
class Placement:
    """Where the sector's pixels come to lie.

    Attributes
    ----------
    top, left, bottom, right : int
        The part of the source's frames that is used; bottom and right are exclusive.
    scale : float
        New pixels per pixel of the source, the same along rows and columns.
    height, width : int
        Of the new frames; the part lies in their middle.
    """

    top: int
    left: int
    bottom: int
    right: int
    scale: float
    height: int
    width: int

    @classmethod
    def of(cls, mask: NDArray[np.bool_], size: int | None) -> Placement:
        """Place a sector.

        Frames that have the wanted size already are left where they are.

        Parameters
        ----------
        mask : ndarray
            (height, width) bool, some of it True: the sector.
        size : int or None
            Side of the square; None keeps the source's scale, in frames that just hold the sector, both sides even.
        """
        height, width = mask.shape
        if (height, width) == (size, size):
            return cls(0, 0, height, width, 1.0, height, width)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
        if size is None:
            tall, wide = (max(MIN_NATIVE_PX, side + side % 2) for side in (bottom - top, right - left))
            return cls(top, left, bottom, right, 1.0, tall, wide)
        return cls(top, left, bottom, right, size / max(bottom - top, right - left), size, size)

    @property
    def matrix(self) -> FloatArray:
        """2 x 3, from a source's (column, row) to the new frame's; pixel centres are whole numbers."""
        middle = np.array([self.left + self.right - 1, self.top + self.bottom - 1]) / 2
        new_middle = np.array([self.width - 1, self.height - 1]) / 2
        shift = new_middle - self.scale * middle
        if self.scale == 1.0:  # no interpolation for half a pixel
            shift = np.floor(shift)
        return np.array([[self.scale, 0.0, shift[0]], [0.0, self.scale, shift[1]]])

    def spacing(self, spacing_mm: Spacing | None) -> Spacing | None:
        """Spacing of the new pixels, (row, column) in mm."""
        return None if spacing_mm is None else (spacing_mm[0] / self.scale, spacing_mm[1] / self.scale)

    def enter(self, frame: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """One frame (height, width), black outside `mask`, in its new place: cubic interpolation, 0-255."""
        inside = np.where(mask, frame, 0).astype(np.uint8)
        if self.scale < SHRINKS_BELOW:
            inside = np.asarray(cv2.GaussianBlur(inside, (0, 0), BLUR / self.scale), np.uint8)
        flags = cv2.INTER_NEAREST if self.scale == 1.0 else cv2.INTER_CUBIC
        return np.asarray(cv2.warpAffine(inside, self.matrix, (self.width, self.height), flags=flags), np.uint8)


def check_size(size: int) -> None:
    """Refuse a side that no network reads.

    Raises
    ------
    UsageError
    """
    if not SIZES[0] <= size <= SIZES[1] or size % 2:
        raise UsageError(f"--size {size}: give an even number from {SIZES[0]} to {SIZES[1]}, or native.")


def cropped(frames: FrameStack, top: int, left: int, bottom: int, right: int) -> FrameStack:
    """A part of every frame (frames, height, width)."""
    part = FrameStack(bottom - top, right - left)
    for _, block in frames.blocks():
        part.append(block[:, top:bottom, left:right])
    return part


def placed(frames: FrameStack, mask: NDArray[np.bool_], placement: Placement) -> FrameStack:
    """All frames (frames, height, width) uint8 in their new place, black outside `mask` (height, width)."""
    new = FrameStack(placement.height, placement.width)
    for _, block in frames.blocks():
        new.append(np.stack([placement.enter(frame, mask) for frame in block]))
    return new


def is_regular(times_s: FloatArray) -> bool:
    """True where the frames are evenly spaced in time, rounding aside."""
    steps = np.diff(times_s)
    return bool(np.all(np.abs(steps - steps.mean()) <= REGULAR * steps.mean()))


def mean_fps(times_s: FloatArray) -> float:
    """Frames a second from the first frame to the last."""
    return (len(times_s) - 1) / float(times_s[-1] - times_s[0])


def at_rate(frames: FrameStack, times_s: FloatArray, fps: float) -> tuple[FrameStack, FloatArray]:
    """Resample in time to a constant rate: each new frame is interpolated linearly between its two neighbours.

    Parameters
    ----------
    frames : FrameStack
        (frames, height, width) uint8.
    times_s : ndarray
        (frames,) strictly increasing from 0, evenly spaced or not.
    fps : float
        Frames a second.

    Returns
    -------
    frames : FrameStack
        From the first frame's time to the last one's, both included as far as the rate allows.
    times_s : ndarray
        k / fps.
    """
    count = int(np.floor(float(times_s[-1] - times_s[0]) * fps + 1e-6)) + 1
    wanted = np.arange(count) / fps
    before = np.clip(np.searchsorted(times_s - times_s[0], wanted + 1e-9, side="right") - 1, 0, len(times_s) - 2)
    share = (wanted - (times_s[before] - times_s[0])) / (times_s[before + 1] - times_s[before])
    new = FrameStack(*frames.shape[1:])
    for index, part in zip(before.tolist(), np.clip(share, 0.0, 1.0).tolist(), strict=True):
        one, next_one = frames[index], frames[index + 1]
        new.append(np.rint((1 - part) * one + part * next_one.astype(np.float32)).astype(np.uint8))
    return new, wanted
