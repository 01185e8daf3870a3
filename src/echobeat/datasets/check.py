"""Says what is in a data set and what is wrong with it, before a night is spent on it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from echobeat.datasets.check_labels import label_problems
from echobeat.datasets.check_videos import Seen, examine, glance, video_problems
from echobeat.datasets.crew import each
from echobeat.datasets.problems import CODES, problem
from echobeat.datasets.splits import SPLITS, kept_apart
from echobeat.datasets.study import LabelledDataset, LabelledStudy, Problem

Progress = Callable[[int, int], None]
"""Told how many studies are done, and of how many."""

SCHEMA_VERSION = "1.0"


@dataclass(frozen=True)
class Check:
    """What a check found.

    Attributes
    ----------
    dataset : LabelledDataset
    problems : tuple of Problem
        Errors first, then by code and study.
    quick : bool
        The videos were not decoded.
    """

    dataset: LabelledDataset
    problems: tuple[Problem, ...]
    quick: bool

    @property
    def ok(self) -> bool:
        """True where there are warnings at most."""
        return all(one.severity != "error" for one in self.problems)

    def by_code(self) -> dict[str, list[Problem]]:
        """The problems of each code, in their order."""
        grouped: dict[str, list[Problem]] = defaultdict(list)
        for one in self.problems:
            grouped[one.code].append(one)
        return dict(grouped)

    def as_json(self) -> dict[str, Any]:
        """What ``echobeat check-dataset --json`` writes."""
        return {
            "schema_version": SCHEMA_VERSION,
            "kind": self.dataset.kind,
            "quick": self.quick,
            "ok": self.ok,
            "contents": {name: contents(part) for name, part in parts(self.dataset).items()},
            "problems": [
                {
                    "code": one.code,
                    "severity": one.severity,
                    "study": one.study,
                    "file": one.file,
                    "message": one.message,
                    "remedy": CODES[one.code].remedy,
                }
                for one in self.problems
            ],
        }


def check_dataset(
    dataset: LabelledDataset, jobs: int = 0, quick: bool = False, progress: Progress | None = None
) -> Check:
    """Look at every study's labels, tracings and video.

    Parameters
    ----------
    dataset : LabelledDataset
    jobs : int
        Processes that decode; 0: one a core.
    quick : bool
        Do not decode: look at the videos' first bytes and at files of equal length only.
    progress : callable, optional
    """
    found = [*dataset.problems, *label_problems(dataset.studies), *_whole(dataset)]
    seen: dict[str, Seen] = {}
    looked = each(dataset.studies, _glance(dataset), 1) if quick else each(dataset.studies, examine, jobs)
    for done, (study, outcome) in enumerate(looked, 1):
        seen[study.name] = outcome or Seen(refused="Decoding it ended the process")
        if progress:
            progress(done, len(dataset.studies))
    found += video_problems(dataset, seen)
    order = {"error": 0, "warning": 1}
    return Check(dataset, tuple(sorted(found, key=lambda p: (order[p.severity], p.code, p.study))), quick)


def _glance(dataset: LabelledDataset) -> Callable[[LabelledStudy], Seen]:
    sizes = Counter(path.stat().st_size for study in dataset.studies for path in study.files)
    return partial(glance, shared_sizes=frozenset(size for size, files in sizes.items() if files > 1))


def _whole(dataset: LabelledDataset) -> Iterator[Problem]:
    """What concerns no single study."""
    if not dataset.studies:
        yield problem("no-studies", "There is no study whose video was found.")
        return
    for split in SPLITS:
        if not dataset.split(split):
            yield problem("split-empty", f"No study is in the split {split}.")
    splits: dict[str, set[str]] = defaultdict(set)
    for study in dataset.studies:
        splits[study.patient].add(kept_apart(study))
    for patient, names in splits.items():
        if len(names) > 1:
            yield problem("patient-in-two-splits", f"Patient {patient} is in {' and '.join(sorted(names))}.")


def parts(dataset: LabelledDataset) -> dict[str, Sequence[LabelledStudy]]:
    """The studies by split, those without one under "none", and all of them."""
    named = {
        str(split or "none"): [s for s in dataset.studies if s.split == split]
        for split in ("train", "val", "test", None)
    }
    return {name: part for name, part in {**named, "all": list(dataset.studies)}.items() if part}


def contents(studies: Sequence[LabelledStudy]) -> dict[str, int]:
    """Counts of what is there."""
    efs = [study.ef for study in studies if study.ef is not None]
    return {
        "studies": len(studies),
        "patients": len({study.patient for study in studies}),
        "with_ef": len(efs),
        "ef_below_40": sum(ef < 40 for ef in efs),
        "ef_40_to_49": sum(40 <= ef < 50 for ef in efs),
        "ef_50_and_more": sum(ef >= 50 for ef in efs),
        "with_volumes": sum(study.edv_ml is not None and study.esv_ml is not None for study in studies),
        "with_ed_and_es_traced": sum(study.ed is not None for study in studies),
    }
