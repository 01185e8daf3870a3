"""What a node is told when it starts; valid once constructed."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from echobeat.errors import UsageError

DAY_S = 86_400.0

ACCOUNT_VARIABLE = "ECHOBEAT_STOW_AUTH"
"""Environment variable with ``NAME:PASSWORD`` for STOW-RS: not an argument, which other users of a machine can read."""

_AE_TITLE = re.compile(r"[\x21-\x5b\x5d-\x7e](?:[\x20-\x5b\x5d-\x7e]{0,14}[\x21-\x5b\x5d-\x7e])?")
"""At most 16 printable ASCII characters without backslash, no space at the ends (PS3.5, 6.2, VR AE)."""


def check_ae_title(title: str) -> str:
    """Return an application entity title.

    Raises
    ------
    UsageError
        It is none.
    """
    if not _AE_TITLE.fullmatch(title):
        raise UsageError(f"{title!r} is no AE title: give 1 to 16 ASCII characters without backslash.")
    return title


@dataclass(frozen=True)
class DicomPeer:
    """A DICOM application that takes results by C-STORE."""

    ae: str
    host: str
    port: int

    @property
    def name(self) -> str:
        """What the queue knows it by."""
        return f"{self.ae}@{self.host}:{self.port}"


@dataclass(frozen=True)
class WebPeer:
    """A DICOMweb service that takes results by STOW-RS; `url` ends before ``/studies``."""

    url: str

    @property
    def name(self) -> str:
        """What the queue knows it by."""
        return self.url


Destination = DicomPeer | WebPeer


def destination(text: str) -> Destination:
    """Read ``AE@HOST:PORT``, or the ``http(s)://`` address of a DICOMweb service.

    Raises
    ------
    UsageError
        It is neither, or carries a password.

    >>> destination("ORTHANC@127.0.0.1:4242")
    DicomPeer(ae='ORTHANC', host='127.0.0.1', port=4242)
    """
    if text.startswith(("http://", "https://")):
        parts = urlsplit(text)
        if parts.username or parts.password:
            raise UsageError(
                f"Leave name and password out of the address; give them in {ACCOUNT_VARIABLE} as NAME:PASSWORD."
            )
        if not parts.hostname:
            raise UsageError(f"{text} is no address of a DICOMweb service.")
        return WebPeer(text.rstrip("/"))
    matched = re.fullmatch(r"(?P<ae>[^@]+)@(?P<host>\[[^\]]+\]|[^:@\s]+):(?P<port>\d{1,5})", text)
    if matched is None:
        raise UsageError(
            f"{text}: give a destination as AE@HOST:PORT, or as the http(s) address of a DICOMweb service."
        )
    return DicomPeer(check_ae_title(matched["ae"]), matched["host"].strip("[]"), check_port(int(matched["port"])))


def check_port(port: int, lowest: int = 1) -> int:
    """Return a TCP port.

    Raises
    ------
    UsageError
        It is none.
    """
    if not lowest <= port <= 65_535:
        raise UsageError(f"{port} is no port: give a number from {lowest} to 65535.")
    return port


@dataclass(frozen=True)
class Retry:
    """How failed work is tried again: pauses that double from `first_s` to `longest_s`.

    Attributes
    ----------
    refusals : times that a peer may refuse an object before it is given up: ten minutes of them.
    failures : times that the analysis of a study may fail before it is given up.
    give_up_s : how long an object waits for a peer that cannot be reached before it is given up.
    """

    first_s: float = 5.0
    longest_s: float = 600.0
    refusals: int = 8
    failures: int = 3
    give_up_s: float = 7 * DAY_S

    def pause_s(self, attempts: int) -> float:
        """The pause after so many attempts."""
        return float(min(self.longest_s, self.first_s * 2.0 ** min(attempts - 1, 30)))


@dataclass(frozen=True)
class Limits:
    """What a peer may ask of the node.

    Attributes
    ----------
    instance_bytes : size of one object; an association that sends more is aborted.
    free_bytes : disk space that is never used up: below it, objects are turned away with "out of resources".
    associations : at once.
    """

    instance_bytes: int = 2**30
    free_bytes: int = 2**30
    associations: int = 10


@dataclass(frozen=True)
class Tls:
    """Certificates in PEM files: our own, and the authority whose certificates peers must show."""

    certificate: Path
    key: Path
    authority: Path


@dataclass(frozen=True)
class NodeSettings:
    """Everything about a node.

    Attributes
    ----------
    ae : our AE title; calls for another are rejected.
    port : of the DICOM listener; 0: any free one.
    spool : folder that the node owns; it holds patients' data.
    allow : AE titles that may call; ``*`` lets all in.
    send_to : where results go; each gets all of them.
    host : address to listen on.
    http_port : of health and metrics; None: none, 0: any free one.
    http_host : address that health and metrics listen on.
    quiet_s : a study is analysed when nothing of it has come for so long.
    keep_s : how long finished work is remembered, so that a late duplicate is known as one.

    Raises
    ------
    UsageError
        Something of it cannot be.
    """

    ae: str
    port: int
    spool: Path
    allow: tuple[str, ...]
    send_to: tuple[Destination, ...]
    host: str = "127.0.0.1"
    http_port: int | None = None
    http_host: str = "127.0.0.1"
    quiet_s: float = 60.0
    keep_s: float = 90 * DAY_S
    retry: Retry = field(default_factory=Retry)
    limits: Limits = field(default_factory=Limits)
    tls: Tls | None = None

    def __post_init__(self) -> None:
        check_ae_title(self.ae)
        check_port(self.port, lowest=0)
        if self.http_port is not None:
            check_port(self.http_port, lowest=0)
        if not self.allow:
            raise UsageError("Name the AE titles that may send with --allow, or let all send with --allow '*'.")
        for title in self.allow:
            check_ae_title(title)
        if not self.send_to:
            raise UsageError("Say where results go with --send-to AE@HOST:PORT.")
        _check_account(self.send_to)
        if not self.quiet_s > 0:
            raise UsageError("--quiet needs a positive number of seconds.")
        if self.tls:
            for path in (self.tls.certificate, self.tls.key, self.tls.authority):
                if not path.is_file():
                    raise UsageError(
                        f"{path}: there is no such file. TLS needs a certificate, its key and an authority."
                    )


def _check_account(send_to: tuple[Destination, ...]) -> None:
    """Give no service the password of another."""
    services = {urlsplit(peer.url)[:2] for peer in send_to if isinstance(peer, WebPeer)}
    if len(services) > 1 and os.environ.get(ACCOUNT_VARIABLE):
        raise UsageError(
            f"{ACCOUNT_VARIABLE} is the account of one DICOMweb service, and {len(services)} are named: each would be "
            "given it. Run a node with a --spool of its own for each, or send to the others by AE@HOST:PORT."
        )
