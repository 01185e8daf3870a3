"""Smoothing works in seconds, keeps extremes, bridges short gaps and throws out single bad frames."""

import tracemalloc

import numpy as np
import pytest
from made_hearts import noisy, sinus, volume_at

from echobeat.measurement import smoothing
from echobeat.measurement.curve import smooth_volume
from echobeat.measurement.smoothing import heart_period_s, local_quadratic, reject_outliers


@pytest.mark.parametrize("rate", [40, 70, 100, 140])
@pytest.mark.parametrize("fps", [25, 50, 100])
def test_smoothing_costs_less_than_half_a_point_of_ef(rate, fps):
    """The extremes of the smoothed curve give the EF of the frames to 0.5 points at any rate and frame rate."""
    beats = sinus(rate, ef=60.0, beats=6)
    times = np.arange(0.0, 5 * 60 / rate, 1 / fps)
    volume = volume_at(beats, times)
    smooth = smooth_volume(times, volume)
    inside = (times > 0.3) & (times < times[-1] - 0.3)
    ef = 100 * (1 - volume[inside].min() / volume[inside].max())
    assert 100 * (1 - smooth[inside].min() / smooth[inside].max()) == pytest.approx(ef, abs=0.5)


def test_smoothing_takes_noise_out():
    """Independent noise of 2 % comes down to 1.1 % at 50 frames a second."""
    times = np.arange(0, 6, 0.02)
    volume = volume_at(sinus(60, beats=8), times)
    made = noisy(volume, 50, np.random.default_rng(1), white=0.02, drawn_out=0.0)
    error = smooth_volume(times, made) - smooth_volume(times, volume)
    assert np.std(error) < 0.55 * np.std(made - volume)


def test_uneven_times_are_smoothed_as_even_ones():
    """Frames at irregular times give the same curve as a regular clock does."""
    rng = np.random.default_rng(2)
    even = np.arange(0, 5, 0.02)
    uneven = np.sort(even + rng.uniform(-0.006, 0.006, len(even)))
    beats = sinus(70, beats=8, start_s=-0.2)
    both = [np.interp(even[20:-20], t, smooth_volume(t, volume_at(beats, t))) for t in (even, uneven)]
    assert np.abs(both[0] - both[1]).max() < 1.0


def test_a_single_bad_frame_does_not_show():
    """A frame with half its volume lost is thrown out; the smoothed curve stays within 2 % of what it was."""
    times = np.arange(0, 5, 0.02)
    volume = volume_at(sinus(70, beats=8), times)
    bad = volume.copy()
    bad[[60, 133]] *= 0.5
    assert np.isnan(reject_outliers(times, bad)[[60, 133]]).all()
    assert np.abs(smooth_volume(times, bad) - smooth_volume(times, volume)).max() < 2.0


def test_short_gaps_are_bridged_and_long_ones_are_not():
    """Four missing frames at 50 a second are filled in; half a second stays empty."""
    times = np.arange(0, 5, 0.02)
    volume = volume_at(sinus(60, beats=8), times)
    volume[40:44] = np.nan
    volume[150:175] = np.nan
    smooth = smooth_volume(times, volume)
    assert np.isfinite(smooth[40:44]).all()
    assert np.isnan(smooth[152:173]).all()


def test_where_no_frame_nearby_was_seen_there_is_no_value():
    """60 frames without a ventricle, 1 ms apart among others that are 20 ms apart, leave no volume of nought."""
    times = np.cumsum(np.repeat([0.02, 0.001, 0.02], [40, 60, 40]))
    values = np.where((np.arange(140) >= 40) & (np.arange(140) < 100), np.nan, 100.0)
    smooth = local_quadratic(times, values, 0.03, times)
    assert np.isnan(smooth[60:80]).all()
    assert smooth[np.isfinite(smooth)] == pytest.approx(100.0)


def test_scaling_time_scales_the_smoothing():
    """A curve whose kernel and times are both stretched gives the same values."""
    times = np.arange(0, 3, 0.02)
    values = np.sin(7 * times) + 0.1 * np.cos(40 * times)
    assert np.allclose(local_quadratic(times, values, 0.03, times), local_quadratic(3 * times, values, 0.09, 3 * times))


@pytest.mark.parametrize("rate", [38, 75, 150])
def test_the_heart_s_period_is_found_in_noise(rate):
    """Autocorrelation finds the period to 10 % with 2 % noise."""
    times = np.arange(0, 6, 0.02)
    volume = noisy(volume_at(sinus(rate, beats=24), times), 50, np.random.default_rng(3), 0.02, 0.02)
    assert heart_period_s(times, volume) == pytest.approx(60 / rate, rel=0.1)


def test_nothing_seen_gives_nothing():
    """A curve of NaN stays one, and very short curves do not raise."""
    assert np.isnan(smooth_volume(np.arange(5) / 50, np.full(5, np.nan))).all()
    assert np.isfinite(smooth_volume(np.array([0.0]), np.array([7.0]))).all()
    assert np.isfinite(smooth_volume(np.array([0.0, 0.02]), np.array([7.0, 8.0]))).all()


def test_memory_does_not_grow_with_the_window_times_the_frames(monkeypatch):
    """A minute at 500 frames a second: fitted in parts it is the same curve, and takes a few megabytes."""
    times = np.arange(0, 60, 0.002)
    volume = volume_at(sinus(70, beats=80), times)
    tracemalloc.start()
    found = local_quadratic(times, volume, 0.05, times)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6
    monkeypatch.setattr(smoothing, "AT_ONCE", len(times))
    np.testing.assert_array_equal(found, local_quadratic(times, volume, 0.05, times))
