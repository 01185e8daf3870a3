"""One study's frames in one file: raw uint8 that can be mapped, and a footer that says what they are.

::

    frames      count x height x width bytes, from the file's first byte on
    footer      JSON: shape, frame rate, letterbox, stamps of the source files, SHA-256 of the frames
    tail        length and CRC-32 of the footer, and a magic number

The footer stands last because the checksum is known last: a file is written once, from front to back.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from echobeat.datasets.decoding import BLOCK, Decoded
from echobeat.datasets.placement import Placement
from echobeat.errors import UnreadableFile
from echobeat.models.letterbox import Letterbox
from echobeat.whole import whole_file

FORMAT = 2
"""Part of the folder's name: a cache of another format is left alone and made anew."""

_MAGIC = b"ebframe1"
_TAIL = struct.Struct("<II8s")
_REMEDY = "Fill the cache again"


@dataclass(frozen=True)
class Stamp:
    """What a source file was when it was decoded.

    Attributes
    ----------
    size : int
        Bytes.
    mtime_ns : int
    sha256 : str
        Of its bytes.
    """

    size: int
    mtime_ns: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Stamp:
        """Read a file through.

        Raises
        ------
        UnreadableFile
        """
        try:
            with path.open("rb") as file:
                known = os.fstat(file.fileno())
                return cls(known.st_size, known.st_mtime_ns, hashlib.file_digest(file, "sha256").hexdigest())
        except OSError as error:
            raise UnreadableFile(str(path), f"it cannot be read ({error.strerror})", "Check the data set") from error

    def unchanged(self, path: Path) -> bool:
        """True where size and time are the same; the file is not opened."""
        try:
            known = path.stat()
        except OSError:
            return False
        return (known.st_size, known.st_mtime_ns) == (self.size, self.mtime_ns)


@dataclass(frozen=True)
class Footer:
    """What a cache file says of its frames.

    Attributes
    ----------
    count, height, width : int
        Of the frames in it.
    placement : Placement
        How the video's pixels came there.
    fps : float or None
    warnings : tuple of str
        Codes of the video's reader.
    sources : tuple of Stamp
    sha256 : str
        Of the frames.
    """

    count: int
    height: int
    width: int
    placement: Placement
    fps: float | None
    warnings: tuple[str, ...]
    sources: tuple[Stamp, ...]
    sha256: str

    @property
    def frames_bytes(self) -> int:
        """Length of the frames in the file."""
        return self.count * self.height * self.width

    def encoded(self) -> bytes:
        """Footer and tail as they stand in the file."""
        text = json.dumps(asdict(self), separators=(",", ":")).encode()
        return text + _TAIL.pack(len(text), zlib.crc32(text), _MAGIC)

    @classmethod
    def decoded(cls, text: bytes) -> Footer:
        """The inverse of `encoded`, without the tail."""
        values: dict[str, Any] = json.loads(text)
        place = values.pop("placement")
        box = Letterbox(**place.pop("box")) if place["box"] else place.pop("box")
        stamps = tuple(Stamp(**stamp) for stamp in values.pop("sources"))
        warnings = tuple(values.pop("warnings"))
        return cls(placement=Placement(**place, box=box), sources=stamps, warnings=warnings, **values)


def write_entry(path: Path, decoded: Decoded, size: int | None, sources: tuple[Stamp, ...]) -> None:
    """Write a study's frames, letterboxed to `size`; the file appears when all of it is on the disk.

    Raises
    ------
    OutputError
        The disk is full or refuses.
    """
    placement = Placement.of(decoded.frames, size)
    digest = hashlib.sha256()
    with _whole(path) as file:
        for _, block in decoded.frames.blocks(BLOCK):
            pixels = np.ascontiguousarray(placement.enter(block)).data
            digest.update(pixels)
            file.write(pixels)
        shape = (len(decoded.frames), *placement.shape)
        footer = Footer(*shape, placement.geometry, decoded.fps, decoded.warnings, sources, digest.hexdigest())
        file.write(footer.encoded())


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write to, which takes its name when all of it is on the disk."""
    what, otherwise = f"{path.parent}: the frame cache", "or give another folder with --cache"
    with whole_file(path, what, otherwise) as beside, beside.open("wb") as file:
        yield file


class Entry:
    """An open cache file: its footer is checked, its frames are mapped and read when they are asked for.

    Parameters
    ----------
    path : Path

    Raises
    ------
    FileNotFoundError
    UnreadableFile
        Cut off, or not a cache file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            self.footer = _read_footer(file, path)
            self._map = mmap.mmap(file.fileno(), self.footer.frames_bytes, access=mmap.ACCESS_READ)
        flat = np.frombuffer(self._map, np.uint8)
        self._frames = flat.reshape(self.footer.count, self.footer.height, self.footer.width)

    def read(self, first: int, last: int, step: int) -> NDArray[np.uint8]:
        """A copy of frames first, first + step, ... before last: (n, height, width)."""
        return self._frames[first:last:step].copy()

    def restamp(self, sources: tuple[Stamp, ...]) -> None:
        """Put a file with the same frames and other stamps in the place of this one.

        Raises
        ------
        OutputError
        """
        with _whole(self.path) as file:
            file.write(self._frames.data)
            file.write(replace(self.footer, sources=sources).encoded())

    def is_whole(self) -> bool:
        """Read all frames and compare their checksum."""
        return hashlib.sha256(self._frames.data).hexdigest() == self.footer.sha256


def _read_footer(file: BinaryIO, path: Path) -> Footer:
    total = file.seek(0, os.SEEK_END)
    tail = _read_at(file, total - _TAIL.size, _TAIL.size)
    if len(tail) < _TAIL.size or not tail.endswith(_MAGIC):
        raise UnreadableFile(str(path), "it is no file of the frame cache, or cut off", _REMEDY)
    length, checksum, _ = _TAIL.unpack(tail)
    text = _read_at(file, total - _TAIL.size - length, length)
    if zlib.crc32(text) != checksum:
        raise UnreadableFile(str(path), "its footer is damaged", _REMEDY)
    footer = Footer.decoded(text)
    if footer.frames_bytes + length + _TAIL.size != total:
        raise UnreadableFile(str(path), "its length is not what its footer says", _REMEDY)
    return footer


def _read_at(file: BinaryIO, position: int, length: int) -> bytes:
    file.seek(max(position, 0))
    return file.read(length)
