"""Any data set -> `LabelledDataset`: what it is, is seen from what lies in its folder."""

from __future__ import annotations

from pathlib import Path

from echobeat.datasets import camus_studies, echonet, plain_folder
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
    inside = [path for path in root.iterdir() if path.is_dir()]
    found = _recognised(root, view)
    if found is None and len(inside) == 1:  # an archive that was unpacked into a folder of its own
        found = _recognised(inside[0], view)
    if found is None:
        raise UnsupportedFile(
            str(root),
            "it is none of the data sets that echobeat knows",
            "See the page on data sets in the docs for the layouts; a folder of videos needs a table beside them",
        )
    return found


def _recognised(root: Path, view: str) -> LabelledDataset | None:
    """Read what the folder is, or None."""
    table = echonet.entry(root, echonet.FILE_LIST)
    if table is not None and echonet.entry(root, echonet.VIDEOS) is not None:
        named = root.name.upper()
        only = named if named in VIEWS else "A4C"
        if view != only:
            raise UnsupportedFile(str(root), f"its view is {only}, not {view}", f"Choose {only}, or another folder")
        return echonet.read_echonet(root, view)
    part = echonet.entry(root, view.lower())
    if part is not None and echonet.entry(part, echonet.FILE_LIST) is not None:
        return echonet.read_echonet(part, view, root)
    if camus_studies.is_camus(root):
        if view not in camus_studies.VIEW_NAMES:
            raise UnsupportedFile(str(root), f"CAMUS has no view {view}", "Choose A4C or A2C")
        return camus_studies.read_camus_studies(root, view)
    plain = plain_folder.find_table(root)
    return None if plain is None else plain_folder.read_plain_folder(root, plain, view)
