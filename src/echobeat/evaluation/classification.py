"""Telling hearts below a threshold of EF from the others, and how far probabilities and intervals can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from echobeat.evaluation.bootstrap import OfSums, Statistic, ratio
from echobeat.evaluation.dice import BoolArray
from echobeat.records import FloatArray

BINS = 10
"""Of equal width, for calibration."""


def auc(positive: BoolArray, score: FloatArray) -> Statistic:
    """Area under the ROC curve: the chance that a positive scores above a negative, ties counting half.

    Hanley & McNeil, Radiology 143:29-36 (1982), doi:10.1148/radiology.143.1.7063747.

    Parameters
    ----------
    positive : ndarray
        (items,) bool.
    score : ndarray
        (items,), higher for positives; for a low EF, minus the EF.
    """
    order = np.argsort(score, kind="stable")
    ordered = score[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    signs = positive[order].astype(np.float64)

    def statistic(weights: FloatArray) -> FloatArray:
        sorted_weights = weights[:, order]
        ones = np.add.reduceat(sorted_weights * signs, starts, axis=1)
        zeros = np.add.reduceat(sorted_weights, starts, axis=1) - ones
        below = np.cumsum(zeros, axis=1) - zeros
        result: FloatArray = (ones * (below + zeros / 2)).sum(axis=1) / (ones.sum(axis=1) * zeros.sum(axis=1))
        return result

    return statistic


def brier(positive: BoolArray, probability: FloatArray) -> Statistic:
    """Mean squared difference of probability and outcome (Brier 1950, Mon Weather Rev 78:1-3)."""
    return ratio((probability - positive) ** 2)


def calibration_error(positive: BoolArray, probability: FloatArray, bins: int = BINS) -> Statistic:
    """Expected calibration error: the items' mean |mean probability - share of positives| of their bin.

    Naeini, Cooper, Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015; bins of
    equal width over 0-1.
    """
    difference = probability - positive
    columns = np.zeros((len(difference), bins + 1))
    columns[np.arange(len(difference)), _bin(probability, bins)] = difference
    columns[:, bins] = 1.0

    def formula(sums: FloatArray) -> FloatArray:
        result: FloatArray = np.abs(sums[:, :bins]).sum(axis=1) / sums[:, bins]
        return result

    return OfSums(columns, formula)


def debiased_calibration_error(positive: BoolArray, probability: FloatArray, bins: int = BINS) -> Statistic:
    """Root of the mean squared calibration error, less what chance adds for want of items; not below 0.

    Each bin's squared gap between mean probability and share s of positives among n is larger by s (1 - s) / (n - 1) on
    average than with endless items, which is taken off; a bin of one item is left out. Kumar, Liang, Ma, "Verified
    uncertainty calibration", NeurIPS 2019, arXiv:1909.10155, definition 5.1.
    """
    items = len(probability)
    columns = np.zeros((items, 3 * bins))
    for part, values in enumerate((probability, positive.astype(float), np.ones(items))):
        columns[np.arange(items), part * bins + _bin(probability, bins)] = values

    def formula(sums: FloatArray) -> FloatArray:
        given, positives, count = (sums[:, part * bins : (part + 1) * bins] for part in range(3))
        some = np.maximum(count, 2.0)
        gap, share = (given - positives) / some, positives / some
        squared = np.where(count >= 2, gap**2 - share * (1 - share) / (some - 1), 0.0)
        result: FloatArray = np.sqrt(np.maximum((count * squared).sum(axis=1) / count.sum(axis=1), 0.0))
        return result

    return OfSums(columns, formula)


@dataclass(frozen=True)
class Reliability:
    """One bin of a reliability diagram.

    Attributes
    ----------
    probability : mean of the bin's probabilities.
    share : of positives in it.
    n : items.
    """

    probability: float
    share: float
    n: int


def reliability(positive: BoolArray, probability: FloatArray, bins: int = BINS) -> tuple[Reliability, ...]:
    """The bins of a reliability diagram, those without an item left out."""
    where = _bin(probability, bins)
    return tuple(
        Reliability(float(probability[inside].mean()), float(positive[inside].mean()), int(inside.sum()))
        for inside in (where == index for index in range(bins))
        if inside.any()
    )


def _bin(probability: FloatArray, bins: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    return np.clip((probability * bins).astype(np.intp), 0, bins - 1)


def coverage(truth: FloatArray, low: FloatArray, high: FloatArray) -> Statistic:
    """Share of the studies whose true value lies within its interval, ends included."""
    return ratio(((low <= truth) & (truth <= high)).astype(float))
