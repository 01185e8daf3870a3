"""The study's EF, its range, and its interval."""

import json
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_hearts import made_beat

from echobeat.errors import UsageError
from echobeat.measurement import (
    MeasurementError,
    beat_intervals,
    calibrate,
    category,
    ef_spread,
    probability_below,
    study_ef,
)
from echobeat.measurement.calibration import CalibrationStudy, calibrate_studies, conformal_quantile
from echobeat.measurement.ejection_fraction import robust_mean
from echobeat.measurement.intervals import Trust
from echobeat.records import Estimate

ERROR = MeasurementError(1.0, 3.0, 2.5, 1.8, 7.0, 200)


@pytest.mark.parametrize(
    ("ef", "range_"),
    [
        (12.0, "reduced"),
        (40.0, "reduced"),
        (40.000001, "mildly reduced"),
        (49.999, "mildly reduced"),
        (50.0, "not reduced"),
    ],
)
def test_the_ranges_meet_at_forty_and_fifty(ef, range_):
    """<= 40 reduced, > 40 and < 50 mildly reduced, >= 50 not reduced, unrounded."""
    assert category(ef) == range_


def test_a_study_without_a_counting_beat_has_no_ef():
    """Nothing to average is None, not NaN."""
    assert study_ef([]) is None
    assert study_ef([made_beat(ectopic=True), made_beat(1, post_ectopic=True)]) is None


@settings(max_examples=50)
@given(st.lists(st.floats(5, 85), min_size=1, max_size=12))
def test_the_robust_mean_lies_among_the_values_and_does_not_depend_on_their_order(values):
    """Between smallest and largest, the same for any order, moving with a shift."""
    mean = robust_mean(np.array(values))
    assert min(values) - 1e-6 <= mean <= max(values) + 1e-6
    assert robust_mean(np.array(values[::-1])) == pytest.approx(mean, abs=1e-6)
    assert robust_mean(np.array(values) + 3.0) == pytest.approx(mean + 3.0, abs=1e-3)


def test_one_wild_beat_moves_the_mean_little_and_agreeing_beats_are_averaged():
    """50, 51, 52, 51 and 90: within a point of 51.5; beats within 3 points: the plain mean."""
    assert robust_mean(np.array([50.0, 51.0, 52.0, 51.0, 90.0])) == pytest.approx(51.5, abs=1.0)
    assert robust_mean(np.array([50.0, 51.0, 53.0])) == pytest.approx(51.333, abs=0.01)


def test_the_spread_is_the_deviation_of_the_beats_that_count():
    """In points; one beat has none, and a premature one does not widen it."""
    beats = [made_beat(0, 50.0), made_beat(1, 54.0), made_beat(2, 20.0, ectopic=True)]
    assert ef_spread(beats) == pytest.approx(8**0.5)
    assert ef_spread(beats[:1]) is ef_spread([]) is None


def test_without_a_calibration_nothing_is_guessed():
    """No interval, no probability."""
    estimate = study_ef([made_beat()])
    assert (estimate.low, estimate.high) == (None, None)
    assert probability_below(estimate) is None
    assert beat_intervals([made_beat()])[0].ef_low is None


def test_the_interval_carries_spread_number_of_beats_and_bias():
    """More beats narrow it, differing beats widen it, a known bias shifts it, 0 and 100 end it."""

    def width(*efs):
        estimate = study_ef([made_beat(i, ef) for i, ef in enumerate(efs)], ERROR)
        return estimate.high - estimate.low

    assert width(50.0) > width(50.0, 50.0) > width(*[50.0] * 6)
    assert width(40.0, 50.0, 60.0) > width(49.0, 50.0, 51.0)
    # six beats that agree: shared 3, random sqrt(4 * 2.5^2 / 9 / 6), both times 1.8 to either side
    assert width(*[50.0] * 6) == pytest.approx(2 * 1.8 * np.hypot(3.0, np.sqrt(25 / 9 / 6)))
    low = study_ef([made_beat(0, 2.0)], ERROR)
    assert low.low == 0.0
    middle = study_ef([made_beat(0, 50.0)], ERROR)
    assert (middle.low + middle.high) / 2 == pytest.approx(49.0)
    (beat,) = beat_intervals([made_beat(0, 50.0)], ERROR)
    assert (beat.ef_low, beat.ef_high) == pytest.approx((42.0, 56.0))


def test_probabilities_follow_the_estimate():
    """Half at the threshold, growing with it, five in a hundred at the interval's end, also where 0 cuts it off."""
    error = MeasurementError(0.0, 3.0, 2.5, 1.8, 7.0, 200)
    found = probability_below(Estimate(40.0, 30.0, 50.0), error=error)
    assert found["40"] == pytest.approx(0.5)
    assert found["50"] == pytest.approx(0.95, abs=1e-3)
    assert found["35"] < found["40"] < found["50"]
    assert probability_below(Estimate(8.0, 0.0, 18.0), error=error)["50"] > 0.99


@given(bias=st.floats(-30, 30), value=st.floats(5, 95), width=st.floats(1, 30))
def test_a_bias_does_not_widen_what_probabilities_are_made_of(bias, value, width):
    """An interval that was stretched to hold the measured EF, or cut off at an end of the scale, has its own width."""
    error = MeasurementError(bias, 3.0, 2.5, 1.8, width, 200)
    centre = error.centre(value)
    low, high = error.beat_interval(value)
    if centre - width > 0 and centre + width < 100:
        assert error.half_width(Estimate(value, low, high)) == pytest.approx(width)
        found = probability_below(Estimate(value, low, high), error=error)
        assert found["40"] == pytest.approx(NormalDist(centre, width / 1.645).cdf(40.0), abs=1e-3)
    assert error.half_width(Estimate(value, None, None)) is None


def make_studies(rng, count, bias=2.0):
    """Studies whose measured EF is off by a shared and a random part; heavy tails."""
    truths, studies = rng.uniform(15, 75, count), []
    for truth in truths:
        shared = bias + 3.0 * rng.standard_t(4)
        studies.append([made_beat(i, float(truth + shared + 2.5 * rng.normal())) for i in range(rng.integers(1, 7))])
    return studies, truths


def test_calibrated_intervals_cover_ninety_in_a_hundred_new_studies():
    """Calibrated on 300 studies, 86 to 95 % of 2000 new ones lie within, with one beat as with six."""
    rng = np.random.default_rng(0)
    error = calibrate(*make_studies(rng, 300))
    assert error.bias == pytest.approx(2.0, abs=0.6)
    assert error.beat_sd == pytest.approx(2.5, abs=0.4)
    studies, truths = make_studies(rng, 2000)
    inside = np.array(
        [(e := study_ef(beats, error)).low <= truth <= e.high for beats, truth in zip(studies, truths, strict=True)]
    )
    counts = np.array([len(beats) for beats in studies])
    assert 0.86 < inside.mean() < 0.95
    for few in (counts == 1, counts >= 5):
        assert 0.83 < inside[few].mean() < 0.97


def test_no_study_is_scored_with_what_was_fitted_on_it():
    """On 20 studies of noise the width exceeds the one that the fit, which knows these errors, would have."""
    rng = np.random.default_rng(3)
    wider = []
    for _ in range(4):
        trust = [Trust(float(rng.beta(8, 2)), bool(rng.random() < 0.3)) for _ in range(20)]
        truths = rng.uniform(20, 70, 20)
        efs = [truth + rng.normal(0, 6) + rng.normal(0, 3, 3) for truth in truths]
        studies = [CalibrationStudy(ef, truth, trust=t) for ef, truth, t in zip(efs, truths, trust, strict=True)]
        error = calibrate_studies(studies)
        bare = replace(error, study_scale=1.0)
        half = [bare.study_interval(bare.centre(robust_mean(s.efs)), s.efs, None, s.trust) for s in studies]
        off = [abs(error.centre(robust_mean(s.efs)) - s.true_ef) for s in studies]
        known = conformal_quantile(np.array(off) / [(high - low) / 2 for low, high in half])
        wider.append(error.study_scale / known)
    assert min(wider) >= 0.99
    assert np.mean(wider) > 1.03


def test_probabilities_are_calibrated():
    """Of studies that are said to lie under 50 with 60-90 %, 60-90 % do."""
    rng = np.random.default_rng(1)
    error = calibrate(*make_studies(rng, 300))
    studies, truths = make_studies(rng, 3000)
    said = np.array([probability_below(study_ef(beats, error), error=error)["50"] for beats in studies])
    unsure = (said > 0.6) & (said < 0.9)
    assert 0.6 < np.mean(truths[unsure] < 50) < 0.92


def test_probabilities_follow_errors_that_lie_askew():
    """Most hearts are read a little too low, a few far too high. Of those said to lie under 50 with 2 to 20 %, as many
    do; a normal distribution of the same width is off by three times as much."""
    rng = np.random.default_rng(2)
    truths = rng.uniform(15, 85, 9000)
    studies = [[made_beat(0, float(truth - 4.0 + rng.exponential(4.0)))] for truth in truths]
    error = calibrate(studies[:1000], truths[:1000])
    estimates = [study_ef(beats, error) for beats in studies[1000:]]

    def gap(error):
        said = np.array([probability_below(estimate, error=error)["50"] for estimate in estimates])
        unsure = (said > 0.02) & (said < 0.2)
        return abs(said[unsure].mean() - np.mean(truths[1000:][unsure] < 50))

    assert gap(error) < 0.02
    assert gap(replace(error, errors=())) > 3 * gap(error)


@given(
    errors=st.lists(st.floats(-3, 3), min_size=2, max_size=41).map(sorted),
    centre=st.floats(5, 95),
    half=st.floats(0.5, 40),
)
def test_a_higher_threshold_is_never_less_likely_to_be_undercut(errors, centre, half):
    """Whatever errors a calibration saw, probabilities grow with the threshold and stay between 0 and 1."""
    error = MeasurementError(0.0, 3.0, 2.5, 1.8, 7.0, 200, errors=tuple(errors))
    found = probability_below(Estimate(centre, centre - half, centre + half), error=error)
    assert 0 <= found["35"] <= found["40"] <= found["50"] <= 1


def test_a_calibration_survives_json():
    """What a card stores gives the same intervals; a damaged card is refused."""
    stored = replace(ERROR, errors=(-1.5, 0.0, 2.0), slope=0.1, curve=0.002)
    again = MeasurementError.from_json(json.loads(json.dumps({**stored.to_json(), "later": 1})))
    assert again == stored
    with pytest.raises(UsageError):
        MeasurementError.from_json({"bias": 0.0})
    with pytest.raises(UsageError):
        MeasurementError(0.0, -1.0, 1.0, 1.0, 1.0, 10)
    with pytest.raises(UsageError):
        MeasurementError(float("nan"), 1.0, 1.0, 1.0, 1.0, 10)
    with pytest.raises(UsageError):
        MeasurementError(0.0, 1.0, 1.0, 1.0, 1.0, 10, errors=(1.0, -1.0))
    with pytest.raises(UsageError):
        MeasurementError(0.0, 1.0, 1.0, 1.0, 1.0, 10, curve=0.02)  # at 70 and more, a higher reading would mean less


def test_too_few_studies_are_refused():
    """No 90 % quantile from a dozen."""
    with pytest.raises(UsageError):
        calibrate([[made_beat()]] * 12, [50.0] * 12)
    with pytest.raises(UsageError):
        calibrate([[made_beat()]] * 30, [50.0] * 29)


def test_the_conformal_quantile_is_corrected_for_the_number_of_scores():
    """Of 1 ... 20 the 19th (not the 18th), of 1 ... 9 the 9th, of fewer the largest."""
    assert conformal_quantile(np.arange(1.0, 21.0)) == 19.0
    assert conformal_quantile(np.arange(1.0, 10.0)) == 9.0
    assert conformal_quantile(np.array([3.0, 1.0])) == 3.0
