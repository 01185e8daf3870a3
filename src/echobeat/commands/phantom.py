"""``echobeat phantom``: make phantom patients, or the fixed benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from echobeat.commands import folder_to_write
from echobeat.errors import OutputError, UsageError
from echobeat.machine import cores_here
from echobeat.phantom.benchmark import recorded_benchmark, write_benchmark
from echobeat.phantom.dataset import (
    calibration_seeds,
    dataset_seeds,
    refuse_strangers,
    views_held,
    write_dicom_files,
    write_patients,
)
from echobeat.phantom.examination import draw_patient
from echobeat.phantom.other_studies import in_view
from echobeat.phantom.seeds import CALIBRATION_SEEDS, DATASET_SEEDS
from echobeat.phantom.views import VIEWS

SHOWN = tuple(view for view in VIEWS if view != "great vessels")
"""Views that cut the left ventricle, so that there is a truth to write."""

PATIENTS = 10
"""Made where nothing else is said."""


def phantom(
    out: Annotated[
        Path, typer.Option(help="Folder of the data set; what is in it already is kept.", callback=folder_to_write)
    ],
    patients: Annotated[int, typer.Option(help="Number of patients.")] = PATIENTS,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
    jobs: Annotated[int, typer.Option(help="Processes; 0: one a core.")] = 0,
    dicom: Annotated[bool, typer.Option(help="Write each study as DICOM, too, 400 x 400.")] = False,
    view: Annotated[
        str,
        typer.Option(help=f"The view; others than the first are what an analysis should refuse: {', '.join(SHOWN)}."),
    ] = SHOWN[0],
    benchmark: Annotated[bool, typer.Option("--benchmark", help="Make the fixed benchmark instead.")] = False,
    calibration: Annotated[
        bool,
        typer.Option("--calibration", help="Make patients that are set aside for calibrating; they have no --seed."),
    ] = False,
) -> None:
    """Make synthetic apical four-chamber studies with known truth, in EchoNet-Dynamic's layout.

    Videos/, FileList.csv and VolumeTracings.csv are as in EchoNet-Dynamic; Truth/ holds mask and volume of
    every frame and the EF of every beat. Use one folder a view: a patient has the same name in each.
    """
    jobs = jobs or cores_here()
    if benchmark and calibration:
        raise UsageError("--benchmark and --calibration cannot both be given: make each in a folder of its own.")
    if benchmark and (patients, seed, view, dicom) != (PATIENTS, 0, SHOWN[0], False):
        raise UsageError("--benchmark is fixed: it takes no --patients, --seed, --view or --dicom.")
    if benchmark:
        made = write_benchmark(out, jobs, progress=True)
        same = all(made[key] == recorded_benchmark()[key] for key in ("patients", "truth_sha256"))
        if not same:
            raise OutputError(
                f"{out}: this benchmark's truth is not the recorded one. Use an empty folder, and the version of "
                "echobeat whose results you compare with."
            )
        typer.echo(f"{made['patients']} patients in {out}; their truth is the recorded one")
        return
    if view not in SHOWN:
        raise UsageError(f"There is no view named {view}. There are: {', '.join(SHOWN)}.")
    if calibration and seed:
        raise UsageError("--calibration and --seed cannot both be given: the patients set aside are always the same.")
    seeds = calibration_seeds(patients) if calibration else dataset_seeds(patients, seed)
    refuse_strangers(out, CALIBRATION_SEEDS if calibration else DATASET_SEEDS)
    drawn = [in_view(draw_patient(number), view) for number in seeds]
    if others := views_held(out, drawn) - {view}:
        raise UsageError(
            f"{out} holds patients of these names in another view ({', '.join(sorted(others))}). Choose another --out."
        )
    before = _studies(out)
    write_patients(out, drawn, jobs, progress=True)
    if dicom:
        large = [in_view(draw_patient(number, size=400), view) for number in seeds]
        write_dicom_files(out, large, jobs, progress=True)
    there = _studies(out)
    typer.echo(f"{there} patients in {out}, {there - before} of them new")


def _studies(folder: Path) -> int:
    """How many whole studies a data set holds."""
    return sum(1 for _ in (folder / "Truth").glob("phantom-*.json"))
