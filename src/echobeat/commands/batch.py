"""Many inputs: each is read, assessed and written for itself, and fails for itself."""

from __future__ import annotations

import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from echobeat.commands import quiet_libraries
from echobeat.commands.workers import Died, work_through
from echobeat.errors import EchobeatError, InputError
from echobeat.machine import cores_for_each
from echobeat.models import BackendName, check_backend
from echobeat.pipeline import Choice, Models, Progress, analyze_clip, read
from echobeat.records import Assessment, ModelUsed, Spacing
from echobeat.report.batch import Entry, Journal, Row, finished_result, manifest_head, run_record
from echobeat.report.files import Parts, write_result
from echobeat.report.folders import OutputFolder, plan_folders


@dataclass(frozen=True)
class Options:
    """What holds for every input of a run.

    Attributes
    ----------
    fps, spacing_mm, segmentation, ef : as in `echobeat.analyze`.
    backend : what runs the networks.
    parts : what is written.
    dicom : write the results as DICOM, too; the inputs are then DICOM files.
    echo_report : and among them a Simplified Adult Echo report.
    jobs : inputs at once.
    resume : keep results that are complete.
    debug : show tracebacks.
    """

    fps: float | None = None
    spacing_mm: Spacing | None = None
    segmentation: str = "lv"
    ef: str | None = None
    backend: BackendName = "auto"
    parts: Parts = field(default_factory=Parts)
    dicom: bool = False
    echo_report: bool = False
    jobs: int = 1
    resume: bool = False
    debug: bool = False

    def record(self) -> dict[str, Any]:
        """What a result depends on; goes into its ``run.json`` and into the manifest."""
        return {
            "fps": self.fps,
            "spacing_mm": self.spacing_mm,
            "segmentation": self.segmentation,
            "ef": self.ef,
            "backend": self.backend,
            "parts": asdict(self.parts),
            "dicom": self.dicom,
            "echo_report": self.echo_report,
        }

    def models_used(self) -> tuple[ModelUsed, ...]:
        """The models by name, their files checked before any input is touched.

        Raises
        ------
        ModelError
            Unknown or damaged, or the backend is not installed.
        """
        check_backend(self.backend)
        return Choice.of(self.segmentation, self.ef).used()


@dataclass(frozen=True)
class Task:
    """One input and where its result goes; `record` is what its ``run.json`` will say."""

    source: str
    folder: Path
    record: dict[str, Any]


Watch = Callable[[Entry], None]


@dataclass(frozen=True)
class Watching:
    """Who is told how a run goes on.

    Attributes
    ----------
    entry : told of each input that is done.
    frames : told of the frames segmented so far, where there is one input only.
    """

    entry: Watch | None = None
    frames: Progress | None = None


def run(
    sources: Sequence[str],
    out: Path,
    options: Options,
    watching: Watching = Watching(),
    closed: Sequence[InputError] = (),
) -> list[Entry]:
    """Assess inputs into folders below `out`, and keep the tables of the run there.

    Parameters
    ----------
    sources : sequence of str
        Files.
    out : Path
        The output folder.
    options : Options
    watching : Watching
    closed : sequence of InputError
        Inputs that could not even be looked for; they get their lines in the tables.

    Returns
    -------
    list of Entry
        The closed inputs, then the others in the order of `sources`.

    Raises
    ------
    ModelError
        A model is unknown, damaged, or for another task, or the backend cannot run it.
    OutputError
        `out` cannot be written, or another run is writing there.
    """
    models, loaded = options.models_used(), _models(options)  # what cannot be loaded is no fault of the files
    with OutputFolder(out):
        plan = plan_folders(sources, out)
        tasks = [
            Task(source, out / name, run_record(source, models, options.record())) for source, name in plan.items()
        ]
        head = manifest_head(models, options.record() | {"jobs": options.jobs, "resume": options.resume})
        journal = Journal(out, [*(error.source for error in closed), *plan], head)
        complete = False
        try:
            for error in closed:
                journal.add(_failed(error.source, _told(error)))
            for entry in _entries(tasks, options, loaded, watching.frames):
                journal.add(entry)
                if watching.entry:
                    watching.entry(entry)
            complete = True
        finally:
            journal.write(complete=complete)
    return journal.entries


def _entries(tasks: Sequence[Task], options: Options, models: Models, progress: Progress | None) -> Iterator[Entry]:
    left: list[Task] = []
    files = [*options.parts.files(), *(["dicom"] if options.dicom else [])]
    for task in tasks:
        result = finished_result(task.folder, task.record, files) if options.resume else None
        if result is None:
            left.append(task)
        else:
            yield Entry(Row.of_result(result, task.source, task.folder.name), {}, resumed=True)
    if len(left) == 1:
        yield assess(left[0], options, models, progress)
    elif left:
        # In processes of their own even one after the other: a file on which a decoder crashes ends only its own.
        processes = min(options.jobs, len(left))
        for task, outcome in work_through(left, partial(_prepare, options, processes), processes):
            yield _failed(task.source, _epitaph(outcome)) if isinstance(outcome, Died) else outcome


def _prepare(options: Options, processes: int) -> Callable[[Task], Entry]:
    """In a worker: load the models once, and share the cores out among the workers."""
    import cv2

    quiet_libraries()
    threads = cores_for_each(processes)
    cv2.setNumThreads(threads)
    return partial(assess, options=options, models=_models(options, threads))


def _models(options: Options, threads: int = 0) -> Models:
    return Models.load(options.segmentation, options.ef, threads, options.backend)


def assess(task: Task, options: Options, models: Models, progress: Progress | None = None) -> Entry:
    """Read, assess and write one input; whatever goes wrong with it becomes its entry."""
    seconds: dict[str, float] = {}
    began = time.perf_counter()

    def lap(step: str) -> None:
        nonlocal began
        now = time.perf_counter()
        seconds[step], began = now - began, now

    try:
        clip = read(task.source, fps=options.fps, spacing_mm=options.spacing_mm)  # first: the file's own fault counts
        further = dicom_writer(task.source, options.echo_report) if options.dicom else None
        lap("read")
        assessment = analyze_clip(clip, models, progress)
        lap("analyze")
        write = partial(further, assessment) if further else None
        write_result(assessment, task.folder, parts=options.parts, run=task.record, further=write)
        lap("write")
    except EchobeatError as error:
        _show(options)
        return _failed(task.source, _told(error), seconds)
    except Exception as error:  # noqa: BLE001  a fault of ours on one input must not end the others; --debug shows it
        _show(options)
        told = f"echobeat failed on it ({type(error).__name__}). Run again with --debug and report what it shows."
        return _failed(task.source, told, seconds)
    return Entry(Row.of_result(assessment.result, task.source, task.folder.name), seconds)


def dicom_writer(source: str, echo_report: bool = False) -> Callable[[Assessment, Path], object]:
    """What writes the DICOM results of a source into ``dicom/`` of its folder; the source's header is read at once.

    Raises
    ------
    InputError
        The source is no DICOM file, or its header does not say what study it belongs to.
    """
    from echobeat.dicom_results.origin import read_origin
    from echobeat.dicom_results.writing import write_dicom_results

    origin = read_origin(Path(source), source)
    return lambda assessment, folder: write_dicom_results(origin, assessment, folder / "dicom", echo_report)


def _failed(source: str, told: str, seconds: dict[str, float] | None = None) -> Entry:
    return Entry(Row(source, "", "error", error=told), seconds or {})


def _told(error: EchobeatError) -> str:
    """The error without the source's name, which stands beside it."""
    return f"{error.problem}. {error.remedy}." if isinstance(error, InputError) else str(error)


def _epitaph(died: Died) -> str:
    code = died.exit_code or 0
    how = f"with code {code}"
    if code < 0:
        how = f"by signal {-code}"
        with suppress(ValueError):
            how = f"by {signal.Signals(-code).name}"
    return (
        f"the process that read it was ended {how}. Use fewer --jobs if memory is short; otherwise the file is harmful."
    )


def _show(options: Options) -> None:
    if options.debug:
        traceback.print_exc(file=sys.stderr)


def exit_code(entries: Sequence[Entry]) -> int:
    """0: every input was read; 3: some were not, or their results could not be written."""
    return 3 if any(entry.row.status == "error" for entry in entries) else 0
