"""The DICOM listener: C-ECHO, and C-STORE for ultrasound.

"Success" is said only after the file is on disk and in the queue. Whatever else happens, the sender is told that the
node is out of resources, or told nothing at all, and sends again.
"""

from __future__ import annotations

import errno
import sqlite3
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.tag import Tag
from pydicom.uid import (
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)
from pynetdicom import AE, _config, dimse_messages, evt
from pynetdicom.events import Event
from pynetdicom.pdu_primitives import A_ASSOCIATE

from echobeat.errors import OutputError
from echobeat.node.connection import TIMEOUT_S, serve
from echobeat.node.journal import Journal
from echobeat.node.queue import Queue
from echobeat.node.reception import Reception
from echobeat.node.settings import NodeSettings, Tls
from echobeat.node.spool import Spool
from echobeat.sources.dicom.header import ULTRASOUND_CLASSES

SUCCESS, OUT_OF_RESOURCES, NOT_AS_ANNOUNCED, CANNOT_UNDERSTAND = 0x0000, 0xA700, 0xA900, 0xC000
"""Status codes of C-STORE (PS3.4, table B.2-1)."""

REJECTIONS = {"1.3": "calling_title", "1.7": "called_title", "3.2": "too_many"}
"""Source and reason of a rejection (PS3.8, table 9-21), as the log has them."""

VERIFICATION = "1.2.840.10008.1.1"
TRANSFER_SYNTAXES = [
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    JPEG2000Lossless,
    JPEG2000,
    RLELossless,
]


class Listener:
    """Listens from `start` until `stop`.

    Parameters
    ----------
    settings : NodeSettings
    spool : Spool
    queue : Queue
    journal : Journal
    woken : callable
        Called after an instance was taken in.
    """

    def __init__(
        self, settings: NodeSettings, spool: Spool, queue: Queue, journal: Journal, woken: Callable[[], None]
    ) -> None:
        self._settings, self._spool, self._queue, self._journal, self._woken = settings, spool, queue, journal, woken
        self._application: AE | None = None
        self._received: dict[int, int] = {}

    def start(self) -> int:
        """Listen; returns the port.

        Raises
        ------
        OutputError
            The port is taken, or the certificates cannot be used.
        """
        _config.STORE_RECV_CHUNKED_DATASET = True  # objects go to disk as they come, not through memory
        dimse_messages.NamedTemporaryFile = self._receive  # type: ignore[assignment,attr-defined]  # pynetdicom lets nobody name it
        settings = self._settings
        application = AE(ae_title=settings.ae)
        application.require_called_aet = True
        application.require_calling_aet = [] if "*" in settings.allow else list(settings.allow)
        application.maximum_associations = settings.limits.associations
        application.acse_timeout = application.dimse_timeout = application.network_timeout = TIMEOUT_S
        application.add_supported_context(VERIFICATION)
        for sop_class in ULTRASOUND_CLASSES:  # stills too: the analysis refuses them, with a reason
            application.add_supported_context(sop_class, TRANSFER_SYNTAXES)
        handlers: list[Any] = [
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_PDU_RECV, self._weigh),
            (evt.EVT_CONN_CLOSE, self._forget),
            (evt.EVT_REJECTED, self._rejected),
        ]
        try:
            context = _server_context(settings.tls) if settings.tls else None
            server = serve(application, (settings.host, settings.port), handlers, context)
        except OSError as error:  # SSLError is one
            raise OutputError(f"{settings.host}:{settings.port} cannot be listened on ({error}).") from error
        self._application = application
        return int(server.server_address[1])

    def stop(self) -> None:
        """Stop listening; associations that are open are aborted, their senders will come again."""
        if self._application is not None:
            self._application.shutdown()
            self._application = None

    @property
    def listening(self) -> bool:
        """True between `start` and `stop`."""
        return self._application is not None

    @property
    def associations(self) -> int:
        """How many associations are open."""
        return len(self._application.active_associations) if self._application else 0

    def _receive(self, **_: object) -> Reception:
        """A file for an object that is about to come, on the spool's own disk."""
        return Reception(self._spool, self._settings.limits.free_bytes)

    def _store(self, event: Event) -> int:
        """Keep an object; answer with a status."""
        self._received.pop(id(event.assoc), None)
        uid = str(getattr(event.request, "AffectedSOPInstanceUID", ""))
        try:
            if self._queue.knows(uid) and not self._queue.lacks(uid):
                self._queue.count("duplicates")
                return SUCCESS
            if (refused := cast(Reception, event.request._dataset_file).refused) is not None:
                raise refused
            study = _study_of(event.dataset_path, uid)
            if study is None:
                self._journal.say("turned_away", instance=uid, reason="not_as_announced")
                return NOT_AS_ANNOUNCED
            size = event.dataset_path.stat().st_size
            path = self._spool.keep_instance(event.dataset_path, uid)
            new = self._queue.add(uid, study, path, time.time(), self._settings.quiet_s)
        except (OSError, sqlite3.Error) as error:
            self._journal.say("turned_away", instance=uid, reason=_reason(error))
            return OUT_OF_RESOURCES
        except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError, InvalidDicomError) as error:
            self._journal.say("turned_away", instance=uid, reason=type(error).__name__)
            return CANNOT_UNDERSTAND
        if new:
            self._journal.say("received", study=study, instance=uid, bytes=size)
            self._woken()
        else:  # it came over another association meanwhile, and may even be done with
            self._queue.count("duplicates")
            if not self._queue.needs(uid):
                path.unlink(missing_ok=True)
        return SUCCESS

    def _weigh(self, event: Event) -> None:
        """Add up what an association sends for one object, and abort it beyond the limit."""
        length = getattr(event.pdu, "pdu_length", 0) if event.pdu.pdu_type == 0x04 else 0  # P-DATA
        total = self._received[id(event.assoc)] = self._received.get(id(event.assoc), 0) + length
        if total > self._settings.limits.instance_bytes:
            self._journal.say("aborted", reason="object_too_large", bytes=total)
            self._received.pop(id(event.assoc), None)
            event.assoc.abort(False)

    def _forget(self, event: Event) -> None:
        """Leave nothing of an object whose association ended before it was whole."""
        self._received.pop(id(event.assoc), None)
        begun = getattr(event.assoc.dimse.message, "_data_set_file", None)
        if isinstance(begun, Reception):
            begun.discard()

    def _rejected(self, event: Event) -> None:
        caller, answer = event.assoc.requestor, cast(A_ASSOCIATE, event.assoc.acceptor.primitive)
        reason = REJECTIONS.get(f"{answer.result_source}.{answer.diagnostic}", "other")
        self._queue.count("associations_rejected")
        self._journal.say("association_rejected", calling=caller.ae_title, address=caller.address, reason=reason)


def _reason(error: OSError | sqlite3.Error) -> str:
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return "disk_nearly_full" if full else type(error).__name__


def _study_of(path: Path, uid: str) -> str | None:
    """The Study Instance UID of a received file; None where it is not the instance that was announced."""
    wanted = [Tag("SOPInstanceUID"), Tag("StudyInstanceUID")]
    header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(wanted))
    study = str(header.get("StudyInstanceUID") or "")
    return study if str(header.get("SOPInstanceUID")) == uid and UID(study).is_valid else None


def _server_context(tls: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tls.authority))
    context.load_cert_chain(str(tls.certificate), str(tls.key))
    context.verify_mode = ssl.CERT_REQUIRED
    return context
