"""Clips cut where the heart happened to be."""

import numpy as np
import pytest

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
