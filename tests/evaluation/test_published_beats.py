"""The published beat finder is reproduced with its oddities, and only there."""

from __future__ import annotations

import numpy as np

from echobeat.evaluation.published_beats import published_starts, published_systoles


def heart(beats: int, period: int, depth: float = 600.0) -> np.ndarray:
    """(frames,) area: a cosine with its minima in the middle of each period."""
    return 1500 + depth / 2 * np.cos(2 * np.pi * np.arange(beats * period) / period)


def test_every_systole_of_a_regular_heart_is_found() -> None:
    """At 50 frames a second and 75 beats a minute: one minimum every 40 frames."""
    assert published_systoles(heart(4, 40)) == (20, 60, 100, 140)


def test_a_fast_heart_loses_beats() -> None:
    """Systoles less than 20 frames apart are not both found: why seconds, not frames, are ours."""
    assert len(published_systoles(heart(8, 16))) < 8


def test_a_shallow_minimum_is_no_systole() -> None:
    """A dip of less than half of the range is left out."""
    area = heart(4, 40)
    area[80:120] = 1500 + 100 * np.cos(2 * np.pi * np.arange(40) / 40) + 200
    assert published_systoles(area) == (20, 60, 140)


def test_the_range_is_taken_at_the_published_indices() -> None:
    """With 176 frames these are 1 and 136, not 9 and 167: what lies above counts for nothing."""
    area = np.full(176, 1000.0)
    area[140:] = 2000.0  # above index 136 when sorted: not part of the range, though 20 % of the frames
    area[50] = area[51] = 600.0  # the range is 1000 - 600 at the published indices, 2000 - 1000 at the percentiles
    area[100] = 790.0
    assert published_systoles(area) == (50, 100)


def test_what_is_too_short_has_no_systole() -> None:
    """A still image, or nothing."""
    assert published_systoles([]) == ()
    assert published_systoles([1000.0]) == ()


def test_a_clip_starts_32_frames_before_its_systole_but_never_before_the_video() -> None:
    """Clamped at 0."""
    assert published_starts((20, 60, 100)) == (0, 28, 68)
