"""What all readers share: the record they return, the limits they keep, and the border to the decoders."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echobeat.errors import EchobeatError, InvalidClip, UnreadableFile
from echobeat.frames import FrameStack
from echobeat.records import MIN_SIDE_PX, ClipWarning, FloatArray, Spacing
from echobeat.sources.colour import ColourMeter

MAX_FRAME_PX = 64 * 2**20
"""Largest frame that is read, in pixels: twice 8K (7680 x 4320). Larger ones are taken for decompression bombs."""


_LIBRARIES = ("PIL", "highdicom", "libav", "nibabel", "openjpeg", "pydicom", "pylibjpeg", "rle")


@dataclass(frozen=True)
class Recording:
    """What a file says of itself, before the user's ``--fps`` and ``--spacing-mm`` are applied.

    Attributes
    ----------
    frames : FrameStack
        (frames, height, width), uint8, grey.
    times_s : ndarray or None
        (frames,), float64, strictly increasing from 0; None where the file gives no rate.
    spacing_mm : (row, column) or None
        As stated; it may still be negative.
    colour_fraction : float
        As in `Clip`.
    warnings : tuple of ClipWarning
    numbers : ndarray or None
        (frames,), int, increasing: each frame's number in the file, where some between could not be decoded.
    """

    frames: FrameStack
    times_s: FloatArray | None
    spacing_mm: Spacing | None = None
    colour_fraction: float = 0.0
    warnings: tuple[ClipWarning, ...] = ()
    numbers: NDArray[np.intp] | None = None


class FrameCollector:
    """Takes grey frames one by one and holds them to one size."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._stack: FrameStack | None = None
        self.colour = ColourMeter()

    def __len__(self) -> int:
        return 0 if self._stack is None else len(self._stack)

    @property
    def wants_colour(self) -> bool:
        """True where the next frame is one of those sampled for colour."""
        return self.colour.wants(len(self))

    def add(self, grey: NDArray[np.uint8], rgb: NDArray[np.uint8] | None = None) -> None:
        """Append a grey frame (height, width); `rgb` (any height, any width, 3), the same picture, is for the colour.

        Raises
        ------
        InvalidClip
            The frame is too small, too large, or not of the size of the frames before it.
        """
        if self._stack is None:
            check_frame_size(self.source, *grey.shape)
            self._stack = FrameStack(*grey.shape)
        elif grey.shape != self._stack.shape[1:]:
            before, now = "{1} x {2}".format(*self._stack.shape), "{} x {}".format(*grey.shape)
            raise InvalidClip(
                self.source,
                f"its frames change from {before} to {now} pixels at frame {len(self)}",
                "Export the clip again with one frame size, or cut it before that frame",
                "changing_size",
            )
        if rgb is not None:
            self.colour.add(rgb)
        self._stack.append(grey)

    def finish(self) -> FrameStack:
        """Return the frames.

        Raises
        ------
        InvalidClip
            There is none.
        """
        if self._stack is None:
            raise InvalidClip(self.source, "it holds no frames", "Check the recording or export it again", "no_frames")
        return self._stack


def check_frame_size(source: str, height: int, width: int) -> None:
    """Refuse frames that hold no ventricle, and frames too large to be ultrasound (`MAX_FRAME_PX`).

    Raises
    ------
    InvalidClip
    """
    if min(height, width) < MIN_SIDE_PX:
        remedy = f"At least {MIN_SIDE_PX} x {MIN_SIDE_PX} are needed; export the clip at its full size"
    elif height * width > MAX_FRAME_PX:
        remedy = f"At most {MAX_FRAME_PX} pixels a frame are read; scale the clip down"
    else:
        return
    raise InvalidClip(source, f"its frames are {height} x {width} pixels", remedy, "size")


def truncated(read: int, announced: int | None) -> ClipWarning:
    """Make the warning of a clip that is shorter than its file says."""
    of = "" if announced is None else f" of {announced}"
    return ClipWarning(
        "truncated", f"Only {read}{of} frames could be decoded; the rest of the file is missing or damaged."
    )


@contextmanager
def decoding(source: str, problem: str = "its contents are damaged or cut off") -> Iterator[None]:
    """Turn whatever a decoder raises into an `UnreadableFile`; echobeat's own errors pass.

    FFmpeg, pydicom, nibabel, Pillow and OpenJPEG document no closed set of exceptions: on mutated files they
    were seen to raise their own ones as well as OSError, ValueError, TypeError, KeyError, IndexError,
    AttributeError, struct.error, zlib.error, EOFError, OverflowError, RuntimeError, RecursionError,
    MemoryError and NotImplementedError. This is the one place that catches them all. Their text is not
    repeated in the message, because it may quote the file's contents, a patient's name among them; it stays
    in ``__cause__``.

    Raises
    ------
    UnreadableFile
    """
    try:
        yield
    except EchobeatError:
        raise
    except Exception as error:
        raise UnreadableFile(source, problem, "Copy or export it again from its origin") from error


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep the libraries' warnings and log records, which may quote patient data, to themselves.

    Warning filters belong to the whole process: open clips from several processes rather than several threads.
    FFmpeg writes no log unless a program asks PyAV for it.
    """
    loggers = [logging.getLogger(name) for name in _LIBRARIES]
    propagated = [logger.propagate for logger in loggers]
    nowhere = logging.NullHandler()  # a record that finds no handler at all goes to standard error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.addHandler(nowhere)
            logger.propagate = False
        try:
            yield
        finally:
            for logger, value in zip(loggers, propagated, strict=True):
                logger.removeHandler(nowhere)
                logger.propagate = value
