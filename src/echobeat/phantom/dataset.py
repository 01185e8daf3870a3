"""A data set of phantom patients on disk, in EchoNet-Dynamic's layout, with the truth beside it.

::

    DIR/FileList.csv         FileName,EF,ESV,EDV,FrameHeight,FrameWidth,FPS,NumberOfFrames,Split
    DIR/VolumeTracings.csv   FileName,X1,Y1,X2,Y2,Frame: a long axis and 20 chords for ES and for ED
    DIR/Videos/NAME.avi      MJPEG, 112 x 112
    DIR/Truth/NAME.npz       lv (frames, h, w) bool, outlines_px, times_s, volume_ml, phase
    DIR/Truth/NAME.json      beats, EF, rhythm, spacing; written last: a study with it is whole
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from echobeat.errors import OutputError, UsageError
from echobeat.phantom.dicom import write_dicom
from echobeat.phantom.examination import Patient, draw_patient
from echobeat.phantom.files import write_study
from echobeat.phantom.seeds import CALIBRATION_SEEDS, DATASET_SEEDS
from echobeat.phantom.study import make_study
from echobeat.phantom.views import FOUR_CHAMBER
from echobeat.whole import whole_file

MAX_PATIENTS = 2**20
"""Patients that one seed can give; the next seed's patients begin behind them."""

SPLITS = ("TRAIN",) * 6 + ("VAL", "TEST")
"""Split of the patients in turn: 75 % TRAIN, 12.5 % each VAL and TEST, near EchoNet-Dynamic's shares."""


def dataset_seeds(patients: int, seed: int) -> range:
    """Seeds of the patients of a data set.

    Raises
    ------
    UsageError
        Fewer than 1 or too many patients, or a seed that is out of range.
    """
    _check_number(patients)
    limit = len(DATASET_SEEDS) // MAX_PATIENTS
    if not 0 <= seed < limit:
        raise UsageError(f"The seed of a data set lies from 0 to {limit - 1}, not at {seed}.")
    first = DATASET_SEEDS.start + seed * MAX_PATIENTS
    return range(first, first + patients)


def calibration_seeds(patients: int) -> range:
    """Seeds of the first so many patients that are set aside for calibrating.

    Raises
    ------
    UsageError
        Fewer than 1 or too many patients.
    """
    _check_number(patients)
    return CALIBRATION_SEEDS[:patients]


def _check_number(patients: int) -> None:
    if not 1 <= patients <= MAX_PATIENTS:
        raise UsageError(f"From 1 to {MAX_PATIENTS} patients can be made, not {patients}.")


def write_dataset(out: Path, patients: int, seed: int, jobs: int = 1, progress: bool = False) -> None:
    """Make a data set; studies that are there already are kept.

    Parameters
    ----------
    out : Path
        Folder; made where it is missing.
    patients, seed : int
        The same two give the same bytes; more patients of a seed extend the set.
    jobs : int
        Processes.
    progress : bool
        Show a bar on standard error.

    Raises
    ------
    UsageError
        Numbers out of range.
    OutputError
        A file cannot be written.
    """
    write_patients(out, [draw_patient(s) for s in dataset_seeds(patients, seed)], jobs, progress)


def write_patients(out: Path, patients: Sequence[Patient], jobs: int = 1, progress: bool = False) -> None:
    """Make the studies of these patients, then the two lists over all studies in the folder."""
    if jobs < 1:
        raise UsageError(f"At least 1 job is needed, not {jobs}.")
    try:
        (out / "Truth").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out}: cannot be made ({error.strerror}). Name a folder that can be written.") from error
    missing = [p for p in patients if not (out / "Truth" / f"{p.name}.json").exists()]
    _write_all(partial(_write_one, out=out), missing, jobs, _bar("phantoms", len(patients), progress))
    write_lists(out)


def write_dicom_files(out: Path, patients: Sequence[Patient], jobs: int = 1, progress: bool = False) -> None:
    """Write the studies of these patients as DICOM, ``DIR/Dicom/NAME.dcm``; files that are there already are kept."""
    missing = [p for p in patients if not _dicom_file(p, out).exists()]
    _write_all(partial(_write_dicom, out=out), missing, jobs, _bar("DICOM files", len(patients), progress))


def _bar(told: str, total: int, shown: bool) -> Progress:
    """A bar on standard error, of one task."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), disable=not shown)
    bar.add_task(told, total=total)
    return bar


def _write_all(write: Callable[[Patient], None], missing: Sequence[Patient], jobs: int, bar: Progress) -> None:
    with bar:
        (task,) = bar.tasks
        bar.update(task.id, completed=(task.total or 0) - len(missing))
        for _ in _made(write, missing, jobs):
            bar.advance(task.id)


def _made(write: Callable[[Patient], None], patients: Sequence[Patient], jobs: int) -> Iterator[None]:
    if jobs == 1 or len(patients) < 2:
        for patient in patients:
            write(patient)
            yield
        return
    context = get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(patients)), mp_context=context, initializer=_one_thread) as pool:
        waiting = [pool.submit(write, patient) for patient in patients]
        try:
            for done in as_completed(waiting):
                done.result()
                yield
        finally:
            pool.shutdown(cancel_futures=True)


def _one_thread() -> None:
    cv2.setNumThreads(1)


def _write_one(patient: Patient, out: Path) -> None:
    write_study(make_study(patient), out)


def _dicom_file(patient: Patient, out: Path) -> Path:
    return out / "Dicom" / f"{patient.name}.dcm"


def _write_dicom(patient: Patient, out: Path) -> None:
    write_dicom(make_study(patient), _dicom_file(patient, out))


def read_truths(folder: Path) -> list[dict[str, Any]]:
    """The truth of every whole study in a folder, in order of name."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted((folder / "Truth").glob("phantom-*.json"))]


def refuse_strangers(folder: Path, seeds: range) -> None:
    """Refuse a folder that holds patients of other seeds than these: what is set aside for one purpose stays apart.

    Raises
    ------
    UsageError
    """
    held = (int(path.stem[-12:], 16) for path in (folder / "Truth").glob(f"phantom-{'[0-9a-f]' * 12}.json"))
    if not all(seed in seeds for seed in held):
        raise UsageError(
            f"{folder} holds phantoms that were made for another purpose (a data set, --calibration or --benchmark), "
            "which have to stay apart. Choose another --out."
        )


def views_held(folder: Path, patients: Iterable[Patient]) -> set[str]:
    """The views in which whole studies of these patients are in a folder; truth that names none is of the usual one."""
    truths = (folder / "Truth" / f"{patient.name}.json" for patient in patients)
    return {
        str(json.loads(path.read_text(encoding="utf-8")).get("view", FOUR_CHAMBER)) for path in truths if path.exists()
    }


def write_lists(folder: Path) -> None:
    """Write FileList.csv and VolumeTracings.csv over all whole studies in the folder."""
    truths = read_truths(folder)
    rows = (
        (
            t["name"],
            f"{t['ef']:.4f}",
            f"{t['esv_ml']:.4f}",
            f"{t['edv_ml']:.4f}",
            t["height"],
            t["width"],
            t["fps"],
            t["frames"],
            SPLITS[t["seed"] % len(SPLITS)],
        )
        for t in truths
    )
    header = "FileName,EF,ESV,EDV,FrameHeight,FrameWidth,FPS,NumberOfFrames,Split"
    _write_csv(folder / "FileList.csv", header, rows)
    lines = (
        (f"{t['name']}.avi", *(f"{v:.4f}" for v in line), frame)
        for t in truths
        for frame, tracing in t["tracings"].items()
        for line in tracing
    )
    _write_csv(folder / "VolumeTracings.csv", "FileName,X1,Y1,X2,Y2,Frame", lines)


def _write_csv(path: Path, header: str, rows: Iterable[tuple[object, ...]]) -> None:
    with whole_file(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header.split(","))
        writer.writerows(rows)
