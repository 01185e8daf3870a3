"""How far off an EF may be: a model's measurement error, calibrated on studies whose EF is known.

The error of a study's EF has two parts. One is the same for all beats of the study (the model draws this
heart's contour too wide, the plane misses the apex): more beats do not help. The other differs from beat to
beat, genuine variation included, and averages out. Both are estimated on calibration studies; the interval's
width is then scaled by a conformal quantile over studies that were each left out of the fit, so that on average
it covers about 90 % of further studies of the same kind, whatever the errors' distribution (`calibration`):
Vovk, Gammerman, Shafer, "Algorithmic Learning in a Random World", Springer (2005), doi:10.1007/b106715; Lei et
al., "Distribution-free predictive inference for regression", J Am Stat Assoc 113:1094-1111 (2018),
doi:10.1080/01621459.2017.1307116.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, Literal

import numpy as np

from echobeat.errors import UsageError
from echobeat.measurement.codes import WIDENING
from echobeat.records import Estimate, FloatArray, Quality

Threshold = Literal["35", "40", "50"]
THRESHOLDS: tuple[Threshold, ...] = ("35", "40", "50")
"""EF in percent under which treatment changes, as keys of ``result.json``."""

_PRIOR_BEATS = 4.0
"""The calibration's spread between beats weighs as much as this many beats of the study itself."""

NEUTRAL_EF = 50.0
"""EF in percent at which `MeasurementError.bias` stands."""

CURVED_WITHIN = 30.0
"""Points of EF on either side of `NEUTRAL_EF` within which the bias may be curved: hearts further out are few."""

_NORMAL_90 = 1.6448536269514722
"""Half-width of a normal distribution's central 90 %, in standard deviations."""

NORMAL_STUDIES = 20
"""The normal distribution weighs as much as this many calibration studies beside the errors that they had. Chosen on
982 calibration phantoms, of which 20 to 785 calibrated the others: 0 to 100 hardly differ from 200 studies on."""

LEAST_DOUBT, MOST_DOUBT = 1 / 3, 4.0
"""How far a study's circumstances can narrow or widen its interval."""


@dataclass(frozen=True)
class Trust:
    """What is known of a clip that says how far its EF can be trusted.

    Attributes
    ----------
    score : its quality, 0-1.
    warned : one of the warnings of `codes.WIDENING` was given.
    """

    score: float
    warned: bool

    @classmethod
    def of(cls, quality: Quality) -> Trust:
        """From a clip's quality."""
        return cls(quality.score, any(warning.code in WIDENING for warning in quality.warnings))


@dataclass(frozen=True)
class MeasurementError:
    """Calibrated error of one segmentation model's EF, in points of EF; stored in the model's card.

    Attributes
    ----------
    bias : median of measured minus true EF, where 50 % is measured.
    systematic_sd : standard deviation of the part that all beats of a study share.
    beat_sd : standard deviation of a beat's EF about its study's mean.
    study_scale : conformal factor on a study's standard deviation.
    beat_half_width : half the width of the 90 % interval of one beat's EF.
    studies : number of studies it was calibrated on.
    slope : how much the bias grows with a point of measured EF: a model that draws the end-systole of strong hearts
        too wide has a negative one.
    curve : how much the bias grows with the square of the measured EF's distance from 50, in points: hearts of middling
        EF read lower than weak and strong ones give a positive one.
    typical_sd : median of the deviations that the model itself gave for its readings on the calibration studies; 0
        where it gives none. A study's own, over this one, widens or narrows its interval.
    score_slope, typical_score : the deviation grows by the exponential of the slope for each unit that a clip's quality
        lies below the typical, the median of the calibration's.
    warned_factor : by which the deviation grows where a warning of `codes.WIDENING` was given.
    errors : quantiles, from the least to the largest in equal steps, of what the true EF lay above the measured one
        less its bias, in half-widths of the 90 % interval: nine tenths lie between -1 and 1. They say how the errors
        are spread inside the interval, of hearts that are read too low as of those that are read too high.
    """

    bias: float
    systematic_sd: float
    beat_sd: float
    study_scale: float
    beat_half_width: float
    studies: int
    slope: float = 0.0
    curve: float = 0.0
    typical_sd: float = 0.0
    score_slope: float = 0.0
    typical_score: float = 0.0
    warned_factor: float = 1.0
    errors: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        positive = (self.systematic_sd, self.beat_sd, self.study_scale, self.beat_half_width)
        least = (self.typical_sd, self.score_slope, self.typical_score, self.warned_factor - 1)
        bias = (self.bias, self.slope, self.curve)
        finite = all(math.isfinite(value) for value in (*positive, *bias, *least, *self.errors))
        in_step = self.slope + 2 * CURVED_WITHIN * abs(self.curve) < 1  # a higher EF never means a lower one
        in_order = list(self.errors) == sorted(self.errors)
        if not (finite and in_order and in_step and min(positive) > 0 and min(least) >= 0):
            raise UsageError(f"The calibration {asdict(self)} is not one: its numbers must be finite and positive.")

    def to_json(self) -> dict[str, Any]:
        """The numbers, for a model's card."""
        return asdict(self)

    @classmethod
    def from_json(cls, numbers: Mapping[str, Any]) -> MeasurementError:
        """Read a model's card; entries that are not known are left alone."""
        missing = [f.name for f in fields(cls) if f.name not in numbers and f.default is MISSING]
        if missing:
            raise UsageError(f"The calibration lacks {', '.join(missing)}: calibrate the model again.")
        single = [f.name for f in fields(cls) if f.name in numbers and f.name not in ("studies", "errors")]
        errors = tuple(float(error) for error in numbers.get("errors", ()))
        return cls(studies=int(numbers["studies"]), errors=errors, **{name: float(numbers[name]) for name in single})

    def centre(self, value: float) -> float:
        """The measured EF less its bias: the most likely true one."""
        away = value - NEUTRAL_EF
        return value - self.bias - self.slope * away - self.curve * float(square_near(away))

    def study_interval(
        self, value: float, efs: FloatArray, sds: FloatArray | None = None, trust: Trust | None = None
    ) -> tuple[float, float]:
        """90 % interval of a study's EF `value`, which came from the beats' `efs`, read with deviations `sds`."""
        shared = self.systematic_sd * self.doubt(sds, trust)
        return self._interval(value, self.study_scale * study_sd(shared, self.beat_sd, efs))

    def beat_interval(self, ef: float, sd: float | None = None, trust: Trust | None = None) -> tuple[float, float]:
        """90 % interval of one beat's EF."""
        return self._interval(ef, self.beat_half_width * self.doubt(None if sd is None else np.array([sd]), trust))

    def half_width(self, estimate: Estimate) -> float | None:
        """Half the width of an interval that this calibration gave, about the `centre`; None where it gave none.

        An end that was moved out to hold the measured EF says nothing of it, and one that was cut off at 0 or 100 says
        less than the other.
        """
        value, low, high = estimate.value, estimate.low, estimate.high
        if low is None or high is None:
            return None
        centre = self.centre(value)
        return max([centre - low] * (low < value) + [high - centre] * (high > value), default=high - low)

    def doubt(self, sds: FloatArray | None, trust: Trust | None = None) -> float:
        """How much less certain than usual these readings are: 1 as usual, within `LEAST_DOUBT` and `MOST_DOUBT`.

        The network's own deviations, the clip's quality and its warnings each multiply it.
        """
        factor = self.own_doubt(sds)
        if trust is not None:
            factor *= math.exp(self.score_slope * (self.typical_score - trust.score))
            factor *= self.warned_factor if trust.warned else 1.0
        return min(max(factor, LEAST_DOUBT), MOST_DOUBT)

    def own_doubt(self, sds: FloatArray | None) -> float:
        """What the network's own deviations alone say of it, without bounds."""
        if sds is None or not len(sds) or not self.typical_sd:
            return 1.0
        return math.sqrt(float(np.mean(np.square(sds)))) / self.typical_sd

    def _interval(self, value: float, half_width: float) -> tuple[float, float]:
        centre = self.centre(value)
        low, high = min(value, centre - half_width), max(value, centre + half_width)
        return float(np.clip(low, 0.0, 100.0)), float(np.clip(high, 0.0, 100.0))


def probability_below(
    estimate: Estimate | None, error: MeasurementError | None = None
) -> dict[Threshold, float] | None:
    """Probability that the true EF lies below each of `THRESHOLDS`; None without estimate or calibration.

    The estimate less its bias, plus the errors of the calibration studies (`MeasurementError.errors`), as wide as this
    study's 90 % interval: a conformal predictive distribution (Vovk et al., "Nonparametric predictive distributions
    based on conformal prediction", Mach Learn 108:445-474 (2019), doi:10.1007/s10994-018-5755-8), which a normal one of
    the same width smooths as the base measure of a Dirichlet process does (Ferguson, Ann Stat 1:209-230 (1973),
    doi:10.1214/aos/1176342360), with the weight of `NORMAL_STUDIES`. The tails are not measured: of what lies below
    0.01 or above 0.99 no more is known than that.
    """
    half_width = error.half_width(estimate) if estimate and error else None
    if estimate is None or error is None or half_width is None:
        return None
    centre = error.centre(estimate.value)
    return {threshold: _share_below((float(threshold) - centre) / half_width, error) for threshold in THRESHOLDS}


def _share_below(half_widths: float, error: MeasurementError) -> float:
    """Share of the errors that lie below so many half-widths of the interval."""
    normal = 0.5 * (1.0 + math.erf(half_widths * _NORMAL_90 / math.sqrt(2.0)))
    if not error.errors:
        return normal
    levels = np.linspace(0.0, 1.0, len(error.errors))
    seen = float(np.interp(half_widths, error.errors, levels, left=0.0, right=1.0))
    return (error.studies * seen + NORMAL_STUDIES * normal) / (error.studies + NORMAL_STUDIES)


def square_near(away: float | FloatArray) -> FloatArray:
    """The square of a distance to `NEUTRAL_EF`; beyond `CURVED_WITHIN` it grows no further."""
    return np.minimum(np.abs(away), CURVED_WITHIN) ** 2


def study_sd(systematic_sd: float, beat_sd: float, efs: FloatArray) -> float:
    """Shared and random part together; the spread between beats is drawn towards the calibration's."""
    count = len(efs)
    own = float(np.sum((efs - np.mean(efs)) ** 2))
    variance = (_PRIOR_BEATS * beat_sd**2 + own) / (_PRIOR_BEATS + count - 1)
    return math.sqrt(systematic_sd**2 + variance / count)
