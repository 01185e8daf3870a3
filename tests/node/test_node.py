"""The node between a sender and an archive: what comes, what goes, what is refused."""

from __future__ import annotations

import errno
import io
import json
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from made_node import Archive, StandIn, made_dataset, result_uid, send, until, with_meta
from pydicom.uid import CTImageStorage, generate_uid
from pynetdicom import AE, evt

from echobeat.errors import EchobeatError, OutputError
from echobeat.node import reception, spool
from echobeat.node.connection import TIMEOUT_S
from echobeat.node.service import Node
from echobeat.node.settings import DicomPeer, Limits

Start = Callable[..., Node]
Events = Callable[[str], list[dict[str, Any]]]


def clips(count: int, **attributes: Any) -> list[Any]:
    study = generate_uid()
    return [made_dataset(2, (8, 8), StudyInstanceUID=study, **attributes) for _ in range(count)]


def idle(node: Node) -> bool:
    values = node.values()
    return not any(values[name] for name in ("studies_waiting", "instances_waiting", "results_waiting"))


def test_a_study_comes_in_and_its_results_go_out(start: Start, archive: Archive) -> None:
    node = start()
    instances = clips(3)
    assert send(node.port, *instances) == [0, 0, 0]
    archive.wait_for(3)
    assert sorted(archive.uids) == sorted(result_uid(data.SOPInstanceUID) for data in instances)
    assert {data.StudyInstanceUID for data in archive.received} == {instances[0].StudyInstanceUID}


def test_nothing_of_a_patient_stays_when_all_is_sent(start: Start, archive: Archive) -> None:
    node = start()
    send(node.port, *clips(2))
    archive.wait_for(2)
    until(lambda: idle(node))
    until(lambda: not [*node.spool.instances.iterdir(), *node.spool.results.iterdir(), *node.spool.incoming.iterdir()])


def test_a_study_is_analysed_whole_when_it_has_been_quiet(start: Start, archive: Archive) -> None:
    analysis = StandIn()
    node = start(analysis, quiet_s=1.0)
    for data in (instances := clips(3)):
        send(node.port, data)
    archive.wait_for(3)
    assert analysis.seen == [{str(data.SOPInstanceUID) for data in instances}]


def test_an_instance_that_comes_again_is_taken_and_reported_once(start: Start, archive: Archive) -> None:
    analysis = StandIn()
    node = start(analysis)
    (data,) = clips(1)
    assert send(node.port, data, data) == [0, 0]
    archive.wait_for(1)
    until(lambda: idle(node))
    assert send(node.port, data) == [0]
    assert node.values()["duplicates"] == 2
    assert idle(node)
    assert len(analysis.seen) == 1


def test_who_may_not_call_is_rejected(start: Start, events: Events) -> None:
    """The log says which of the two titles it was."""
    node = start()
    assert send(node.port, *clips(1), ae="STRANGER") == []
    assert send(node.port, *clips(1), called="SOMEBODY") == []
    until(lambda: len(events("association_rejected")) == 2)
    assert node.values()["associations_rejected"] == 2
    told = {(line["calling"], line["reason"]) for line in events("association_rejected")}
    assert told == {("STRANGER", "calling_title"), ("SCANNER", "called_title")}
    assert send(start(allow=("*",), spool=node.settings.spool.parent / "open").port, *clips(1), ae="STRANGER") == [0]


def test_more_associations_than_allowed_are_rejected_until_one_ends(start: Start, events: Events) -> None:
    node = start(limits=Limits(free_bytes=0, associations=1))
    application = AE(ae_title="SCANNER")
    application.add_requested_context("1.2.840.10008.1.1")
    first = application.associate("127.0.0.1", node.port, ae_title="ECHOBEAT")
    assert first.is_established
    assert application.associate("127.0.0.1", node.port, ae_title="ECHOBEAT").is_rejected
    until(lambda: [line["reason"] for line in events("association_rejected")] == ["too_many"])
    first.release()
    until(lambda: send(node.port, *clips(1)) == [0])


def test_other_objects_than_ultrasound_are_not_accepted(start: Start) -> None:
    assert send(start().port, made_dataset(2, (8, 8), SOPClassUID=CTImageStorage)) == []


def test_of_two_that_come_at_once_one_is_kept_and_no_file_is_left(
    start: Start, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = start()
    (data,) = clips(1)
    send(node.port, data)
    archive.wait_for(1)
    until(lambda: idle(node))
    monkeypatch.setattr(node.queue, "knows", lambda uid: False)  # as if the other had not been there yet
    assert send(node.port, data) == [0]
    assert node.values()["duplicates"] == 1
    assert list(node.spool.instances.iterdir()) == []


def test_an_object_that_is_cut_off_in_the_middle_leaves_nothing(start: Start, archive: Archive) -> None:
    node = start()
    large = made_dataset(40, (64, 64))
    application = AE(ae_title="SCANNER")
    application.add_requested_context(large.SOPClassUID, "1.2.840.10008.1.2.1")
    sent = []

    def cut(event: Any) -> None:
        sent.append(event.data)
        if len(sent) == 5:  # the request, the command, and three pieces of the object
            event.assoc.dul.socket.socket.shutdown(socket.SHUT_RDWR)

    association = application.associate(
        "127.0.0.1", node.port, ae_title="ECHOBEAT", evt_handlers=[(evt.EVT_DATA_SENT, cut)]
    )
    assert "Status" not in association.send_c_store(with_meta(large))
    until(lambda: not node._listener.associations)
    assert node.values().get("instances_received", 0) == 0
    assert list(node.spool.instances.iterdir()) == []
    until(lambda: not list(node.spool.incoming.iterdir()))
    assert send(node.port, large) == [0]
    archive.wait_for(1)


def test_a_message_that_announces_4_gb_ends_its_connection(start: Start) -> None:
    with socket.create_connection(("127.0.0.1", start().port), timeout=20) as stranger:
        stranger.sendall(b"\x01\x00\xff\xff\xff\xff" + bytes(100))
        with suppress(ConnectionResetError):
            assert stranger.recv(100) == b""


def test_an_archive_that_never_answers_costs_the_others_nothing(start: Start, archive: Archive) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mute = DicomPeer("MUTE", "127.0.0.1", silent.getsockname()[1])
        node = start(send_to=(mute, archive.peer))
        send(node.port, *clips(2))
        archive.wait_for(2, timeout_s=0.8 * TIMEOUT_S)
        until(lambda: node.values()["results_waiting"] == 2)


def test_it_answers_an_echo(start: Start) -> None:
    application = AE(ae_title="SCANNER")
    application.add_requested_context("1.2.840.10008.1.1")
    association = application.associate("127.0.0.1", start().port, ae_title="ECHOBEAT")
    assert association.send_c_echo().Status == 0
    association.release()


def test_an_object_beyond_the_limit_is_cut_off(start: Start, events: Events) -> None:
    node = start(limits=Limits(instance_bytes=50_000, free_bytes=0))
    assert send(node.port, made_dataset(40, (64, 64))) == [None]
    assert events("aborted")[0]["reason"] == "object_too_large"
    until(lambda: not list(node.spool.incoming.iterdir()))
    assert send(node.port, *clips(20)) == [0] * 20  # together they are larger, each is not


def test_on_a_full_disk_nothing_is_acknowledged(
    start: Start, monkeypatch: pytest.MonkeyPatch, events: Events, archive: Archive
) -> None:
    node = start()
    (data,) = clips(1)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(spool.os, "fsync", full)
        assert send(node.port, data) == [0xA700]
    assert events("turned_away")[0]["reason"] == "disk_nearly_full"
    assert list(node.spool.instances.iterdir()) == []
    assert send(node.port, data) == [0]
    archive.wait_for(1)


@pytest.mark.parametrize("fails_at", ["open", "free"])
def test_a_disk_that_fills_while_an_object_comes_is_told_to_the_sender_and_leaves_nothing(
    start: Start, monkeypatch: pytest.MonkeyPatch, events: Events, fails_at: str
) -> None:
    """Such an object is answered with 0xA700 and one event, its file is gone at once, and the next one is taken."""
    node = start(quiet_s=60.0)
    large, small = made_dataset(40, (64, 64)), *clips(1)
    asked = []

    def full(*_: Any, **__: Any) -> Any:
        asked.append(list(node.spool.incoming.iterdir()))
        if len(asked) > 5 or fails_at == "open":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return False

    with monkeypatch.context() as patched:
        patched.setattr(*((reception.os, "open") if fails_at == "open" else (node.spool, "nearly_full")), full)
        assert send(node.port, large) == [0xA700]
    assert len(asked) == (1 if fails_at == "open" else 6)
    assert fails_at == "open" or len(asked[-1]) == 1, "it had begun"
    assert [line["reason"] for line in events("turned_away")] == ["disk_nearly_full"]
    assert list(node.spool.incoming.iterdir()) == []
    assert send(node.port, small) == [0]


def test_a_disk_that_is_wholly_full_shows_in_the_health_where_nothing_is_kept_free(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No byte free is trouble, however little is to be kept."""
    node = start(limits=Limits(free_bytes=0))
    assert node.troubles() == ()
    monkeypatch.setattr(node.spool, "free_bytes", lambda: 0)
    assert node.troubles() == ("disk_nearly_full",)


def test_a_nearly_full_disk_turns_objects_away_and_shows_in_the_health(start: Start) -> None:
    node = start(limits=Limits(free_bytes=10**18))
    assert send(node.port, *clips(1)) == [0xA700]
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.urlopen(f"http://127.0.0.1:{node.http_port}/health", timeout=10)
    assert answer.value.code == 503
    assert json.load(answer.value)["troubles"] == ["disk_nearly_full"]


def test_an_object_that_is_not_what_was_announced_is_refused(start: Start) -> None:
    (data,) = clips(1)
    data.StudyInstanceUID = ""
    assert send(start().port, data) == [0xA900]


def test_an_archive_that_is_away_gets_everything_later(start: Start, archive: Archive) -> None:
    archive.close()
    node = start()
    send(node.port, *clips(2))
    until(lambda: node.values().get("send_failures", 0) >= 2)
    archive.open()
    archive.wait_for(2)
    assert sorted(set(archive.uids)) == sorted(archive.uids)


def test_what_an_archive_refuses_for_good_lies_dead_until_it_is_retried(
    start: Start, archive: Archive, events: Events
) -> None:
    archive.status = 0xC001
    node = start()
    send(node.port, *clips(1))
    until(lambda: node.values()["results_given_up"] == 1)
    assert events("given_up")[0]["reason"] == "status_C001"
    assert node.troubles() == (), "a restart of the node would not help"
    assert len(list(node.spool.results.iterdir())) == 1
    archive.status = 0x0000
    assert node.queue.revive(0.0) == 1
    node._wakers[0].set()  # what `echobeat node retry` leaves to the next look
    archive.wait_for(1)


def test_what_an_archive_has_no_class_for_is_given_up_and_not_waited_for(
    start: Start, archive: Archive, events: Events
) -> None:
    archive.takes("1.2.840.10008.1.1")
    node = start()
    send(node.port, *clips(2))
    until(lambda: node.values()["results_given_up"] == 2)
    assert {line["reason"] for line in events("given_up")} == {"class_not_accepted"}


@pytest.mark.parametrize("left", [0, 130, 160, 200, 250])
def test_a_damaged_result_is_given_up_and_the_others_arrive(start: Start, archive: Archive, left: int) -> None:
    archive.close()
    node = start()
    instances = clips(2)
    send(node.port, *instances)
    until(lambda: len(list(node.spool.results.iterdir())) == 2)
    first, second = (str(data.SOPInstanceUID) for data in instances)
    damaged = node.spool.results / spool.file_name(result_uid(first))
    damaged.write_bytes(damaged.read_bytes()[:left])
    archive.open()
    archive.wait_for(1)
    until(lambda: node.values()["results_given_up"] == 1)
    assert archive.uids == [result_uid(second)]
    assert node.troubles() == ()


def test_an_archive_that_is_out_of_resources_is_asked_again_and_again(start: Start, archive: Archive) -> None:
    archive.status = 0xA700
    node = start()
    send(node.port, *clips(1))
    until(lambda: node.values().get("send_failures", 0) > 5)
    assert node.values()["results_given_up"] == 0
    archive.status = 0x0000
    archive.wait_for(1)


def test_each_destination_gets_every_result(start: Start, archive: Archive) -> None:
    second = Archive("SECOND")
    try:
        node = start(send_to=(archive.peer, second.peer))
        send(node.port, *clips(2))
        archive.wait_for(2)
        second.wait_for(2)
        until(lambda: not list(node.spool.results.iterdir()))
    finally:
        second.close()


def test_refusals_are_in_the_log_with_their_reason_and_cost_the_others_nothing(
    start: Start, archive: Archive, events: Events
) -> None:
    instances = clips(3)
    node = start(StandIn(refuse=(str(instances[1].SOPInstanceUID),)))
    send(node.port, *instances)
    archive.wait_for(2)
    until(lambda: idle(node))
    assert [line["reason"] for line in events("refused")] == ["still_image"]
    assert node.values()["instances_refused"] == 1


def test_a_study_on_which_the_analysis_keeps_failing_is_given_up_with_its_files(start: Start, events: Events) -> None:
    node = start(StandIn(fail=EchobeatError("no")))
    send(node.port, *clips(1))
    until(lambda: node.values()["instances_given_up"] == 1)
    assert len(events("analysis_failed")) == 3
    assert len(list(node.spool.instances.iterdir())) == 1


def test_an_object_whose_file_was_lost_is_taken_in_and_analysed_when_it_comes_again(
    start: Start, archive: Archive
) -> None:
    analysis = StandIn(fail=EchobeatError("no"))
    node = start(analysis)
    (data,) = clips(1)
    send(node.port, data)
    until(lambda: node.values()["instances_given_up"] == 1)
    (kept,) = node.spool.instances.iterdir()
    kept.unlink()
    analysis.fail = None
    assert send(node.port, data) == [0]
    archive.wait_for(1)
    assert node.values()["instances_given_up"] == 0


def test_a_full_disk_in_the_analysis_is_waited_out(start: Start, archive: Archive) -> None:
    analysis = StandIn(fail=OutputError("full"))
    node = start(analysis)
    send(node.port, *clips(1))
    until(lambda: len(analysis.seen) > 4)
    analysis.fail = None
    archive.wait_for(1)


def test_results_for_a_destination_that_the_node_was_not_given_again_are_told_and_kept(
    start: Start, archive: Archive, events: Events
) -> None:
    archive.close()
    first = start()
    send(first.port, *clips(2))
    until(lambda: first.values()["results_waiting"] == 2)
    first.stop()
    second = start(send_to=(DicomPeer("OTHER", "127.0.0.1", 1),))
    assert [(line["destination"], line["results"]) for line in events("stranded")] == [(archive.peer.name, 2)]
    second.stop()
    archive.open()
    start()
    archive.wait_for(2)
    assert len(events("stranded")) == 1


def test_what_was_not_finished_is_done_after_the_next_start(start: Start, archive: Archive) -> None:
    first = start(StandIn(fail=OutputError("full")))
    instances = clips(2)
    send(first.port, *instances)
    until(lambda: first.values().get("analysis_failures", 0) > 0)
    first.stop()
    start()
    archive.wait_for(2)


def test_what_a_crash_left_half_done_is_cleared(start: Start, tmp_path: Path) -> None:
    for name in ("incoming", "instances", "results"):
        (tmp_path / "spool" / name).mkdir(parents=True)
        (tmp_path / "spool" / name / "half.dcm").write_bytes(b"half")
    start()
    assert not list((tmp_path / "spool").glob("*/half.dcm"))


def test_what_ends_by_itself_while_the_spool_is_swept_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept = spool.Spool(tmp_path / "spool")
    gone, left = swept.incoming / "gone", swept.incoming / "left"
    left.touch()
    monkeypatch.setattr(Path, "iterdir", lambda folder: iter([gone, left]))
    assert swept.sweep((), older_than_s=-1.0) == 1
    assert not left.exists()


def test_one_spool_has_one_node(start: Start) -> None:
    start()
    with pytest.raises(OutputError, match="Another node"):
        start()


def test_the_spool_is_for_its_owner_alone(start: Start) -> None:
    node = start()
    root = node.spool.root
    assert len(node.spool.key()) == 32
    assert root.stat().st_mode & 0o777 == 0o700
    assert (root / "key").stat().st_mode & 0o777 == 0o600


def test_the_log_and_the_names_of_files_hold_no_identifier(start: Start, log: io.StringIO) -> None:
    node = start(StandIn(fail=EchobeatError("MADE-1")))
    (data,) = clips(1, PatientName="Canary^Name", PatientID="CANARY-ID", AccessionNumber="CANARYACC")
    send(node.port, data)
    until(lambda: node.values()["instances_given_up"] == 1)
    written = log.getvalue() + " ".join(str(path) for path in node.spool.root.rglob("*"))
    canaries = ("canary", "made-1", str(data.SOPInstanceUID), str(data.StudyInstanceUID), str(data.SeriesInstanceUID))
    assert not [canary for canary in canaries if canary in written.lower()]


def test_metrics_are_in_the_format_that_prometheus_reads(start: Start, archive: Archive) -> None:
    node = start()
    send(node.port, *clips(2))
    archive.wait_for(2)
    until(lambda: node.values().get("results_sent") == 2)
    with urllib.request.urlopen(f"http://127.0.0.1:{node.http_port}/metrics", timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        lines = answer.read().decode().splitlines()
    values = {line.split()[0]: int(line.split()[1]) for line in lines if not line.startswith("#")}
    types = {line.split()[2]: line.split()[3] for line in lines if line.startswith("# TYPE")}
    assert set(values) == set(types)
    assert values["echobeat_instances_received_total"] == values["echobeat_results_sent_total"] == 2
    assert types["echobeat_results_waiting"] == "gauge"


def test_health_is_well_while_all_threads_live(start: Start) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{start().http_port}/health", timeout=10) as answer:
        assert json.load(answer) == {"status": "ok", "troubles": []}


def test_it_listens_on_loopback_unless_told_otherwise(start: Start) -> None:
    assert start().settings.host == "127.0.0.1"
