"""The frame cache: every video is decoded once, then mapped; a training item reads only the frames that it uses.

::

    CACHE/frames-1/112/3f/3f09...e2.frames   one study, letterboxed to 112 x 112 (cache_file.py)
    CACHE/frames-1/112/3f/.lock              held while something is written into this folder
    CACHE/frames-1/native/...                frames as stored

Any number of processes may fill and read one cache. A file appears whole or not at all, so a reader sees all of it or
nothing; the lock only keeps two from decoding the same video. Who holds a folder's lock is the only writer there
and removes what a killed one has left. Why one file a study: docs/decisions/0007-frame-cache.md.
"""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from echobeat.datasets.cache_file import FORMAT, Entry, Footer, Stamp, write_entry
from echobeat.datasets.crew import each
from echobeat.datasets.decoding import decode
from echobeat.datasets.direct_frames import rate
from echobeat.datasets.problems import problem
from echobeat.datasets.study import LabelledStudy, Problem, Tracing
from echobeat.errors import InputError, InvalidClip, OutputError, UnreadableFile
from echobeat.whole import PREFIX

Progress = Callable[[int, int], None]
"""Told how many studies are done, and of how many."""

_DIED = "Decoding it ended the process. Check the file, or the memory of the machine."

OPEN_FILES = 64
"""Files that a process keeps mapped; each also holds a file descriptor, of which a process has about a thousand."""


class FrameCache:
    """`Frames` from a folder of decoded videos.

    Parameters
    ----------
    folder : Path
        Made where it is missing. Several data sets and sizes may share it.
    size : int or None
        Side of the frames in pixels: a video of another size is letterboxed; None: frames as stored.
    """

    def __init__(self, folder: Path, size: int | None) -> None:
        self.folder = folder
        self.size = size
        self._shelf = Shelf(folder.absolute() / f"frames-{FORMAT}" / (str(size) if size else "native"), size)
        self._footers: dict[tuple[Path, ...], Footer] = {}
        self._open: OrderedDict[tuple[Path, ...], Entry] = OrderedDict()

    def fill(
        self, studies: Sequence[LabelledStudy], jobs: int = 0, progress: Progress | None = None
    ) -> tuple[Problem, ...]:
        """Decode what is missing, or whose source has changed; the rest is left as it is.

        Parameters
        ----------
        studies : sequence of LabelledStudy
        jobs : int
            Processes that decode; 0: one a core.
        progress : callable, optional
            Told after each study how many are done, and of how many.

        Returns
        -------
        tuple of Problem
            Studies whose video cannot be read ("video-unreadable"), in the order given; all others can be read.

        Raises
        ------
        OutputError
            The folder cannot be written.
        InvalidClip
            `size` is None and the studies' frames have several sizes.
        """
        self._open.clear()
        self._footers.clear()
        missing = [study for study in studies if not self._shelf.is_fresh(study)]
        done = len(studies) - len(missing)
        if progress:
            progress(done, len(studies))
        refused: dict[tuple[Path, ...], Problem] = {}
        for task, outcome in each([replace(s, tracings=()) for s in missing], self._shelf.provide, jobs):
            said = _DIED if outcome is None else outcome
            if said:
                refused[task.files] = problem("video-unreadable", said, task.name, task.files[0].name)
            done += 1
            if progress:
                progress(done, len(studies))
        if self.size is None:
            self._check_one_size([study for study in studies if study.files not in refused])
        return tuple(refused[study.files] for study in missing if study.files in refused)

    def verify(self, studies: Sequence[LabelledStudy], progress: Progress | None = None) -> tuple[Problem, ...]:
        """Read all frames of the studies that are in the cache and compare checksums; what is damaged is removed.

        Returns
        -------
        tuple of Problem
            "cache-damaged" for each; `fill` decodes them again.
        """
        self._open.clear()
        self._footers.clear()
        damaged = []
        for index, study in enumerate(studies):
            path = self._shelf.path(study.files)
            if path.exists() and not self._shelf.is_whole(study):
                path.unlink(missing_ok=True)
                damaged.append(problem("cache-damaged", "Its frames were damaged; removed.", study.name, path.name))
            if progress:
                progress(index + 1, len(studies))
        return tuple(damaged)

    def count(self, study: LabelledStudy) -> int:
        """Frames of the study."""
        return self._footer(study).count

    def fps(self, study: LabelledStudy) -> float:
        """Frames a second, the video's own where it has one.

        Raises
        ------
        InvalidClip
            Neither the video nor the table gives a rate.
        """
        return rate(self._footer(study).fps, study)

    def as_stored(self, study: LabelledStudy) -> bool:
        """False where the frames were letterboxed."""
        return self._footer(study).placement.box is None

    def read(self, study: LabelledStudy, first: int, last: int, step: int = 1) -> NDArray[np.uint8]:
        """Frames first, first + step, ... before last: (n, height, width) uint8; only these are read.

        A study that is not in the cache is decoded into it.

        Raises
        ------
        InputError
            Its video cannot be read.
        """
        return self._entry(study).read(first, last, step)

    def mask(self, study: LabelledStudy, tracing: Tracing) -> NDArray[np.bool_]:
        """(height, width) bool, True in the LV's cavity."""
        return self._footer(study).placement.mask(study, tracing)

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_open": OrderedDict(), "_footers": {}}  # maps stay in their process

    def _footer(self, study: LabelledStudy) -> Footer:
        if study.files not in self._footers:
            self._entry(study)
        return self._footers[study.files]

    def _entry(self, study: LabelledStudy) -> Entry:
        if study.files not in self._open:
            entry = self._shelf.entry(study)
            self._open[study.files], self._footers[study.files] = entry, entry.footer
            while len(self._open) > OPEN_FILES:
                self._open.popitem(last=False)
        self._open.move_to_end(study.files)
        return self._open[study.files]

    def _check_one_size(self, studies: Sequence[LabelledStudy]) -> None:
        sizes = {(self._footer(study).height, self._footer(study).width): study for study in studies}
        if len(sizes) > 1:
            (one, _), (other, study) = list(sizes.items())[:2]
            told = f"its frames are {other[0]} x {other[1]} pixels, others' {one[0]} x {one[1]}"
            raise InvalidClip(str(study.files[0]), told, "Give the size that all are to be brought to")


@dataclass(frozen=True)
class Shelf:
    """The files of a cache for one size; holds nothing open, so that it can be sent to other processes.

    Attributes
    ----------
    folder : Path
        Absolute.
    size : int or None
    """

    folder: Path
    size: int | None

    def path(self, files: tuple[Path, ...]) -> Path:
        """Where the frames of these source files are: by the hash of their paths."""
        name = hashlib.sha256("\0".join(os.path.abspath(path) for path in files).encode()).hexdigest()[:40]
        return self.folder / name[:2] / f"{name}.frames"

    def is_fresh(self, study: LabelledStudy) -> bool:
        """True where the frames are there and the sources have kept size and time; nothing is decoded."""
        entry = self._found(study)
        return entry is not None and all(
            stamp.unchanged(path) for stamp, path in zip(entry.footer.sources, study.files, strict=True)
        )

    def provide(self, study: LabelledStudy) -> str:
        """See that the study's frames are there and those of its sources.

        Returns
        -------
        str
            Why its video cannot be read, or "".

        Raises
        ------
        OutputError
            The cache cannot be written.
        """
        path = self.path(study.files)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(path.parent / ".lock"):
                for left in path.parent.glob(f"{PREFIX}*"):
                    left.unlink(missing_ok=True)  # a killed process's: we hold the lock
                if not self.is_fresh(study):
                    self._renew(study, path)
        except InputError as error:
            path.unlink(missing_ok=True)
            return f"{error.problem[:1].upper()}{error.problem[1:]}. {error.remedy}."
        except OSError as error:
            raise OutputError(
                f"{path.parent}: the frame cache cannot be used ({error.strerror}). Give another folder with --cache."
            ) from error
        return ""

    def entry(self, study: LabelledStudy) -> Entry:
        """The study's open file; decoded first where it is missing.

        Raises
        ------
        InputError
        """
        found = self._found(study)
        if found is None:
            why = self.provide(study)
            if why:
                raise UnreadableFile(str(study.files[0]), why.rstrip("."), "Leave the study out")
            found = Entry(self.path(study.files))
        return found

    def is_whole(self, study: LabelledStudy) -> bool:
        """Compare the checksum of all frames."""
        entry = self._found(study)
        return entry is not None and entry.is_whole()

    def _found(self, study: LabelledStudy) -> Entry | None:
        try:
            return Entry(self.path(study.files))
        except (OSError, UnreadableFile):
            return None

    def _renew(self, study: LabelledStudy, path: Path) -> None:
        stamps = tuple(Stamp.of(source) for source in study.files)
        entry = self._found(study)
        if entry is not None and [s.sha256 for s in entry.footer.sources] == [s.sha256 for s in stamps]:
            entry.restamp(stamps)  # copied or touched: the same video with another time
            return
        write_entry(path, decode(study), self.size, stamps)
