"""``echobeat demo``: see it work without any file of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from echobeat.report.batch import Row

PHANTOM_SEED = 3
"""The first patient whose picture is of usual quality or better (a score of 0.89): in that of seed 1 the free wall
cannot be seen, which few clips are like. The true EF is printed beside the measured one, whatever they are."""

PHANTOM_SIDE_PX = 224
"""Large enough to look at; made in seconds."""


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("demo"),
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Analyse one phantom patient and the real apical clip that ships inside pydicom.

    The phantom's truth is known and printed. The real clip is short, about one beat, with a weak right heart; what is
    said of it is what would be said of any clip.
    """
    from pydicom import examples

    from echobeat.commands.batch import Options, Watching, exit_code, run
    from echobeat.commands.screen import Screen
    from echobeat.phantom import draw_patient, make_study
    from echobeat.phantom.dicom import write_dicom
    from echobeat.pipeline import Choice
    from echobeat.report.folders import OutputFolder, writing

    screen = Screen()
    phantom = out / "inputs" / "phantom.dcm"
    patient = draw_patient(PHANTOM_SEED, rhythm="sinus", clip="free", beats=3, fps=50.0, size=PHANTOM_SIDE_PX)
    screen.line("Making a phantom patient, then analysing it and the real clip that ships inside pydicom.")
    with OutputFolder(out), writing(phantom.parent):
        study = make_study(patient)
        write_dicom(study, phantom)
    real = Path(examples.get_path("ybr_color"))
    with screen.progress(2) as (watch, _):
        options = Options(ef=Choice.of().ejection_fraction, debug=debug)
        entries = run([str(phantom), str(real)], out, options, Watching(watch))
    for entry in entries:
        if entry.row.status != "error":
            screen.result(entry, out)
        if entry.row.source == str(phantom):
            screen.line(f"True EF of the phantom: {study.ef:.0f} %{_beside(study.ef, entry.row)}")
        screen.line()
    screen.failures(entries)
    raise typer.Exit(exit_code(entries))


def _beside(truth: float, row: Row) -> str:
    """What is to be said of a true EF that its interval does not hold."""
    if row.ef_low is None or row.ef_high is None or row.ef_low <= truth <= row.ef_high:
        return ""
    return (
        f". It lies outside the interval, {row.ef_low:.0f}–{row.ef_high:.0f} %. One in ten 90 % intervals misses the "
        "truth, by construction."
    )
