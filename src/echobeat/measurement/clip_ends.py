"""What the first and last frames of a clip show: a turn of the heart, or only where the clip was cut.

Clips are often cut at the R wave (of the ECG), so that they begin and end on an end-diastole; others are cut
anywhere. At a cut the curve cannot be seen to turn: there the volume must be near that of the other
end-diastoles (end-systoles), or at rest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from echobeat.records import FloatArray

EDGE_S = 0.065
"""A turn this close to the clip's first or last frame may be the cut."""

LEVEL_TOLERANCE = 0.15
"""Fraction of the stroke volume by which the volume at a cut may miss the other end-diastoles (end-systoles)."""

DRIFT = 0.02
"""Fraction of the end-diastolic volume allowed on top: breathing moves the curve, however small the stroke."""

CLOSE_TOLERANCE = 0.07
"""The same, where something speaks against it: the volume is not at rest, or the beat would be a short one."""

RESTING_TOLERANCE = 0.3
"""The same for the clip's first frame where the volume is at rest: the first beat may have filled less."""

SHORT = 0.87
"""A beat that is cut off sooner than this fraction of the median beat more likely ends in diastasis."""

REST = 0.8
"""The volume is at rest where its slope is under this fraction of the steepest slope of the fall (rise)."""

SYSTOLIC_REST = 0.6
"""The same for an end-systole, which a steady fall only passes on its way."""

SHORT_FALL = 0.55
"""A fall at a cut that is shorter than this fraction of the median fall is only the rest, or the start, of one."""

SLOPE_S = 0.04
"""Slopes are taken over this time, at least over one frame."""


@dataclass(frozen=True)
class Turn:
    """A frame in which the volume turns: from filling to ejection (`is_ed`) or back.

    `ejects` is False for an end-diastole on the clip's last frame: it ends a beat and begins none.
    """

    frame: int
    is_ed: bool
    ejects: bool = True


def keep_seen(times_s: FloatArray, volume: FloatArray, turns: list[Turn]) -> list[Turn]:
    """Drop a first or last turn that is only the clip's cut, and mark a last end-diastole that is kept.

    Parameters
    ----------
    times_s, volume : ndarray
        (frames,), the smoothed curve.
    turns : list of Turn
        Alternating, in order of time.
    """
    if len(turns) < 2:
        return []
    starts_on_turn = times_s[turns[0].frame] - times_s[0] <= EDGE_S
    ends_on_turn = times_s[-1] - times_s[turns[-1].frame] <= EDGE_S
    inner = turns[int(starts_on_turn) : len(turns) - int(ends_on_turn)]
    cuts = _Cuts(times_s, volume, turns, inner)
    drop_first = starts_on_turn and not cuts.first_is_turn()
    drop_last = ends_on_turn and not cuts.last_is_turn()
    kept = turns[int(drop_first) : len(turns) - int(drop_last)]
    if ends_on_turn and not drop_last:
        kept[-1] = replace(kept[-1], ejects=False)
    return kept


@dataclass(frozen=True)
class _Cuts:
    """The curve, all turns, and the inner ones, which lie off the cuts."""

    times_s: FloatArray
    volume: FloatArray
    turns: list[Turn]
    inner: list[Turn]

    def first_is_turn(self) -> bool:
        turn = self.turns[0]
        missing, resting = self._missing(turn), self._rests(self.turns[1], self.times_s[0])
        if not turn.is_ed:  # with no other to compare it with, it may as well be the rest before the atrial kick
            return missing is not None and self._is_systole(missing, turn, self.turns[1], self.times_s[0])
        if missing is None:
            return resting
        if self._fall_is_short(turn, self.turns[1]):
            return False
        return missing <= CLOSE_TOLERANCE or (resting and missing <= RESTING_TOLERANCE)

    def last_is_turn(self) -> bool:
        turn = self.turns[-1]
        missing, resting = self._missing(turn), self._rests(self.turns[-2], self.times_s[-1])
        if not turn.is_ed:
            return self._is_systole(missing, turn, self.turns[-2], self.times_s[-1])
        if missing is not None:
            return missing <= (CLOSE_TOLERANCE if self._last_is_short() else LEVEL_TOLERANCE)
        if not self.turns[0].is_ed:
            return False
        # one beat from R to R: its two ends are all there is to compare
        allowed = LEVEL_TOLERANCE * self._stroke() + 1.5 * DRIFT * self._at(turn)
        return resting and self._at(self.turns[0]) - self._at(turn) <= allowed

    def _is_systole(self, missing: float | None, turn: Turn, neighbour: Turn, cut_s: float) -> bool:
        """An end-systole at a cut: as low as the others, and hardly moving; a heart cut in mid-ejection is neither."""
        as_low = missing is None or missing <= LEVEL_TOLERANCE
        if turn is self.turns[-1] and self._fall_is_short(neighbour, turn):
            return False
        return as_low and self._rests(neighbour, cut_s, SYSTOLIC_REST)

    def _at(self, turn: Turn) -> float:
        return float(self.volume[turn.frame])

    def _stroke(self) -> float:
        """Median height of falls and rises."""
        return float(np.median(np.abs(np.diff([self._at(turn) for turn in self.turns]))))

    def _fall_is_short(self, ed: Turn, es: Turn) -> bool:
        """True where this fall is shorter than the inner ones: systole lasts much the same in any rhythm."""
        falls = [
            self.times_s[after.frame] - self.times_s[before.frame]
            for before, after in pairwise(self.inner)
            if before.is_ed
        ]
        if not falls:
            return False
        return bool(self.times_s[es.frame] - self.times_s[ed.frame] < SHORT_FALL * np.median(falls))

    def _last_is_short(self) -> bool:
        """True where the beat that the cut would end is shorter than the beats before it."""
        starts = np.array([self.times_s[turn.frame] for turn in self.turns if turn.is_ed])
        return len(starts) > 2 and bool(starts[-1] - starts[-2] < SHORT * np.median(np.diff(starts[:-1])))

    def _missing(self, turn: Turn) -> float | None:
        """How far a turn falls short of the inner turns of its kind, in stroke volumes; None where there are none.

        It is measured from the lower quartile of end-diastoles: in atrial fibrillation their volumes differ.
        """
        levels = [self._at(other) for other in self.inner if other.is_ed == turn.is_ed]
        stroke = self._stroke()
        if not levels or stroke <= 0:
            return None
        drift = DRIFT * float(self.volume.max())
        if turn.is_ed:
            return (float(np.quantile(levels, 0.25)) - self._at(turn) - drift) / stroke
        return (self._at(turn) - float(np.quantile(levels, 0.75)) - drift) / stroke

    def _rests(self, neighbour: Turn, cut_s: float, rest: float = REST) -> bool:
        """True where the volume hardly moves at the cut, compared with the fall or rise to the neighbouring turn."""
        step = max(SLOPE_S, float(np.median(np.diff(self.times_s))))
        low, high = sorted((self.times_s[neighbour.frame], cut_s))
        at = np.arange(low, high + 1e-9, step / 4)
        if len(at) < 6:
            return False
        volumes = np.interp(at, self.times_s, self.volume)
        slopes = np.abs(volumes[4:] - volumes[:-4])
        here = slopes[0] if cut_s == low else slopes[-1]
        return bool(here <= rest * slopes.max())
