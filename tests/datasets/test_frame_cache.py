"""The frame cache gives the video's own frames, decodes once, notices changes, and never gives a damaged picture."""

from __future__ import annotations

import os
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_data import FPS, FRAMES, HEIGHT, WIDTH, disk, good_echonet, row, write_camus, write_clip, write_echonet

from echobeat.datasets import LabelledStudy, open_dataset
from echobeat.datasets import frame_cache as module
from echobeat.datasets.direct_frames import KEPT, DirectFrames
from echobeat.datasets.frame_cache import FrameCache
from echobeat.errors import InvalidClip, OutputError, UnreadableFile
from echobeat.sources import open_clip


@pytest.fixture
def studies(tmp_path: Path) -> tuple[LabelledStudy, ...]:
    return open_dataset(good_echonet(tmp_path / "data")).studies


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the studies that this process decodes, as it goes."""
    names: list[str] = []
    decode = module.decode

    def told(study: LabelledStudy):
        names.append(study.name)
        return decode(study)

    monkeypatch.setattr(module, "decode", told)
    return names


def files_of(cache: Path) -> list[Path]:
    return sorted(cache.rglob("*.frames"))


def test_frames_are_those_of_the_file(tmp_path: Path, studies) -> None:
    cache = FrameCache(tmp_path / "cache", None)
    assert cache.fill(studies, jobs=1) == ()
    for study in studies:
        whole = open_clip(study.files[0]).frames[:]
        assert (cache.count(study), cache.fps(study)) == (FRAMES, FPS)
        assert np.array_equal(cache.read(study, 0, FRAMES), whole)
        assert cache.read(study, 0, 1).dtype == np.uint8


@settings(max_examples=50)
@given(first=st.integers(0, 15), last=st.integers(0, 20), step=st.integers(1, 9))
def test_any_part_is_the_same_from_the_cache_and_from_the_file(cached, first: int, last: int, step: int) -> None:
    cache, direct, study, whole = cached
    expected = whole[first:last:step]
    assert np.array_equal(cache.read(study, first, last, step), expected)
    assert np.array_equal(direct.read(study, first, last, step), expected)


@pytest.fixture(scope="module")
def cached(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("cached")
    study = open_dataset(good_echonet(folder / "data", 1)).studies[0]
    return FrameCache(folder / "cache", None), DirectFrames(None), study, open_clip(study.files[0]).frames[:]


def test_a_filled_cache_decodes_nothing_again(tmp_path: Path, studies, decoded: list[str]) -> None:
    cache, steps = FrameCache(tmp_path / "cache", None), []
    cache.fill(studies, 1, lambda done, of: steps.append((done, of)))
    assert steps == [(0, 3), (1, 3), (2, 3), (3, 3)]
    FrameCache(tmp_path / "cache", None).fill(studies, 1, lambda done, of: steps.append((done, of)))
    assert steps[4:] == [(3, 3)]
    assert len(decoded) == 3


def test_a_source_that_changes_is_decoded_again(tmp_path: Path, studies, decoded: list[str]) -> None:
    """New contents count, be it that the size is the same; a new time alone costs a hash and no decoding."""
    cache = FrameCache(tmp_path / "cache", None)
    cache.fill(studies, jobs=1)
    before = cache.read(studies[1], 0, FRAMES)
    write_clip(studies[0].files[0], seed=9)
    os.utime(studies[0].files[0], ns=(1, 1))
    os.utime(studies[1].files[0], ns=(2, 2))
    decoded.clear()
    cache.fill(studies, jobs=1)
    assert decoded == [studies[0].name]
    assert np.array_equal(cache.read(studies[0], 0, FRAMES), open_clip(studies[0].files[0]).frames[:])
    assert np.array_equal(cache.read(studies[1], 0, FRAMES), before)
    decoded.clear()
    assert cache.fill(studies, jobs=1) == cache.verify(studies) == ()
    assert decoded == []


def test_a_bad_video_is_a_problem_and_the_rest_goes_on(tmp_path: Path, studies) -> None:
    studies[1].files[0].write_bytes(b"RIFF\x00\x00\x00\x00AVI nothing behind it")
    studies[2].files[0].unlink()
    cache = FrameCache(tmp_path / "cache", None)
    problems = cache.fill(studies, jobs=1)
    assert [(problem.code, problem.study) for problem in problems] == [
        ("video-unreadable", studies[1].name),
        ("video-unreadable", studies[2].name),
    ]
    assert cache.count(studies[0]) == FRAMES
    with pytest.raises(UnreadableFile, match=studies[1].files[0].name):
        cache.read(studies[1], 0, 1)


def test_a_video_that_turned_bad_is_not_read_from_the_past(tmp_path: Path, studies) -> None:
    cache = FrameCache(tmp_path / "cache", None)
    cache.fill(studies, jobs=1)
    studies[0].files[0].write_bytes(b"broken")
    assert [problem.study for problem in cache.fill(studies, jobs=1)] == [studies[0].name]
    with pytest.raises(UnreadableFile):
        cache.count(studies[0])


def test_what_is_not_cached_is_decoded_when_it_is_read(tmp_path: Path, studies, decoded: list[str]) -> None:
    cache = FrameCache(tmp_path / "cache", None)
    assert cache.read(studies[0], 0, 5, 2).shape == (3, HEIGHT, WIDTH)
    assert cache.count(studies[0]) == FRAMES
    assert decoded == [studies[0].name]


@pytest.mark.parametrize("harm", ["cut", "footer", "empty", "foreign"])
def test_a_cache_file_that_is_not_whole_is_made_again(tmp_path: Path, studies, decoded, harm: str) -> None:
    cache = FrameCache(tmp_path / "cache", None)
    cache.fill(studies[:1], jobs=1)
    (path,) = files_of(tmp_path / "cache")
    data = path.read_bytes()
    spoilt = {
        "cut": data[:-100],
        "footer": data[:-60] + b"?" + data[-59:],
        "empty": b"",
        "foreign": b"no cache file " * 50,
    }
    path.write_bytes(spoilt[harm])
    FrameCache(tmp_path / "cache", None).fill(studies[:1], jobs=1)
    assert decoded == [studies[0].name] * 2
    assert path.read_bytes() == data


def test_damage_among_the_frames_is_found_on_demand(tmp_path: Path, studies) -> None:
    cache = FrameCache(tmp_path / "cache", None)
    cache.fill(studies, jobs=1)
    assert cache.verify(studies) == ()
    path = cache._shelf.path(studies[1].files)
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(data)
    assert [(p.code, p.study) for p in cache.verify(studies)] == [("cache-damaged", studies[1].name)]
    cache.fill(studies, jobs=1)
    assert cache.verify(studies) == ()


def test_another_size_is_letterboxed_with_its_tracings(tmp_path: Path) -> None:
    """In a wide picture brought to a square, the mask lies where the frame shows the traced bright box."""
    folder = write_echonet(tmp_path / "e", [row("a")])
    grey = np.full((4, 60, 100), 40, np.uint8)
    grey[:, 20:41, 30:71] = 220
    writer = cv2.VideoWriter(str(folder / "Videos" / "a.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 50, (100, 60))
    for frame in grey:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))
    writer.release()
    corners = ["a,30,20,2", "a,70,20,2", "a,70,40,2", "a,30,40,2"]
    (folder / "VolumeTracings.csv").write_text("FileName,X,Y,Frame\n" + "\n".join(corners))
    (study,) = open_dataset(folder).studies
    for frames in (FrameCache(tmp_path / "cache", 50), DirectFrames(50)):
        mask, frame = frames.mask(study, study.tracings[0]), frames.read(study, 2, 3)[0]
        assert frame.shape == mask.shape == (50, 50)
        assert frame[mask].mean() > 190
        assert frame[:8].max() < 10  # the letterbox's bar
        bright = frame > 130
        assert (bright & mask).sum() / (bright | mask).sum() > 0.9


def test_images_of_labels_follow_their_frames(tmp_path: Path) -> None:
    write_camus(tmp_path / "train", "patient0001")
    (study,) = open_dataset(tmp_path).studies
    cache = FrameCache(tmp_path / "cache", 24)
    mask = cache.mask(study, study.ed)
    assert mask.shape == (24, 24)
    assert mask.sum() == pytest.approx((disk(12) == 1).sum() / 4, rel=0.1)
    assert cache.read(study, 0, 2).shape == (2, 24, 24)


def test_frames_of_the_size_that_is_asked_for_are_left_as_they_are(tmp_path: Path) -> None:
    folder = write_echonet(tmp_path / "e", [row("a")])
    path = write_clip(folder / "Videos" / "a.avi", 3, height=32, width=32)
    (study,) = open_dataset(folder).studies
    assert np.array_equal(FrameCache(tmp_path / "c", 32).read(study, 0, 9), open_clip(path).frames[:9])


def test_native_frames_must_have_one_size(tmp_path: Path, studies) -> None:
    write_clip(studies[1].files[0], 1, height=32, width=32)
    with pytest.raises(InvalidClip, match="Give the size"):
        FrameCache(tmp_path / "cache", None).fill(studies, jobs=1)
    assert FrameCache(tmp_path / "cache", 32).fill(studies, jobs=1) == ()


def test_sizes_and_data_sets_share_a_folder(tmp_path: Path, studies) -> None:
    other = open_dataset(good_echonet(tmp_path / "other", 2)).studies
    for size in (None, 16, 24):
        assert FrameCache(tmp_path / "cache", size).fill([*studies, *other], jobs=1) == ()
    assert len(files_of(tmp_path / "cache")) == 3 * 5
    assert FrameCache(tmp_path / "cache", 16).read(other[0], 0, 2).shape == (2, 16, 16)


def test_a_cache_can_be_sent_to_a_loaders_worker(tmp_path: Path, studies) -> None:
    """Open maps stay behind; what arrives reads the same."""
    cache = FrameCache(tmp_path / "cache", None)
    frames = cache.read(studies[0], 0, 4)
    sent = pickle.loads(pickle.dumps(cache))
    assert len(pickle.dumps(cache)) < 2000
    assert np.array_equal(sent.read(studies[0], 0, 4), frames)
    direct = DirectFrames(None)
    direct.count(studies[0])
    assert len(pickle.dumps(direct)) < 2000


def test_few_files_are_open_at_a_time(tmp_path: Path, studies, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OPEN_FILES", 2)
    cache = FrameCache(tmp_path / "cache", None)
    frames = [cache.read(study, 0, 2) for study in studies]
    assert len(cache._open) == 2
    assert np.array_equal(cache.read(studies[0], 0, 2), frames[0])
    direct = DirectFrames(None)
    for index in range(KEPT + 2):
        shutil.copy(studies[0].files[0], tmp_path / f"{index}.avi")
        direct.count(replace(studies[0], files=(tmp_path / f"{index}.avi",)))
    assert len(direct._kept) == KEPT


def test_a_frame_rate_comes_from_the_video_and_else_from_the_table(tmp_path: Path, studies) -> None:
    cache = FrameCache(tmp_path / "cache", None)
    assert cache.fps(replace(studies[0], fps=10.0)) == FPS
    write_camus(tmp_path / "camus" / "train", "patient0001")
    (images,) = open_dataset(tmp_path / "camus").studies
    with pytest.raises(InvalidClip, match="frame rate"):
        cache.fps(images)
    assert cache.fps(replace(images, fps=48.0)) == 48.0


def test_a_cache_that_cannot_be_written_says_so(tmp_path: Path, studies) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="--cache"):
        FrameCache(tmp_path / "file", None).fill(studies, jobs=1)
