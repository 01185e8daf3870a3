"""Clips from arrays."""

from __future__ import annotations

import numpy as np
import pytest
from made_clips import beating, in_colour

from echobeat.errors import InvalidClip, UsageError
from echobeat.sources import clip_from_array


def test_grey_frames_are_taken_without_a_copy() -> None:
    """uint8 (frames, height, width) is the clip's own form."""
    frames = beating()
    clip = clip_from_array(frames, 50, 0.3)
    assert np.shares_memory(clip.frames[:], frames)
    assert (clip.fps, clip.spacing_mm, clip.source) == (pytest.approx(50), (0.3, 0.3), "array")


def test_rgb_becomes_grey_and_colour_is_measured() -> None:
    """Equal channels give back their value."""
    clip = clip_from_array(in_colour(beating()), 50)
    assert np.array_equal(np.asarray(clip.frames), beating())
    assert clip.colour_fraction == 0


@pytest.mark.parametrize(
    "frames", [beating() / 255, (beating() / 255).astype(np.float32), beating().astype(int), beating().tolist()]
)
def test_unambiguous_scales_are_converted(frames: np.ndarray) -> None:
    """Floats between 0 and 1, and integers between 0 and 255."""
    assert np.array_equal(np.asarray(clip_from_array(frames, 50).frames), beating())


@pytest.mark.parametrize(
    "frames",
    [
        beating().astype(np.uint16) * 2,
        beating().astype(np.int16) - 300,
        beating().astype(np.float32),
        beating() > 100,
        beating().astype(complex),
        np.full((3, 32, 32), "x"),
    ],
)
def test_other_values_are_refused_with_a_remedy(frames: np.ndarray) -> None:
    """Their scale cannot be known."""
    with pytest.raises(InvalidClip, match="uint8, 0-255"):
        clip_from_array(frames, 50)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_is_refused(bad: float) -> None:
    """One bad value is enough."""
    frames = beating() / 255
    frames[20, 10, 10] = bad
    with pytest.raises(InvalidClip, match="NaN"):
        clip_from_array(frames, 50)


@pytest.mark.parametrize(
    "shape", [(5,), (2, 3, 32, 32), (5, 32, 32, 4), (2, 5, 32, 32, 3), (0, 32, 32), (5, 1, 1), (5, 0, 0), ()]
)
def test_shapes_that_are_no_clip_are_refused(shape: tuple[int, ...]) -> None:
    """Channels last, time first, at least 16 x 16."""
    with pytest.raises(InvalidClip):
        clip_from_array(np.zeros(shape, np.uint8), 50)


def test_a_single_frame_needs_no_rate_but_a_clip_does() -> None:
    """(height, width) is a still."""
    assert clip_from_array(beating()[0], None).frames.shape == (1, 72, 96)
    with pytest.raises(InvalidClip, match="frame rate"):
        clip_from_array(beating(), None)


def test_impossible_rate_and_spacing_are_wrong_use() -> None:
    """As for files."""
    with pytest.raises(UsageError):
        clip_from_array(beating(), 0)
    with pytest.raises(UsageError):
        clip_from_array(beating(), 50, -1)
