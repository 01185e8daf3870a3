"""Where a volume curve turns: the best alternation of end-diastoles and end-systoles.

The curve is cut into falls (ejection) and rises (filling) so that the sum of their heights is largest, each
fall and rise costing a fixed price: a wiggle smaller than the price is not worth two turns. That is what
prominence does, but solved for the whole curve at once by dynamic programming, with the durations that a
heart can have, and with a surcharge on falls longer than an ejection, which keeps the end-diastole at the
end of a long diastasis. Nothing is asked of the rhythm: each beat stands for itself, in atrial fibrillation too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echobeat.measurement.smoothing import GRID_HZ, heart_period_s, heart_width_s, reject_outliers, resample
from echobeat.records import FloatArray

DETECTION_FRACTION, DETECTION_BOUNDS_S = 0.1, (0.03, 0.11)
"""Turns are sought on a curve smoothed by a tenth of the heart's period; their frames are read on a finer one."""

TURN_PRICE = 0.2
"""Least height of a fall or rise, as a fraction of the curve's range (5th to 95th percentile)."""

MIN_RANGE = 0.03
"""A curve whose range is a smaller fraction of its median shows no beat."""

FALL_S, RISE_S = (0.10, 1.0), (0.14, 1.8)
"""Shortest and longest fall and rise: ample for heart rates of 30-200 a minute."""

LONG_FALL_S, LONG_FALL_PRICE = 0.42, 0.9
"""A fall longer than an ejection with both isovolumic phases costs this much a second more."""


@dataclass(frozen=True)
class Turns:
    """Turning points in order of time, alternating.

    Attributes
    ----------
    times_s : (n,) seconds.
    is_ed : (n,) True for an end-diastole (a maximum), False for an end-systole (a minimum).
    """

    times_s: FloatArray
    is_ed: NDArray[np.bool_]


NO_TURNS = Turns(np.empty(0), np.empty(0, bool))


def find_turns(times_s: FloatArray, volume: FloatArray) -> Turns:
    """Find the turns of a volume curve without long gaps; times are good to about 0.05 s.

    Parameters
    ----------
    times_s, volume : ndarray
        (frames,), float64; NaN where no ventricle was seen.
    """
    if np.isfinite(volume).sum() < 4:
        return NO_TURNS
    kept = reject_outliers(times_s, volume)
    width = heart_width_s(heart_period_s(times_s, kept), DETECTION_FRACTION, DETECTION_BOUNDS_S)
    grid, smooth = resample(times_s, kept, width)
    seen = np.isfinite(smooth)
    if not seen.any():
        return NO_TURNS
    smooth = np.interp(grid, grid[seen], smooth[seen])
    low, middle, high = np.percentile(smooth, [5, 50, 95])
    if high - low < MIN_RANGE * middle:
        return NO_TURNS
    path = _best_path(smooth / (high - low), GRID_HZ)
    return Turns(np.array([grid[i] for i, _ in path]), np.array([is_ed for _, is_ed in path], bool))


def _best_path(curve: FloatArray, rate: float) -> list[tuple[int, bool]]:
    """Best alternation of (index, is it an end-diastole); heights of `curve` are in units of its range."""
    falls = np.arange(round(FALL_S[0] * rate), round(FALL_S[1] * rate) + 1)
    rises = np.arange(round(RISE_S[0] * rate), round(RISE_S[1] * rate) + 1)
    fall_price = TURN_PRICE + LONG_FALL_PRICE * np.maximum(falls / rate - LONG_FALL_S, 0.0)
    index = np.arange(len(curve))
    # best sum of heights of a path that ends here, in an end-diastole and in an end-systole; the first turn is free
    ed_sum = np.where(index <= RISE_S[1] * rate, 0.0, -np.inf)
    es_sum = np.where(index <= FALL_S[1] * rate, 0.0, -np.inf)
    before = np.full((2, len(curve)), -1)
    for i in range(len(curve)):
        starts = i - falls[: max(0, np.searchsorted(falls, i, side="right"))]
        if len(starts):
            sums = ed_sum[starts] + curve[starts] - curve[i] - fall_price[: len(starts)]
            best = int(np.argmax(sums))
            if sums[best] > es_sum[i]:
                es_sum[i], before[0, i] = sums[best], starts[best]
        starts = i - rises[: max(0, np.searchsorted(rises, i, side="right"))]
        if len(starts):
            sums = es_sum[starts] + curve[i] - curve[starts] - TURN_PRICE
            best = int(np.argmax(sums))
            if sums[best] > ed_sum[i]:
                ed_sum[i], before[1, i] = sums[best], starts[best]
    is_ed = bool(ed_sum.max() > es_sum.max())
    at = int(np.argmax(ed_sum if is_ed else es_sum))
    path = []
    while at >= 0:
        path.append((at, is_ed))
        at, is_ed = int(before[int(is_ed), at]), not is_ed
    return path[::-1] if len(path) > 1 else []
