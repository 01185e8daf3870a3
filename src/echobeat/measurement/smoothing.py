"""Smoothing a curve in seconds: the same heart looks the same at 15 and at 150 frames a second."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from echobeat.records import FloatArray

LONGEST_GAP_S = 0.15
"""Missing frames are bridged up to this length; an ejection lasts about twice as long."""

GRID_HZ = 50.0
"""Rate at which curves are looked at where frames need not be told apart."""

DEFAULT_WIDTH_S = 0.035
"""Width of the smoothing where the heart's period is not known."""

CURVATURE_RIDGE = 0.7
"""Ridge penalty on the curvature, in units of the window's weight: between a local line, which flattens the
end-systolic dip, and a local parabola, which overshoots where a plateau ends in a fall. Here the two cancel
on volume curves: see tests/measurement/test_smoothing.py for what is left."""

LEAST_WEIGHT = 1e-9
"""Of the frames seen around a time, together: one more than six widths away tells nothing."""

AT_ONCE = 4096
"""Times that are fitted together: the windows around all frames of a long and fast clip would fill gigabytes."""

_PERIODS_S = (0.33, 1.8)
"""Heart cycles between 33 and 180 a minute."""


def heart_width_s(period_s: float | None, fraction: float, bounds_s: tuple[float, float]) -> float:
    """Width of a smoothing as a fraction of the heart's period, within bounds."""
    return DEFAULT_WIDTH_S if period_s is None else float(np.clip(fraction * period_s, *bounds_s))


def local_quadratic(times_s: FloatArray, values: FloatArray, width_s: float, at_s: FloatArray) -> FloatArray:
    """Local quadratic regression with a Gaussian kernel: zero-phase, for uneven times, gaps and clip ends alike.

    The curvature is shrunk by a ridge (`CURVATURE_RIDGE`).

    Cleveland, "Robust locally weighted regression and smoothing scatterplots", J Am Stat Assoc 74:829-836
    (1979), doi:10.1080/01621459.1979.10481038; a fixed width in seconds takes the place of a share of the points.

    Parameters
    ----------
    times_s, values : ndarray
        (n,), float64; NaN values are left out.
    width_s : float
        Standard deviation of the kernel in seconds; where frames are further apart than that, the kernel
        widens to their distance.
    at_s : ndarray
        (m,), times at which the curve is wanted.

    Returns
    -------
    ndarray
        (m,), float64; NaN in the middle of gaps longer than `LONGEST_GAP_S`, and where no frame nearby was seen.
    """
    seen = np.isfinite(values)
    if not seen.any():
        return np.full(len(at_s), np.nan)
    step = float(np.median(np.diff(times_s))) if len(times_s) > 1 else width_s
    width_s = max(width_s, 0.6 * step)
    reach = int(np.ceil(3 * width_s / step)) + 1
    result = np.empty(len(at_s))
    for first in range(0, len(at_s), AT_ONCE):
        some = slice(first, first + AT_ONCE)
        result[some] = _fitted(times_s, values, width_s, reach, at_s[some])
    result[_in_gap(times_s[seen], at_s, step)] = np.nan
    return result


def _fitted(times_s: FloatArray, values: FloatArray, width_s: float, reach: int, at_s: FloatArray) -> FloatArray:
    """`local_quadratic` from the `reach` frames to either side of each time."""
    seen = np.isfinite(values)
    centre = np.clip(np.searchsorted(times_s, at_s), 0, len(times_s) - 1)
    window = centre[:, None] + np.arange(-reach, reach + 1)
    inside = (window >= 0) & (window < len(times_s))
    window = np.clip(window, 0, len(times_s) - 1)
    x = (times_s[window] - at_s[:, None]) / width_s
    weights = np.exp(-0.5 * x**2) * (inside & seen[window])
    y = np.where(seen[window], values[window], 0.0)
    powers = np.stack([(weights * x**k).sum(axis=1) for k in range(5)], axis=1)
    right = np.stack([(weights * y * x**k).sum(axis=1) for k in range(3)], axis=1)
    matrix = powers[:, np.arange(3)[:, None] + np.arange(3)[None, :]]
    matrix[:, 2, 2] += CURVATURE_RIDGE * powers[:, 0]
    matrix = matrix + np.diag([1e-12, 1e-6, 1e-6])  # keeps windows with one or two frames solvable
    fitted: FloatArray = np.linalg.solve(matrix, right[:, :, None])[:, 0, 0]
    return np.where(powers[:, 0] > LEAST_WEIGHT, fitted, np.nan)


def _in_gap(seen_s: FloatArray, at_s: FloatArray, step_s: float) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """True at times that lie in a long gap between seen frames, or beyond the first or last of them."""
    after = np.searchsorted(seen_s, at_s, side="left")
    before = np.clip(np.searchsorted(seen_s, at_s, side="right") - 1, 0, len(seen_s) - 1)
    outside = (at_s < seen_s[0] - 0.51 * step_s) | (at_s > seen_s[-1] + 0.51 * step_s)
    gap = seen_s[np.clip(after, 0, len(seen_s) - 1)] - seen_s[before]
    return np.asarray(outside | _is_long(gap, step_s))


def gaps(times_s: FloatArray) -> NDArray[np.bool_]:
    """(n - 1,) True where so much time lies between one frame and the next that it is not bridged."""
    steps = np.diff(times_s)
    return _is_long(steps, float(np.median(steps)) if len(steps) else 0.0)


def _is_long(gap_s: FloatArray, step_s: float) -> NDArray[np.bool_]:
    """True where a gap in a curve of such a step is not bridged."""
    return np.asarray(gap_s > LONGEST_GAP_S + step_s)


def runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(first, one past the last) place of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(first), int(after)) for first, after in zip(edges[::2], edges[1::2], strict=True)]


def reject_outliers(times_s: FloatArray, values: FloatArray) -> FloatArray:
    """Replace single frames that fall out of the curve by NaN (a Hampel filter around a smoothed curve).

    A frame falls out where it differs from its surroundings by more than four robust standard deviations
    and by more than a fifth of the curve's range: Pearson et al., "Generalized Hampel filters", EURASIP J
    Adv Signal Process 2016:87, doi:10.1186/s13634-016-0383-6.
    """
    seen = np.isfinite(values)
    if seen.sum() < 7:
        return values
    step = float(np.median(np.diff(times_s)))
    filled = np.interp(times_s, times_s[seen], values[seen])
    frames = max(3, 2 * round(0.05 / step) + 1)
    expected = local_quadratic(times_s, _running_median(filled, frames), 0.05, times_s)
    residual = values - expected
    spread = 1.4826 * float(np.nanmedian(np.abs(residual)))
    low, high = np.nanpercentile(expected, [5, 95])
    return np.where(np.abs(residual) > max(4 * spread, 0.2 * (high - low)), np.nan, values)


def _running_median(values: FloatArray, count: int) -> FloatArray:
    """Median of each value and its neighbours, `count` (odd) in all; the ends are taken to go on as they are."""
    middle: FloatArray = np.median(sliding_window_view(np.pad(values, count // 2, mode="edge"), count), axis=-1)
    return middle


def resample(times_s: FloatArray, values: FloatArray, width_s: float) -> tuple[FloatArray, FloatArray]:
    """Smooth a curve onto an even grid of `GRID_HZ`; returns (times, values)."""
    count = int((times_s[-1] - times_s[0]) * GRID_HZ + 1e-6) + 1
    grid = times_s[0] + np.arange(count) / GRID_HZ
    return grid, local_quadratic(times_s, values, width_s, grid)


def heart_period_s(times_s: FloatArray, values: FloatArray) -> float | None:
    """Period of the heart from the curve's autocorrelation; None where the curve shows none.

    In an irregular rhythm it is a typical cycle: good enough to choose a smoothing, not to find beats.
    """
    if np.isfinite(values).sum() < 5:
        return None
    _, curve = resample(times_s, values, 0.045)
    seen = np.flatnonzero(np.isfinite(curve))
    if len(seen) < 2:
        return None
    curve = np.interp(np.arange(len(curve)), seen, curve[seen])
    count = len(curve)
    at = np.linspace(-1, 1, count)
    curve = curve - np.polynomial.polynomial.polyval(
        at, np.polynomial.polynomial.polyfit(at, curve, 1 if count < 4 * GRID_HZ else 3)
    )
    product = np.fft.irfft(np.abs(np.fft.rfft(curve, 2 * count)) ** 2)[:count]
    energy = np.concatenate([[0.0], np.cumsum(curve**2)])
    lags = np.arange(count)
    correlation = product / np.maximum(np.sqrt((energy[count] - energy[lags]) * energy[count - lags]), 1e-12)
    first, last = int(_PERIODS_S[0] * GRID_HZ), int(min(_PERIODS_S[1] * GRID_HZ, 0.75 * count))
    peaks = [
        lag
        for lag in range(first + 1, last)
        if correlation[lag] >= correlation[lag - 1] and correlation[lag] > correlation[lag + 1]
    ]
    best = max((float(correlation[lag]) for lag in peaks), default=0.0)
    if best <= 0:
        return None
    return next(lag for lag in peaks if correlation[lag] >= 0.85 * best) / GRID_HZ
