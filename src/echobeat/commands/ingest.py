"""``echobeat ingest``: an archive of echo files to a data set without its patients."""

from __future__ import annotations

import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from echobeat.commands import file_to_write, folder_to_write, require_some
from echobeat.commands.workers import Died, work_through
from echobeat.errors import OutputError, UsageError
from echobeat.machine import cores_for_each

if TYPE_CHECKING:
    from echobeat.commands.screen import Screen
    from echobeat.deidentification.pseudonyms import Pseudonyms
    from echobeat.ingest.dataset import DatasetFolder, LogRow
    from echobeat.ingest.finding import Input
    from echobeat.ingest.labels import Joined
    from echobeat.ingest.one_clip import Ingester, Outcome, Settings

SOME_FAILED, STOPPED = 3, 130
"""Exit codes: some inputs could not be read; Ctrl-C, as shells have it."""

COMMIT_AFTER_S = 2.0
"""Outcomes are taken into the data set together: the mapping is read and written once for all of them."""

COMMIT_SHARE = 10
"""Times as long as the last taking-in took, at least, pass before the next."""


_STYLE = {"kept": "", "opened": "dim", "refused": "yellow", "failed": "red"}


@dataclass(frozen=True)
class Named:
    """An input and its pseudonym."""

    name: str
    input: Input


@dataclass(frozen=True)
class Work:
    """What a worker is told once."""

    settings: Settings
    pseudonyms: Pseudonyms
    stage: Path
    jobs: int
    debug: bool


def ingest(
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE...", help="Folders, DICOMDIRs, ZIP archives, DICOM files and videos.")
    ],
    out: Annotated[
        Path,
        typer.Option(help="Folder of the data set; the same command goes on with one begun.", callback=folder_to_write),
    ],
    key: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="Key of the pseudonyms, made where missing; keep it, and keep it secret.",
            callback=file_to_write,
        ),
    ],
    labels: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Table with EF, EDV, ESV, split by patient, study or file.")
    ] = None,
    view: Annotated[str, typer.Option(help="a4c: no clips whose header names another view; any: all views.")] = "a4c",
    size: Annotated[str, typer.Option(help="Side of the frames in pixels, or native.")] = "112",
    fps: Annotated[
        float | None, typer.Option(help="Resample to this many frames a second; default: as recorded.")
    ] = None,
    keep_doubtful: Annotated[
        bool, typer.Option("--keep-doubtful", help="Keep clips that may have writing inside the sector.")
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Inputs at once.")] = 1,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks, which may name patients.")] = False,
) -> None:
    """Turn an archive into a data set in EchoNet-Dynamic's layout: de-identified, grey, the scanning sector alone.

    Every file below the sources is looked at, whatever its name. What is no grey-scale cine with a sector is left
    out, with the reason in ingest_log.csv. Names, tables and log hold pseudonyms only; the mapping back stands beside
    the key, readable by you alone. A run that was stopped, or killed, goes on with the same command.

    Exit codes: 0 every input was read, 2 wrong use, 3 some could not be read; the others are done.
    """
    from echobeat.commands.screen import Screen
    from echobeat.deidentification.pseudonyms import KeyFile, kept_beside
    from echobeat.ingest.dataset import DatasetFolder
    from echobeat.ingest.finding import find
    from echobeat.ingest.labels import Labels, read_labels
    from echobeat.ingest.one_clip import name_of

    settings = _settings(view, size, fps, keep_doubtful)
    require_some(sources, ", ".join(sources))
    if labels and not labels.is_file():
        raise UsageError(f"--labels {labels}: there is no such file. Check the path.")
    inputs = find(sources, (out, key, *kept_beside(key)))
    first = next(inputs, None)
    if first is None:
        raise UsageError(f"No files were found in {', '.join(sources)}. Name files, or folders that hold some.")
    user_key = KeyFile(key, out)  # made where it is missing: only now is there anything to do with it
    table = read_labels(labels, user_key.pseudonyms) if labels else Labels()
    screen = Screen()
    with DatasetFolder(out, settings, user_key) as folder:
        with screen.err.status("looking for files"):
            named = [Named(name_of(one, user_key.pseudonyms), one) for one in chain([first], inputs)]
            tasks = list({task.name: task for task in named}.values())  # a list may name what is missing twice
        prepare = partial(_prepare, Work(settings, user_key.pseudonyms, folder.stage, jobs, debug))
        try:
            with _progress(screen, len(tasks)) as watch:
                _take(tasks, folder, prepare, jobs, watch)
        except KeyboardInterrupt:
            folder.write_list(table)
            screen.error("Stopped. What is done is kept; the same command goes on.")
            raise typer.Exit(STOPPED) from None
        joined = folder.write_list(table)
        rows = [folder.rows[task.name] for task in tasks]
    _report(screen, out, rows, joined)
    if labels:
        _report_labels(screen, joined)
    raise typer.Exit(SOME_FAILED if any(row.state == "failed" for row in rows) else 0)


def _settings(view: str, size: str, fps: float | None, keep_doubtful: bool) -> Settings:
    from echobeat.given import check_fps
    from echobeat.ingest.geometry import check_size
    from echobeat.ingest.one_clip import Settings

    check_fps(fps)
    if view not in ("a4c", "any"):
        raise UsageError(f"--view {view}: give a4c or any.")
    if size != "native" and not size.isdecimal():
        raise UsageError(f"--size {size}: give a number of pixels, or native.")
    side = None if size == "native" else int(size)
    if side is not None:
        check_size(side)
    return Settings("a4c" if view == "a4c" else "any", side, fps, keep_doubtful)


def _take(
    tasks: Sequence[Named],
    folder: DatasetFolder,
    prepare: Callable[[], Callable[[Named], Outcome]],
    jobs: int,
    watch: Callable[[LogRow], None],
) -> None:
    """Take inputs into the data set, in their order however they end; those that are done already are passed over."""
    left = [task for task in tasks if task.name not in folder.rows]
    for task in tasks:
        if task.name in folder.rows:
            watch(folder.rows[task.name])
    ready: dict[str, Outcome] = {}
    order = deque(task.name for task in left)
    committed_at, took = time.monotonic(), 0.0

    def commit() -> None:
        whole = []
        while order and order[0] in ready:
            whole.append(ready.pop(order.popleft()))
        for row in folder.commit(whole):
            watch(row)

    try:
        for task, outcome in work_through(left, prepare, max(1, min(jobs, len(left)))):
            ready[task.name] = _outcome(task, outcome)
            if time.monotonic() - committed_at >= max(COMMIT_AFTER_S, COMMIT_SHARE * took):
                began = time.monotonic()
                commit()
                committed_at = time.monotonic()
                took = committed_at - began
    finally:
        commit()


def _outcome(task: Named, outcome: Outcome | Died) -> Outcome:
    from echobeat.ingest.one_clip import Outcome as Made

    if isinstance(outcome, Died):
        return Made(task.name, "crashed", originals=(("file", task.input.original, task.name),))
    if outcome.trouble:
        raise OutputError(outcome.trouble)
    return outcome


def _prepare(work: Work) -> Callable[[Named], Outcome]:
    """In a worker."""
    import cv2

    from echobeat.ingest.one_clip import Ingester

    cv2.setNumThreads(cores_for_each(work.jobs))
    return partial(_ingest_one, Ingester(work.settings, work.pseudonyms, work.stage), work.debug)


def _ingest_one(ingester: Ingester, debug: bool, task: Named) -> Outcome:
    from echobeat.ingest.one_clip import Outcome as Made

    try:
        return ingester(task.input)
    except Exception:  # noqa: BLE001  a fault of ours on one input must not end the others; --debug shows it
        if debug:
            traceback.print_exc()
        return Made(task.name, "fault", originals=(("file", task.input.original, task.name),))


@contextmanager
def _progress(screen: Screen, inputs: int) -> Iterator[Callable[[LogRow], None]]:
    """On a terminal: a bar over the inputs, with how many became clips."""
    counts: Counter[str] = Counter()
    columns = (TextColumn("{task.fields[told]}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen.err, transient=True, disable=not screen.err.is_terminal) as bar:
        task = bar.add_task("", total=inputs, told="reading")

        def watch(row: LogRow) -> None:
            counts[row.state] += 1
            told = f"{counts['kept']} clips, {counts['refused']} left out, {counts['failed']} failed"
            bar.update(task, advance=1, told=told)

        yield watch


def _report(screen: Screen, out: Path, rows: Sequence[LogRow], joined: Joined) -> None:
    from echobeat.ingest.dataset import FILE_LIST, LOG
    from echobeat.ingest.reasons import REASONS

    table = Table("inputs", "", "code", "meaning", "what to do", box=None, header_style="bold", pad_edge=False)
    order = {"kept": 0, "opened": 1, "refused": 2, "failed": 3}
    found = sorted(Counter(row.code for row in rows).items(), key=lambda one: (order[REASONS[one[0]].state], -one[1]))
    for code, count in found:
        reason = REASONS[code]
        table.add_row(f"{count:,}", reason.state, code, reason.meaning, reason.remedy, style=_STYLE[reason.state])
    screen.out.print(table)
    splits = Counter(one.split for one in joined.clips)
    parts = ", ".join(f"{splits[name]:,} {name}" for name in ("TRAIN", "VAL", "TEST"))
    patients = len({one.patient for one in joined.clips})
    screen.line(f"{len(joined.clips):,} clips of {patients:,} patients ({parts}): {out / FILE_LIST}")
    screen.line(f"Why others were left out: {out / LOG}")


def _report_labels(screen: Screen, joined: Joined) -> None:
    with_ef = sum(one.label.ef is not None for one in joined.clips)
    screen.line(f"{with_ef:,} of {len(joined.clips):,} clips have an EF.")
    if joined.unclear:
        screen.line(
            f"{joined.unclear:,} clips got no label: rows that name them disagree or name another patient, or several "
            "patients' clips have one name, path, accession number or Patient ID. Name studies or SOP Instance UIDs in "
            "the table.",
            "yellow",
        )
