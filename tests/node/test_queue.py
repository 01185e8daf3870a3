"""The queue: whole after any interruption, and nothing in it twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from echobeat.node.queue import Queue, Verdict

NOW = 1_000.0


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    made = Queue(tmp_path / "queue.db")
    yield made
    made.close()


def reported(queue: Queue, *uids: str, to: tuple[str, ...] = ("A",)) -> None:
    """Take instances in and report them; their results are named after them."""
    root = queue._root
    for uid in uids:
        queue.add(uid, "study", root / uid, NOW, 5.0)
    waiting = queue.next_study(NOW + 5.0)
    assert waiting is not None
    results = {f"result of {uid}": root / f"result-{uid}" for uid in uids}
    queue.finish(waiting, dict.fromkeys(uids, Verdict("reported")), results, to, NOW)


def test_a_study_is_due_when_its_last_instance_is_old_enough(queue: Queue, tmp_path: Path) -> None:
    queue.add("1", "study", tmp_path / "1", NOW, 5.0)
    queue.add("2", "study", tmp_path / "2", NOW + 3.0, 5.0)
    assert queue.next_study(NOW + 7.9) is None
    waiting = queue.next_study(NOW + 8.0)
    assert waiting is not None
    assert waiting.files == {"1": tmp_path / "1", "2": tmp_path / "2"}


def test_what_comes_during_an_analysis_is_analysed_next(queue: Queue, tmp_path: Path) -> None:
    queue.add("1", "study", tmp_path / "1", NOW, 5.0)
    waiting = queue.next_study(NOW + 5.0)
    assert waiting is not None
    queue.add("2", "study", tmp_path / "2", NOW + 6.0, 5.0)
    queue.finish(waiting, {"1": Verdict("reported")}, {}, (), NOW + 7.0)
    assert queue.next_study(NOW + 10.9) is None
    after = queue.next_study(NOW + 11.0)
    assert after is not None
    assert set(after.files) == {"2"}


def test_an_instance_is_known_for_good(queue: Queue, tmp_path: Path) -> None:
    reported(queue, "1")
    assert not queue.add("1", "study", tmp_path / "1", NOW, 5.0)
    assert queue.next_study(NOW + 100.0) is None


def test_a_result_is_queued_once_a_destination(queue: Queue) -> None:
    reported(queue, "1", to=("A", "B"))
    for destination in ("A", "B"):
        assert [parcel.uid for parcel in queue.parcels(destination, NOW)] == ["result of 1"]


def test_a_results_file_is_needed_until_every_destination_has_it(queue: Queue, tmp_path: Path) -> None:
    reported(queue, "1", to=("A", "B"))
    (to_a,), (to_b,) = queue.parcels("A", NOW), queue.parcels("B", NOW)
    assert queue.mark_sent(to_a) is False
    assert tmp_path / "result-1" in queue.files()
    queue.mark_failed(to_b, "status_C000", due=NOW, refused=True, dead=True)
    assert tmp_path / "result-1" in queue.files()
    assert queue.revive(NOW) == 1
    (to_b,) = queue.parcels("B", NOW)
    assert queue.mark_sent(to_b) is True
    assert queue.files() == set()


def test_results_for_a_destination_that_is_gone_are_named_and_not_revived(queue: Queue) -> None:
    reported(queue, "1", "2", to=("A", "B"))
    (first, _) = queue.parcels("B", NOW)
    queue.mark_failed(first, "status_C000", due=NOW, refused=True, dead=True)
    assert queue.stranded() == {}, "no node has said where it sends to"
    queue.send_to(["A"])
    assert queue.stranded() == {"B": 2}
    assert queue.revive(NOW) == 0
    queue.send_to(["A", "B"])
    assert queue.stranded() == {}
    assert queue.revive(NOW) == 1


def test_reasons_are_counted_by_what_they_are_about(queue: Queue, tmp_path: Path) -> None:
    for uid in ("1", "2", "3"):
        queue.add(uid, "study", tmp_path / uid, NOW, 5.0)
    waiting = queue.next_study(NOW + 5.0)
    assert waiting is not None
    verdicts = {
        "1": Verdict("refused", "still_image"),
        "2": Verdict("refused", "still_image"),
        "3": Verdict("reported"),
    }
    queue.finish(waiting, verdicts, {"r": tmp_path / "r"}, ["A"], NOW)
    (parcel,) = queue.parcels("A", NOW)
    queue.mark_failed(parcel, "status_C000", due=NOW, refused=True, dead=True)
    assert queue.reasons() == [("instances refused", "still_image", 2), ("results given up for A", "status_C000", 1)]


def test_a_transaction_that_fails_in_the_middle_leaves_nothing(queue: Queue, tmp_path: Path) -> None:
    queue.add("1", "study", tmp_path / "1", NOW, 5.0)
    waiting = queue.next_study(NOW + 5.0)
    assert waiting is not None
    with pytest.raises(sqlite3.Error):
        queue.finish(waiting, {"1": Verdict("reported")}, {"r": tmp_path / "r"}, [object()], NOW)  # type: ignore[list-item]
    assert queue.next_study(NOW + 5.0) == waiting
    assert queue.parcels("A", NOW) == []
    assert "studies_analysed" not in queue.counts()


def test_the_folder_may_move(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    first = Queue(tmp_path / "here" / "queue.db")
    first.add("1", "study", tmp_path / "here" / "instances" / "1", NOW, 5.0)
    first.close()
    (tmp_path / "here").rename(tmp_path / "there")
    second = Queue(tmp_path / "there" / "queue.db")
    assert second.files() == {tmp_path / "there" / "instances" / "1"}
    second.close()


def test_old_finished_work_is_forgotten_and_open_work_is_not(queue: Queue, tmp_path: Path) -> None:
    reported(queue, "1")
    (parcel,) = queue.parcels("A", NOW)
    queue.forget(NOW + 1.0)
    assert [each.uid for each in queue.parcels("A", NOW)] == ["result of 1"]
    queue.mark_sent(parcel)
    queue.add("waits", "other", tmp_path / "w", NOW, 5.0)
    queue.forget(NOW + 1.0)
    assert not queue.knows("1")
    assert queue.knows("waits")
