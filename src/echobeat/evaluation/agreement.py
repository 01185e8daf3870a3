"""Agreement of an estimated EF with the expert's: statistics that `bootstrap` puts intervals on.

In all of them, `truth` and `estimate` are (studies,), in percent, and d = estimate - truth.
"""

from __future__ import annotations

import numpy as np

from echobeat.evaluation.bootstrap import OfSums, Statistic, ratio
from echobeat.records import FloatArray

LIMITS_SD = 1.96
"""Limits of agreement lie this many standard deviations from the bias: Bland & Altman, Lancet 327:307-310 (1986),
doi:10.1016/S0140-6736(86)90837-8."""


def mae(truth: FloatArray, estimate: FloatArray) -> Statistic:
    """Mean absolute error, mean |d|."""
    return ratio(np.abs(estimate - truth))


def rmse(truth: FloatArray, estimate: FloatArray) -> Statistic:
    """Root of the mean squared error, sqrt(mean d^2)."""
    squares = ratio((estimate - truth) ** 2)
    return lambda weights: np.sqrt(squares(weights))


def bias(truth: FloatArray, estimate: FloatArray) -> Statistic:
    """Mean difference, mean d; positive where EF is read too high."""
    return ratio(estimate - truth)


def r2(truth: FloatArray, estimate: FloatArray) -> Statistic:
    """Coefficient of determination, 1 - sum d^2 / sum (truth - mean truth)^2.

    Not the square of a correlation: a constant error lowers it.
    """
    centred = truth - truth.mean()  # or else the sums of squares would lose digits

    def formula(sums: FloatArray) -> FloatArray:
        count, first, second, errors = sums.T
        result: FloatArray = 1.0 - errors / (second - first**2 / count)
        return result

    columns = np.column_stack([np.ones_like(truth), centred, centred**2, (estimate - truth) ** 2])
    return OfSums(columns, formula)


def sd_of_differences(truth: FloatArray, estimate: FloatArray) -> Statistic:
    """Standard deviation of d, with n - 1."""
    return _limit(truth, estimate, 0.0, 1.0)


def lower_limit(truth: FloatArray, estimate: FloatArray) -> Statistic:
    """Lower limit of agreement, mean d - 1.96 SD(d) (Bland & Altman 1986, doi:10.1016/S0140-6736(86)90837-8)."""
    return _limit(truth, estimate, 1.0, -LIMITS_SD)


def upper_limit(truth: FloatArray, estimate: FloatArray) -> Statistic:
    """Upper limit of agreement, mean d + 1.96 SD(d) (Bland & Altman 1986, doi:10.1016/S0140-6736(86)90837-8)."""
    return _limit(truth, estimate, 1.0, LIMITS_SD)


def _limit(truth: FloatArray, estimate: FloatArray, of_mean: float, of_sd: float) -> Statistic:
    """of_mean * mean(d) + of_sd * SD(d)."""
    difference = estimate - truth
    centre = float(difference.mean())
    apart = difference - centre

    def formula(sums: FloatArray) -> FloatArray:
        count, first, second = sums.T
        variance = np.maximum(second - first**2 / count, 0.0) / (count - 1.0)
        result: FloatArray = of_mean * (first / count + centre) + of_sd * np.sqrt(variance)
        return result

    return OfSums(np.column_stack([np.ones_like(apart), apart, apart**2]), formula)


def icc(truth: FloatArray, estimate: FloatArray) -> Statistic:
    """Intraclass correlation ICC(2,1): two-way random effects, absolute agreement, a single rater.

    Shrout & Fleiss, "Intraclass correlations: uses in assessing rater reliability", Psychol Bull 86:420-428 (1979),
    doi:10.1037/0033-2909.86.2.420: (MSR - MSE) / (MSR + (k - 1) MSE + k (MSC - MSE) / n), here with k = 2 raters, the
    expert and the model. With the pairs' means m, MSR = 2 sum (m - mean m)^2 / (n - 1), MSC = n (mean d)^2 / 2 and
    MSE = sum (d - mean d)^2 / (2 (n - 1)).
    """
    difference, middle = estimate - truth, (estimate + truth) / 2
    middle = middle - middle.mean()

    def formula(sums: FloatArray) -> FloatArray:
        count, d, dd, m, mm = sums.T
        msr = 2 * (mm - m**2 / count) / (count - 1)
        mse = (dd - d**2 / count) / (2 * (count - 1))
        msc = d**2 / count / 2
        result: FloatArray = (msr - mse) / (msr + mse + 2 * (msc - mse) / count)
        return result

    columns = np.column_stack([np.ones_like(middle), difference, difference**2, middle, middle**2])
    return OfSums(columns, formula)
