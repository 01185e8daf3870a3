"""ZIP archives, which may be hostile: what may come out of them, one file at a time, into an unnamed file."""

from __future__ import annotations

import stat
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO, BinaryIO, cast

from echobeat.errors import InputError, NoRoom
from echobeat.ingest.reasons import NotForDataset
from echobeat.sources.recording import decoding

LARGEST_FILE_BYTES = 8 * 2**30
"""Of one file unpacked: ten minutes of uncompressed colour at 800 x 600 and 10 frames a second."""

HARMLESS_BYTES = 64 * 2**20
"""Below, no growth is looked at: a black picture shrinks a thousandfold."""

MOST_GROWTH = 200
"""Times that a large file may grow; cines were seen to grow up to thirty times."""

MOST_FILES = 200_000
"""In one archive."""

_BLOCK_BYTES = 1 << 20
_LOCAL_HEADER_BYTES = 30  # PKWARE APPNOTE 6.3.10, 4.3.7
_ENCRYPTED = 0x1 | 0x40  # flag bits 0 and 6: 4.4.4


@dataclass(frozen=True)
class Member:
    """A file in an archive.

    Attributes
    ----------
    index : its place in the archive's directory; names may repeat.
    name : as the archive has it, with slashes; names the patient, often.
    refusal : a code of `REASONS`; empty where it may be unpacked.
    """

    index: int
    name: str
    refusal: str


def members(path: Path) -> list[Member]:
    """The files in an archive.

    Raises
    ------
    NotForDataset
        It is damaged, or a bomb as a whole: too many files, files that overlap, or too much growth.
    OSError
        It cannot be opened.
    """
    with _opened(path) as archive:
        found = archive.infolist()
        files = [(index, info) for index, info in enumerate(found) if not info.is_dir()]
    _refuse_bomb([info for _, info in files], path.stat().st_size)
    return [Member(index, info.filename, _refusal(info)) for index, info in files]


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    with ExitStack() as stack:
        try:
            with decoding("the archive"):
                archive = stack.enter_context(zipfile.ZipFile(path))
        except InputError as error:
            if isinstance(error.__cause__, PermissionError):
                raise NotForDataset("closed") from error
            raise NotForDataset("archive_damaged") from error
        yield archive


def _refuse_bomb(files: Sequence[zipfile.ZipInfo], archive_bytes: int) -> None:
    """Refuse archives whose files share bytes (D. Fifield, "A better zip bomb", WOOT 2019) or grow beyond measure."""
    total = sum(info.file_size for info in files)
    places = sorted(
        (info.header_offset, info.header_offset + _LOCAL_HEADER_BYTES + info.compress_size) for info in files
    )
    overlap = any(end > start for (_, end), (start, _) in pairwise(places))
    grows = total > HARMLESS_BYTES and total > MOST_GROWTH * archive_bytes
    if len(files) > MOST_FILES or overlap or grows:
        raise NotForDataset("bomb")


def _refusal(info: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(info.external_attr >> 16)
    grows = info.file_size > HARMLESS_BYTES and info.file_size > MOST_GROWTH * max(1, info.compress_size)
    if leads_out(info.filename) or leads_out(info.orig_filename):
        return "climbs_out"
    if kind not in (0, stat.S_IFREG):
        return "link"
    if info.flag_bits & _ENCRYPTED:
        return "encrypted"
    return "bomb" if grows or info.file_size > LARGEST_FILE_BYTES else ""


def leads_out(name: str) -> bool:
    """True for a path that is absolute, names a drive, or has a ``..`` in it."""
    parts = name.replace("\\", "/").split("/")
    return "\0" in name or name[:1] in ("/", "\\") or ".." in parts or parts[0][1:2] == ":"


class Unpacker:
    """Unpacks members of archives; the archive used last stays open, because its directory is slow to read.

    Nothing is written under a name: a file that is unpacked has none, and is gone when it is closed or the process
    ends in whatever way.
    """

    def __init__(self) -> None:
        self._path: str | None = None
        self._stack = ExitStack()
        self._archive: zipfile.ZipFile | None = None

    @contextmanager
    def open(self, path: str, index: int) -> Iterator[BinaryIO]:
        """Give the contents of a member, in an unnamed file.

        Raises
        ------
        NotForDataset
            The archive or the member is damaged, or the member is more than it says.
        NoRoom
            The temporary folder is full.
        """
        archive = self._opened(path)
        with ExitStack() as stack:
            file = cast("IO[bytes]", stack.enter_context(tempfile.TemporaryFile(prefix="echobeat-")))
            written, info = 0, archive.infolist()[index]
            for block in _blocks(archive, info):
                written += len(block)
                if written > min(info.file_size, LARGEST_FILE_BYTES):
                    raise NotForDataset("bomb")
                _write(file, block)
            _write(file, b"", flush=True)
            file.seek(0)
            yield cast("BinaryIO", file)

    def _opened(self, path: str) -> zipfile.ZipFile:
        if self._archive is None or self._path != path:
            self.close()
            self._archive, self._path = self._stack.enter_context(_opened(Path(path))), path
        return self._archive

    def close(self) -> None:
        """Close the archive used last."""
        self._stack.close()
        self._archive = self._path = None


def _blocks(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    try:
        with decoding("the file"), archive.open(info) as packed:
            while block := packed.read(_BLOCK_BYTES):
                yield block
    except InputError as error:
        raise NotForDataset("damaged") from error


def _write(file: IO[bytes], block: bytes, flush: bool = False) -> None:
    try:
        file.write(block)
        if flush:
            file.flush()
    except OSError as error:
        raise NoRoom(
            f"The temporary folder {tempfile.gettempdir()} cannot hold a file of the archive ({error.strerror}). "
            "Free some space or point TMPDIR to a larger disk."
        ) from error
