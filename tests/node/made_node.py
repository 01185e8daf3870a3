"""A node with an analysis that answers at once, an archive that takes its results, and small instances to send."""

from __future__ import annotations

import io
import sys
import threading
import time
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
from pydicom import Dataset
from pydicom.uid import BasicTextSRStorage, generate_uid
from pynetdicom import AE, AllStoragePresentationContexts, evt

sys.path.insert(0, str(Path(__file__).parents[1] / "dicom_results"))  # where `made_sources` lies

from made_sources import made_dataset, write_source

from echobeat.dicom_results.identity import Identity, Kind
from echobeat.dicom_results.objects import new_object, write_object
from echobeat.dicom_results.origin import read_origin
from echobeat.node.connection import serve
from echobeat.node.journal import Journal
from echobeat.node.outcome import Outcome
from echobeat.node.queue import Verdict
from echobeat.node.service import Node
from echobeat.node.settings import DicomPeer, Limits, NodeSettings, Retry

__all__ = [
    "Archive",
    "StandIn",
    "made_dataset",
    "node_settings",
    "result_uid",
    "send",
    "until",
    "with_meta",
    "write_source",
]

FAST = Retry(first_s=0.05, longest_s=0.2, refusals=3, failures=3, give_up_s=3600.0)


def result_uid(source: str) -> str:
    """The UID of the stand-in's result about an instance."""
    return str(generate_uid(entropy_srcs=["stand-in", source]))


class StandIn:
    """In place of the analysis: one small report an instance; `refuse` and `fail` name instances by UID."""

    def __init__(self, refuse: tuple[str, ...] = (), fail: Exception | None = None) -> None:
        self.refuse, self.fail = refuse, fail
        self.seen: list[set[str]] = []

    def __call__(self, files: Mapping[str, Path], folder: Path) -> Outcome:
        self.seen.append(set(files))
        if self.fail is not None:
            raise self.fail
        verdicts, results = {}, {}
        for uid, path in files.items():
            if uid in self.refuse:
                verdicts[uid] = Verdict("refused", "still_image")
                continue
            origin = read_origin(path, path.name)
            made = new_object(
                origin,
                Identity(generate_uid(entropy_srcs=[uid]), result_uid(uid), Kind.REPORT, 1),
                BasicTextSRStorage,
                "SR",
            )
            write_object(made, folder / path.name)
            verdicts[uid], results[result_uid(uid)] = Verdict("reported"), folder / path.name
        return Outcome(verdicts, results)


class Archive:
    """A DICOM application on a free loopback port that keeps what it is sent; `status` is what it answers."""

    def __init__(self, ae: str = "ARCHIVE") -> None:
        self.status = 0x0000
        self.received: list[Dataset] = []
        self._arrived = threading.Condition()
        self._application = AE(ae_title=ae)
        self._application.supported_contexts = AllStoragePresentationContexts
        self._ae = ae
        self._port = 0
        self.open()

    def open(self) -> None:
        """Listen; on the same port as before."""
        server = serve(self._application, ("127.0.0.1", self._port), [(evt.EVT_C_STORE, self._store)], None)
        self._port = server.server_address[1]

    def close(self) -> None:
        self._application.shutdown()

    def takes(self, *sop_classes: str) -> None:
        """Accept these classes only."""
        self.close()
        for context in self._application.supported_contexts:
            self._application.remove_supported_context(context.abstract_syntax)
        for sop_class in sop_classes:
            self._application.add_supported_context(sop_class)
        self.open()

    @property
    def peer(self) -> DicomPeer:
        return DicomPeer(self._ae, "127.0.0.1", self._port)

    @property
    def uids(self) -> list[str]:
        return [str(data.SOPInstanceUID) for data in self.received]

    def _store(self, event: Any) -> int:
        with self._arrived:
            if self.status == 0x0000:
                self.received.append(
                    pydicom.dcmread(BytesIO(event.encoded_dataset())) if not _chunked(event) else event.dataset
                )
            self._arrived.notify_all()
        return self.status

    def wait_for(self, results: int, timeout_s: float = 30.0) -> None:
        """Return when so many different results are here."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(set(self.uids)) >= results, timeout_s), (
                f"{len(set(self.uids))} of {results} results after {timeout_s} s"
            )


def _chunked(event: Any) -> bool:
    return getattr(event.request, "_dataset_path", None) is not None


def node_settings(spool: Path, archive: Archive | None = None, **changes: Any) -> NodeSettings:
    """Free ports, short pauses."""
    told: dict[str, Any] = {
        "ae": "ECHOBEAT",
        "port": 0,
        "spool": spool,
        "allow": ("SCANNER",),
        "send_to": (archive.peer if archive else DicomPeer("NOBODY", "127.0.0.1", 1),),
        "http_port": 0,
        "quiet_s": 0.1,
        "retry": FAST,
        "limits": Limits(instance_bytes=10**7, free_bytes=0),
    }
    return NodeSettings(**told | changes)


def send(port: int, *instances: Dataset, ae: str = "SCANNER", called: str = "ECHOBEAT") -> list[int | None]:
    """Send instances over one association; their statuses, None where there was no answer; [] where not let in."""
    application = AE(ae_title=ae)
    for sop_class in {data.SOPClassUID for data in instances}:
        application.add_requested_context(sop_class, "1.2.840.10008.1.2.1")
    association = application.associate("127.0.0.1", port, ae_title=called)
    if not association.is_established:
        return []
    statuses: list[int | None] = []
    for data in instances:
        if not association.is_established:
            statuses.append(None)
            continue
        statuses.append(association.send_c_store(with_meta(data)).get("Status"))
    if association.is_established:
        association.release()
    return statuses


def with_meta(data: Dataset) -> Dataset:
    """The dataset as pynetdicom sends it: with a transfer syntax."""
    whole = Dataset()
    whole.update(data)
    whole.file_meta = pydicom.dataset.FileMetaDataset()
    whole.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    return whole


def until(holds: Callable[[], bool], timeout_s: float = 30.0) -> None:
    """Return as soon as something holds."""
    ends = time.monotonic() + timeout_s
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < ends, "it did not come about in time"
        pause.wait(0.01)


def main() -> None:
    """A node with the stand-in, in a process of its own that can be killed; says its port on standard output."""
    spool, port, archive_port, seconds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])

    class Slowly(StandIn):
        def __call__(self, files: Mapping[str, Path], folder: Path) -> Outcome:
            threading.Event().wait(seconds)  # so that a kill meets an analysis
            return super().__call__(files, folder)

    settings = node_settings(spool, port=port, send_to=(DicomPeer("ARCHIVE", "127.0.0.1", archive_port),))
    node = Node(settings, Slowly(), Journal(b"k", io.StringIO()))
    node.start()
    print(node.port, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
