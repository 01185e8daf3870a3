"""A beat is cut out in step with the heart and around the ventricle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echobeat.errors import ModelError
from echobeat.frames import FrameStack
from echobeat.models import BeatReader, Card
from echobeat.models.beat_clips import FRAMES, SIZE, beat_clip, beat_frames, cut_out
from echobeat.models.cards import BEAT_OUTPUTS
from echobeat.records import Beat


def a_beat(ed=10, es=25, end=50, ef=50.0, index=0):
    """A beat with these frames."""
    whole = None not in (ed, es, end)
    return Beat(index, ed, es, end, whole, not whole, False, False, None, None, None, 1.0, 0.5, ef, None, None)


def pulsing(frames=60, size=112, scale=1.0, shift=(0, 0)):
    """A disc that shrinks from frame 10 to 25 and grows until 50, bright rim on dark; and its mask."""
    time = np.interp(np.arange(frames), [10, 25, 50], [20.0, 12.0, 20.0])
    rows, columns = np.mgrid[:size, :size]
    away = np.hypot(rows - size / 2 - shift[0], columns - size / 2 - shift[1])[None] / scale
    lv = away < time[:, None, None]
    grey = np.where(np.abs(away - time[:, None, None]) < 3, 200, 30).astype(np.uint8)
    return grey, lv


@settings(max_examples=60)
@given(st.integers(0, 40), st.integers(2, 60), st.integers(2, 60), st.sampled_from(["whole", "ejection", "filling"]))
def test_frames_run_from_ed_over_es_to_ed_and_half_cycles_are_mirrored(first, ejection, filling, kind):
    """End-systole stands at place 8, frames never leave the beat, and rise then fall in time order or mirrored."""
    ed, es, end = first, first + ejection, first + ejection + filling
    beat = a_beat(None if kind == "filling" else ed, es, None if kind == "ejection" else end)
    moments = beat_frames(beat)
    assert moments.shape == (FRAMES,)
    assert moments[FRAMES // 2] == es
    low, high = (es if kind == "filling" else ed), (es if kind == "ejection" else end)
    assert low <= moments.min()
    assert moments.max() <= high
    steps = np.diff(moments)
    assert (steps[: FRAMES // 2] * (-1 if kind == "filling" else 1) >= 0).all()
    assert (steps[FRAMES // 2 :] * (-1 if kind == "ejection" else 1) >= 0).all()


@pytest.mark.parametrize("beat", [a_beat(es=None), a_beat(ed=None, end=None)])
def test_a_beat_without_end_systole_or_any_end_diastole_gives_no_clip(beat):
    """None, not a guess."""
    grey, lv = pulsing()
    assert beat_clip(FrameStack.from_array(grey), FrameStack.from_array(lv), beat) is None


def test_played_at_half_speed_the_beat_looks_the_same():
    """Every frame twice: the cut-out's frames are equal."""
    grey, lv = pulsing()
    one = beat_clip(FrameStack.from_array(grey), FrameStack.from_array(lv), a_beat())
    slow = [FrameStack.from_array(np.repeat(array, 2, axis=0)) for array in (grey, lv)]
    other = beat_clip(*slow, a_beat(20, 50, 100))
    assert np.abs(one[1].mean(axis=(1, 2)) - other[1].mean(axis=(1, 2))).max() < 0.02  # half a frame of rounding


@pytest.mark.parametrize(("size", "scale", "shift"), [(112, 1.0, (15, -20)), (224, 2.0, (0, 0)), (400, 3.5, (30, 12))])
def test_place_and_magnification_do_not_matter(size, scale, shift):
    """The mask's share of the cut-out is the same wherever and however large the ventricle is shown."""
    plain = cut_out(*pulsing())
    moved = cut_out(*pulsing(size=size, scale=scale, shift=shift))
    assert plain.shape == moved.shape == (2, 60, SIZE, SIZE)
    assert np.abs(plain[1].mean(axis=(1, 2)) - moved[1].mean(axis=(1, 2))).max() < 0.02


def test_other_masks_are_cut_out_like_the_found_one():
    """A further mask, here the same, lies in its place."""
    grey, lv = pulsing()
    cut = cut_out(grey, lv, lv)
    assert np.array_equal(cut[1], cut[2])


def test_without_a_ventricle_there_is_nothing_to_cut_out():
    """An empty mask is None."""
    grey, lv = pulsing()
    assert cut_out(grey, np.zeros_like(lv)) is None


CARD = Card(
    name="fake-beats", version="0", task="beats", summary="", licence="Apache-2.0", data=(), recipe="", parameters=0,
    size=SIZE, classes=BEAT_OUTPUTS, metrics=(), limits=(), measurement_error=None, sha256="",
)  # fmt: skip


class Fixed:
    """A network that always says the same, and remembers the clips that it was given at once."""

    def __init__(self):
        self.clips = []

    @property
    def given(self):
        return [clips.shape for clips in self.clips]

    def run(self, clips):
        self.clips.append(clips)
        return np.tile(np.array([[5.0, np.log(3.0)]], np.float32), (len(clips), 1))


def test_a_reading_is_the_contours_ef_corrected_within_0_and_100():
    """50 + 5, 98 + 5 cut at 100; a beat without an EF has no reading; few clips at once."""
    grey, lv = (FrameStack.from_array(array) for array in pulsing())
    network = Fixed()
    beats = [a_beat(ef=50.0), a_beat(ef=None), a_beat(ef=98.0)] + [a_beat(ef=40.0)] * 9
    readings = BeatReader(CARD, network).read(grey, np.arange(60) / 50, lv, beats)
    assert [reading and round(reading.ef, 3) for reading in readings[:3]] == [55.0, None, 100.0]
    assert readings[0].sd == pytest.approx(3.0)
    assert len(network.given) == 2
    assert max(shape[0] for shape in network.given) <= 8


def test_a_model_of_another_task_is_refused(ef_card):
    """A network of clips cannot read beats."""
    with pytest.raises(ModelError, match="does not read single beats"):
        BeatReader(ef_card(), Fixed())


def test_the_reader_of_beats_does_not_see_what_is_written_beside_the_picture():
    """A header over a picture gives the cut-outs of the picture alone, which without writing are the frames' own."""
    picture, shown = pulsing(scale=2.4)
    grey, lv = (np.pad(part, ((0, 0), (40, 8), (8, 8))) for part in (picture, shown))
    written = grey.copy()
    written[:, 26:32, 30:50] = written[:, 26:32, 56:70] = 200
    given = []
    for frames in (grey, written):
        network = Fixed()
        stacks = FrameStack.from_array(frames), FrameStack.from_array(lv)
        BeatReader(CARD, network).read(stacks[0], np.arange(60) / 50, stacks[1], [a_beat()])
        given.append(network.clips[0][0])
    bare = beat_clip(FrameStack.from_array(grey), FrameStack.from_array(lv), a_beat())
    assert not np.array_equal(cut_out(written, lv), cut_out(grey, lv)), "the header is within the cut-out"
    assert np.array_equal(given[0], bare)
    assert np.array_equal(given[1], bare)
