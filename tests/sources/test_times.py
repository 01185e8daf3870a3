"""Frame times, put in order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echobeat.measurement.smoothing import gaps
from echobeat.sources.times import ordered_times, rate_warnings

NAN = float("nan")


def test_times_that_increase_are_kept_from_zero() -> None:
    """Whatever their rate."""
    times, warnings = ordered_times([3.0, 3.02, 3.1, 3.11], 50)
    assert times == pytest.approx([0, 0.02, 0.1, 0.11])
    assert warnings == ()


@pytest.mark.parametrize(
    "stated",
    [
        [0, 0.02, 0.02, 0.06, 0.08],
        [0, 0.02, NAN, 0.06, 0.08],
        [NAN, 0.02, 0.04, 0.06, 0.08],
        [0, 0.02, 0.04, 0.06, NAN],
        [0, 0.02, 99.0, 0.06, 0.08],
        [0, 0.02, -5.0, 0.06, 0.08],
    ],
)
def test_single_bad_times_are_interpolated(stated: list[float]) -> None:
    """Repeated, missing, leaping ahead or back: the neighbours tell, and a warning says so."""
    times, warnings = ordered_times(stated, None)
    assert times is not None
    assert times - times[0] == pytest.approx([0, 0.02, 0.04, 0.06, 0.08])
    assert [warning.code for warning in warnings] == ["frame_times_repaired"]


@pytest.mark.parametrize("stated", [[NAN] * 4, [0.0] * 4, [5.0, 4.0, 3.0, 2.0]])
def test_times_that_say_nothing_give_way_to_the_rate(stated: list[float]) -> None:
    """Without a rate there are no times."""
    times, warnings = ordered_times(stated, 50)
    assert times == pytest.approx([0, 0.02, 0.04, 0.06])
    assert [warning.code for warning in warnings] == ["frame_times_repaired"]
    assert ordered_times(stated, None) == (None, ())


def test_a_leap_of_the_clock_is_shortened_but_a_pause_is_kept() -> None:
    """An hour between two frames is no pause, but a gap, across which no beat is measured; a second may be one."""
    leap, leap_warnings = ordered_times([0, 0.02, 0.04, 3600.04, 3600.06], None)
    assert leap == pytest.approx([0, 0.02, 0.04, 0.56, 0.58])
    assert gaps(leap).tolist() == [False, False, True, False]
    assert len(leap_warnings) == 1
    pause, pause_warnings = ordered_times([0, 0.02, 0.04, 1.04, 1.06], None)
    assert pause == pytest.approx([0, 0.02, 0.04, 1.04, 1.06])
    assert pause_warnings == ()


@given(
    st.lists(
        st.floats(allow_infinity=True, allow_nan=True) | st.sampled_from([0.0, 0.02, 0.04]), min_size=1, max_size=40
    ),
    st.none() | st.floats(1e-3, 1e5),
)
def test_times_are_always_fit_for_a_clip(stated: list[float], fps: float | None) -> None:
    """One a frame, starting at 0; increasing unless the numbers are too large for it, which the clip refuses."""
    times, _ = ordered_times(stated, fps)
    assert times is None or times.shape == (len(stated),)
    small = [time for time in stated if abs(time) < 1e6 and (time == 0 or abs(time) > 1e-6)]
    if times is not None and len(small) == len(stated) and np.all(np.isfinite(times)):
        assert times[0] == 0
        assert np.all(np.diff(times) > -1e-9)


def test_a_single_frame_has_no_rate() -> None:
    """A still is at 0 s, and no rate is judged."""
    times, warnings = ordered_times([NAN], None)
    assert times is not None
    assert times.tolist() == [0.0]
    assert warnings == rate_warnings(times) == ()
