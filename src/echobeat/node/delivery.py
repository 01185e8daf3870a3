"""One result to one destination, by C-STORE or STOW-RS, and what the answer means."""

from __future__ import annotations

import base64
import http.client
import os
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.filereader import read_file_meta_info
from pydicom.uid import UID
from pynetdicom import AE, _config, evt
from pynetdicom.events import Event

from echobeat.node.connection import TIMEOUT_S
from echobeat.node.settings import ACCOUNT_VARIABLE, Destination, DicomPeer, Tls, WebPeer

WARNINGS = {0xB000, 0xB006, 0xB007}
"""The object was stored, with a remark (PS3.4, table B.2-1)."""

_BOUNDARY = "echobeat-4c7d1b0e9a52"


@dataclass(frozen=True)
class Delivered:
    """The end of one attempt.

    Attributes
    ----------
    arrived : the peer has it.
    refused : the peer looked at it and does not want it; trying often will not help.
    error : a code for people: a status, or the name of an error. Never a part of a patient's data.
    """

    arrived: bool
    refused: bool = False
    error: str = ""


ARRIVED = Delivered(True)


class Unreachable(Exception):
    """The peer cannot be talked to now; the code says why."""


class Refused(Exception):
    """None of the files can be sent, whenever that is tried; the code says why."""


def status_meaning(status: int | None) -> Delivered:
    """What a C-STORE status means for us (PS3.4, table B.2-1)."""
    if status is None:
        return Delivered(False, error="no_answer")
    if status == 0x0000 or status in WARNINGS:
        return ARRIVED
    busy = 0xA700 <= status <= 0xA7FF  # out of resources: another time
    return Delivered(False, refused=not busy, error=f"status_{status:04X}")


@contextmanager
def connected(
    destination: Destination, ae: str, paths: Sequence[Path], tls: Tls | None
) -> Iterator[DicomSender | WebSender]:
    """A sender for the given files.

    Raises
    ------
    Unreachable
        No association, or our own certificates cannot be used.
    Refused
        None of the files can be read, or the peer accepts none of their classes.
    """
    if isinstance(destination, WebPeer):
        yield WebSender(destination, tls)
        return
    sender = DicomSender(destination, ae, paths, tls)
    try:
        yield sender
    finally:
        sender.close()


class DicomSender:
    """An association that is ready for some files; see `connected`."""

    def __init__(self, peer: DicomPeer, ae: str, paths: Sequence[Path], tls: Tls | None) -> None:
        _config.STORE_SEND_CHUNKED_DATASET = True  # files go out as they are, not through memory
        application = AE(ae_title=ae)
        application.acse_timeout = application.dimse_timeout = application.network_timeout = TIMEOUT_S
        application.connection_timeout = TIMEOUT_S
        kinds = sorted(_kinds(paths))
        if not kinds:
            raise Refused("file_unreadable")
        for sop_class, syntax in kinds:
            application.add_requested_context(sop_class, syntax)
        secured: Any = (_client_context(tls), peer.host) if tls else None
        try:
            self._association = application.associate(
                peer.host,
                peer.port,
                ae_title=peer.ae,
                tls_args=secured,
                evt_handlers=[(evt.EVT_CONN_OPEN, _bound)],
            )
        except (socket.gaierror, UnicodeError) as error:  # the latter of a name that no host can have
            raise Unreachable("host_unknown") from error
        except OSError as error:
            raise Unreachable("no_association") from error
        if not self._association.is_established:
            if self._association.rejected_contexts and not self._association.accepted_contexts:
                raise Refused("class_not_accepted")  # pynetdicom aborts then, as where nobody answers
            rejected = self._association.is_rejected
            raise Unreachable("association_rejected" if rejected else "no_association")

    def send(self, path: Path) -> Delivered:
        """Send a file.

        Raises
        ------
        Unreachable
            The association has broken.
        Exception
            The file cannot be read; pydicom documents no closed set of what it raises then.
        """
        if not self._association.is_established:
            raise Unreachable("association_lost")
        try:
            answer = self._association.send_c_store(path)
        except ValueError:  # no accepted presentation context for its class
            return Delivered(False, refused=True, error="class_not_accepted")
        except RuntimeError as error:  # the association went away meanwhile
            raise Unreachable("association_lost") from error
        return status_meaning(answer.get("Status"))

    def close(self) -> None:
        """Release the association."""
        if self._association.is_established:
            self._association.release()


class WebSender:
    """STOW-RS (PS3.18, 10.5): one object a request, so that each has an answer of its own."""

    def __init__(self, peer: WebPeer, tls: Tls | None) -> None:
        self._url = f"{peer.url}/studies"
        context = _client_context(tls) if tls and peer.url.startswith("https") else None
        self._opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _Stay)

    def send(self, path: Path) -> Delivered:
        """Send a file.

        Raises
        ------
        Unreachable
            No answer, or one that says that the service is not ready for us.
        """
        request = urllib.request.Request(self._url, data=_multipart(path.read_bytes()), method="POST")
        request.add_header("Content-Type", f'multipart/related; type="application/dicom"; boundary={_BOUNDARY}')
        request.add_header("Accept", "application/dicom+json")
        if account := os.environ.get(ACCOUNT_VARIABLE):
            request.add_header("Authorization", "Basic " + base64.b64encode(account.encode()).decode())
        try:
            with self._opener.open(request, timeout=TIMEOUT_S):
                return ARRIVED
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in (400, 409, 413, 415, 422):  # about this object
                return Delivered(False, refused=True, error=f"http_{error.code}")
            raise Unreachable(f"http_{error.code}") from error
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            raise Unreachable("no_connection") from error

    def close(self) -> None:
        """Nothing is held."""


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: urllib would make a GET of the POST, which loses the object, and take the password along."""

    def redirect_request(self, *_: object) -> None:
        """None: the 3xx is an `HTTPError`."""


def _bound(event: Event) -> None:
    """Let no peer that stopped reading hold us for ever: pynetdicom takes the limit off when it has connected."""
    connection = event.assoc.dul.socket
    if connection is not None and connection.socket is not None:
        connection.socket.settimeout(TIMEOUT_S)


def _multipart(content: bytes) -> bytes:
    head = f"--{_BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    return head + content + f"\r\n--{_BOUNDARY}--\r\n".encode()


def _kinds(paths: Sequence[Path]) -> set[tuple[UID, UID]]:
    """SOP class and transfer syntax of files; those that cannot be read are left out, sending them will say why."""
    kinds = set()
    for path in paths:
        with suppress(Exception):  # pydicom documents no closed set for damaged files
            meta = read_file_meta_info(path)
            kind = UID(str(meta.MediaStorageSOPClassUID)), UID(str(meta.TransferSyntaxUID))
            if all(uid.is_valid for uid in kind):
                kinds.add(kind)
    return kinds


def _client_context(tls: Tls | None) -> ssl.SSLContext | None:
    if tls is None:
        return None
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(tls.authority))
        context.load_cert_chain(str(tls.certificate), str(tls.key))
    except OSError as error:  # SSLError is one
        raise Unreachable("certificates_unusable") from error
    return context
