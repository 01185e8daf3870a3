"""Every statistic is the one that scikit-learn or the paper that defines it computes, and its resamples are too."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from echobeat.evaluation import agreement, classification
from echobeat.evaluation.bootstrap import Resampling, Statistic, bootstrap, draw_weights, ratio, within

seeds = st.integers(0, 2**31)


def made(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.normal(55, 12, n)
    return truth, np.round(truth + rng.normal(1, 5, n))  # rounded: ties


def value(statistic: Statistic, n: int) -> float:
    return float(statistic(np.ones((1, n)))[0])


def anova_icc(truth: np.ndarray, estimate: np.ndarray) -> float:
    """ICC(2,1) from the two-way table's mean squares, as Shrout & Fleiss lay it out."""
    table = np.column_stack([truth, estimate])
    n, k = table.shape
    rows, columns, grand = table.mean(1), table.mean(0), table.mean()
    msr = k * ((rows - grand) ** 2).sum() / (n - 1)
    msc = n * ((columns - grand) ** 2).sum() / (k - 1)
    mse = ((table - rows[:, None] - columns + grand) ** 2).sum() / ((n - 1) * (k - 1))
    return (msr - mse) / (msr + (k - 1) * mse + k * (msc - mse) / n)


DEFINITIONS = {
    agreement.mae: metrics.mean_absolute_error,
    agreement.rmse: metrics.root_mean_squared_error,
    agreement.r2: metrics.r2_score,
    agreement.bias: lambda truth, estimate: np.mean(estimate - truth),
    agreement.sd_of_differences: lambda truth, estimate: np.std(estimate - truth, ddof=1),
    agreement.lower_limit: lambda t, e: np.mean(e - t) - 1.96 * np.std(e - t, ddof=1),
    agreement.upper_limit: lambda t, e: np.mean(e - t) + 1.96 * np.std(e - t, ddof=1),
    agreement.icc: anova_icc,
}


@pytest.mark.parametrize("statistic", DEFINITIONS, ids=lambda f: f.__name__)
@given(seed=seeds)
@settings(max_examples=15)
def test_a_statistic_and_its_resamples_are_as_defined(statistic, seed: int) -> None:
    """The weighted form equals the definition, applied to the items repeated as often as they were drawn."""
    truth, estimate = made(seed)
    assert value(statistic(truth, estimate), len(truth)) == pytest.approx(DEFINITIONS[statistic](truth, estimate))
    counts = np.random.default_rng(seed).multinomial(60, np.full(60, 1 / 60))
    again = DEFINITIONS[statistic](np.repeat(truth, counts), np.repeat(estimate, counts))
    assert statistic(truth, estimate)(counts[None].astype(float))[0] == pytest.approx(again)


@given(seed=seeds)
@settings(max_examples=15)
def test_classification_is_scikit_learns(seed: int) -> None:
    """AUC with ties and Brier score, also in a resample."""
    truth, estimate = made(seed)
    positive = truth < 50
    probability = stats.norm.cdf((50 - estimate) / 5)
    counts = np.random.default_rng(seed).multinomial(60, np.full(60, 1 / 60))
    for weights in (np.ones(60), counts.astype(float)):
        for statistic, expected in (
            (
                classification.auc(positive, -estimate),
                metrics.roc_auc_score(positive, -estimate, sample_weight=weights),
            ),
            (
                classification.brier(positive, probability),
                metrics.brier_score_loss(positive, probability, sample_weight=weights),
            ),
        ):
            assert statistic(weights[None])[0] == pytest.approx(expected)


def test_icc_is_that_of_shrout_and_fleiss_own_example() -> None:
    """Their table of four judges gives ICC(2,1) = 0.29; of its first two judges we give what its mean squares give."""
    judges = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)
    assert anova_icc(judges[:, 0], judges[:, 1]) == pytest.approx(value(agreement.icc(judges[:, 0], judges[:, 1]), 6))
    table = judges
    rows, columns, grand = table.mean(1), table.mean(0), table.mean()
    msr, msc = 4 * ((rows - grand) ** 2).sum() / 5, 6 * ((columns - grand) ** 2).sum() / 3
    mse = ((table - rows[:, None] - columns + grand) ** 2).sum() / 15
    assert (msr - mse) / (msr + 3 * mse + 4 * (msc - mse) / 6) == pytest.approx(0.29, abs=0.005)


def test_calibration_error_is_that_of_the_reliability_diagram() -> None:
    """Probabilities that are right on average in each bin have no error; the bins' gaps, weighted by n, make it up."""
    assert value(classification.calibration_error(np.array([True, False]), np.array([0.5, 0.5])), 2) == 0
    truth, estimate = made(3, 200)
    positive, probability = truth < 50, stats.norm.cdf((52 - estimate) / 9)
    bins = classification.reliability(positive, probability)
    by_hand = sum(abs(b.probability - b.share) * b.n for b in bins) / 200
    assert sum(b.n for b in bins) == 200
    assert value(classification.calibration_error(positive, probability), 200) == pytest.approx(by_hand)


@pytest.mark.parametrize("shift", [0.0, 0.12])
def test_the_debiased_calibration_error_is_the_true_one_on_average(shift: float) -> None:
    """Few studies a bin: the plain error is too large, the debiased one near what was made, but for its floor of 0."""
    rng, plain, debiased = np.random.default_rng(4), [], []
    for _ in range(200):
        probability = rng.uniform(0.15, 0.85, 120)
        positive = rng.random(120) < probability + shift
        plain.append(value(classification.calibration_error(positive, probability), 120))
        debiased.append(value(classification.debiased_calibration_error(positive, probability), 120))
    assert shift**2 - 0.001 < np.mean(np.square(debiased)) < shift**2 + 0.5 * (np.mean(np.square(plain)) - shift**2)


def test_coverage_counts_the_ends() -> None:
    """A true value on the end of its interval is covered."""
    truth, low, high = np.array([1.0, 2, 3, 4]), np.array([1.0, 0, 0, 5]), np.array([2.0, 2, 2, 6])
    assert value(classification.coverage(truth, low, high), 4) == 0.5


def test_intervals_agree_with_scipys_bootstrap() -> None:
    """One item a patient: the percentile interval is that of scipy.stats.bootstrap, but for chance."""
    truth, estimate = made(5, 200)
    ours = bootstrap({"r2": agreement.r2(truth, estimate)}, [str(i) for i in range(200)])["r2"]
    theirs = stats.bootstrap(
        (truth, estimate), metrics.r2_score, paired=True, vectorized=False, n_resamples=2000, method="percentile", rng=1
    ).confidence_interval
    assert ours.low == pytest.approx(theirs.low, abs=0.01)
    assert ours.high == pytest.approx(theirs.high, abs=0.01)


def test_a_patients_items_are_drawn_together() -> None:
    """Four copies of each patient tell no more than one: the interval stays; drawn apart it would halve."""
    values = np.random.default_rng(0).normal(0, 1, 100)
    once = bootstrap({"m": ratio(values)}, [f"{i:03}" for i in range(100)])["m"]
    copies = bootstrap({"m": ratio(np.tile(values, 4))}, [f"{i:03}" for i in range(100)] * 4)["m"]
    assert (copies.low, copies.high) == pytest.approx((once.low, once.high))
    for weights in draw_weights(["b", "a", "b"], Resampling(samples=50)):
        assert (weights[:, 0] == weights[:, 2]).all()
        assert (weights[:, 0] + weights[:, 1] == 2).all()


def test_the_level_sets_the_width() -> None:
    """The 90 % interval lies within the 95 % interval, and both hold the value."""
    truth, estimate = made(8)
    names = [str(i) for i in range(60)]
    wide, narrow = (
        bootstrap({"mae": agreement.mae(truth, estimate)}, names, Resampling(level, 2000))["mae"]
        for level in (0.95, 0.9)
    )
    assert wide.low < narrow.low < narrow.value < narrow.high < wide.high


def test_what_is_not_defined_has_no_interval() -> None:
    """One patient gives no interval, no positive gives no AUC, nothing at all gives nothing."""
    alone = bootstrap({"mae": agreement.mae(np.array([50.0]), np.array([52.0]))}, ["a"])["mae"]
    assert (alone.value, alone.low, alone.high) == (2.0, None, None)
    none = bootstrap({"auc": classification.auc(np.zeros(12, bool), np.arange(12.0))}, list("abcdefghijkl"))["auc"]
    assert np.isnan(none.value)
    assert none.low is None
    assert bootstrap({"auc": ratio([])}, []) == {}


@pytest.mark.parametrize("copies", [1, 3])
def test_few_patients_have_no_interval(copies: int) -> None:
    """Nine have none, ten have one, however many items each has; so it is for the patients of a group."""
    names = [f"{i % 10}" for i in range(10 * copies)]
    values = np.arange(10.0 * copies)
    nine = np.array([name != "9" for name in names])
    found = bootstrap({"all": ratio(values), "nine": within(nine, ratio(values[nine]))}, names)
    assert found["all"].low is not None
    assert (found["nine"].low, found["nine"].high) == (None, None)
    assert bootstrap({"few": ratio(values[nine])}, [n for n in names if n != "9"])["few"].low is None


def test_a_figure_that_no_resample_changes_has_no_interval() -> None:
    """A share of 1, and a mean whose resamples differ by rounding alone."""
    for values in (np.ones(40), np.full(40, 0.1) + 0.2):
        found = bootstrap({"share": ratio(values)}, [str(i) for i in range(40)])["share"]
        assert (found.value, found.low, found.high) == (pytest.approx(values[0]), None, None)


def test_a_group_is_resampled_with_the_whole() -> None:
    """A statistic within a group sees the group's items only."""
    values, group = np.array([1.0, 5, 9]), np.array([True, False, True])
    assert value(within(group, ratio(values[group])), 3) == 5


def test_memory_does_not_grow_with_the_number_of_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights come in blocks of bounded size, and all resamples come."""
    monkeypatch.setattr("echobeat.evaluation.bootstrap.BLOCK_BYTES", 8 * 100 * 10)
    blocks = list(draw_weights([str(i) for i in range(100)], Resampling(samples=25)))
    assert [len(block) for block in blocks] == [10, 10, 5]
