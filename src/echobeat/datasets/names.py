"""Names of studies in tables and of files in folders, which differ in suffix and case and mean the same."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath

VIDEO_SUFFIXES = (".nii.gz", ".avi", ".mp4", ".mov", ".m4v", ".webm", ".mkv", ".gif", ".dcm", ".dicom", ".nii")
"""Suffixes, in lower case, of what echobeat reads. A file without a suffix may be DICOM."""


def split_name(name: str) -> tuple[str, str]:
    """Folders, with a slash behind them, and name of a file; both "" where there are none."""
    folders, slash, last = name.strip().replace("\\", "/").rpartition("/")
    return folders + slash, last


@lru_cache(2**16)
def stem(name: str) -> str:
    """A file's name without its folders and without the suffix of a video: ``0X1A.avi`` and ``0X1A`` are the same."""
    last = split_name(name)[1]
    if not last.lower().endswith(VIDEO_SUFFIXES):
        return last
    return last[: -len(next(suffix for suffix in VIDEO_SUFFIXES if last.lower().endswith(suffix)))] or last


def bare(name: str) -> str:
    """A file's name with its folders and without the suffix of a video."""
    return split_name(name)[0] + stem(name)


def key(name: str) -> str:
    """What the spellings of one study have in common; its folders, where it has some, among them."""
    return bare(name).casefold()


def names_no_video(name: str) -> bool:
    """True for a cell that cannot mean a video: empty, hidden, or with the suffix of something else."""
    last = split_name(name)[1]
    other = PurePosixPath(last).suffix.lower() in {".csv", ".txt", ".tsv", ".json", ".xlsx", ".db", ".ini", ".md"}
    return not last or last.startswith(".") or other


@dataclass
class VideoFolder:
    """The files of a folder, found by a name's spelling or by what the spellings have in common.

    Attributes
    ----------
    path : Path
    """

    path: Path
    _exact: dict[str, str] = field(default_factory=dict, repr=False)
    _loose: dict[str, list[str]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not self.path.is_dir():
            return
        with os.scandir(self.path) as entries:
            names = sorted(entry.name for entry in entries if entry.is_file() and not entry.name.startswith("."))
        for name in names:
            self._exact[name] = name
            self._loose.setdefault(stem(name).casefold(), []).append(name)

    def find(self, name: str) -> tuple[Path | None, bool]:
        """The file that a table's name means, and whether it is spelt so, a suffix that is left out aside."""
        name = name.strip()
        candidates = self._loose.get(stem(name).casefold(), [])
        exact = self._exact.get(name) or next((c for c in candidates if stem(c) == name), None)
        found = exact or (candidates[0] if candidates else None)
        return (self.path / found if found else None), exact is not None

    def others(self, used: Iterable[Path]) -> list[str]:
        """Videos that are not among `used`, in order of name."""
        taken = {path.name for path in used}
        return [name for name in self._exact if name not in taken and name.lower().endswith(VIDEO_SUFFIXES)]
