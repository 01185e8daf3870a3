"""Any data set -> `LabelledDataset`: what it is, is seen from what lies in its folder."""

from __future__ import annotations

from pathlib import Path

from echobeat.datasets import echonet
from echobeat.datasets.study import LabelledDataset
from echobeat.errors import UnreadableFile, UnsupportedFile, UsageError

VIEWS = ("A4C", "A2C", "PSAX")


def open_dataset(root: Path, view: str = "A4C") -> LabelledDataset:
    """Read a data set's tables; videos are only looked for, not opened.

    Parameters
    ----------
    root : Path
        Folder of EchoNet-Dynamic, EchoNet-Pediatric, CAMUS, phantoms, or of videos with a table.
    view : "A4C", "A2C" or "PSAX"
        Of a data set that has several.

    Returns
    -------
    LabelledDataset
        Rows whose video is missing are not among the studies, but among the problems.

    Raises
    ------
    UsageError
        No such view.
    UnreadableFile
        The folder is missing, or a table in it cannot be read.
    UnsupportedFile
        The folder is no data set, or does not have the view.
    """
    if view not in VIEWS:
        raise UsageError(f"There is no view {view!r}. Choose one of {', '.join(VIEWS)}.")
    if not root.is_dir():
        raise UnreadableFile(str(root), "there is no such folder", "Give the folder of a data set")
    return _open(root, view)


def _open(root: Path, view: str) -> LabelledDataset:
    table = echonet.entry(root, echonet.FILE_LIST)
    if table is not None and echonet.entry(root, echonet.VIDEOS) is not None:
        if echonet.entry(root, echonet.TRUTH) is not None:
            return echonet.read_echonet(root, "phantom", view)
        kind = "echonet-pediatric" if echonet.looks_like_folds(table) else "echonet-dynamic"
        return echonet.read_echonet(root, kind, view)
    part = echonet.entry(root, view.lower())
    if part is not None and echonet.entry(part, echonet.FILE_LIST) is not None:
        return echonet.read_echonet(part, "echonet-pediatric", view, root)
    raise UnsupportedFile(
        str(root),
        "it is none of the data sets that echobeat knows",
        "See the page on data sets in the docs for the layouts; a folder of videos needs a table beside them",
    )
