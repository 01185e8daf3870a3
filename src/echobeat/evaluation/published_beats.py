"""The beat finder of the published system, kept so that its results can be reproduced. echobeat's own is better.

D. Ouyang et al., "Video-based AI for beat-to-beat assessment of cardiac function", Nature 580:252-256 (2020),
doi:10.1038/s41586-020-2145-8, and the code released with it. It counts in frames, as all of its videos have nearly the
same rate, and finds systoles only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.signal import find_peaks

LEAST_APART = 20
"""Frames between two systoles."""

LEAST_DEPTH = 0.5
"""Prominence of a systole as a share of the areas' range."""

CLIP_BEFORE = 32
"""The clip of a beat starts this many frames before its systole, at frame 0 at the earliest."""


def published_systoles(area_px: ArrayLike) -> tuple[int, ...]:
    """Frames of the systoles: prominent minima of the area.

    Parameters
    ----------
    area_px : array_like
        (frames,), the ventricle's area; 0 where none was found.

    Returns
    -------
    tuple of int

    Notes
    -----
    The range runs between the sorted areas at the indices round(n ** 0.05) and round(n ** 0.95). A 5th and 95th
    percentile were surely meant; with 176 frames the indices are 1 and 136. Kept as published.
    """
    area = np.asarray(area_px, np.float64)
    count = len(area)
    if count < 3:
        return ()
    ordered = np.sort(area)
    low, high = (ordered[min(round(count**power), count - 1)] for power in (0.05, 0.95))
    peaks, _ = find_peaks(-area, distance=LEAST_APART, prominence=LEAST_DEPTH * (high - low))
    return tuple(int(frame) for frame in peaks)


def published_starts(systoles: Sequence[int]) -> tuple[int, ...]:
    """First frame of the clip of each beat."""
    return tuple(max(0, frame - CLIP_BEFORE) for frame in systoles)
