"""What a de-identified file may hold: canaries planted everywhere are gone from its bytes, its name and its outcome."""

from __future__ import annotations

import csv
import errno
import io
import os
import re
import stat
from pathlib import Path

import numpy as np
import pytest
from annex_e import action, rows
from canaries import CANARY, FAN, HEIGHT, WIDTH, WRITING, leaks, screen, source
from pydicom import Dataset, dcmread
from pydicom.tag import Tag

from echobeat.deidentification import pseudonyms
from echobeat.deidentification.header import LONGEST, Policy, identify
from echobeat.deidentification.instance import deidentify_file
from echobeat.deidentification.pseudonyms import KeyFile, Pseudonyms
from echobeat.deidentification.sector import LEAST_MARGIN_PX, find_sector
from echobeat.errors import OutputError, UsageError
from echobeat.sources.dicom import read_dicom

PSEUDONYMS = Pseudonyms(b"k" * 32)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("policy", [Policy(), Policy(dates="shift", characteristics=True)])
def test_no_canary_is_left_in_bytes_name_or_outcome(tmp_path: Path, compressed: bool, policy: Policy) -> None:
    file = tmp_path / f"{CANARY}.dcm"
    assert source(file, compressed=compressed) > 560
    outcome = deidentify_file(file, tmp_path / "out", PSEUDONYMS, policy)
    assert outcome.state == "clean", outcome
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert [path.relative_to(tmp_path / "out").as_posix() for path in written] == [outcome.path]
    assert not leaks(tmp_path / "out", repr(outcome))


def test_the_search_for_canaries_finds_them_in_the_source(tmp_path: Path) -> None:
    source(tmp_path / "a.dcm", compressed=True)
    assert len(leaks(tmp_path)) >= 4


def test_the_sector_stays_exactly_and_everything_else_is_black(tmp_path: Path) -> None:
    source(tmp_path / "a.dcm", compressed=False)
    outcome = deidentify_file(tmp_path / "a.dcm", tmp_path / "out", PSEUDONYMS, Policy())
    pixels, frames = dcmread(tmp_path / "out" / outcome.path).pixel_array, screen()
    mask = find_sector(frames, (0.8, 0.8)).mask
    assert mask is not None
    np.testing.assert_array_equal(pixels, np.where(mask, frames, 0))
    assert not pixels[:, *WRITING].any()
    true = FAN.mask(HEIGHT, WIDTH, margin_px=LEAST_MARGIN_PX)  # the border goes with what touches it
    assert (mask & true).sum() / (mask | true).sum() > 0.95
    assert not (mask & ~FAN.mask(HEIGHT, WIDTH)).any()


def test_the_same_study_has_the_same_pseudonyms_and_another_key_has_others(tmp_path: Path) -> None:
    source(tmp_path / "a.dcm", compressed=False)
    paths = [
        deidentify_file(tmp_path / "a.dcm", tmp_path / "out", Pseudonyms(key * 32), Policy()).path
        for key in (b"k", b"k", b"j")
    ]
    assert paths[0] == paths[1]
    assert paths[0] != paths[2]
    assert re.fullmatch(r"clean/P[0-9a-f]{16}/S[0-9a-f]{16}/I[0-9a-f]{16}\.dcm", paths[0])


def test_key_and_mapping_are_for_their_owner_alone_and_not_among_the_outputs(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "mine"
    key = KeyFile(file, tmp_path / "out")
    key.remember([("patient", "A", "P1"), ("patient", "A", "P1")])
    key.remember([("patient", "A", "P1"), ("patient", "B", "P2")])
    assert key.mapping.read_text().splitlines()[1:] == ["patient,A,P1", "patient,B,P2"]
    for path in (file, key.mapping):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert KeyFile(file, tmp_path / "out").pseudonyms == key.pseudonyms
    with pytest.raises(UsageError):
        KeyFile(tmp_path / "out" / "keys" / "mine", tmp_path / "out")
    file.chmod(0o644)
    with pytest.raises(UsageError):
        KeyFile(file, tmp_path / "out")


def test_a_new_key_is_on_the_disk_before_it_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its contents before its name, and its name before anything is named by it."""
    done: list[str] = []
    fsync, link = os.fsync, os.link
    monkeypatch.setattr(os, "fsync", lambda descriptor: (done.append("sync"), fsync(descriptor))[1])
    monkeypatch.setattr(os, "link", lambda *paths: (done.append("name"), link(*paths))[1])
    KeyFile(tmp_path / "key", tmp_path / "out")
    assert done == ["sync", "name", "sync"]


def test_a_key_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is there a key where another run could take it for one."""

    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def full(path: Path, flags: int) -> Full:
        path.touch()
        return Full()

    monkeypatch.setattr(pseudonyms, "_owners", full)
    with pytest.raises(OutputError, match="No space left on device"):
        KeyFile(tmp_path / "key", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("torn", ["patient,A", 'source,"a, b'])
def test_a_row_of_the_mapping_that_was_cut_off_spoils_no_other(tmp_path: Path, torn: str) -> None:
    KeyFile(tmp_path / "key", tmp_path / "out").remember([("patient", "X", "P0")])
    key = KeyFile(tmp_path / "key", tmp_path / "out")
    with key.mapping.open("a") as stream:
        stream.write(torn)
    for _ in range(2):
        key.remember([("patient", "A", "P1"), ("source", "a, b", "h")])
    with key.mapping.open(newline="") as stream:
        whole = [row for row in csv.reader(stream) if len(row) == 3]
    assert whole[1:] == [["patient", "X", "P0"], ["patient", "A", "P1"], ["source", "a, b", "h"]]


def test_a_mapping_with_a_cell_of_any_length_stays_usable(tmp_path: Path) -> None:
    for name in ("A" * 200_000, "B"):
        key = KeyFile(tmp_path / "key", tmp_path / "out")
        key.remember([("patient", name, "P1")])
        key.remember([("patient", name, "P1")])
    assert len(key.mapping.read_text().splitlines()) == 3


@pytest.mark.filterwarnings("ignore:The value length")
def test_a_hash_stands_for_identifiers_that_are_longer_than_any_table_wants() -> None:
    header = Dataset()
    header.PatientID, header.StudyInstanceUID = "A" * 140_000, "1." * 5000
    one = identify(header, "h", PSEUDONYMS)
    assert max(map(len, one.originals)) <= LONGEST
    assert one == identify(header, "h", PSEUDONYMS)
    header.PatientID += "A"
    assert one.patient != identify(header, "h", PSEUDONYMS).patient


def test_two_runs_that_share_a_key_write_each_row_of_the_mapping_once(tmp_path: Path) -> None:
    one, other = (KeyFile(tmp_path / "key", tmp_path / "out") for _ in range(2))
    for key in (one, other, one, other):
        key.remember([("patient", "A", "P1")])
    other.remember([("patient", "B", "P2")])
    one.remember([("patient", "B", "P2")])
    assert one.mapping.read_text().splitlines() == ["kind,original,pseudonym", "patient,A,P1", "patient,B,P2"]
    one.mapping.unlink()
    one.remember([("patient", "A", "P1")])
    assert one.mapping.read_text().splitlines() == ["kind,original,pseudonym", "patient,A,P1"]


def test_the_table_names_what_it_should() -> None:
    assert len(rows()) == 655
    assert (action(0x00100010), action(0x00080018), action(0x60023000), action(0x00110001)) == ("Z", "U", "X", "X")
    assert action(0x00280010) is None


def test_two_pictures_side_by_side_are_for_a_person_to_look_at(tmp_path: Path) -> None:
    """One broad fan may seem to hold both: what stands between them would stay."""
    one = screen()[:, :, 60:-60]
    source(tmp_path / "a.dcm", compressed=False, frames=np.concatenate([one, one[::-1]], axis=2))
    outcome = deidentify_file(tmp_path / "a.dcm", tmp_path / "out", PSEUDONYMS, Policy())
    assert (outcome.state, outcome.reason) == ("review", "several_pictures")


TIMINGS: dict[str, dict[str, object]] = {
    "one step": {"FrameTime": "33.333333", "FrameIncrementPointer": 0x00181063},
    "a vector": {"FrameTimeVector": [0, *[20, 21.5] * 5, 40], "FrameIncrementPointer": 0x00181065},
    "a vector that the pointer does not name": {
        "FrameTime": "20",
        "FrameTimeVector": [0, *[33.0] * 11],
        "FrameIncrementPointer": 0x00181063,
    },
    "a rate alone": {"CineRate": 47},
}


@pytest.mark.parametrize("timing", TIMINGS)
def test_the_timing_of_a_clip_stays_and_is_stated_once(tmp_path: Path, timing: str) -> None:
    path = tmp_path / "a.dcm"
    source(path, compressed=False)
    data = dcmread(path)
    for keyword in ("FrameTime", "FrameTimeVector", "CineRate", "FrameIncrementPointer"):
        if keyword in data:
            del data[keyword]
    for keyword, value in TIMINGS[timing].items():
        setattr(data, keyword, value)
    data.save_as(path)
    outcome = deidentify_file(path, tmp_path / "out", PSEUDONYMS, Policy())
    made = tmp_path / "out" / outcome.path
    times = []
    for each in (path, made):
        with each.open("rb") as file:
            times.append(read_dicom(file, "x").times_s)
    np.testing.assert_allclose(times[1], times[0], rtol=0, atol=1e-8)
    stated = [keyword for keyword in ("FrameTime", "FrameTimeVector") if keyword in dcmread(made)]
    assert [Tag(keyword) for keyword in stated] == [dcmread(made).FrameIncrementPointer]
