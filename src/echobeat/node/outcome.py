"""What an analysis is to the node, without what it takes to make one: the node's own process loads no model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from echobeat.node.queue import Verdict


class Interrupted(Exception):
    """The analysis was told to stop; the study is as if it had not begun."""


@dataclass(frozen=True)
class Outcome:
    """What became of a study.

    Attributes
    ----------
    verdicts : by SOP Instance UID of the instance.
    results : the objects to send: path by SOP Instance UID.
    """

    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    results: Mapping[str, Path] = field(default_factory=dict)


class StudyAnalysis(Protocol):
    """Whatever makes results from a study's files."""

    def __call__(self, files: Mapping[str, Path], folder: Path) -> Outcome:
        """Analyse `files` (path by SOP Instance UID), write the results into `folder`.

        Raises
        ------
        OutputError
            They cannot be written now; later perhaps.
        """
        ...
