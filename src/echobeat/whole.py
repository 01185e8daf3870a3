"""Files that appear whole or not at all: they are written beside their place, and then moved there.

Whoever reads a folder sees the new file or the one before, never a part of one: not while it is written, not after a
failure, a kill or a power cut, not where several processes or threads write it at once (the last one stays).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from echobeat.errors import OutputError, write_remedy

PREFIX = ".echobeat-"
"""How the name begins of what is being written, or was when its process was killed."""

ELSEWHERE = "or choose another place"


@contextmanager
def whole_file(path: Path, what: str = "", otherwise: str = ELSEWHERE) -> Iterator[Path]:
    """Give a path beside `path` to write to, and move it there when the block ends well; else nothing is left of it.

    It has no suffix, so that nobody takes it for data: a library that goes by suffixes is given the format, or an open
    file. Missing folders are made.

    Parameters
    ----------
    path : Path
    what, otherwise : str
        How the error begins and ends; see `writing`. By default it names the path.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    beside = path.with_name(f"{PREFIX}{secrets.token_hex(8)}")
    with writing(what or str(path), otherwise):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield beside
            sync(beside)  # a name must not outlive a power cut that its contents did not
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)


def write_file(path: Path, content: str | bytes, what: str = "", otherwise: str = ELSEWHERE) -> None:
    """Write bytes, or text in UTF-8, by `whole_file`.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    with whole_file(path, what, otherwise) as beside:
        beside.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def writing(what: str, otherwise: str = ELSEWHERE) -> Iterator[None]:
    """Turn the system's refusals into an `OutputError`: "`what` cannot be written (why). What to do, `otherwise`."."""
    try:
        yield
    except OSError as error:
        cause = _systems_own(error)
        raise OutputError(
            f"{what} cannot be written ({cause.strerror or cause}). {write_remedy(cause)}, {otherwise}."
        ) from error


def _systems_own(error: OSError) -> OSError:
    """The system's error behind one that a library raised anew with a text alone, as pydicom does."""
    behind: BaseException | None = error
    while behind is not None:
        if isinstance(behind, OSError) and behind.strerror:
            return behind
        behind = behind.__cause__ or behind.__context__
    return error


def sync(path: Path) -> None:
    """See that a file's contents, or the names in a folder, are on the disk.

    Raises
    ------
    OSError
        The disk refuses.
    """
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
