"""From EF predictions to figures: agreement, ranges, thresholds, calibration, beats averaged; pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from echobeat.evaluation import agreement, classification
from echobeat.evaluation.bootstrap import FEWEST_PATIENTS, Resampling, Statistic, ratio
from echobeat.evaluation.dice import BoolArray
from echobeat.evaluation.measured import Measured, Planned, measure
from echobeat.evaluation.predictions import METHODS, BeatReading, Method, Reading, StudyRow, of_study
from echobeat.records import FloatArray

POINTS = "points"
"""Unit of an error of EF: percentage points."""

THRESHOLDS = (35, 40, 45, 50)
"""EF in percent; as published (Ouyang et al. 2020), and 40 and 50 bound the heart-failure ranges."""

RANGES = {"EF < 40": (-np.inf, 40.0), "EF 40-49": (40.0, 50.0), "EF >= 50": (50.0, np.inf)}
"""Lower end included, upper end not; of the expert's EF."""

NOTED = {"rhythm": "rhythm", "rhythm_read": "read as", "quality": "quality", "verdict": "quality check"}
"""Fields of a study that make groups, and the words before their values."""

PROBABILITIES = {35: "below_35", 40: "below_40", 50: "below_50"}

MOST_BEATS = 8
SUBSETS = 256
"""Subsets of a study's beats that are averaged: all where there are no more, otherwise so many at random."""

SMALLEST_GROUP = 2

KEPT = (0.9, 0.8, 0.7, 0.5)
"""Shares of the clips, the best by their score, on which the error is told."""


@dataclass(frozen=True)
class Paired:
    """Expert and model on the same studies; all arrays are (studies,).

    Attributes
    ----------
    method : Method
    studies : tuple of StudyRow
    truth, estimate : ndarray, percent.
    readings : tuple of Reading
    missing : int
        Studies with an expert's EF that the method gave none for.
    """

    method: Method
    studies: tuple[StudyRow, ...]
    truth: FloatArray
    estimate: FloatArray
    readings: tuple[Reading, ...]
    missing: int

    @property
    def patients(self) -> list[str]:
        """(studies,)."""
        return [study.patient for study in self.studies]

    @property
    def scores(self) -> FloatArray:
        """(studies,) quality of the clip; NaN where it is not known."""
        return np.array([_number(study.score) for study in self.studies])

    def known(self, *names: str) -> tuple[BoolArray, list[FloatArray]]:
        """Where all the named fields of the readings are known, and their values there."""
        values = np.array([[_number(getattr(r, name)) for name in names] for r in self.readings]).reshape(
            -1, len(names)
        )
        known = np.isfinite(values).all(axis=1)
        return known, list(values[known].T)


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def pair(studies: Sequence[StudyRow], readings: Sequence[Reading], method: Method) -> Paired:
    """Studies with an expert's EF and a reading by `method`, in the order of `studies`."""
    labelled = [study for study in studies if study.ef is not None]
    by_study = {reading.study: reading for reading in readings if reading.method == method and np.isfinite(reading.ef)}
    both = [(study, by_study[study.study]) for study in labelled if study.study in by_study]
    return Paired(
        method=method,
        studies=tuple(study for study, _ in both),
        truth=np.array([study.ef for study, _ in both], float),
        estimate=np.array([reading.ef for _, reading in both], float),
        readings=tuple(reading for _, reading in both),
        missing=len(labelled) - len(both),
    )


def pairs(studies: Sequence[StudyRow], readings: Sequence[Reading]) -> tuple[Paired, ...]:
    """One for each method that was used, in the order of `METHODS`."""
    used = {reading.method for reading in readings}
    found = (pair(studies, readings, method) for method in METHODS if method in used)
    return tuple(one for one in found if len(one.truth))


def ef_figures(
    studies: Sequence[StudyRow], readings: Sequence[Reading], beats: Sequence[BeatReading], how: Resampling
) -> list[Measured]:
    """Every figure of EF, method by method."""
    rows: list[Measured] = []
    for paired in pairs(studies, readings):
        rows += _unread(studies, paired, how)
        plans = [*_overall(paired), *_by_group(paired), *_thresholds(paired), *_trust(paired), *_risk(paired)]
        rows += measure(plans, paired.patients, how, paired.method)
    return rows + by_beats(studies, beats, how)


def _unread(studies: Sequence[StudyRow], paired: Paired, how: Resampling) -> list[Measured]:
    """Share of the studies with an expert's EF that the method gives none for."""
    labelled = [study for study in studies if study.ef is not None]
    read = {study.study for study in paired.studies}
    plan = Planned("studies without an EF, share", ratio([study.study not in read for study in labelled]))
    return measure([plan], [study.patient for study in labelled], how, paired.method)


@dataclass(frozen=True)
class Answered:
    """Of how many studies the figures are.

    Attributes
    ----------
    studies, read, refused, both : int
        Studies with an expert's EF; those of them with an EF by any method; those that the quality check refused; those
        that have an EF although they were refused.
    judged : bool
        True where the quality check said something.
    """

    studies: int
    read: int
    refused: int
    both: int
    judged: bool

    @classmethod
    def of(cls, studies: Sequence[StudyRow], readings: Sequence[Reading]) -> Answered:
        """Count."""
        labelled = [study for study in studies if study.ef is not None]
        read = {reading.study for reading in readings if np.isfinite(reading.ef)}
        known = sum(study.study in read for study in labelled)
        refused = [study for study in labelled if study.verdict == "refused"]
        both = sum(study.study in read for study in refused)
        return cls(len(labelled), known, len(refused), both, any(study.verdict for study in labelled))

    @property
    def all_well(self) -> bool:
        """True where every study has an EF and none was refused."""
        return self.read == self.studies and not self.refused

    @property
    def in_words(self) -> str:
        said = f"An EF was read in {self.read} of {self.studies} studies"
        said += f"; the quality check refused {self.refused}." if self.judged else "."
        return f"{said} The figures count {self.both} that were refused but have an EF." if self.both else said


def _overall(paired: Paired) -> Iterator[Planned]:
    truth, estimate = paired.truth, paired.estimate
    yield Planned("MAE", agreement.mae(truth, estimate), POINTS)
    yield Planned("RMSE", agreement.rmse(truth, estimate), POINTS)
    yield Planned("R2", agreement.r2(truth, estimate))
    yield Planned("bias", agreement.bias(truth, estimate), POINTS)
    yield Planned("SD of differences", agreement.sd_of_differences(truth, estimate), POINTS)
    yield Planned("lower limit of agreement", agreement.lower_limit(truth, estimate), POINTS)
    yield Planned("upper limit of agreement", agreement.upper_limit(truth, estimate), POINTS)
    yield Planned("ICC(2,1)", agreement.icc(truth, estimate))


def groups(paired: Paired) -> dict[str, BoolArray]:
    """Ranges of the expert's EF, and what is known of rhythm and quality; no group of one study."""
    found = {name: (paired.truth >= low) & (paired.truth < high) for name, (low, high) in RANGES.items()}
    for field, words in NOTED.items():
        noted = np.array([getattr(study, field) for study in paired.studies])
        found |= {f"{words} {value}": noted == value for value in sorted(set(noted.tolist()) - {""})}
    return {name: inside for name, inside in found.items() if inside.sum() >= SMALLEST_GROUP}


def _by_group(paired: Paired) -> Iterator[Planned]:
    for group, inside in groups(paired).items():
        truth, estimate = paired.truth[inside], paired.estimate[inside]
        yield Planned("MAE", agreement.mae(truth, estimate), POINTS, group, inside)
        yield Planned("RMSE", agreement.rmse(truth, estimate), POINTS, group, inside)
        yield Planned("bias", agreement.bias(truth, estimate), POINTS, group, inside)


def _thresholds(paired: Paired) -> Iterator[Planned]:
    for threshold in THRESHOLDS:
        low, called = paired.truth < threshold, paired.estimate < threshold
        names = np.array(paired.patients)
        enough = min(len(set(names[some])) for some in (low, ~low)) >= FEWEST_PATIENTS
        yield Planned(f"AUC, EF < {threshold}", classification.auc(low, -paired.estimate), resampled=enough)
        yield Planned(f"sensitivity, EF < {threshold}", ratio(called[low]), items=low)
        yield Planned(f"specificity, EF < {threshold}", ratio(~called[~low]), items=~low)


def _trust(paired: Paired) -> Iterator[Planned]:
    """Probabilities and intervals, where the model gives them."""
    for threshold, field in PROBABILITIES.items():
        known, (probability,) = paired.known(field)
        if known.sum() >= SMALLEST_GROUP:
            low = paired.truth[known] < threshold
            error, score = classification.calibration_error(low, probability), classification.brier(low, probability)
            debiased = classification.debiased_calibration_error(low, probability)
            yield Planned(f"calibration error, EF < {threshold}", error, items=known, resampled=False)
            yield Planned(f"calibration error less chance, EF < {threshold}", debiased, items=known, resampled=False)
            yield Planned(f"Brier score, EF < {threshold}", score, items=known)
    known, (low_end, high_end) = paired.known("low", "high")
    if known.sum() >= SMALLEST_GROUP:
        covered = classification.coverage(paired.truth[known], low_end, high_end)
        yield Planned("coverage of 90 % intervals", covered, items=known)
        yield Planned("width of 90 % intervals", ratio(high_end - low_end), POINTS, items=known)
        for group, inside in {**groups(paired), **_halves(paired)}.items():
            both = known & inside
            if both.sum() >= SMALLEST_GROUP:
                kept = inside[known]
                covered = classification.coverage(paired.truth[both], low_end[kept], high_end[kept])
                yield Planned("coverage of 90 % intervals", covered, "", group, both)
                yield Planned("width of 90 % intervals", ratio((high_end - low_end)[kept]), POINTS, group, both)


def _halves(paired: Paired) -> dict[str, BoolArray]:
    """The clips of lower and of higher quality, where their scores are known."""
    score = paired.scores
    if not np.isfinite(score).all() or len(score) < 2 * SMALLEST_GROUP:
        return {}
    middle = np.median(score)
    return {"lower half of quality": score < middle, "upper half of quality": score >= middle}


def _kept_best(paired: Paired, share: float) -> BoolArray:
    """The studies that are left where only so many of the best, by their clip's score, are judged."""
    return paired.scores >= np.quantile(paired.scores, 1 - share, method="higher")


def _risk(paired: Paired) -> Iterator[Planned]:
    """Error of the better clips over that of all: what the score is worth (risk at a coverage)."""
    if not np.isfinite(paired.scores).all() or len(paired.truth) < 2 * SMALLEST_GROUP:
        return
    error = np.abs(paired.estimate - paired.truth)
    for share in KEPT:
        best = _kept_best(paired, share)
        yield Planned("MAE", agreement.mae(paired.truth[best], paired.estimate[best]), POINTS, _share(share), best)
        some, all_ = ratio(error * best, best.astype(float)), ratio(error)
        yield Planned("MAE over that of all", _over(some, all_), "", _share(share))


def _share(share: float) -> str:
    return f"best {share:.0%} by quality"


def _over(some: Statistic, whole: Statistic) -> Statistic:
    return lambda weights: some(weights) / whole(weights)


def by_beats(studies: Sequence[StudyRow], beats: Sequence[BeatReading], how: Resampling) -> list[Measured]:
    """Error of the mean of 1, 2, 3 ... beats, as in the paper's figure.

    The same studies stand behind every number of beats: those with at least as many as the largest number shown,
    which is the largest (up to `MOST_BEATS`) that half of the studies reach. For k beats a study's error is the mean
    over all choices of k different beats, or over `SUBSETS` random ones.
    """
    counted = of_study([beat for beat in beats if beat.counts and beat.ef_video is not None])
    known = [study for study in studies if study.ef is not None and study.study in counted]
    if not known:
        return []
    numbers = np.array([len(counted[study.study]) for study in known])
    most = int(np.clip(np.median(numbers), 1, MOST_BEATS))
    enough = [study for study in known if len(counted[study.study]) >= most]
    plans = []
    for k in range(1, most + 1):
        errors = [_error_of_means(np.array([b.ef_video for b in counted[s.study]], float), k, s.ef) for s in enough]
        plans.append(Planned("MAE", ratio(errors), POINTS, f"mean of {k} beat" + ("s" if k > 1 else "")))
    return measure(plans, [study.patient for study in enough], how, "beat by beat")


def _error_of_means(values: FloatArray, k: int, truth: float | None) -> float:
    if comb(len(values), k) <= SUBSETS:
        chosen = np.array(list(combinations(range(len(values)), k)))
    else:
        rng = np.random.default_rng(0)
        chosen = np.array([rng.choice(len(values), k, replace=False) for _ in range(SUBSETS)])
    return float(np.abs(values[chosen].mean(axis=1) - _number(truth)).mean())
