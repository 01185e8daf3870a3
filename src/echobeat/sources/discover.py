"""`find_inputs`: the files that could be clips."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from echobeat.errors import UnreadableFile
from echobeat.sources.kinds import HEAD_BYTES, SUFFIXES, display_name, identify, is_dicomdir

_log = logging.getLogger(__name__)


def _no_folder(_: Path) -> bool:
    return False


def find_inputs(
    paths: Iterable[str | os.PathLike[str]], passed_over: Callable[[Path], bool] = _no_folder
) -> list[Path]:
    """List the inputs that `paths` name: files as they are, and those below folders that could be clips.

    Below a folder a file counts by its first bytes, whatever its name. One that is named like a clip (`SUFFIXES`) but
    is empty or damaged from its first bytes on stands in the list, too, for opening it to fail. Others, a DICOMDIR
    among them, are passed over; their number goes to the log, at level INFO. Links are followed, but no folder is
    entered twice and no file is listed twice. A folder below them that cannot be listed stands in the list itself,
    for opening it to fail. The order is that of `paths`, and by name within a folder.

    Parameters
    ----------
    paths : iterable of path
        Files (which need not exist: opening them will say so) and folders.
    passed_over : callable
        True for folders that are not entered, unless they are in `paths`.

    Raises
    ------
    UnreadableFile
        A folder of `paths` cannot be listed.
    """
    found: dict[Path, Path] = {}  # where it really is -> as it was named
    entered: set[tuple[int, int]] = set()
    for path in map(Path, paths):
        files = _files_below(path, entered, passed_over) if os.path.isdir(path) else iter([path])
        for file in files:
            found.setdefault(Path(os.path.realpath(file)), file)
    return list(found.values())


def _files_below(root: Path, entered: set[tuple[int, int]], passed_over: Callable[[Path], bool]) -> Iterator[Path]:
    skipped = 0
    for file in walk(root, entered, passed_over):
        if file.is_dir() or _could_be_clip(file):
            yield file
        else:
            skipped += 1
    if skipped:
        _log.info("%d files that are no clips were passed over", skipped)


def walk(root: Path, entered: set[tuple[int, int]], passed_over: Callable[[Path], bool] = _no_folder) -> Iterator[Path]:
    """Yield the regular files below a folder, each folder's own first, by name.

    Parameters
    ----------
    root : Path
    entered : set of (device, inode)
        Folders that are not entered again; those entered here are added.
    passed_over : callable
        True for folders below `root` that are not entered.

    Raises
    ------
    UnreadableFile
        `root` cannot be listed; a folder below it that cannot is yielded itself.
    """
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            status = folder.stat()
            children = sorted(folder.iterdir())
        except OSError as error:
            if folder is not root:
                yield folder  # opening it will say what is wrong, and the rest goes on
                continue
            raise UnreadableFile(
                display_name(folder), f"the folder cannot be listed ({error.strerror})", "Check its permissions"
            ) from error
        if (status.st_dev, status.st_ino) in entered:
            continue
        entered.add((status.st_dev, status.st_ino))
        yield from (child for child in children if os.path.isfile(child))
        waiting += [child for child in reversed(children) if os.path.isdir(child) and not passed_over(child)]


def _could_be_clip(file: Path) -> bool:
    """True by the first bytes; also for a file whose error is worth reporting.

    That is one that cannot be opened, and one that has a clip's name but not its contents. Names that begin with a
    dot do not count: other systems keep notes beside a file under its name with ``._`` before it.
    """
    try:
        with open(file, "rb") as stream:
            head = stream.read(HEAD_BYTES)
    except OSError:
        return True
    named_so = file.name.lower().endswith(SUFFIXES) and not file.name.startswith(".")
    return identify(head) is not None or (named_so and not is_dicomdir(head))
