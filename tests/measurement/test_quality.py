"""The verdict: what it refuses, what it warns of, and that every code is in the table."""

import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_hearts import bullet_mask, sinus, volume_at
from made_sectors import beating_sector, clip

import echobeat
from echobeat.frames import FrameStack
from echobeat.measurement import CODES, find_beats, gather_evidence, judge, rhythm, volume_curve
from echobeat.measurement.codes import refused, warn
from echobeat.measurement.quality import border_share, picture_edges
from echobeat.measurement.view import VIEW_CLASSES, ViewEvidence
from echobeat.records import ClipWarning, LVMasks


def masks_of(volume, scale=1.0, centre=56.0, row=82.0):
    """Masks (frames, 112, 112) of a ventricle with these volumes, 100 at its largest; its apex stays where it is."""
    made = []
    for share in np.cbrt(np.asarray(volume) / 100.0) * scale:
        made.append(bullet_mask(112, (row - 44 * (scale - share), centre), 44 * share, 24 * share)[0])
    return np.stack(made)


def judged(volume, *, made=None, times_s=None, confidence=0.97, spacing=None, masks=None, view=None):
    """Judge a clip at 50 frames a second whose ventricle has these volumes."""
    made = made or beating_sector(frames=len(volume))
    made = made if times_s is None else replace(made, times_s=times_s)
    masks = masks_of(volume) if masks is None else masks
    lv = LVMasks(FrameStack.from_array(masks), np.broadcast_to(np.float64(confidence), (len(masks),)).copy())
    curve = volume_curve(lv.lv, made.times_s, spacing)
    beats = find_beats(curve)
    return judge(made, gather_evidence(made), lv, curve, beats, rhythm(beats), view)


def codes(quality):
    return {warning.code for warning in quality.warnings}


def heart(ef=55.0, rate=75.0, stop=3.4, start=-0.1):
    return volume_at(sinus(rate, ef, beats=8, start_s=start), np.arange(0, stop, 0.02))


def test_a_good_clip_is_accepted_with_a_high_score():
    """A steady ventricle over several beats: nothing but the missing calibration and the cut beats is said."""
    quality = judged(heart())
    assert quality.accepted
    assert quality.score > 0.8
    assert codes(quality) <= {"uncalibrated", "incomplete_beats"}
    assert "uncalibrated" not in codes(judged(heart(), spacing=(1.2, 1.2)))


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("no_left_ventricle", {"masks": np.zeros((170, 112, 112), bool), "confidence": 0.0}),
        ("low_confidence", {"confidence": 0.7}),
        ("colour_doppler", {"made": replace(beating_sector(frames=170), colour_fraction=0.2)}),
        ("still_image", {"made": clip(np.repeat(np.asarray(beating_sector(frames=1).frames), 170, axis=0))}),
        ("frame_rate_too_low", {"made": beating_sector(frames=170, fps=8.0)}),
        ("blank", {"made": clip(np.zeros((170, 112, 112), np.uint8))}),
    ],
)
def test_what_cannot_be_judged_is_refused_with_a_code_and_no_score(code, change):
    """The EF is withheld, the reason stands first, the score is nought."""
    quality = judged(heart(), **change)
    assert not quality.accepted
    assert quality.warnings[0].code == code
    assert quality.score == 0.0


def test_less_than_half_a_cycle_and_no_motion_of_the_ventricle_are_refused():
    """A part of an ejection, and a ventricle that does not beat."""
    part = heart(start=0.0, stop=0.23)
    assert "less_than_half_cycle" in codes(judged(part, made=beating_sector(frames=len(part))))
    assert "less_than_half_cycle" in codes(judged(np.full(100, 90.0)))


def test_a_clip_shorter_than_a_contraction_is_refused_as_such():
    """Nine frames at 50 a second; eleven are long enough to be looked at further."""
    assert "too_short" in codes(judged(heart()[:9], made=beating_sector(frames=9)))
    assert "too_short" not in codes(judged(heart()[:12], made=beating_sector(frames=12)))


def seen(**beliefs):
    """A view network's answer: beliefs by class, the rest shared by none."""
    return ViewEvidence(tuple(float(beliefs.get(name, 0.0)) for name in VIEW_CLASSES), threshold=0.3)


@pytest.mark.parametrize("code", ["other_view", "contrast", "split_screen", "not_ultrasound"])
def test_a_view_that_is_not_read_is_refused_with_its_code(code):
    """Whatever the contour looks like."""
    quality = judged(heart(), view=seen(four_chamber=0.1, **{code: 0.9}))
    assert not quality.accepted
    assert quality.warnings[0].code == code
    assert quality.score == 0.0


@pytest.mark.parametrize("turn", ["mirrored", "apex_down", "apex_down_mirrored"])
def test_another_display_is_told_and_not_refused(turn):
    """A sure orientation is a warning; an unsure one leaves the clip as it is, and says that the view is doubtful."""
    quality = judged(heart(), view=seen(**{turn: 0.95, "four_chamber": 0.05}))
    assert quality.accepted
    assert turn in codes(quality)
    unsure = seen(**{turn: 0.4, "four_chamber": 0.3, "other_view": 0.3})
    assert unsure.orientation == "four_chamber"
    assert codes(judged(heart(), view=unsure)) >= {"doubtful_view"}


def test_a_round_ventricle_whose_apex_moves_is_called_foreshortened():
    """The same volumes by a shape that keeps its apex, and by a round one that shrinks towards its base."""
    still = judged(heart())
    assert "foreshortened" not in codes(still)
    shares = np.cbrt(heart() / 100.0)
    shrinking = np.stack([bullet_mask(112, (78, 56), 34 * share, 30 * share)[0] for share in shares])
    assert "foreshortened" in codes(judged(heart(), masks=shrinking))
    one_missing = shrinking.copy()
    one_missing[find_beats(volume_curve(shrinking, np.arange(len(shrinking)) / 50))[1].es_frame] = False
    assert "foreshortened" in codes(judged(heart(), masks=one_missing))


def test_a_wall_as_dark_as_the_cavity_is_told_and_lowers_the_score():
    """A flat grey sector with noise shows no wall."""
    frames = np.asarray(beating_sector(frames=170).frames)
    noise = np.random.default_rng(0).normal(100, 25, frames.shape)
    flat = clip(np.where(frames > 0, np.clip(noise, 3, 255), 0).astype(np.uint8))
    quality = judged(heart(), made=flat)
    assert "poor_wall" in codes(quality) or not quality.accepted
    assert quality.score < judged(heart()).score


def test_a_half_cycle_and_a_single_beat_are_told():
    """They have an EF, and a warning."""
    beats = sinus(60, 50.0, beats=4)
    half = volume_at(beats, np.arange(0, beats[0].es_s, 0.02))
    assert "half_cycle" in codes(judged(half, made=beating_sector(frames=len(half))))
    single = volume_at(beats, np.arange(0, 1.0001, 0.02))
    assert "single_beat" in codes(judged(single, made=beating_sector(frames=len(single))))


def test_a_contour_that_jumps_or_flickers_is_told_and_costs_score():
    """Noise of 10 % a frame, and a mask that hops between two places."""
    rng = np.random.default_rng(0)
    steady = judged(heart())
    rough = judged(heart() * (1 + 0.12 * rng.normal(size=170)))
    assert "unsteady_contour" in codes(rough)
    assert rough.score < 0.7 * steady.score
    masks = masks_of(heart())
    masks[::9] = np.roll(masks[::9], 25, axis=2)
    hopping = judged(heart(), masks=masks)
    assert "ventricle_jumps" in codes(hopping)
    assert hopping.score < steady.score


def test_gaps_borders_and_sizes_are_told():
    """Frames without ventricle, one cut off by the image's edge, one far too small or large for the picture."""
    masks = masks_of(heart())
    masks[40:60] = False
    assert "missing_frames" in codes(judged(heart(), masks=masks))
    assert "at_border" in codes(judged(heart(), masks=masks_of(heart(), centre=4.0)))
    assert "implausible_size" in codes(judged(heart(), masks=masks_of(heart(), scale=0.3)))
    assert "implausible_volume" in codes(judged(heart(), spacing=(5.0, 5.0)))


def test_a_wall_cut_off_at_the_edge_of_a_picture_between_black_bars_is_told():
    """The picture's edge counts, not only the frame's; a sector that ends in an arc has no edge of its own."""
    frames = np.random.default_rng(0).integers(20, 200, (170, 112, 112), np.uint8)
    masks = masks_of(heart(), centre=4.0)
    assert border_share(FrameStack.from_array(masks), (0, 0, 112, 112)) == 1.0
    barred, shifted = np.pad(frames, ((0, 0), (0, 0), (40, 0))), np.pad(masks, ((0, 0), (0, 0), (40, 0)))
    edges = picture_edges(barred.max(axis=0), None)
    assert edges == (0, 40, 112, 152)
    assert border_share(FrameStack.from_array(shifted), edges) == 1.0
    assert border_share(FrameStack.from_array(np.roll(shifted, 40, axis=2)), edges) == 0.0
    sector = np.pad(np.asarray(beating_sector(frames=170).frames), ((0, 0), (0, 0), (80, 80)))
    assert picture_edges(sector.max(axis=0), None)[1::2] == (0, 272)


def test_frames_that_were_lost_are_told():
    """Half a second is missing in the middle: its length is said. Frames at an even pace, 15 a second, miss nothing."""
    times = np.arange(170) / 50
    (told,) = [w for w in judged(heart(), times_s=times + 0.5 * (times > 1.7)).warnings if w.code == "lost_frames"]
    assert "0.5 s" in told.message
    assert "lost_frames" not in codes(judged(heart())) | codes(judged(heart()[::4], times_s=times[::4]))


def test_a_rate_is_judged_with_a_tolerance_for_how_it_is_stated():
    """24 frames a second are no low rate, however their times are rounded; 23 are. 10 are not refused; 9 are."""
    for times in (np.arange(192) / 24, np.arange(80) * 0.04167, np.round(np.arange(80) / 23.976, 3)):
        volume = volume_at(sinus(75.0, 55.0, beats=12, start_s=-0.1), times)
        assert "low_frame_rate" not in codes(judged(volume, times_s=times))
    times = np.arange(80) / 23
    assert "low_frame_rate" in codes(judged(volume_at(sinus(75.0, beats=8, start_s=-0.1), times), times_s=times))
    slow = [np.round(np.arange(40) / fps, 3) for fps in (10, 9)]
    refused_ones = ["frame_rate_too_low" in codes(judged(np.ones(40), times_s=times)) for times in slow]
    assert refused_ones == [False, True]


def test_a_long_pause_does_not_make_a_clip_slow():
    """2 s at 30 frames a second, 9 s without frames and 2 s again are judged; 5 a second throughout are not, whatever
    pause lies between."""
    times = np.arange(120) / 30 + 9.0 * (np.arange(120) >= 60)
    volume = volume_at(sinus(75.0, 55.0, beats=18, start_s=-0.1), times)
    quality = judged(volume, made=beating_sector(frames=120, fps=30.0), times_s=times)
    assert quality.accepted
    assert "lost_frames" in codes(quality)
    slow = np.arange(40) / 5 + 9.0 * (np.arange(40) >= 20)
    assert "frame_rate_too_low" in codes(judged(np.ones(40), times_s=slow))


def test_an_impossible_ef_is_told():
    """Above 85."""
    quality = judged(heart(ef=93.0))
    assert "implausible_ef" in codes(quality)
    assert quality.score < 0.5


def test_the_reader_s_warnings_are_carried_over():
    """What the file's reader said comes along, also with a refusal."""
    note = ClipWarning("truncated", "Only 3 frames could be decoded.")
    made = replace(beating_sector(frames=170), warnings=(note,))
    assert note in judged(heart(), made=made).warnings
    assert note in judged(heart(), made=made, confidence=0.1).warnings


def test_every_score_lies_between_nought_and_one():
    """For clips good and bad."""
    for confidence in (0.0, 0.5, 0.9, 1.0):
        assert 0.0 <= judged(heart(), confidence=confidence).score <= 1.0


def test_every_code_in_the_code_is_in_the_table():
    """Readers of files and the verdict use no code that the docs would not list, and every message can be made."""
    used = set()
    for path in Path(echobeat.__file__).parent.rglob("*.py"):
        used |= set(re.findall(r"(?:\bwarn|ClipWarning)\(\s*\"(\w+)\"", path.read_text(encoding="utf-8")))
    assert used <= set(CODES)
    names = ("share", "confidence", "score", "beats", "spread", "ef", "rate", "fps", "volume")
    filled = dict.fromkeys((*names, "belief", "contrast", "duration", "index", "contours", "video", "gap"), 0.5)
    for code, info in CODES.items():
        message = warn(code, reason="x", **filled).message
        assert "{" not in message
        assert message.endswith(".")
        assert info.remedy.endswith(".")


def test_only_codes_of_the_table_refuse():
    """A code that is not in the table is passed on and refuses nothing."""
    assert not refused((ClipWarning("from_elsewhere", "Something."),))
    assert refused((warn("blank"),))


def test_a_picture_with_other_things_around_it_is_judged_by_its_picture():
    """Wide black borders change neither verdict nor score."""
    made = beating_sector(frames=170)
    frames = np.stack([cv2.copyMakeBorder(f, 50, 50, 100, 100, cv2.BORDER_CONSTANT) for f in np.asarray(made.frames)])
    masks = np.pad(masks_of(heart()), ((0, 0), (50, 50), (100, 100)))
    plain, bordered = judged(heart(), made=made), judged(heart(), made=clip(frames), masks=masks)
    assert codes(bordered) == codes(plain)
    assert bordered.score == pytest.approx(plain.score, abs=0.05)
