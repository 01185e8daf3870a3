"""Which studies are learned from, chosen by and tested on; a patient is never in two splits."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from echobeat.datasets.problems import problem
from echobeat.datasets.study import LabelledDataset, LabelledStudy, Split
from echobeat.datasets.tables import Row, cell
from echobeat.errors import UsageError

SPLITS: tuple[Split, ...] = ("train", "val", "test")

SPELLINGS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
"""Names of splits in lower case."""

TEST_FOLD, VAL_FOLD = 9, 8
"""What is tested on and chosen by where folds are given and the user names none: EchoNet-Pediatric has 0 to 9."""

_OF_A_HUNDRED: tuple[tuple[int, Split], ...] = ((75, "train"), (87, "val"), (100, "test"))
"""Shares of EchoNet-Dynamic: 74.4, 12.8 and 12.7 %."""


def gives_splits(rows: Sequence[Row]) -> bool:
    """True where a table says a split or a fold in any row."""
    return any(cell(row, "split", "fold") for row in rows)


def read_split(text: str) -> tuple[Split | None, int | None]:
    """Split and fold that a cell gives; both None where it gives neither.

    A fold also gives a split: `TEST_FOLD` is tested on, `VAL_FOLD` chosen by, the others are learned from.
    """
    word = text.strip().lower()
    if word in SPELLINGS:
        return SPELLINGS[word], None
    whole = word.removesuffix(".0")
    if whole.isdecimal() and int(whole) < 1000:
        return split_of_fold(int(whole)), int(whole)
    return None, None


def split_of_fold(fold: int, test: int = TEST_FOLD, val: int = VAL_FOLD) -> Split:
    """The split that a fold is in."""
    return "test" if fold == test else "val" if fold == val else "train"


def kept_apart(study: LabelledStudy) -> str:
    """What a patient must be in only one of: the fold, or the split where there are no folds."""
    return study.split or "none" if study.fold is None else f"fold {study.fold}"


def with_folds(dataset: LabelledDataset, test: int, val: int | None = None) -> LabelledDataset:
    """The data set with other folds for testing and choosing, for cross-validation.

    Parameters
    ----------
    dataset : LabelledDataset
    test : int
        Fold to test on.
    val : int, optional
        Fold to choose by; by default the one before among those that studies are in, the last before the first.

    Raises
    ------
    UsageError
        No study is in that fold.
    """
    folds = sorted({study.fold for study in dataset.studies if study.fold is not None})
    if test not in folds:
        known = f"there are {', '.join(map(str, folds))}" if folds else f"{dataset.kind} gives no folds"
        raise UsageError(f"No study is in fold {test}: {known}.")
    val = folds[folds.index(test) - 1] if val is None else val
    studies = (
        study if study.fold is None else replace(study, split=split_of_fold(study.fold, test, val))
        for study in dataset.studies
    )
    return replace(dataset, studies=tuple(studies))


def split_of_patient(patient: str) -> Split:
    """A split drawn from the patient's name alone: always the same, whatever else is in the data set."""
    drawn = int.from_bytes(hashlib.sha256(patient.encode()).digest()[:8]) % 100
    return next(split for below, split in _OF_A_HUNDRED if drawn < below)


def with_drawn_splits(dataset: LabelledDataset) -> LabelledDataset:
    """The data set with a split for every study that has none, drawn by patient; it says so."""
    told = problem("split-made", "No splits are given; 75, 12 and 13 % of the patients were drawn by name.")
    studies = (s if s.split else replace(s, split=split_of_patient(s.patient)) for s in dataset.studies)
    return replace(dataset, studies=tuple(studies), problems=(*dataset.problems, told))
