"""What the commands print: results to standard output, progress and errors to standard error.

Names of files and messages are untrusted: they are printed as plain text, without control characters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from echobeat.commands.batch import Watch
from echobeat.pipeline import Progress
from echobeat.records import NOTICE, Result
from echobeat.report.batch import Entry
from echobeat.report.schema import read_result
from echobeat.report.wording import (
    beat_note,
    interval,
    is_judged,
    number,
    percent,
    printable,
    remedy,
    shown_extremes,
    verdict,
)

ROWS = 40
"""A longer summary is printed in part; summary.csv has all of it."""

_STYLE = {"ok": "", "refused": "yellow", "error": "red"}


class Screen:
    """Where a command prints to."""

    def __init__(self) -> None:
        self.out = Console(highlight=False)
        self.err = Console(stderr=True, highlight=False)

    @contextmanager
    def progress(self, inputs: int) -> Iterator[tuple[Watch | None, Progress | None]]:
        """On a terminal: a bar over many inputs, or the frames of a single one; nothing otherwise."""
        if not self.err.is_terminal:
            yield None, None
        elif inputs == 1:
            with self.err.status("reading") as status:
                yield None, lambda frames: status.update(f"{frames} frames")
        else:
            columns = (TextColumn("{task.fields[told]}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            with Bar(*columns, console=self.err, transient=True) as bar:
                yield _watch(bar, inputs), None

    def line(self, text: str = "", style: str = "") -> None:
        """One line, never broken, so that paths can be copied."""
        self.out.print(Text(printable(text), style), soft_wrap=True)

    def error(self, text: str) -> None:
        """One line on standard error."""
        self.err.print(Text(printable(text), "red"), soft_wrap=True)

    def entries(self, entries: Sequence[Entry], out: Path) -> None:
        """One input in detail, or many as a table; errors apart."""
        if len(entries) == 1 and entries[0].row.status != "error":
            self.result(entries[0], out)
        elif len(entries) > 1:
            self._summary(entries, out)
        self.failures(entries)

    def failures(self, entries: Sequence[Entry]) -> None:
        """The inputs that could not be read or written, each with its reason."""
        for entry in entries:
            if entry.row.status == "error":
                self.error(f"{entry.row.source}: {entry.row.error}")

    def result(self, entry: Entry, out: Path) -> None:
        """A clip's outcome, its beats, what to note, and where its page is."""
        folder = out / entry.row.folder
        result = read_result(folder / "result.json")
        told, notes, judged = verdict(result), result.quality.warnings, is_judged(result)
        said = f"{told.headline}  {told.detail}"
        if notes and not judged:  # the first of them is why: what is told already
            said, notes = f"{said} {remedy(notes[0])}", notes[1:]
        self.line(entry.row.source, "bold")
        self.line(said.rstrip(), "" if judged else "yellow")
        if result.beats:
            self.out.print(_beats(result))
        for warning in notes:
            self.line(f"Note: {warning.message} {remedy(warning)}".rstrip(), "yellow")
        page = folder / "report.html"
        if result.ef is not None and judged and result.ef.calibrated_on:
            self.line(f"90 % intervals: calibrated on {result.ef.calibrated_on}.", "dim")
        self.line(NOTICE, "dim")
        self.line(f"Page: {page}" if page.exists() else f"Results: {folder}")

    def _summary(self, entries: Sequence[Entry], out: Path) -> None:
        table = Table(box=None, header_style="bold", pad_edge=False)
        for name in ("input", "EF %", "90 %", "range", "beats", "quality", "notes"):
            table.add_column(name, justify="right" if name in ("EF %", "beats", "quality") else "left", overflow="fold")
        rows = [entry.row for entry in entries]
        for row, name in list(zip(rows, _told_apart([row.source for row in rows]), strict=True))[:ROWS]:
            cells = (
                name,
                "–" if row.ef is None else percent(row.ef),
                "" if row.ef_low is None or row.ef_high is None else f"{row.ef_low:.0f}–{row.ef_high:.0f}",
                row.category or row.status,
                "" if row.beats is None else str(row.beats),
                number(row.quality, 2) if row.quality is not None else "",
                _first(row.warnings.split()),
            )
            table.add_row(*(Text(printable(cell)) for cell in cells), style=_STYLE[row.status])
        self.out.print(table)
        if len(entries) > ROWS:
            self.line(f"... and {len(entries) - ROWS} more")
        counts = {status: sum(entry.row.status == status for entry in entries) for status in _STYLE}
        resumed = sum(entry.resumed for entry in entries)
        told = f"{counts['ok']} with an EF, {counts['refused']} without, {counts['error']} failed"
        self.line(told + (f"; {resumed} were complete already" if resumed else ""))
        self.line(NOTICE, "dim")
        self.line(f"Summary: {out / 'summary.csv'}")


def _told_apart(sources: Sequence[str]) -> list[str]:
    """The inputs without the folder that all of them lie in: a narrow table would show nothing else of them."""
    parts = [Path(source).parts for source in sources]
    levels = zip(*(names[:-1] for names in parts), strict=False)
    common = sum(1 for _ in takewhile(lambda folders: len(set(folders)) == 1, levels))
    return [str(Path(*names[common:])) for names in parts]


def _first(codes: list[str]) -> str:
    """The gravest code, and how many more there are; summary.csv has them all."""
    return "" if not codes else codes[0] + (f" +{len(codes) - 1}" if len(codes) > 1 else "")


def _watch(bar: Bar, inputs: int) -> Watch:
    task = bar.add_task("", total=inputs, told="analysing")
    failed = 0

    def watch(entry: Entry) -> None:
        nonlocal failed
        failed += entry.row.status == "error"
        bar.update(task, advance=1, told=f"analysing, {failed} failed" if failed else "analysing")

    return watch


def _beats(result: Result) -> Table:
    judged = is_judged(result)
    calibrated = result.clip.spacing_mm is not None
    names = ["beat", "ED", "ES", "end", "1/min", *(["EDV ml", "ESV ml"] if calibrated else []), "EF %", "90 %", "note"]
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in names:
        table.add_column(name, justify="left" if name == "note" else "right")
    for beat in result.beats:
        shown = (*shown_extremes(beat), beat.end_frame)
        frames = ["–" if frame is None else str(frame) for frame in shown]
        volumes = [number(volume if judged else None) for volume in (beat.edv_ml, beat.esv_ml)] if calibrated else []
        ef = "–" if beat.ef is None or not judged else percent(beat.ef)
        cells = [str(beat.index + 1), *frames, number(beat.heart_rate_bpm if judged else None), *volumes, ef]
        cells += [interval(beat) if judged else "", beat_note(beat)]
        table.add_row(*cells, style="" if beat.counts and judged else "dim")
    return table
