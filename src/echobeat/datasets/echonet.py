"""EchoNet-Dynamic, EchoNet-Pediatric, and phantoms in the same layout.

::

    DIR/FileList.csv          FileName,EF,ESV,EDV,FrameHeight,FrameWidth,FPS,NumberOfFrames,Split
    DIR/VolumeTracings.csv    FileName,X1,Y1,X2,Y2,Frame   or   FileName,X,Y,Frame
    DIR/Videos/NAME.avi
    DIR/A4C/..., DIR/PSAX/... EchoNet-Pediatric: the same once a view; Split is a fold from 0 to 9
    DIR/Truth/NAME.json       phantoms: rhythm and spacing

D. Ouyang et al., "Video-based AI for beat-to-beat assessment of cardiac function", Nature 580, 2020,
doi:10.1038/s41586-020-2145-8.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from echobeat.datasets.listed import Listing
from echobeat.datasets.names import VideoFolder, stem
from echobeat.datasets.problems import problem
from echobeat.datasets.splits import gives_splits, with_drawn_splits
from echobeat.datasets.study import LabelledDataset, LabelledStudy
from echobeat.datasets.tables import NAME_COLUMNS, Row, cell, read_rows
from echobeat.datasets.tracings import read_tracings

FILE_LIST, TRACINGS, VIDEOS, TRUTH = "filelist.csv", "volumetracings.csv", "videos", "truth"
"""Names in a folder, in lower case."""


def entry(folder: Path, name: str) -> Path | None:
    """What a folder holds under a name (lower case), in whatever case it is spelt."""
    if not folder.is_dir():
        return None
    return next((path for path in sorted(folder.iterdir()) if path.name.lower() == name), None)


def read_echonet(folder: Path, view: str, root: Path | None = None) -> LabelledDataset:
    """Read a folder with a file list and videos; with folds it is EchoNet-Pediatric, with a truth it is phantoms.

    Parameters
    ----------
    folder : Path
        Holds ``FileList.csv`` and ``Videos/``.
    view : str
        Of all of its videos.
    root : Path, optional
        Of the data set, where that is another folder.

    Raises
    ------
    UnreadableFile
        A table is there but cannot be read.
    """
    root = root or folder
    table = entry(folder, FILE_LIST) or folder / "FileList.csv"
    listing = Listing(root, table, view)
    _read_tracings(folder, listing)
    videos = VideoFolder(entry(folder, VIDEOS) or folder / "Videos")
    studies = []
    rows = read_rows(table)
    for row in rows:
        name = cell(row, *NAME_COLUMNS)
        path = listing.found(name, videos)
        if path is not None:
            studies.append(listing.study(row, stem(path.name), path))
    truth = entry(folder, TRUTH)
    if truth is not None:
        studies = [_with_truth(study, truth) for study in studies]
    kind = "phantom" if truth is not None else "echonet-pediatric" if _has_folds(rows) else "echonet-dynamic"
    for name in videos.others(study.files[0] for study in studies):
        listing.add("video-not-listed", f"{name} is in no row of {table.name}.", stem(name), videos.path / name)
    listing.tell_untaken(entry(folder, TRACINGS))
    dataset = LabelledDataset(kind, root, tuple(studies), tuple(listing.problems))
    return dataset if gives_splits(rows) or not studies else with_drawn_splits(dataset)


def _read_tracings(folder: Path, listing: Listing) -> None:
    path = entry(folder, TRACINGS)
    if path is None:
        listing.add("table-missing", "VolumeTracings.csv is not there.", file=folder / "VolumeTracings.csv")
        return
    listing.tracings, problems = read_tracings(path)
    inside = path.relative_to(listing.root).as_posix()
    listing.problems += [problem(one.code, one.message, one.study, inside) for one in problems]


def _with_truth(study: LabelledStudy, truth: Path) -> LabelledStudy:
    """Rhythm and spacing, which only a phantom's truth knows; the study as it is where that is missing."""
    try:
        known = json.loads((truth / f"{study.name}.json").read_text(encoding="utf-8"))
        rows_mm, columns_mm = (float(value) for value in known["spacing_mm"])
        notes = {**study.notes, "rhythm": str(known["rhythm"])}
    except (OSError, ValueError, KeyError, TypeError):
        return study
    return replace(study, spacing_mm=(rows_mm, columns_mm), notes=notes)


def _has_folds(rows: Sequence[Row]) -> bool:
    """True where Split is a number."""
    splits = {cell(row, "split") for row in rows} - {""}
    return bool(splits) and all(split.removesuffix(".0").isdecimal() for split in splits)
