"""The volume curve of masks, and `measure` on top of it."""

import numpy as np
import pytest
from made_hearts import bullet_mask, curve_of, sinus, volume_at

from echobeat.errors import UsageError
from echobeat.frames import FrameStack
from echobeat.measurement import find_beats, measure, volume_curve, without_held


def beating(fps=50, beats=4, rate=75.0, ef=55.0):
    """Masks of a heart whose volume is known: length and width shrink together."""
    times = np.arange(0, beats * 60 / rate, 1 / fps)
    volume = volume_at(sinus(rate, ef, beats + 1), times)
    masks = []
    for share in volume / 100.0:
        size = share ** (1 / 3)
        masks.append(bullet_mask(112, (88.0, 56.0), 46 * size, 26 * size, 10.0)[0])
    return times, np.stack(masks)


TIMES, MASKS = beating()


def test_ef_from_masks_is_the_heart_s():
    """End to end on masks of 46 x 26 pixels: every beat found, EF within 1.5 points, rate within 3 a minute."""
    found = measure(MASKS, 50)
    complete = [beat for beat in found.beats if beat.complete]
    assert len(complete) >= 3
    assert found.ef.value == pytest.approx(55.0, abs=1.5)
    assert found.rhythm.heart_rate_bpm == pytest.approx(75, abs=3)
    assert found.beats[0].edv_ml is None
    assert found.beats[0].edv_px3 > 10_000


def test_a_stack_and_an_array_measure_alike_block_by_block():
    """A lazy stack, even one spooled to disk, gives the numbers of the array."""
    stack = FrameStack(112, 112, bool, memory_limit=10)
    for start in range(0, len(MASKS), 17):
        stack.append(MASKS[start : start + 17])
    lazy, whole = volume_curve(stack, TIMES), volume_curve(MASKS, TIMES)
    assert np.array_equal(lazy.volume, whole.volume)
    assert np.array_equal(lazy.apex_px, whole.apex_px)


def test_spacing_gives_millilitres_and_square_centimetres():
    """At 1.5 mm a pixel a volume in px3 is 3.375 mm3, an area 2.25 mm2, a length 1.5 mm."""
    plain, scaled = volume_curve(MASKS[:3], TIMES[:3]), volume_curve(MASKS[:3], TIMES[:3], (1.5, 1.5))
    assert scaled.volume == pytest.approx(plain.volume * 3.375 / 1000)
    assert scaled.area_cm2 == pytest.approx(plain.area_px * 2.25 / 100)
    assert scaled.long_axis == pytest.approx(plain.long_axis * 1.5)
    assert plain.area_cm2 is None
    assert not plain.calibrated
    beats = measure(MASKS, 50, np.float32(1.5)).beats
    assert beats[0].edv_px3 == pytest.approx(beats[0].edv_ml * 1000 / 3.375)


def test_frames_without_ventricle_are_nan():
    """An empty mask is not measured."""
    masks = MASKS[:4].copy()
    masks[1] = False
    curve = volume_curve(masks, TIMES[:4])
    assert np.isnan(curve.volume).tolist() == [False, True, False, False]
    assert np.isnan(curve.apex_px).all(axis=1).tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    ("shape", "fps", "spacing"),
    [
        ((10, 10), 50, None),
        ((3, 20, 20), 0, None),
        ((3, 20, 20), None, None),
        ((3, 20, 20), np.nan, None),
        ((3, 20, 20), 50, (1.0, -1.0)),
    ],
)
def test_wrong_use_is_refused_with_a_sentence(shape, fps, spacing):
    """Wrong axes, rates and spacings raise UsageError."""
    with pytest.raises(UsageError):
        measure(np.zeros(shape, bool), fps, spacing)


def test_no_frames_and_no_ventricle_give_no_beats():
    """Empty input is a result without beats, not an error."""
    for count in (1, 2, 30):
        found = measure(np.zeros((count, 40, 40), bool), 50)
        assert (found.beats, found.rhythm, found.ef) == ((), None, None)


@pytest.mark.parametrize("wrong", [{"fps": 0.03}, {"fps": 1e9}, {"fps": "fast"}, {"fps": 50, "spacing_mm": 1e9}])
def test_a_rate_or_a_spacing_that_cannot_be_is_wrong_use(wrong):
    """Known at once, however long the grid of seconds would have been."""
    with pytest.raises(UsageError, match="not possible"):
        measure(MASKS, **wrong)


def test_where_a_picture_is_held_nothing_beats():
    """Held for 0.4 s at the end and in the middle: the volume there is not seen, and no beat runs into it. Pictures
    that are each stored three times are a slow recording, and stay."""
    pictures = np.random.default_rng(0).integers(0, 255, (200, 8, 8), np.uint8)
    heart = sinus(rate=70.0, ef=55.0, beats=8)
    shown = np.concatenate([np.arange(90), np.full(20, 90), np.arange(90, 180), np.full(20, 180)])
    times = np.arange(len(shown)) / 50
    whole = curve_of(times, volume_at(heart, shown / 50))
    found = without_held(whole, FrameStack.from_array(pictures[shown]))
    assert np.flatnonzero(np.isnan(found.volume)).tolist() == [*range(91, 111), *range(201, 220)]
    held = set(range(91, 111)) | set(range(201, 220))
    for beat in find_beats(found):
        if beat.complete:
            assert not held & set(range(beat.ed_frame, beat.end_frame + 1))
            assert beat.heart_rate_bpm == pytest.approx(70, abs=7)
    assert any(set(range(beat.ed_frame, beat.end_frame + 1)) & held for beat in find_beats(whole) if beat.complete)
    slow = FrameStack.from_array(np.repeat(pictures, 3, axis=0)[: len(times)])
    assert without_held(whole, slow) is whole
