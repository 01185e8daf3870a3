"""EF from clips: which frames a network is given, tested with fake networks that tell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echobeat.errors import ModelError
from echobeat.frames import FrameStack
from echobeat.models import EjectionFractionModel, load_ef_model, load_segmenter
from echobeat.models.ejection_fraction import tiles
from echobeat.records import Beat

BEAT = Beat(0, *(None,) * 3, *(False,) * 4, *(None,) * 8)


class Told:
    """A network that answers with the mean grey level, and keeps what it was given: a frame's level is its number."""

    def __init__(self):
        self.clips, self.batches = [], []

    def run(self, frames):
        self.batches.append(frames.shape)
        self.clips += [list(clip[0, :, 0, 0]) for clip in frames]
        return frames.mean(axis=(1, 2, 3, 4))[:, None]


def numbered(count, fps):
    """Frames whose grey level is their number, and their times."""
    frames = np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None], (count, 16, 16))
    return FrameStack.from_array(np.ascontiguousarray(frames)), np.arange(count) / fps


def test_a_clip_takes_every_second_frame_of_50_a_second(ef_card):
    """At 25 Hz, as the published networks read 50 Hz videos."""
    told = Told()
    ef = EjectionFractionModel(ef_card(), told).clip_at(*numbered(60, 50.0), 0.2)
    assert told.clips == [list(range(10, 26, 2))]
    assert ef == np.mean(range(10, 26, 2))


@pytest.mark.parametrize("fps", [12.5, 25.0, 30.0, 47.3, 200.0])
def test_a_clip_spans_the_same_time_at_every_frame_rate(ef_card, fps):
    """Each of its frames is the one nearest to the time it stands for."""
    told = Told()
    frames, times_s = numbered(250, fps)
    EjectionFractionModel(ef_card(), told).clip_at(frames, times_s, 0.3)
    wanted = 0.3 + np.arange(8) / 25.0
    assert np.abs(times_s[np.array(told.clips[0], int)] - wanted).max() <= 0.5 / fps + 1e-5


def test_frames_at_uneven_times_are_found_by_their_time(ef_card):
    """A gap in the recording repeats its neighbours."""
    told = Told()
    times_s = np.array([0.0, 0.04, 0.08, 0.2, 0.24, 0.28])
    EjectionFractionModel(ef_card(frames=6), told).clip_at(numbered(6, 1)[0], times_s, 0.0)
    assert told.clips == [[0, 1, 2, 2, 3, 3]]


def test_a_clip_never_leaves_the_video(ef_card):
    """A start before the first frame or too near to the last one moves inwards."""
    told = Told()
    model = EjectionFractionModel(ef_card(), told)
    for start in (-3.0, 99.0):
        model.clip_at(*numbered(30, 25.0), start)
    assert told.clips == [list(range(8)), list(range(22, 30))]


def test_a_video_shorter_than_the_clip_is_filled_with_what_the_network_sees_as_zeros(ef_card):
    """Frames after the end have the card's blank level, not the last frame's."""
    told = Told()
    EjectionFractionModel(ef_card(), told).clip_at(*numbered(5, 25.0), 0.0)
    assert told.clips == [[0, 1, 2, 3, 4, 7, 7, 7]]
    EjectionFractionModel(ef_card(), told).clip_at(*numbered(1, 25.0), 0.0)
    assert told.clips[1] == [0] + [7] * 7


def test_each_beat_gets_a_clip_with_its_end_systole_in_the_middle(ef_card):
    """Half of the clip lies before it, as the published 32 of 64 frames; a beat without end-systole gets no EF."""
    told = Told()
    beats = [replace(BEAT, es_frame=frame) for frame in (20, None, 1)]
    efs = EjectionFractionModel(ef_card(), told).beats(*numbered(40, 25.0), beats)
    assert told.clips == [list(range(16, 24)), list(range(8))]
    assert efs == [19.5, None, 3.5]


def test_all_clips_start_at_every_frame_that_leaves_room(ef_card):
    """As the published evaluation counts: starts 0 to frames - (length - 1) * period - 1, in blocks."""
    told = Told()
    frames, times_s = numbered(40, 50.0)
    efs = EjectionFractionModel(ef_card(), told, block=3).all_clips(frames, times_s)
    assert len(efs) == 40 - 7 * 2
    assert [clip[0] for clip in told.clips] == list(range(26))
    assert max(batch[0] for batch in told.batches) == 3
    assert np.array_equal(efs, np.arange(26) + 7.0)
    assert len(EjectionFractionModel(ef_card(), told).all_clips(frames, times_s, stride=5)) == 6
    assert len(EjectionFractionModel(ef_card(), told).all_clips(*numbered(5, 50.0))) == 1


@given(st.integers(1, 3000), st.integers(8, 300))
def test_tiles_cover_a_video_once_and_are_about_equal(count, longest):
    """None is longer than allowed, none but the last ends off a step of eight, none is a small remainder."""
    cut = list(tiles(count, longest))
    assert [first for first, _ in cut] == [0, *(last for _, last in cut[:-1])]
    assert cut[-1][1] == count
    lengths = np.array([last - first for first, last in cut])
    assert lengths.max() <= longest
    assert (lengths[:-1] % 8 == 0).all()
    assert lengths.max() - lengths.min() < 16


@pytest.mark.parametrize("count", [5, 40, 500])
def test_an_entire_video_is_read_once_at_the_models_rate(ef_card, count, monkeypatch):
    """Short ones as one clip, long ones in tiles; each frame weighs the same."""
    monkeypatch.setattr("echobeat.models.ejection_fraction.TILE", 2)
    told = Told()
    values = np.random.default_rng(count).integers(0, 256, count).astype(np.uint8)
    frames = FrameStack.from_array(np.ascontiguousarray(np.broadcast_to(values[:, None, None], (count, 16, 16))))
    model = EjectionFractionModel(ef_card(), told)
    ef = model.whole(frames, np.arange(count) / 25.0)
    seen = np.concatenate(told.clips)
    expected = np.concatenate([values, np.full(max(0, 8 - count), 7)])
    assert np.array_equal(seen, expected)
    assert ef == pytest.approx(expected.mean(), abs=1e-4)


def test_long_videos_are_read_in_tiles_that_memory_allows(ef_card, monkeypatch):
    """No input of the network is longer than a tile."""
    monkeypatch.setattr("echobeat.models.ejection_fraction.TILE", 1)
    told = Told()
    EjectionFractionModel(ef_card(), told).whole(*numbered(250, 25.0))
    assert max(batch[2] for batch in told.batches) <= 49  # 1 * (112 / 16) ** 2
    assert len(told.batches) == 6


def test_a_network_of_fixed_clips_does_not_read_entire_videos(ef_card):
    """It says so instead of guessing."""
    with pytest.raises(ModelError, match="not entire videos"):
        EjectionFractionModel(ef_card(whole_video=False), Told()).whole(*numbered(40, 25.0))


def test_each_model_is_taken_for_its_own_task_only(ef_card, own_models):
    """A segmentation model estimates no EF, and an EF model segments nothing."""
    with pytest.raises(ModelError, match="lv cannot estimate EF from video: it is for segmentation"):
        load_ef_model("lv")
    from echobeat.models.cards import write_card

    own_models.mkdir()
    write_card(ef_card(), own_models / "fake-ef.json")
    with pytest.raises(ModelError, match="fake-ef is no segmentation model"):
        load_segmenter("fake-ef")
