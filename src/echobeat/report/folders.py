"""Folders that appear whole or not at all, one run a folder, and names that collide with nothing.

Inside the output folder ``DIR``::

    DIR/.echobeat.lock               held by the run that writes into DIR
    DIR/.echobeat-<token>/new/<name> a result being written
    DIR/.echobeat-<token>/old/<name> the result that it replaces, for the moment between two renames
    DIR/<name>                       a complete result

A run that is killed leaves at most a ``.echobeat-<token>``; the next run puts an old result back
where it was, if it is missing, and removes the rest.

Files that stand alone are a ``.echobeat-<token>`` while they are written (`whole.py`).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from echobeat import whole
from echobeat.errors import OutputError
from echobeat.given import check_folder

LOCK = ".echobeat.lock"
STAGE_PREFIX = whole.PREFIX
RESULT_FILE = "result.json"
RUN_FILE = "run.json"
TAKEN_NAMES = frozenset({"summary.csv", "manifest.json"})
LONGEST_NAME = 80
"""Characters of a folder's name; leaves room for a number on every file system..."""

MOST_BYTES = 240
"""...as does this number of bytes, of which a character may have four."""

_RESULT_KEYS = {"schema_version", "source", "quality", "notice"}
"""What tells our ``result.json`` from another program's."""

_DEVICE_NAMES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names that Windows keeps for devices: https://learn.microsoft.com/windows/win32/fileio/naming-a-file"""


def writing(folder: Path) -> AbstractContextManager[None]:
    """Turn the system's refusals into an `OutputError` that names the folder and the remedy."""
    return whole.writing(*_told(folder))


def _told(folder: Path) -> tuple[str, str]:
    return f"{folder}: the result", "or choose another folder with --out"


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Give a folder to write into, which takes the place of `folder` when the block ends well.

    Raises
    ------
    OutputError
        `folder` holds something that is not a result of echobeat, or the disk refuses.
    """
    with writing(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        if not is_replaceable(folder):
            raise OutputError(f"{folder} is there already and holds no result of echobeat. Choose another --out.")
        workshop = Path(tempfile.mkdtemp(prefix=STAGE_PREFIX, dir=folder.parent))
        try:
            stage = workshop / "new" / folder.name
            stage.mkdir(parents=True)
            yield stage
            _sync(stage)
            _swap(stage, folder, workshop / "old")
        finally:
            shutil.rmtree(workshop, ignore_errors=True)


def _sync(folder: Path) -> None:
    """See that all in a folder is on the disk: its name must not outlive a power cut that its contents did not."""
    for path in [*folder.rglob("*"), folder]:
        whole.sync(path)


def write_whole(path: Path, text: str) -> None:
    """Write a text file of an output folder, UTF-8, that is there whole or as it was before.

    Raises
    ------
    OutputError
        The disk refuses.
    """
    whole.write_file(path, text, *_told(path.parent))


def is_replaceable(folder: Path) -> bool:
    """True where nothing is lost by writing a result to `folder`: it is not there, empty, or an earlier result."""
    if not folder.is_dir() or folder.is_symlink():
        return not os.path.lexists(folder)
    return not any(folder.iterdir()) or is_result(folder)


def is_result(folder: Path) -> bool:
    """True for a folder that holds the result of a clip."""
    return read_json(folder / RESULT_FILE).keys() >= _RESULT_KEYS


def is_ours(folder: Path) -> bool:
    """True for what a run makes in its output folder: a result, or one that is being written or was left unfinished."""
    return folder.name.startswith(STAGE_PREFIX) or is_result(folder)


def _swap(new: Path, target: Path, old: Path) -> None:
    # No whole_file: a folder cannot be moved onto one that is not empty, so that the old one steps aside first.
    if os.path.lexists(target):
        old.mkdir()
        os.replace(target, old / target.name)
    os.replace(new, target)


class OutputFolder:
    """``DIR``, for as long as one run writes into it: locked against other runs, cleared of what a killed run left.

    Parameters
    ----------
    path : Path
    within : sequence of str
        Folders in it at any depth of which the run writes files that stand alone; they are cleared, too.

    Raises
    ------
    UsageError
        It is a file, or lies below one.
    OutputError
        Another run is writing there, or the folder cannot be made.
    """

    def __init__(self, path: Path, within: Sequence[str] = ()) -> None:
        self.path, self._within = path, within
        self._lock = FileLock(path / LOCK, timeout=0, mode=0o666)

    def __enter__(self) -> OutputFolder:
        with writing(self.path):
            check_folder(self.path)
            self.path.mkdir(parents=True, exist_ok=True)
            try:
                self._lock.acquire()
            except Timeout as error:
                raise OutputError(
                    f"Another run is writing into {self.path}. Wait for it to end, or choose another --out."
                ) from error
            self._tidy()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._tidy()
        finally:
            self._lock.release()

    def _tidy(self) -> None:
        for workshop in self.path.glob(f"{STAGE_PREFIX}*"):
            if not workshop.is_dir() or workshop.is_symlink():
                workshop.unlink(missing_ok=True)
                continue
            for kept in (workshop / "old").glob("*"):
                if not os.path.lexists(self.path / kept.name):
                    os.replace(kept, self.path / kept.name)
            shutil.rmtree(workshop, ignore_errors=True)
        for name in self._within:
            for left in (self.path / name).rglob(f"{STAGE_PREFIX}*"):
                if left.is_symlink() or not left.is_dir():
                    left.unlink(missing_ok=True)


def folder_name(source: str) -> str:
    """A safe folder name for a source: its file name without the suffix.

    >>> [folder_name(source) for source in ("scans/apical.avi", "p1_4CH.nii.gz", "1.2.840.113", "a:b?.mp4")]
    ['apical', 'p1_4CH', '1.2.840.113', 'a_b_']
    """
    name = re.split(r"[/\\]", source.rstrip("/\\"))[-1]
    stem, suffix = os.path.splitext(re.sub(r"\.gz$", "", name, flags=re.IGNORECASE))
    if suffix[1:].isdigit():  # a DICOM identifier, not a suffix
        stem += suffix
    stem = unicodedata.normalize("NFC", os.fsencode(stem).decode("utf-8", "replace"))
    safe = "".join("_" if c in '<>:"|?*\N{REPLACEMENT CHARACTER}' or not c.isprintable() else c for c in stem)
    safe = safe[:LONGEST_NAME].encode()[:MOST_BYTES].decode(errors="ignore").strip(" ").rstrip(".")
    if _DEVICE_NAMES.fullmatch(safe):
        safe = f"_{safe}"
    return re.sub(r"^[.\-=+@~]", "_", safe) or "clip"


def plan_folders(sources: Iterable[str], out: Path) -> dict[str, str]:
    """Name a folder in `out` for each source, before any is written: deterministic, and no two the same.

    A name goes to the first source that asks for it; the next one gets ``-2``, ``-3`` ... A folder in `out` that
    holds another source's result, or anything else, is not touched: its name counts as taken.
    """
    plan: dict[str, str] = {}
    taken = set(TAKEN_NAMES)
    for source in sources:
        if source in plan:
            continue
        name = wanted = folder_name(source)
        number = 1
        while name.casefold() in taken or not _may_take(out / name, source):
            number += 1
            name = f"{wanted}-{number}"
        taken.add(name.casefold())
        plan[source] = name
    return plan


def _may_take(folder: Path, source: str) -> bool:
    if not os.path.lexists(folder):
        return True
    made_from = read_json(folder / RUN_FILE).get("source_id")
    return is_replaceable(folder) and (made_from == source_id(source) or not any(folder.iterdir()))


def source_id(source: str) -> str:
    """What tells sources apart between runs: a hash of the full path, which names nobody."""
    return hashlib.sha256(os.fsencode(os.path.abspath(source))).hexdigest()[:16]


def read_json(path: Path) -> Mapping[str, object]:
    """A JSON object from a file; empty where there is none that can be read."""
    with suppress(OSError, ValueError):
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict):
            return content
    return {}
