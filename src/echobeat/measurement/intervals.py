"""How far off an EF may be: a model's measurement error, calibrated on studies whose EF is known.

The error of a study's EF has two parts. One is the same for all beats of the study (the model draws this
heart's contour too wide, the plane misses the apex): more beats do not help. The other differs from beat to
beat, genuine variation included, and averages out. Both are estimated on calibration studies; the interval's
width is then scaled by the split-conformal quantile, so that it covers 90 % of further studies of the same
kind whatever the errors' distribution: Vovk, Gammerman, Shafer, "Algorithmic Learning in a Random World",
Springer (2005), doi:10.1007/b106715; Lei et al., "Distribution-free predictive inference for regression",
J Am Stat Assoc 113:1094-1111 (2018), doi:10.1080/01621459.2017.1307116.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Literal

import numpy as np

from echobeat.errors import UsageError
from echobeat.records import Beat, Estimate, FloatArray

COVERAGE = 0.90
"""Share of studies whose true EF the interval covers."""

MIN_STUDIES = 20
"""Fewer calibration studies give no trustworthy 90 % quantile."""

Threshold = Literal["35", "40", "50"]
THRESHOLDS: tuple[Threshold, ...] = ("35", "40", "50")
"""EF in percent under which treatment changes, as keys of ``result.json``."""

_PRIOR_BEATS = 4.0
"""The calibration's spread between beats weighs as much as this many beats of the study itself."""

_NORMAL_90 = 1.6448536269514722
"""Half-width of a normal distribution's central 90 %, in standard deviations."""


@dataclass(frozen=True)
class MeasurementError:
    """Calibrated error of one segmentation model's EF, in points of EF; stored in the model's card.

    Attributes
    ----------
    bias : median of measured minus true EF.
    systematic_sd : standard deviation of the part that all beats of a study share.
    beat_sd : standard deviation of a beat's EF about its study's mean.
    study_scale : conformal factor on a study's standard deviation.
    beat_half_width : half the width of the 90 % interval of one beat's EF.
    studies : number of studies it was calibrated on.
    """

    bias: float
    systematic_sd: float
    beat_sd: float
    study_scale: float
    beat_half_width: float
    studies: int

    def __post_init__(self) -> None:
        positive = (self.systematic_sd, self.beat_sd, self.study_scale, self.beat_half_width)
        if not all(math.isfinite(value) and value > 0 for value in positive) or not math.isfinite(self.bias):
            raise UsageError(f"The calibration {asdict(self)} is not one: its numbers must be finite and positive.")

    def to_json(self) -> dict[str, float]:
        """The numbers, for a model's card."""
        return asdict(self)

    @classmethod
    def from_json(cls, numbers: Mapping[str, float]) -> MeasurementError:
        """Read a model's card; entries that are not known are left alone."""
        missing = [f.name for f in fields(cls) if f.name not in numbers]
        if missing:
            raise UsageError(f"The calibration lacks {', '.join(missing)}: calibrate the model again.")
        values = {f.name: float(numbers[f.name]) for f in fields(cls) if f.name != "studies"}
        return cls(studies=int(numbers["studies"]), **values)

    def study_sd(self, efs: FloatArray) -> float:
        """Standard deviation of a study's EF, given the EF of each of its beats."""
        return _study_sd(self.systematic_sd, self.beat_sd, efs)

    def study_interval(self, value: float, efs: FloatArray) -> tuple[float, float]:
        """90 % interval of a study's EF `value`, which came from the beats' `efs`."""
        return self._interval(value, self.study_scale * self.study_sd(efs))

    def beat_interval(self, ef: float) -> tuple[float, float]:
        """90 % interval of one beat's EF."""
        return self._interval(ef, self.beat_half_width)

    def _interval(self, value: float, half_width: float) -> tuple[float, float]:
        centre = value - self.bias
        low, high = min(value, centre - half_width), max(value, centre + half_width)
        return float(np.clip(low, 0.0, 100.0)), float(np.clip(high, 0.0, 100.0))


def calibrate(
    predicted_beats: Sequence[Sequence[Beat]],
    true_ef: Sequence[float],
    beat_errors: Sequence[float] = (),
) -> MeasurementError:
    """Calibrate on studies whose EF is known and that no model was trained or chosen on.

    Parameters
    ----------
    predicted_beats : sequence of sequences of Beat
        The measured beats of each study; a study without a beat that counts is left out.
    true_ef : sequence of float
        The true EF of each study in percent.
    beat_errors : sequence of float, optional
        Measured minus true EF of single beats, at least 20 of them; without them a beat's interval is derived
        from the studies'.

    Raises
    ------
    UsageError
        Fewer than 20 studies with a beat that counts, or as many EFs as studies are not given.
    """
    from echobeat.measurement.ejection_fraction import counted_beats, robust_mean

    if len(predicted_beats) != len(true_ef):
        raise UsageError(f"{len(predicted_beats)} studies and {len(true_ef)} true EFs do not go together.")
    studies = [np.array([b.ef for b in counted_beats(beats)], np.float64) for beats in predicted_beats]
    pairs = [(efs, truth) for efs, truth in zip(studies, true_ef, strict=True) if len(efs)]
    if len(pairs) < MIN_STUDIES:
        raise UsageError(f"{len(pairs)} studies are too few to calibrate on: at least {MIN_STUDIES} are needed.")
    residual = np.array([robust_mean(efs) - truth for efs, truth in pairs])
    bias = float(np.median(residual))
    several = [efs for efs, _ in pairs if len(efs) > 1]
    freedom = sum(len(efs) - 1 for efs in several)
    beat_sd = max(0.5, math.sqrt(sum(float(np.var(efs)) * len(efs) for efs in several) / freedom)) if freedom else 2.0
    random_variance = float(np.mean([_study_sd(0.0, beat_sd, efs) ** 2 for efs, _ in pairs]))
    systematic_sd = math.sqrt(max(0.25, float(np.mean((residual - bias) ** 2)) - random_variance))
    sds = np.array([_study_sd(systematic_sd, beat_sd, efs) for efs, _ in pairs])
    scale = conformal_quantile(np.abs(residual - bias) / sds)
    if len(beat_errors) >= MIN_STUDIES:
        half_width = conformal_quantile(np.abs(np.asarray(beat_errors, np.float64) - bias))
    else:
        half_width = scale * math.hypot(systematic_sd, beat_sd)
    return MeasurementError(bias, systematic_sd, beat_sd, scale, half_width, len(pairs))


def conformal_quantile(scores: FloatArray, coverage: float = COVERAGE) -> float:
    """The ceil((n + 1) * coverage)-th smallest of n scores: covers the next one with at least that probability.

    Lei et al. (2018), doi:10.1080/01621459.2017.1307116, algorithm 2.
    """
    rank = min(math.ceil((len(scores) + 1) * coverage), len(scores))
    return max(float(np.sort(scores)[rank - 1]), 1e-6)


def probability_below(
    estimate: Estimate | None, thresholds: Sequence[Threshold] = THRESHOLDS, error: MeasurementError | None = None
) -> dict[Threshold, float] | None:
    """Probability that the true EF lies below each threshold; None without estimate or calibration.

    A normal distribution around the estimate less its bias, as wide as the calibrated 90 % interval.
    """
    if estimate is None or error is None or estimate.low is None or estimate.high is None:
        return None
    centre = estimate.value - error.bias
    sd = max(centre - estimate.low, estimate.high - centre) / _NORMAL_90  # one end may be cut off at 0 or 100
    return {
        threshold: 0.5 * (1.0 + math.erf((float(threshold) - centre) / (sd * math.sqrt(2.0))))
        for threshold in thresholds
    }


def _study_sd(systematic_sd: float, beat_sd: float, efs: FloatArray) -> float:
    """Shared and random part together; the spread between beats is drawn towards the calibration's."""
    count = len(efs)
    own = float(np.sum((efs - np.mean(efs)) ** 2))
    variance = (_PRIOR_BEATS * beat_sd**2 + own) / (_PRIOR_BEATS + count - 1)
    return math.sqrt(systematic_sd**2 + variance / count)
