"""``echobeat deidentify``: ultrasound DICOM files without their patients."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from echobeat.commands import file_to_write, folder_to_write
from echobeat.errors import InputError, NoRoom, OutputError, UsageError

if TYPE_CHECKING:
    from echobeat.commands.screen import Screen
    from echobeat.deidentification.header import Dates, Policy
    from echobeat.deidentification.instance import Decision, Outcome
    from echobeat.deidentification.log import Log, Row
    from echobeat.deidentification.pseudonyms import KeyFile

SOME_FAILED, STOPPED = 3, 130
"""Exit codes; the second one after Ctrl-C, as shells have it."""

STATES = {"clean": "clean", "review": "for review", "refused": "refused"}
"""States, and how they are told."""


def deidentify(
    sources: Annotated[list[Path], typer.Argument(metavar="SOURCE...", help="DICOM files, and folders to search.")],
    out: Annotated[
        Path, typer.Option(help="Folder for the outputs: clean/, review/ and the log.", callback=folder_to_write)
    ],
    key: Annotated[
        Path,
        typer.Option(
            help="File with the secret key; made where it is missing. Not below --out.", callback=file_to_write
        ),
    ],
    dates: Annotated[
        str, typer.Option(metavar="remove|shift", help="Empty dates, or move them by patient.")
    ] = "remove",
    characteristics: Annotated[
        bool, typer.Option("--keep-characteristics", help="Keep sex, age, size and weight.")
    ] = False,
    decisions: Annotated[
        Path | None, typer.Option(metavar="CSV", help="What you decided about clips for review: instance,decision.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Files at once.")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Keep outputs that are complete already.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks; they may name files.")] = False,
) -> None:
    """Take the patient out of ultrasound DICOM files: header, file and picture.

    Of the header, only attributes on an allow-list survive; identifiers become keyed pseudonyms. Of the picture, only
    the scanner's sector survives, and it is searched for burnt-in writing. What is certain goes to clean/; what is
    doubtful goes to review/, with a page of pictures for you to decide. Nothing that is written or printed names a
    source: --key FILE and FILE.mapping.csv, which only you can read, say which pseudonym is whose.

    Exit codes: 0 every file was de-identified (clean or for review), 2 wrong use, 3 some files were refused; the log
    says why, and the others are done.
    """
    from echobeat.commands.screen import Screen
    from echobeat.deidentification.log import Log
    from echobeat.deidentification.pseudonyms import KeyFile
    from echobeat.deidentification.review import write_sheets
    from echobeat.report.folders import OutputFolder

    policy = _policy(dates, characteristics)
    decided = read_decisions(decisions) if decisions else {}
    files = find_sources(sources, out)
    keys = KeyFile(key, out)  # made where it is missing: only now is there anything to do with it
    run = Run(out, keys, policy, decided, jobs, resume, debug)
    screen = Screen()
    with OutputFolder(out, within=("clean", "review")):
        log = Log(out, resume=resume)
        try:
            with _bar(len(files)) as advance:
                rows = run.through(files, log, advance)
        except KeyboardInterrupt:
            screen.error("Stopped. Outputs that are complete are kept; the same command with --resume goes on.")
            raise typer.Exit(STOPPED) from None
        finally:
            log.finish()
            sheets = write_sheets(out, [row for row in log.rows.values() if row.state == "review"])
    _tell(screen, rows, out, sheets)
    raise typer.Exit(SOME_FAILED if any(row.state == "refused" for row in rows) else 0)


def _policy(dates: str, characteristics: bool) -> Policy:
    from echobeat.deidentification.header import DATES, Policy

    chosen: Dates | None = next((known for known in DATES if known == dates), None)
    if chosen is None:
        raise UsageError("--dates is either remove or shift.")
    return Policy(chosen, characteristics)


def find_sources(sources: Sequence[Path], out: Path) -> list[Path]:
    """The files named, and those below the folders named that could be clips; none of the outputs.

    A source that is not there and a folder that cannot be listed stand among them, to be refused beside the others.

    Raises
    ------
    UsageError
        Nothing was found. Errors do not name the sources.
    """
    from echobeat.commands import require_some
    from echobeat.sources import find_inputs

    require_some(sources, "SOURCE")
    inside = out.resolve()
    found: dict[Path, None] = {}
    for source in sources:
        try:
            below = find_inputs([source])
        except InputError:
            below = [source]
        found.update(dict.fromkeys(path for path in below if not path.resolve().is_relative_to(inside)))
    if not found:
        raise UsageError("No DICOM files were found outside --out. Name files, or folders that hold some.")
    return list(found)


def read_decisions(file: Path) -> dict[str, Decision]:
    """A table of instance (pseudonym) and decision: clean or black.

    Raises
    ------
    UsageError
        It cannot be read, or holds something else.
    """
    import csv
    import re

    told = f"--decisions {file.name}"  # without its folders, which may be named after patients
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            lines = [[cell.strip() for cell in line] for line in csv.reader(stream) if any(line)]
    except OSError as error:
        raise UsageError(f"{told}: it cannot be opened ({error.strerror}). Check the path.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{told}: it is no table. Give a CSV file of instance,decision.") from error
    decided: dict[str, Decision] = {}
    for number, line in enumerate(lines, 1):
        if line == ["instance", "decision"]:
            continue
        if len(line) != 2 or not re.fullmatch(r"I[0-9a-f]{16}", line[0]) or line[1] not in ("clean", "black"):
            raise UsageError(f"{told}, line {number}: give an instance and clean or black, with a comma between.")
        decided[line[0]] = "clean" if line[1] == "clean" else "black"
    return decided


@dataclass(frozen=True)
class Run:
    """What holds for every file of a run."""

    out: Path
    keys: KeyFile
    policy: Policy
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    jobs: int = 1
    resume: bool = False
    debug: bool = False

    def through(self, files: Sequence[Path], log: Log, advance: Callable[[Row], None]) -> list[Row]:
        """De-identify files; keep mapping and log, which hold everything that is done however it is interrupted."""
        from echobeat.deidentification.log import Row

        done: list[str] = []
        left: list[Path] = []
        for file in files:
            row = self._done(file, log)
            if row is None:
                left.append(file)
            else:
                done.append(row.source_hash)
                advance(row)
        for file, outcome in self._outcomes(left):
            row = Row.of(outcome, self.policy)
            self.keys.remember(  # before the row: a file that the log holds is not looked at again
                [
                    ("source", str(file.absolute()), outcome.source_hash),
                    *(outcome.identity.mapping() if outcome.identity else ()),
                ]
            )
            log.add(row)
            done.append(row.source_hash)
            advance(log.rows[row.source_hash])
        return [log.rows[source] for source in done]  # a later file may have changed an earlier one's row

    def _done(self, file: Path, log: Log) -> Row | None:
        if not log.rows:
            return None
        row = log.done(_hash(file, self), self.policy)
        if row is None or row.is_certain:
            return row
        return row if row.decision == self.decisions.get(row.instance) else None

    def _outcomes(self, files: Sequence[Path]) -> Iterator[tuple[Path, Outcome]]:
        from echobeat.commands.workers import Died, work_through

        # In processes of their own even one after the other: a file on which a decoder crashes ends only its own.
        for file, outcome in work_through(files, partial(_prepare, self), min(self.jobs, max(1, len(files)))):
            yield file, _fallen(file, self) if isinstance(outcome, Died) else outcome


def _prepare(run: Run) -> Callable[[Path], Outcome]:
    import cv2

    cv2.setNumThreads(1)
    return partial(_one, run)


def _one(run: Run, file: Path) -> Outcome:
    """In a worker: whatever goes wrong with a file becomes its outcome, in words of ours."""
    from echobeat.deidentification.instance import Outcome, deidentify_file

    try:
        return deidentify_file(file, run.out, run.keys.pseudonyms, run.policy, run.decisions)
    except NoRoom:
        message = "its frames do not fit into the temporary folder; free space there, or point TMPDIR elsewhere"
        return Outcome(_hash(file, run), "refused", "no_room", message)
    except OutputError:
        return Outcome(
            _hash(file, run), "refused", "unwritten", "the output could not be written; check the disk of --out"
        )
    except Exception as error:  # noqa: BLE001  a fault of ours on one file must not end the others; --debug shows it
        if run.debug:
            import traceback

            traceback.print_exc()
        return Outcome(_hash(file, run), "refused", "failed", f"echobeat failed on it ({type(error).__name__})")


def _fallen(file: Path, run: Run) -> Outcome:
    from echobeat.deidentification.instance import Outcome

    return Outcome(_hash(file, run), "refused", "crashed", "the process that read it was ended; use fewer --jobs")


def _hash(file: Path, run: Run) -> str:
    import os

    from echobeat.deidentification.instance import hash_of

    try:
        with open(file, "rb") as stream:
            return hash_of(stream, run.keys.pseudonyms)
    except OSError:
        return run.keys.pseudonyms.source_hash([os.fsencode(file)])


@contextmanager
def _bar(total: int) -> Iterator[Callable[[Row], None]]:
    """On a terminal: a bar over the files, and how many came to what; nothing otherwise."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.fields[told]}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    counts: Counter[str] = Counter()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total, told="de-identifying")

        def advance(row: Row) -> None:
            counts[row.state] += 1
            bar.update(task, advance=1, told=_counted(counts))

        yield advance


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{counts[state]} {word}" for state, word in STATES.items() if counts.get(state))


def _tell(screen: Screen, rows: Sequence[Row], out: Path, sheets: Sequence[Path]) -> None:
    """How many came to what and why, and where to look; no names."""
    from echobeat.deidentification.log import LOG

    screen.line(_counted(Counter(row.state for row in rows)))
    reasons = Counter((STATES[row.state], row.message) for row in rows if row.message)
    for (word, message), count in sorted(reasons.items(), key=lambda reason: -reason[1]):
        screen.line(f"  {count} {word}: {message}")
    if sheets:
        screen.line(f"To look at: {sheets[0]}")
    screen.line(f"Log: {out / LOG}")
