"""Frame times, put in order."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np

from echobeat.errors import InvalidClip
from echobeat.given import FPS_RANGE
from echobeat.records import ClipWarning, FloatArray

PLAUSIBLE_FPS = (4.0, 1000.0)
"""Below, a systole (about 0.3 s) is missed between two frames; above see `given.FPS_RANGE`."""

GIVE_FPS = "Give the frame rate (--fps, or fps=), for example 50"
"""The remedy where a file's times say nothing."""

_LONGEST_PAUSE_S = 10.0
_LONGEST_PAUSE_STEPS = 100.0
_LEFT_OF_A_PAUSE_S = 0.5
"""Beside a frame's step: enough for no beat to be measured across, see `measurement.smoothing.LONGEST_GAP_S`."""


def regular_times(count: int, fps: float) -> FloatArray:
    """Return times in s (count,) of frames at a constant rate in Hz."""
    return np.arange(count, dtype=np.float64) / fps


def ordered_times(stated: Sequence[float], fps: float | None) -> tuple[FloatArray | None, tuple[ClipWarning, ...]]:
    """Make strictly increasing times from those stated, one a frame.

    Times that increase are kept as they are, at whatever rate they vary. Otherwise the longest increasing
    series among them is kept and the rest interpolated between their neighbours. Where fewer than half can be
    kept, the constant rate takes over. A pause of over 10 s and 100 frame steps is a broken clock and is shortened to
    half a second: how much time passed is not known.

    Parameters
    ----------
    stated : sequence of float
        Seconds; NaN where missing.
    fps : float or None
        The constant rate that the file states beside them, in Hz.

    Returns
    -------
    times : ndarray or None
        (frames,), float64, seconds from the first frame; None where neither times nor a rate are known.
    warnings : tuple of ClipWarning
        ``frame_times_repaired`` where anything was changed.
    """
    times = np.asarray(stated, dtype=np.float64)
    count = len(times)
    if count == 1:
        return np.zeros(1), ()
    good = _longest_increasing(times)
    if len(good) == count:
        repaired = times
    elif len(good) * 2 >= count and len(good) >= 2:
        repaired = _interpolated(times, good)
    elif fps is None:
        return None, ()
    else:
        repaired = regular_times(count, fps)
    repaired = _shorter_pauses(repaired - repaired[0])
    changed = len(good) < count or not np.allclose(repaired, times - times[0])
    return repaired, (_repaired_warning(count - len(good)),) if changed else ()


def check_times(times_s: FloatArray, source: str) -> None:
    """Refuse a file's times that no recording of a heart can have (`given.FPS_RANGE`), usually or on average.

    What follows looks at the curve in steps of seconds: with such times, minutes and gigabytes would go into one clip.

    Parameters
    ----------
    times_s : ndarray
        (frames,), seconds.
    source : str
        What the error calls the file.

    Raises
    ------
    InvalidClip
    """
    if len(times_s) < 2:
        return
    shortest, longest = 1.0 / FPS_RANGE[1], 1.0 / FPS_RANGE[0]
    steps = np.diff(times_s)
    for step in (float(np.median(steps)), float(np.mean(steps))):
        if not shortest <= round(step, 9) <= longest:
            said = f"it says that its frames are {step:.3g} s apart, which those of a beating heart are not"
            raise InvalidClip(source, said, GIVE_FPS, "frame_rate")


def rate_warnings(times_s: FloatArray) -> tuple[ClipWarning, ...]:
    """Warn of a frame rate that no echocardiogram has (`PLAUSIBLE_FPS`)."""
    if len(times_s) < 2:
        return ()
    fps = round(1.0 / float(np.median(np.diff(times_s))), 2)
    if fps >= PLAUSIBLE_FPS[0]:
        return ()
    return (
        ClipWarning(
            "frame_rate_implausible",
            f"The file's frame rate is {fps:.3g} a second; no echocardiogram is recorded at under {PLAUSIBLE_FPS[0]:g}."
            " Give the frame rate of the recording (--fps, or fps=).",
        ),
    )


def _repaired_warning(bad: int) -> ClipWarning:
    filled = f"{bad} frame times were missing or out of order and filled in"
    what = filled if bad else "A pause between frames was implausible and shortened"
    return ClipWarning("frame_times_repaired", f"{what}; give the rate with --fps if it is known.")


def _longest_increasing(times: FloatArray) -> list[int]:
    """Return the indices of the longest strictly increasing series (patience sorting)."""
    tails: list[float] = []
    tail_index: list[int] = []
    previous = [-1] * len(times)
    for index, time in enumerate(times.tolist()):
        if not np.isfinite(time):
            continue
        place = bisect_left(tails, time)
        if tails[place : place + 1] == [time]:
            continue  # of repeated times the first counts
        previous[index] = tail_index[place - 1] if place else -1
        tails[place : place + 1] = [time]
        tail_index[place : place + 1] = [index]
    series: list[int] = []
    index = tail_index[-1] if tail_index else -1
    while index >= 0:
        series.append(index)
        index = previous[index]
    return series[::-1]


def _interpolated(times: FloatArray, good: list[int]) -> FloatArray:
    kept = times[good]
    step = float(np.median(np.diff(kept) / np.diff(good)))
    frames = np.arange(len(times))
    filled = np.interp(frames, good, kept)
    filled[: good[0]] = kept[0] - step * (good[0] - frames[: good[0]])
    filled[good[-1] + 1 :] = kept[-1] + step * (frames[good[-1] + 1 :] - good[-1])
    return filled


def _shorter_pauses(times: FloatArray) -> FloatArray:
    steps = np.diff(times)
    usual = float(np.median(steps))
    pauses = steps > max(_LONGEST_PAUSE_S, _LONGEST_PAUSE_STEPS * usual)
    if not pauses.any():
        return times
    return np.concatenate([[0.0], np.cumsum(np.where(pauses, usual + _LEFT_OF_A_PAUSE_S, steps))])
