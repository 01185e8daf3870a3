"""The command line: one thin file a command, and what they share.

::

    analyze.py  demo.py  models.py  phantom.py  train.py ...   the commands; __main__.py names them
    batch.py     many inputs, one after the other or side by side: each succeeds or fails for itself
    workers.py   processes, one of which may die without harm to the others
    screen.py    what is printed

A command imports what is slow to load only when it runs, so that ``echobeat --help`` answers at once.
"""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

import typer

from echobeat.errors import UsageError


def quiet_libraries() -> None:
    """Keep to ourselves that matplotlib builds its list of fonts when it first runs on a machine."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)


def require_some(paths: Sequence[str | os.PathLike[str]], told: str) -> None:
    """Refuse inputs none of which exists: nothing need be made for them.

    Where some of several exist, each missing one is an input that cannot be read, and the others are done.

    Parameters
    ----------
    told : str
        What the error calls them.

    Raises
    ------
    UsageError
    """
    if not any(os.path.exists(path) for path in paths):
        raise UsageError(f"No such file or folder: {told}. Check the path, and that its folder may be entered.")


def folder_to_read(folder: Path | None) -> Path | None:
    """The callback of an option that names a folder to read.

    Raises
    ------
    UsageError
        There is none.
    """
    if folder is not None:
        require_some([folder], str(folder))
    return folder


def folder_to_write(option: typer.CallbackParam, folder: Path | None) -> Path | None:
    """The callback of an option that names a folder to write into: no work begins that has no place to go.

    Raises
    ------
    UsageError
        It is a file, or lies below one.
    """
    from echobeat.given import check_folder

    if folder is not None:
        check_folder(folder, option.opts[0])
    return folder


def file_to_write(option: typer.CallbackParam, file: Path | None) -> Path | None:
    """The same for a file to write.

    Raises
    ------
    UsageError
        It is a folder, or lies below a file.
    """
    from echobeat.given import check_file

    if file is not None:
        check_file(file, option.opts[0])
    return file
