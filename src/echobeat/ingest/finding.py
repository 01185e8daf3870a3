"""What there is to look at: files below folders, what a DICOMDIR lists, what is in a ZIP."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom import dcmread

from echobeat.errors import EchobeatError, InputError
from echobeat.ingest.archives import leads_out, members
from echobeat.ingest.reasons import NotForDataset
from echobeat.sources.discover import walk
from echobeat.sources.kinds import HEAD_BYTES, is_dicomdir
from echobeat.sources.recording import decoding, quiet_libraries

ZIP_HEADS = (b"PK\x03\x04", b"PK\x05\x06")


@dataclass(frozen=True)
class Input:
    """One file, or one member of an archive. Its path and name may name the patient: they go into the mapping only.

    Attributes
    ----------
    path : of the file, or of the archive.
    name : relative to the source that the user named, with slashes; for labels.
    member : place in the archive; None for a file.
    stamp : size and time of change, by which a later run knows it again.
    code : of `REASONS`, where it is settled without being opened; empty otherwise.
    """

    path: str
    name: str
    member: int | None = None
    stamp: str = ""
    code: str = ""

    @property
    def identity(self) -> str:
        """What tells inputs apart between runs; to be hashed."""
        return "\0".join((os.path.realpath(self.path), str(self.member), self.name if self.code else "", self.stamp))

    @property
    def original(self) -> str:
        """Path for the user's mapping; of what a list or an archive names, that name behind it."""
        path = os.path.abspath(self.path)
        inside = self.member is not None or os.path.basename(self.path) != self.name.rpartition("/")[2]
        return f"{path}!{self.name}" if inside else path


def find(sources: Iterable[str], leave_out: Iterable[Path]) -> Iterator[Input]:
    """Find everything in the sources, each file once.

    Parameters
    ----------
    sources : iterable of str
        Files, folders, DICOMDIRs, ZIP archives, as the user named them.
    leave_out : iterable of Path
        Files and folders that are passed over: the data set itself, the key.

    Yields
    ------
    Input
        Those that are settled already, too: archives, what is missing, what is not to be unpacked.
    """
    seen: set[str] = set()
    entered: set[tuple[int, int]] = set()
    hidden = [path.resolve() for path in leave_out]
    for source in sources:
        root = Path(source)
        for file in _files(root, entered):
            real = Path(os.path.realpath(file))
            if str(real) in seen or any(real.is_relative_to(path) for path in hidden):
                continue
            seen.add(str(real))
            name = file.relative_to(root).as_posix() if os.path.isdir(root) else file.name
            yield from _contents(file, name, seen)


def _files(root: Path, entered: set[tuple[int, int]]) -> Iterator[Path]:
    if not os.path.isdir(root):  # where `Path.is_dir` raises, as below a folder that may not be entered, too
        yield root
        return
    try:
        yield from walk(root, entered)
    except InputError:
        yield root


def _contents(file: Path, name: str, seen: set[str]) -> Iterator[Input]:
    try:
        status = file.stat()
        stamp = f"{status.st_size} {status.st_mtime_ns}"
        if file.is_dir():
            raise PermissionError
        head = _head(file) if file.is_file() else b""
    except OSError as error:
        yield Input(str(file), name, code="missing" if isinstance(error, FileNotFoundError) else "closed")
        return
    if head.startswith(ZIP_HEADS):
        yield from _archived(file, name, stamp)
    elif is_dicomdir(head):
        yield from _listed(file, name, stamp, seen)
    else:
        yield Input(str(file), name, None, stamp, "" if file.is_file() else "closed")


def _head(file: Path) -> bytes:
    with open(file, "rb") as stream:
        return stream.read(HEAD_BYTES)


def _archived(file: Path, name: str, stamp: str) -> Iterator[Input]:
    try:
        found = members(file)
    except (NotForDataset, OSError) as error:
        yield Input(str(file), name, None, stamp, error.code if isinstance(error, NotForDataset) else "closed")
        return
    yield Input(str(file), name, None, stamp, "archive")
    for member in found:
        yield Input(str(file), member.name, member.index, stamp, member.refusal)


def _listed(file: Path, name: str, stamp: str, seen: set[str]) -> Iterator[Input]:
    """The files that a DICOMDIR lists (PS3.3, F.3.2.2: Referenced File ID, by components, below its own folder)."""
    try:
        parts = _referenced(file)
    except EchobeatError:
        yield Input(str(file), name, None, stamp, "damaged")
        return
    yield Input(str(file), name, None, stamp, "dicomdir")
    folder = file.parent.resolve()
    for components in parts:
        code, path = _place(folder, components)
        real = os.path.realpath(path) if path else ""
        if path is None:
            yield Input(str(file), "/".join(components), None, stamp, code)
        elif real not in seen:
            seen.add(real)
            status = path.stat()
            yield Input(str(path), "/".join(components), None, f"{status.st_size} {status.st_mtime_ns}")


def _place(folder: Path, components: tuple[str, ...]) -> tuple[str, Path | None]:
    """A file that a DICOMDIR lists, or the code of what is wrong with it.

    The components in lower case are looked for, too: some systems show the names of a CD so.
    """
    if any(leads_out(part) or "/" in part or "\\" in part for part in components):
        return "climbs_out", None
    for parts in (components, tuple(part.lower() for part in components)):
        path = folder.joinpath(*parts)
        if os.path.isfile(path):  # a name that is longer than names can be is none, and no error
            inside = Path(os.path.realpath(path)).is_relative_to(folder)
            return ("", path) if inside else ("climbs_out", None)
    return "missing", None


def _referenced(file: Path) -> list[tuple[str, ...]]:
    with quiet_libraries(), decoding("the file"):
        found: Any = dcmread(file, specific_tags=["DirectoryRecordSequence"]).get("DirectoryRecordSequence") or []
        values = [record.get("ReferencedFileID") for record in found]
        return [(value,) if isinstance(value, str) else tuple(map(str, value)) for value in values if value]
