"""One's own archive: videos of any kind in a folder, and a table that names them.

::

    DIR/studies.csv      file,patient,split,ef,edv_ml,esv_ml,...    (or the names of EchoNet's columns)
    DIR/tracings.csv     file,x,y,frame   or   FileName,X1,Y1,X2,Y2,Frame; may be missing
    DIR/.../clip.dcm     where the table says, relative to DIR

The columns are listed in docs/reference/data-sets.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from echobeat.datasets.listed import Listing
from echobeat.datasets.names import VideoFolder, stem
from echobeat.datasets.splits import gives_splits, with_drawn_splits
from echobeat.datasets.study import LabelledDataset, LabelledStudy
from echobeat.datasets.tables import NAME_COLUMNS, Row, cell, opened, read_rows
from echobeat.datasets.tracings import read_tracings
from echobeat.errors import UnreadableFile

TABLES = ("studies.csv", "filelist.csv", "labels.csv", "dataset.csv", "index.csv")
"""Names of the table, in lower case; any other CSV file that has a column of files will do if it is the only one."""

TRACINGS = ("tracings.csv", "volumetracings.csv")
_HOMES = ("", "videos", "Videos")
"""Folders in which a name without a folder is looked for."""


def find_table(root: Path) -> Path | None:
    """The table of studies in a folder, or None."""
    tables = {path.name.lower(): path for path in sorted(root.glob("*")) if path.suffix.lower() == ".csv"}
    named = next((tables[name] for name in TABLES if name in tables), None)
    if named is not None:
        return named
    others = [path for name, path in tables.items() if name not in TRACINGS and _names_files(path)]
    return others[0] if len(others) == 1 else None


def _names_files(path: Path) -> bool:
    try:
        with opened(path) as table:
            return bool(set(table.header) & set(NAME_COLUMNS))
    except UnreadableFile:
        return False


def read_plain_folder(root: Path, table: Path, view: str) -> LabelledDataset:
    """Read a table of videos; rows of another view are left out.

    Raises
    ------
    UnreadableFile
        A table is there but cannot be read.
    """
    listing = Listing(root, table, view)
    tracings = _read_tracings(root, listing)
    folders: dict[Path, VideoFolder] = {}
    studies: list[LabelledStudy] = []
    listed: list[Path] = []
    rows = read_rows(table)
    if rows and not set(rows[0]) & set(NAME_COLUMNS):
        listing.add("column-missing", f"{table.name} lacks a column `file`.")
    for row in rows:
        name, file, folder = _place(row, root, folders)
        path = folder.find(file)[0]
        listed += [path] if path else []
        if cell(row, "view").upper() in ("", view):
            path = listing.found(file, folder, name)
            studies += [listing.study(row, name, path)] if path else []
        elif path:
            listing.traced(name, path)
    _tell_not_listed(listing, folders.values(), listed)
    listing.tell_untaken(tracings)
    dataset = LabelledDataset("folder", root, tuple(studies), tuple(listing.problems))
    return dataset if gives_splits(rows) or not studies else with_drawn_splits(dataset)


def _place(row: Row, root: Path, folders: dict[Path, VideoFolder]) -> tuple[str, str, VideoFolder]:
    """The study's name, the video's, and the folder that it lies in or should."""
    given = cell(row, *NAME_COLUMNS).replace("\\", "/")
    parent, file = PurePosixPath(given).parent, PurePosixPath(given).name
    homes = _HOMES if str(parent) == "." else ("",)
    candidates = [root / home / parent for home in homes]
    for folder in candidates:
        known = folders[folder] = folders.get(folder) or VideoFolder(folder)
        if known.find(file)[0] is not None:
            break
    else:
        known = folders[candidates[0]]
    return stem(given) if str(parent) == "." else f"{parent}/{stem(given)}", file, known


def _tell_not_listed(listing: Listing, folders: Iterable[VideoFolder], listed: Iterable[Path]) -> None:
    """A problem for each video in the folders that no row names; a folder may be there under two spellings."""
    taken = {str(path).casefold() for path in listed}
    for folder in folders:
        for path in (folder.path / name for name in folder.others(())):
            if path.is_relative_to(listing.root) and str(path).casefold() not in taken:
                taken.add(str(path).casefold())
                inside = path.relative_to(listing.root).as_posix()
                listing.add("video-not-listed", f"{inside} is in no row of {listing.table.name}.", stem(inside), path)


def _read_tracings(root: Path, listing: Listing) -> Path | None:
    """Read the table of tracings; which it is, or None where there is none."""
    path = next((p for p in sorted(root.glob("*")) if p.name.lower() in TRACINGS), None)
    if path is not None:
        listing.tracings, problems = read_tracings(path)
        listing.problems += problems
    return path
