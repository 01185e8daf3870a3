"""Clips cut where the heart happened to be."""

import numpy as np
import pytest
from made_hearts import clip_of, sinus

from echobeat.measurement import find_beats
from echobeat.measurement.curve import smooth_volume
from echobeat.records import VolumeCurve


def curve_of(volume, fps=30.0):
    times = np.arange(len(volume)) / fps
    none = np.full(len(volume), np.nan)
    points = np.full((len(volume), 2), np.nan)
    return VolumeCurve(times, none, None, points, points, none, volume, smooth_volume(times, volume), None)


def heart(count, fps=30.0, start=0.0, edv=120.0, esv=45.0):
    """One beat a second: 0.35 s of ejection, then filling to the next end-diastole."""
    t = (np.arange(count) / fps + start) % 1.0
    ejection = 0.5 * (1 + np.cos(np.pi * np.minimum(t / 0.35, 1)))
    filling = 0.5 * (1 - np.cos(np.pi * np.clip((t - 0.35) / 0.65, 0, 1)))
    return esv + (edv - esv) * np.where(t < 0.35, ejection, filling)


def test_a_clip_that_ends_in_mid_ejection_gives_the_ef_of_its_filling():
    """Cut on the way down, the last volume is no end-systole: the one before the filling counts, as half a cycle."""
    beats = find_beats(curve_of(heart(29, start=0.22)))
    assert [beat.half_cycle for beat in beats] == [True, False]
    assert beats[0].ed_frame is None
    assert beats[0].heart_rate_bpm is None
    assert beats[0].ef == pytest.approx(100 * 75 / 120, abs=3)
    assert beats[1].es_frame is None
    assert beats[1].ef is None


def test_a_clip_from_end_diastole_to_end_systole_is_half_a_cycle():
    """The usual export of one systole keeps its EF."""
    (beat,) = find_beats(curve_of(heart(12)))
    assert beat.half_cycle
    assert beat.ef == pytest.approx(100 * 75 / 120, abs=3)
    assert beat.end_frame is None


def test_the_rest_before_the_atrial_kick_is_no_end_systole():
    """Cut in diastasis, with nothing to compare it with, the plateau is not taken for the heart's smallest volume."""
    slow = sinus(rate=50, ef=50.0, beats=4)
    for start in np.arange(0.62, 1.0, 0.04):
        beats = find_beats(clip_of(slow, 50.0, 1.2 + start, 1.2 + start + 0.45))
        assert not any(beat.counts and beat.ed_frame is None for beat in beats), start


def test_a_filling_does_not_begin_above_what_was_seen_to_be_smaller():
    """From late ejection over a dip in mid-filling: the dip is no end-systole, for the true one lies lower."""
    times = np.arange(0, 0.9, 0.02)
    points = np.array([[0, 60], [0.1, 45], [0.3, 95], [0.5, 88], [0.7, 120], [0.9, 120]], float)
    volume = np.interp(times, *points.T)
    given = [beat.ef for beat in find_beats(curve_of(volume, 50.0)) if beat.counts]
    assert all(ef > 50 for ef in given)
