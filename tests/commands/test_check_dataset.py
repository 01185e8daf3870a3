"""`echobeat check-dataset`: codes, exit codes and the JSON for data sets with and without faults."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "datasets"))  # where `made_data` lies

from made_data import chords, good_echonet, row, write_clip, write_echonet

from echobeat.datasets.problems import CODES

FOUND = {
    "duplicate-in-two-splits": "SAME",
    "ef-does-not-fit-volumes": "UNFIT",
    "label-missing": "NOEF",
    "name-duplicate": "SAME",
    "split-unknown": "ODD",
    "tracing-beyond-video": "LATE",
    "tracing-outside-frame": "FAR",
    "tracing-without-study": "nobody",
    "video-differs-from-table": "SHORT",
    "video-missing": "GONE",
    "video-not-listed": "EXTRA",
    "video-unreadable": "BROKEN",
    "volumes-reversed": "TURNED",
}
"""Faults that `faulty` plants, and in which study."""


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """A data set in EchoNet-Dynamic's layout with a study for each fault."""
    rows = [
        row("GOOD"),
        row("SAME", "TEST"),
        row("SAME", "TRAIN"),
        row("UNFIT", "VAL", ef=30),
        row("NOEF", ef=""),
        row("ODD", "elsewhere"),
        row("LATE"),
        row("FAR"),
        row("SHORT", frames=99),
        row("GONE"),
        row("BROKEN"),
        row("TURNED", esv=100, edv=40),
    ]
    traced = [line for name in ("GOOD", "SHORT") for line in (*chords(name, 7, 6), *chords(name, 2, 9))]
    traced += [*chords("LATE", 500, 6), *chords("LATE", 2, 9)]
    traced += [*chords("FAR", 7, 6), *chords("FAR", 2, 9, left=200)]
    traced += chords("nobody", 2, 9)
    names = [line.partition(",")[0] for line in rows]
    videos = [name for name in dict.fromkeys(names) if name not in ("GONE", "SAME")]
    folder = write_echonet(tmp_path_factory.mktemp("data") / "faulty", rows, traced, [*videos, "EXTRA"])
    write_clip(folder / "Videos" / "SAME.avi", seed=0)  # as GOOD, which comes first
    (folder / "Videos" / "BROKEN.avi").write_bytes(b"not a video")
    return folder


def test_planted_faults_are_found_in_the_studies_that_have_them(faulty, echobeat, tmp_path):
    """Each fault has its code with its study, errors come first, and the exit code is 3."""
    code, out, _ = echobeat("check-dataset", faulty, "--jobs", 1, "--json", tmp_path / "found.json")
    assert code == 3
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    named = {(one["code"], one["study"].casefold()) for one in found["problems"]}
    assert {(name, study.casefold()) for name, study in FOUND.items()} <= named
    assert "good" not in {study for _, study in named}
    assert all(name in out for name in FOUND)
    severities = [one["severity"] for one in found["problems"]]
    assert severities == sorted(severities)  # "error" stands before "warning"


def test_the_json_says_what_is_there_and_what_to_do(faulty, echobeat, tmp_path):
    """Its version, kind, verdict and counts by split; each problem has its code's severity and remedy."""
    echobeat("check-dataset", faulty, "--jobs", 1, "--json", tmp_path / "found.json")
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert (found["schema_version"], found["kind"]) == ("1.0", "echonet-dynamic")
    assert (found["ok"], found["quick"]) == (False, False)
    studies = {name: counts["studies"] for name, counts in found["contents"].items()}
    assert studies == {"train": 7, "val": 1, "test": 1, "none": 1, "all": 10}
    for one in found["problems"]:
        assert set(one) == {"code", "severity", "study", "file", "message", "remedy"}
        assert one["severity"] == CODES[one["code"]].severity
        assert one["remedy"] == CODES[one["code"]].remedy
        assert one["message"]


def test_a_sound_data_set_passes(echobeat, tmp_path):
    """Exit code 0, no problem, and the JSON says so."""
    good = good_echonet(tmp_path / "good")
    code, out, _ = echobeat("check-dataset", good, "--jobs", 1, "--json", tmp_path / "found.json")
    assert code == 0
    assert "Nothing is wrong with it." in out
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert found["ok"] is True
    assert found["problems"] == []


def test_a_folder_that_is_not_there_is_wrong_use_and_one_that_is_no_data_set_an_error(echobeat, tmp_path):
    """Exit codes 2 and 3, each with the folder's name."""
    (tmp_path / "other").mkdir()
    for name, expected in (("nothere", 2), ("other", 3)):
        code, _, err = echobeat("check-dataset", tmp_path / name)
        assert code == expected
        assert name in err


def test_warnings_alone_do_not_fail(echobeat, tmp_path):
    """A video that no row names is told, and the exit code is 0."""
    good = good_echonet(tmp_path / "good")
    write_clip(good / "Videos" / "EXTRA.avi", seed=9)
    code, out, _ = echobeat("check-dataset", good, "--jobs", 1)
    assert code == 0
    assert "video-not-listed" in out


def test_a_quick_check_decodes_nothing(echobeat, tmp_path):
    """A video that only decoding shows to be cut off passes, and the answer says that none was decoded."""
    good = good_echonet(tmp_path / "good")
    video = sorted((good / "Videos").iterdir())[0]
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    code, out, _ = echobeat("check-dataset", good, "--quick")
    assert code == 0
    assert "not decoded" in out
    assert echobeat("check-dataset", good, "--jobs", 1)[0] == 3


def test_a_folder_that_is_no_data_set_is_refused(echobeat, tmp_path):
    """Exit code 3 and a sentence, without a traceback."""
    code, _, told = echobeat("check-dataset", tmp_path)
    assert code == 3
    assert "none of the data sets" in told
