"""``echobeat analyze``: echo files to contours, volumes, beats, EF and a page for each."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from echobeat.errors import InputError, UsageError

Backend = Literal["auto", "onnxruntime", "openvino", "openvino-bf16"]
"""`echobeat.models.BackendName`, written out: ``--help`` need not wait for the models' packages."""

STOPPED = 130
"""Exit code after Ctrl-C, as shells have it."""


def analyze(
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="PATH...", help="Files, and folders that are searched below.")
    ] = None,
    files_from: Annotated[
        typer.FileBinaryRead | None,
        typer.Option(metavar="FILE", help="Further paths, one a line or NUL after each (find -print0); - for stdin."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the results: one folder an input.")] = Path("results"),
    fps: Annotated[float | None, typer.Option(help="Frames a second as recorded; wins over the file's.")] = None,
    spacing_mm: Annotated[
        str | None, typer.Option(metavar="MM", help="Pixel spacing in mm, or ROW,COLUMN; wins over the file's.")
    ] = None,
    segmentation: Annotated[
        str, typer.Option(metavar="NAME|RUN", help="Segmentation model, or the folder of a training run.")
    ] = "lv",
    ef: Annotated[
        str,
        typer.Option(
            metavar="NAME|RUN",
            help="Model that reads the EF from the video, too; auto: the one calibrated beside the segmentation; none.",
        ),
    ] = "auto",
    free: Annotated[
        bool, typer.Option("--free", help="Only models as free as the code: lv-phantom and what goes with it.")
    ] = False,
    backend: Annotated[
        Backend,
        typer.Option(help="What runs the networks; auto: OpenVINO where it is installed. Float32, but the last."),
    ] = "auto",
    jobs: Annotated[int, typer.Option(min=1, help="Inputs at once.")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Keep results that are complete already.")] = False,
    video: Annotated[bool, typer.Option(help="Write overlay.mp4.")] = True,
    page: Annotated[bool, typer.Option(help="Write report.html.")] = True,
    plot: Annotated[bool, typer.Option(help="Write volume.png.")] = True,
    masks: Annotated[bool, typer.Option(help="Write lv_masks.npz.")] = True,
    dicom: Annotated[
        bool, typer.Option("--dicom", help="Write DICOM results, too: report, segmentation, overlay, page.")
    ] = False,
    echo_report: Annotated[
        bool, typer.Option("--echo-report", help="With --dicom: a Simplified Adult Echo report (TID 5300), too.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Find the left ventricle, its volume curve, every beat and the EF in apical four-chamber clips.

    Reads AVI, MP4, MOV, WebM, GIF, ultrasound DICOM and NIfTI. Each input gets a folder with result.json,
    frames.csv, beats.csv, lv_masks.npz, overlay.mp4, volume.png and report.html; beside them stand summary.csv
    and manifest.json.

    Exit codes: 0 every input was read (a clip that is refused an EF is a result), 2 wrong use, 3 some inputs could
    not be read or some results not written; the others are done.
    """
    from echobeat.commands.batch import Options, Watching, exit_code, run
    from echobeat.commands.screen import Screen
    from echobeat.given import check_fps, spacing_of
    from echobeat.pipeline import FREE_SEGMENTATION, Choice
    from echobeat.report.files import Parts

    check_fps(fps)
    if echo_report and not dicom:
        raise UsageError("--echo-report is a kind of DICOM result: add --dicom.")
    if free:
        segmentation = FREE_SEGMENTATION if segmentation == "lv" else segmentation
        _refuse_licence(segmentation, ef)
    options = Options(
        fps=fps,
        spacing_mm=spacing_of(_numbers(spacing_mm)),
        segmentation=segmentation,
        ef=Choice.of(segmentation, ef).ejection_fraction,
        backend=backend,
        parts=Parts(video=video, page=page, plot=plot, masks=masks),
        dicom=dicom,
        echo_report=echo_report,
        jobs=jobs,
        resume=resume,
        debug=debug,
    )
    named = [*(paths or []), *(_listed(files_from.read()) if files_from else [])]
    if not named:
        raise UsageError("Name files or folders, or a list of some with --files-from.")
    sources, closed = _sources(named)
    screen = Screen()
    try:
        with screen.progress(len(sources)) as (watch, progress):
            entries = run(sources, out, options, Watching(watch, progress), closed)
    except KeyboardInterrupt:
        screen.error("Stopped. Results that are complete are kept; the same command with --resume goes on.")
        raise typer.Exit(STOPPED) from None
    screen.entries(entries, out)
    raise typer.Exit(exit_code(entries))


def _refuse_licence(*models: str) -> None:
    """--free and a model under another licence than the code's contradict each other."""
    from echobeat.models import load_card
    from echobeat.models.cards import FREE

    for model in models:
        if model not in ("auto", "none") and load_card(model).licence != FREE:
            raise UsageError(f"--free takes only models under {FREE}, and {model} is not. Leave one of the two out.")


def _listed(content: bytes) -> list[str]:
    """The paths of a list; a path may hold a line break where NULs stand between them."""
    parts = content.split(b"\0") if b"\0" in content else content.splitlines()
    return [os.fsdecode(part) for part in parts if part]


def _sources(paths: list[str]) -> tuple[list[str], list[InputError]]:
    """The inputs, and the folders that cannot be searched; results of earlier runs are inputs only if named."""
    from echobeat.commands import require_some
    from echobeat.report.folders import is_ours
    from echobeat.sources import find_inputs

    require_some(paths, ", ".join(paths))
    found: dict[str, str] = {}  # where it really is -> as it was named
    closed: list[InputError] = []
    for path in paths:
        try:
            for file in find_inputs([path], is_ours):
                found.setdefault(os.path.realpath(file), str(file))
        except InputError as error:
            closed.append(error)
    if not (found or closed):
        raise UsageError(
            f"No clips were found in {', '.join(paths)}; results of earlier runs are passed over. "
            "Name files, or folders that hold some."
        )
    return list(found.values()), closed


def _numbers(text: str | None) -> float | tuple[float, float] | None:
    if text is None:
        return None
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) == 1:
        return numbers[0]
    if len(numbers) == 2:
        return numbers[0], numbers[1]
    raise UsageError(f"--spacing-mm {text}: give one number, or two as ROW,COLUMN.")
