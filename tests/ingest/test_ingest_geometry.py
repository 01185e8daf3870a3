"""The sector lands in its square undistorted, and time runs as it did."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echobeat.errors import UsageError
from echobeat.frames import FrameStack
from echobeat.ingest.geometry import Placement, at_rate, check_size, is_regular, mean_fps, placed


@st.composite
def masks(draw: st.DrawFn) -> np.ndarray:
    height, width = draw(st.integers(40, 200)), draw(st.integers(40, 200))
    top, left = draw(st.integers(0, height - 20)), draw(st.integers(0, width - 20))
    mask = np.zeros((height, width), bool)
    mask[top : draw(st.integers(top + 16, height)), left : draw(st.integers(left + 16, width))] = True
    return mask


@given(masks(), st.sampled_from([32, 64, 112, 224, None]))
def test_the_whole_sector_is_inside_centred_and_undistorted(mask: np.ndarray, size: int | None) -> None:
    place = Placement.of(mask, size)
    corners = np.array([[place.left, place.top, 1], [place.right - 1, place.bottom - 1, 1]])
    new = corners @ place.matrix.T
    assert place.matrix[0, 0] == place.matrix[1, 1]
    assert (place.matrix[0, 1], place.matrix[1, 0]) == (0, 0)
    edge = (place.scale - 1) / 2  # half a pixel of the source reaches beyond its centre
    assert new.min() - edge >= -0.51
    assert new[1, 0] + edge <= place.width - 0.49
    assert new[1, 1] + edge <= place.height - 0.49
    assert new.mean(axis=0) == pytest.approx([(place.width - 1) / 2, (place.height - 1) / 2], abs=0.51)
    if size is None:
        assert place.scale == 1
        assert place.height % 2 == place.width % 2 == 0


@settings(max_examples=15)
@given(st.integers(90, 300), st.integers(90, 300), st.floats(0.15, 0.3))
def test_a_disk_stays_a_disk_of_the_same_size_in_mm(height: int, width: int, share: float) -> None:
    """Area and second moments, by the new spacing."""
    rows, columns = np.mgrid[0:height, 0:width]
    radius = share * min(height, width)
    disk = (255 * (np.hypot(rows - height / 2, columns - width / 2) < radius)).astype(np.uint8)
    mask = np.ones((height, width), bool)
    place = Placement.of(mask, 112)
    new = np.asarray(placed(FrameStack.from_array(disk[None]), mask, place))[0] / 255.0
    row_mm, column_mm = place.spacing((0.5, 0.5)) or (0.0, 0.0)
    assert new.sum() * row_mm * column_mm == pytest.approx(np.pi * (0.5 * radius) ** 2, rel=0.04)
    down, right = np.nonzero(new > 0.5)
    assert np.ptp(down) == pytest.approx(np.ptp(right), abs=2.01)  # a pixel at either end


def test_frames_of_the_wanted_size_are_not_touched_inside_the_sector() -> None:
    frames = np.random.default_rng(0).integers(0, 255, (3, 112, 112), np.uint8)
    mask = np.zeros((112, 112), bool)
    mask[10:50, 20:60] = True
    new = np.asarray(placed(FrameStack.from_array(frames), mask, Placement.of(mask, 112)))
    assert np.array_equal(new, np.where(mask, frames, 0))


@given(masks())
def test_nothing_outside_the_sector_reaches_the_new_frames(mask: np.ndarray) -> None:
    """Whatever was there: two screens that differ outside alone give the same frames."""
    drawn = np.random.default_rng(1)
    inside = drawn.integers(0, 255, mask.shape, np.uint8)
    screens = [np.where(mask, inside, drawn.integers(0, 255, mask.shape)).astype(np.uint8) for _ in range(2)]
    place = Placement.of(mask, 64)
    assert np.array_equal(*(place.enter(screen, mask) for screen in screens))


@given(st.lists(st.floats(0.005, 0.08), min_size=2, max_size=40), st.floats(10, 120))
def test_resampling_keeps_a_ramp_at_whatever_times_it_was_recorded(steps: list[float], fps: float) -> None:
    """A grey value that grows with time grows with time afterwards, at k / fps, from the first frame to the last."""
    times = np.concatenate([[0.0], np.cumsum(steps)])
    values = np.rint(250 * times / times[-1]).astype(np.uint8)
    frames = np.repeat(values, 16 * 16).reshape(-1, 16, 16)
    new, wanted = at_rate(FrameStack.from_array(frames), times, fps)
    assert len(new) == len(wanted)
    assert wanted == pytest.approx(np.arange(len(new)) / fps)
    assert times[-1] - 1 / fps - 1e-5 <= wanted[-1] <= times[-1] + 1e-5
    assert np.asarray(new)[:, 8, 8] == pytest.approx(250 * wanted / times[-1], abs=1.6)


def test_a_rate_that_is_that_of_the_clip_changes_nothing() -> None:
    frames = np.random.default_rng(0).integers(0, 255, (25, 16, 16), np.uint8)
    new, _ = at_rate(FrameStack.from_array(frames), np.arange(25) / 50, 50)
    assert np.array_equal(np.asarray(new), frames)
    half, _ = at_rate(FrameStack.from_array(frames), np.arange(25) / 50, 25)
    assert np.array_equal(np.asarray(half), frames[::2])


def test_times_rounded_to_milliseconds_are_regular() -> None:
    times = np.round(np.arange(90) / 60, 3)
    assert is_regular(times)
    assert mean_fps(times) == pytest.approx(60, rel=1e-3)
    assert not is_regular(np.array([0, 0.02, 0.06, 0.08]))


@pytest.mark.parametrize("size", [0, 16, 113, 4096])
def test_sizes_that_no_network_reads_are_refused(size: int) -> None:
    with pytest.raises(UsageError, match="--size"):
        check_size(size)
