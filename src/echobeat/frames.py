"""FrameStack: a frames x height x width array that never needs to fit into memory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from echobeat.errors import NoRoom

MEMORY_LIMIT_BYTES = 64 * 2**20
"""A stack larger than this lives in an unnamed temporary file, which the system removes with the process."""


class FrameStack:
    """Frames of one size, appended block by block, read back by index or slice.

    A lazy array: ``stack[3]`` is one frame (height, width), ``stack[10:20]`` a block
    (frames, height, width), ``np.asarray(stack)`` everything. Small stacks stay in memory;
    beyond `memory_limit` bytes they are spooled to disk, so that memory is flat in the
    length of the video.

    Parameters
    ----------
    height, width : int
        Size of a frame in pixels.
    dtype : dtype
        ``uint8`` for images, ``bool`` for masks.
    memory_limit : int
        Bytes kept in memory before spooling to disk.

    Raises
    ------
    NoRoom
        The temporary folder is full or cannot be written.
    """

    def __init__(
        self, height: int, width: int, dtype: DTypeLike = np.uint8, *, memory_limit: int = MEMORY_LIMIT_BYTES
    ) -> None:
        self.dtype = np.dtype(dtype)
        self._height, self._width = int(height), int(width)
        self._count = 0
        self._memory_limit = memory_limit
        self._blocks: list[NDArray[Any]] = []
        self._file: IO[bytes] | None = None

    @classmethod
    def from_array(cls, frames: NDArray[Any]) -> FrameStack:
        """Wrap an array (frames, height, width) without copying it."""
        stack = cls(frames.shape[1], frames.shape[2], frames.dtype, memory_limit=frames.nbytes)
        stack.append(frames)
        return stack

    @property
    def shape(self) -> tuple[int, int, int]:
        """(frames, height, width)."""
        return self._count, self._height, self._width

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame."""
        return self._height * self._width * self.dtype.itemsize

    def __len__(self) -> int:
        return self._count

    def append(self, block: NDArray[Any]) -> None:
        """Add frames (frames, height, width), or one frame (height, width), at the end."""
        block = np.ascontiguousarray(block if block.ndim == 3 else block[None], dtype=self.dtype)
        if block.shape[1:] != (self._height, self._width):
            raise ValueError(f"frames of {block.shape[1:]} do not fit a stack of {self.shape[1:]}")
        self._blocks.append(block)
        self._count += len(block)
        if self._file is not None or self._count * self.frame_bytes > self._memory_limit:
            self._spool()

    def _spool(self) -> None:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="echobeat-")  # noqa: SIM115  lives as long as the stack
            self._file.seek(0, os.SEEK_END)
            for block in self._blocks:
                self._file.write(block.data)
            self._file.flush()
        except OSError as error:
            raise NoRoom(
                f"The temporary folder {tempfile.gettempdir()} cannot hold the frames ({error.strerror}). "
                "Free some space or point TMPDIR to a larger disk."
            ) from error
        self._blocks = []

    def __getitem__(self, index: int | slice) -> NDArray[Any]:
        if isinstance(index, slice):
            start, stop, step = index.indices(self._count)
            if step < 1:
                raise ValueError("a FrameStack is read forwards")
            if step > 1 and self._file is not None:  # frames between are not read
                frames = [self._read(at, at + 1) for at in range(start, stop, step)]
                return np.concatenate(frames) if frames else self._read(start, start)
            return self._read(start, max(stop, start))[::step]
        position = range(self._count)[index]  # negative indices, and IndexError beyond the end
        frame: NDArray[Any] = self._read(position, position + 1)[0]
        return frame

    def _read(self, start: int, stop: int) -> NDArray[Any]:
        if self._file is None:
            if len(self._blocks) != 1:
                self._blocks = [np.concatenate(self._blocks)] if self._blocks else []
            if not self._blocks:
                return np.empty((0, self._height, self._width), self.dtype)
            return self._blocks[0][start:stop]
        count = stop - start
        self._file.seek(start * self.frame_bytes)
        data = self._file.read(count * self.frame_bytes)
        return np.frombuffer(data, self.dtype).reshape(count, self._height, self._width)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        for _, block in self.blocks():
            yield from block

    def blocks(self, frames: int = 32) -> Iterator[tuple[int, NDArray[Any]]]:
        """Yield ``(first frame's index, block)``; blocks are of `frames` frames, the last one shorter."""
        for start in range(0, self._count, frames):
            yield start, self[start : start + frames]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self[:], dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        where = "in memory" if self._file is None else "on disk"
        return f"FrameStack({self.shape}, {self.dtype}, {where})"
