"""``echobeat node``: a DICOM node, and looking after it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from echobeat.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from echobeat.commands.screen import Screen
    from echobeat.node.queue import Queue
    from echobeat.node.service import Node
    from echobeat.node.settings import Tls

SPOOL_VARIABLE = "ECHOBEAT_SPOOL"

app = typer.Typer(
    help="Receive ultrasound by DICOM, analyse it, send the results back.", pretty_exceptions_enable=False
)

Spool = Annotated[
    Path | None,
    typer.Option("--spool", help=f"Folder that the node owns. Default: ${SPOOL_VARIABLE}, or the user's own."),
]


@app.callback(invoke_without_command=True)
def node(
    context: typer.Context,
    ae: Annotated[str, typer.Option(help="Our AE title.")] = "ECHOBEAT",
    port: Annotated[int, typer.Option(help="Port of the DICOM listener.")] = 11112,
    send_to: Annotated[
        list[str] | None,
        typer.Option(metavar="AE@HOST:PORT|URL", help="Where results go; may be given again. A URL is STOW-RS."),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(metavar="AE", help="AE title that may send; may be given again. '*' lets all in."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    spool: Spool = None,
    quiet: Annotated[
        float, typer.Option(metavar="S", help="A study is analysed when nothing has come for so long.")
    ] = 60.0,
    http_port: Annotated[int, typer.Option(help="Port of /health and /metrics; -1: none.")] = 9590,
    http_host: Annotated[str, typer.Option(help="Address of /health and /metrics.")] = "127.0.0.1",
    associations: Annotated[int, typer.Option(min=1, help="Associations at once.")] = 10,
    largest_mb: Annotated[int, typer.Option(min=1, help="Largest object, in MB.")] = 1024,
    keep_free_mb: Annotated[int, typer.Option(min=0, help="Disk space that is never used up, in MB.")] = 1024,
    tls: Annotated[
        str | None,
        typer.Option(metavar="CERT,KEY,CA", help="PEM files; peers must show a certificate of the authority."),
    ] = None,
    segmentation: Annotated[str, typer.Option(metavar="NAME", help="Segmentation model.")] = "lv",
    ef: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Model that reads the EF from the video, too; auto: the one calibrated beside the segmentation; none.",
        ),
    ] = "auto",
) -> None:
    """Receive ultrasound by DICOM, analyse each study when it has been quiet for a while, and send the results back.

    A sender is told "success" only after its object is safely on disk. Nothing is lost and nothing is reported twice
    when the node is killed, the disk is full or the archive cannot be reached. The log on standard error is JSON, one
    event a line, without patients' data. Ends on SIGTERM and Ctrl-C; what was under way is done after the next start.
    """
    if context.invoked_subcommand is not None:
        return
    from echobeat.node.isolated import IsolatedAnalysis, ModelNames
    from echobeat.node.service import Node
    from echobeat.node.settings import Limits, NodeSettings, destination
    from echobeat.pipeline import Choice

    settings = NodeSettings(
        ae=ae,
        port=port,
        spool=spool_folder(spool),
        allow=tuple(allow or ()),
        send_to=tuple(destination(text) for text in send_to or ()),
        host=host,
        http_port=None if http_port == -1 else http_port,
        http_host=http_host,
        quiet_s=quiet,
        limits=Limits(largest_mb * 10**6, keep_free_mb * 10**6, associations),
        tls=_tls(tls),
    )
    models = Choice.of(segmentation, ef)
    models.used()  # one that is damaged is refused now, not when the first study comes
    serve(Node(settings, IsolatedAnalysis(ModelNames(segmentation, models.ejection_fraction))))


@app.command("status")
def status(spool: Spool = None) -> None:
    """Show what waits, what was sent, and what was refused or given up and why, of a node that runs or not."""
    from echobeat.commands.screen import Screen
    from echobeat.node.monitor import COUNTERS, GAUGES
    from echobeat.node.spool import Spool as Folder

    queue = _queue(spool)
    values = queue.counts() | {"spool_free_bytes": Folder(spool_folder(spool)).free_bytes()}
    reasons, stranded = queue.reasons(), queue.stranded()
    queue.close()
    screen = Screen()
    for name, meaning in (GAUGES | COUNTERS).items():
        screen.line(f"{values.get(name, 0):>16,}  {meaning}")
    for what, why, number in reasons:
        screen.line(f"{number:>16,}  {what}: {why}")
    _tell_stranded(screen, stranded)


@app.command("retry")
def retry(spool: Spool = None) -> None:
    """Try again what was given up: results that a peer refused, and clips on which the analysis failed.

    Results for a destination that the node does not have any more are left alone, and named.
    """
    import time

    from echobeat.commands.screen import Screen

    queue = _queue(spool)
    revived, stranded = queue.revive(time.time()), queue.stranded()
    queue.close()
    screen = Screen()
    screen.line(f"{revived} will be tried again.")
    _tell_stranded(screen, stranded)


def _tell_stranded(screen: Screen, stranded: Mapping[str, int]) -> None:
    for name, number in stranded.items():
        screen.line(f"{number:>16,}  results for {name}, no destination of the node now: name it with --send-to")


def serve(running: Node) -> None:
    """Run a node until the process is told to end."""
    ended = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    running.start()
    try:
        ended.wait()
    finally:
        running.stop()


def spool_folder(named: Path | None) -> Path:
    """The spool: as named, by the environment, or in the user's folder for state."""
    if named is not None:
        return named.resolve()
    if told := os.environ.get(SPOOL_VARIABLE):
        return Path(told).resolve()
    from platformdirs import user_state_path

    return user_state_path("echobeat") / "node"


def _queue(spool: Path | None) -> Queue:
    from echobeat.node.queue import Queue

    database = spool_folder(spool) / "queue.db"
    if not os.path.isfile(database):  # where `Path.is_file` raises, as in a folder that may not be entered, too
        raise UsageError(
            f"{database.parent} is no spool of a node, or not yours to enter. Name the spool with --spool, and ask as "
            "the user that the node runs as."
        )
    return Queue(database)


def _tls(text: str | None) -> Tls | None:
    if text is None:
        return None
    from echobeat.node.settings import Tls

    parts = [Path(part) for part in text.split(",")]
    if len(parts) != 3:
        raise UsageError("--tls needs three files: CERTIFICATE,KEY,AUTHORITY.")
    return Tls(*parts)
