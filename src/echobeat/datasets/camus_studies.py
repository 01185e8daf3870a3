"""CAMUS as a data set: a patient's half sequence where it is present, otherwise the ED and the ES image.

::

    DIR/train/patient0001/...          splits as folders, or
    DIR/database_nifti/patient0001/... as published (or the patients right in DIR), with lists of splits where present:
    DIR/database_split/subgroup_training.txt, subgroup_validation.txt, subgroup_testing.txt

    patient0001/patient0001_4CH_ED.nii.gz, patient0001_4CH_ED_gt.nii.gz, likewise ES
    patient0001/patient0001_4CH_half_sequence.nii.gz
    patient0001/Info_4CH.cfg           ED: 1, ES: 18, NbFrame: 18, EF: 54, ...; or one table DIR/patients.csv

The paper and the licence: camus.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from echobeat.datasets.camus import LV_CAVITY, read_image
from echobeat.datasets.listed import Listing
from echobeat.datasets.splits import SPELLINGS, with_drawn_splits
from echobeat.datasets.study import LabelledDataset, LabelledStudy, Split, Tracing
from echobeat.datasets.tables import Row, cell, read_rows
from echobeat.errors import InputError
from echobeat.records import Spacing

VIEW_NAMES = {"A4C": "4CH", "A2C": "2CH"}

ASIDE = {"calibration"}
"""Folders of patients that are neither learned from, nor chosen by, nor tested on."""

_PUBLISHED = "database_nifti"
_NOTES = {"sex": "sex", "age": "age", "imagequality": "quality"}


@dataclass(frozen=True)
class _Patient:
    folder: Path
    split: Split | None


def is_camus(root: Path) -> bool:
    """True where a patient's images lie in the folder, in its split folders, or in ``database_nifti``."""
    return next(_patients(root), None) is not None


def read_camus_studies(root: Path, view: str) -> LabelledDataset:
    """Read the patients' tables and masks; the images are only looked for.

    Parameters
    ----------
    root : Path
    view : "A4C" or "A2C"

    Raises
    ------
    UnreadableFile
        A table is there but cannot be read.
    """
    listing = Listing(root, root / "patients.csv", view)
    known = _table(root)
    studies: dict[str, LabelledStudy] = {}
    patients = list(_patients(root))
    for patient in patients:
        name = patient.folder.name
        row = known.get(name.lower()) or _info(patient.folder / f"Info_{VIEW_NAMES[view]}.cfg")
        study = _study(patient, row, listing)
        if study is not None and name in studies:
            listing.add("name-duplicate", f"{name} is in two folders.", name, patient.folder)
        elif study is not None:
            studies[name] = study
    dataset = LabelledDataset("camus", root, tuple(studies.values()), tuple(listing.problems))
    has_splits = any(p.split or p.folder.parent.name in ASIDE for p in patients)
    return dataset if has_splits else with_drawn_splits(dataset)


def _patients(root: Path) -> Iterator[_Patient]:
    published = root / _PUBLISHED if (root / _PUBLISHED).is_dir() else root
    listed = _listed_splits(root)
    for folder in _folders(published):
        yield _Patient(folder, listed.get(folder.name.lower()))
    for part in sorted(path for path in root.iterdir() if path.is_dir()):
        if part.name.lower() in SPELLINGS or part.name.lower() in ASIDE:
            for folder in _folders(part):
                yield _Patient(folder, SPELLINGS.get(part.name.lower()))


def _folders(parent: Path) -> list[Path]:
    return sorted(folder for folder in parent.glob("patient*") if any(folder.glob("patient*_?CH_*.nii*")))


def _listed_splits(root: Path) -> dict[str, Split]:
    """Split of each patient that the lists name, in lower case."""
    found: dict[str, Split] = {}
    for path in sorted([*root.glob("subgroup_*.txt"), *root.glob("database_split/subgroup_*.txt")]):
        split = SPELLINGS.get(path.stem.removeprefix("subgroup_").lower())
        if split is not None:
            found |= {name.lower(): split for name in path.read_text(encoding="utf-8", errors="replace").split()}
    return found


def _table(root: Path) -> dict[str, Row]:
    path = root / "patients.csv"
    return {cell(row, "patient").lower(): row for row in read_rows(path)} if path.is_file() else {}


def _info(path: Path) -> Row:
    """The lines ``name: value`` of a patient's text file; empty where it is missing."""
    if not path.is_file():
        return {}
    lines = (line.partition(":") for line in path.read_text(encoding="utf-8", errors="replace").splitlines())
    return {name.strip().lower(): value.strip() for name, _, value in lines if value.strip()}


def _study(patient: _Patient, row: Row, listing: Listing) -> LabelledStudy | None:
    name, view = patient.folder.name, VIEW_NAMES[listing.view]
    images = {instant: _image(patient.folder, f"{name}_{view}_{instant}") for instant in ("ED", "ES")}
    sequence = _image(patient.folder, f"{name}_{view}_half_sequence")
    frames = {instant: _frame(row, instant, listing, name) for instant in images}
    if sequence and all(frame is not None for frame in frames.values()):
        files: tuple[Path, ...] = (sequence,)
    else:
        files = tuple(path for path in images.values() if path)
        frames = {instant: files.index(path) for instant, path in images.items() if path}
        for instant in images.keys() - frames.keys():
            listing.add("video-missing", f"The {instant} image is not there.", name, patient.folder)
    if not files:
        return None
    masks = {instant: _image(patient.folder, f"{name}_{view}_{instant}_gt") for instant in frames}
    tracings, spacing = _tracings(frames, masks, listing, name)
    return LabelledStudy(
        name=name,
        files=files,
        patient=name,
        split=patient.split,
        view=listing.view,
        ef=listing.value(row, name, ("ef", "lvef")),
        tracings=tracings,
        fps=listing.value(row, name, ("framerate", "fps")),
        spacing_mm=spacing,
        notes={ours: row[theirs] for theirs, ours in _NOTES.items() if row.get(theirs)},
    )


def _image(folder: Path, name: str) -> Path | None:
    return next((path for suffix in (".nii.gz", ".nii") if (path := folder / f"{name}{suffix}").is_file()), None)


def _frame(row: Row, instant: str, listing: Listing, study: str) -> int | None:
    """Counts from 0; the tables count from 1."""
    value = listing.value(row, study, (instant.lower(),))
    return None if value is None else int(value) - 1


def _tracings(
    frames: Mapping[str, int | None], masks: Mapping[str, Path | None], listing: Listing, study: str
) -> tuple[tuple[Tracing, ...], Spacing | None]:
    tracings: list[Tracing] = []
    spacing = None
    for instant, path in masks.items():
        frame = frames[instant]
        if path is None or frame is None:
            listing.add("mask-unreadable", f"The mask of {instant} is not there.", study)
            continue
        try:
            labels, spacing = read_image(path)
        except InputError as error:
            listing.add("mask-unreadable", f"The mask of {instant} cannot be read: {error.problem}.", study, path)
            continue
        area = float((labels == LV_CAVITY).sum())
        if area == 0:
            listing.add("tracing-degenerate", f"There is no left ventricle in the mask of {instant}.", study, path)
            continue
        tracings.append(Tracing(frame, None, path, area))
    return tuple(sorted(tracings, key=lambda t: t.frame)), spacing
