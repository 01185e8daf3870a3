"""EF from contours and EF from video become one by their measured errors."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_hearts import made_beat

from echobeat.errors import UsageError
from echobeat.measurement import (
    CalibrationStudy,
    MeasurementError,
    Trust,
    VideoCalibration,
    calibrate_studies,
    calibrate_video,
    read_beats,
    study_combined,
    study_video,
)
from echobeat.measurement.calibration import MOST_CURVE
from echobeat.measurement.codes import CODES, WIDENING
from echobeat.measurement.combination import best_weight
from echobeat.measurement.ejection_fraction import robust_mean
from echobeat.records import Estimate, Reading

CONTOURS = MeasurementError(-4.0, 6.0, 2.0, 1.7, 12.0, 200)
VIDEO = MeasurementError(1.0, 3.0, 2.0, 1.7, 6.0, 200, typical_sd=4.0)
BOTH = MeasurementError(0.0, 3.0, 2.0, 1.7, 5.0, 200, typical_sd=4.0)
CALIBRATION = VideoCalibration("sha", CONTOURS, VIDEO, BOTH, 0.75, "made up")


def studies(rng, count, sd, bias=0.0, slope=0.0, sds=None, curve=0.0):
    """Studies of one to six beats whose errors all beats share."""
    made = []
    for k in range(count):
        truth, beats = rng.uniform(15, 75), int(rng.integers(1, 7))
        own_sd = sd if sds is None else sds[k]
        shared = bias + slope * (truth - 50) + curve * (truth - 50) ** 2
        ef = truth + shared + rng.normal(0, own_sd) + rng.normal(0, 1.0, beats)
        made.append(CalibrationStudy(ef, truth, None if sds is None else np.full(beats, own_sd), None))
    return made


def test_a_beat_without_a_calibration_keeps_the_ef_of_its_contours():
    """The reading is noted beside it, nothing is mixed without known errors."""
    (beat,) = read_beats([made_beat(0, 50.0)], [Reading(60.0, 3.0)], None)
    assert (beat.ef, beat.ef_geometric, beat.ef_video) == (50.0, None, 60.0)


def test_a_calibrated_beat_is_the_weighted_mean_of_both():
    """A quarter of 50 and three quarters of 60; both stay readable."""
    (beat,) = read_beats([made_beat(0, 50.0)], [Reading(60.0, 4.0)], CALIBRATION)
    assert beat.ef == pytest.approx(0.25 * 50 + 0.75 * 60)
    assert (beat.ef_geometric, beat.ef_video) == (50.0, 60.0)
    assert beat.ef_high - beat.ef_low == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("weight", "method"), [(0.0, "geometric"), (0.394, "combined"), (0.999, "combined"), (1.0, "video")]
)
def test_an_ef_of_which_one_way_has_all_the_weight_is_not_called_combined(weight, method):
    """It is that way's, to the last digit."""
    assert replace(CALIBRATION, video_weight=weight).method == method


def test_a_beat_that_the_network_could_not_read_keeps_the_ef_of_its_contours():
    """None among readings harms no other beat."""
    beats = read_beats([made_beat(0, 50.0), made_beat(1, 52.0)], [None, Reading(52.0, 4.0)], CALIBRATION)
    assert beats[0].ef == 50.0
    assert beats[0].ef_geometric is None
    assert beats[1].ef_geometric == 52.0


@settings(max_examples=30)
@given(st.floats(1.0, 20.0), st.floats(1.0, 20.0))
def test_the_more_the_network_doubts_the_wider_the_interval(one, other):
    """Order of deviations is order of widths, for beats and studies."""
    widths = []
    for sd in sorted((one, other)):
        readings = [Reading(50.0, sd)]
        beats = read_beats([made_beat(0, 50.0)], readings, CALIBRATION)
        study = study_combined(beats, readings, BOTH)
        widths.append((beats[0].ef_high - beats[0].ef_low, study.high - study.low))
    assert widths[0][0] <= widths[1][0]
    assert widths[0][1] <= widths[1][1]


def test_beats_that_do_not_count_do_not_count_for_the_video_either():
    """An ectopic beat of EF 20 leaves the mean at 50."""
    beats, readings = [made_beat(0, 50.0), made_beat(1, 20.0, ectopic=True)], [Reading(50.0, 4.0), Reading(20.0, 4.0)]
    assert study_video(beats, readings, None).value == 50.0


def test_they_disagree_when_further_apart_than_both_intervals_allow():
    """Half-widths of 10 and 5 allow 11.2 points between the centres, not 14."""
    contours, video = Estimate(46.0, 40.0, 60.0), Estimate(51.0, 45.0, 55.0)
    assert not CALIBRATION.disagree(contours, video)
    assert CALIBRATION.disagree(contours, Estimate(65.0, 59.0, 69.0))
    assert not CALIBRATION.disagree(Estimate(46.0, None, None), Estimate(90.0, 85.0, 95.0))


def test_contours_are_compared_by_the_calibration_that_gave_their_interval():
    """A user's own bias of 8 leaves 38 of 46 measured: too far below 50 for half-widths of 6 and 5."""
    own = replace(CONTOURS, bias=8.0, beat_half_width=6.0)
    contours, video = Estimate(46.0, *own.beat_interval(46.0)), Estimate(51.0, 45.0, 55.0)
    assert CALIBRATION.disagree(contours, video, own)
    assert not CALIBRATION.disagree(contours, video)


@pytest.mark.parametrize(("first", "second"), [(3.0, 3.0), (8.0, 2.0), (2.0, 8.0)])
def test_the_weight_is_the_one_that_leaves_the_smallest_error(first, second):
    """No weight of a fine grid does better on the errors that it was chosen on."""
    rng = np.random.default_rng(1)
    shared = rng.normal(0, 1.5, 4000)
    own, other = shared + rng.normal(0, first, 4000), shared + rng.normal(0, second, 4000)
    spread = {w: np.std((1 - w) * own + w * other) for w in np.linspace(0, 1, 101)}
    assert best_weight(own, other) == pytest.approx(min(spread, key=spread.get), abs=0.011)


def test_the_combined_interval_covers_nine_studies_in_ten_that_it_has_not_seen():
    """Calibrated on 400, measured on 4,000 others, with bias, slope and deviations that differ from study to study."""
    rng = np.random.default_rng(2)
    sds = rng.uniform(2, 8, 4400)
    contours = studies(np.random.default_rng(3), 4400, 7.0, bias=-3.0, slope=-0.1)
    video = [
        CalibrationStudy(c.true_ef + rng.normal(0, sd) + np.zeros(len(c.efs)), c.true_ef, np.full(len(c.efs), sd))
        for c, sd in zip(contours, sds, strict=True)
    ]
    made = calibrate_video(contours[:400], video[:400], "sha", "made up")
    inside = []
    for c, v in zip(contours[400:], video[400:], strict=True):
        readings = [Reading(float(ef), float(sd)) for ef, sd in zip(v.efs, v.sds, strict=True)]
        beats = read_beats([made_beat(k, float(ef)) for k, ef in enumerate(c.efs)], readings, made)
        study = study_combined(beats, readings, made.combined)
        inside.append(study.low <= c.true_ef <= study.high)
    assert np.mean(inside) == pytest.approx(0.90, abs=0.035)
    assert made.video_weight > 0.6


def test_a_bias_that_grows_with_ef_is_taken_off():
    """Strong hearts read 15 % of their distance from 50 too low: the centre is right at 30 and at 70."""
    error = calibrate_studies(studies(np.random.default_rng(4), 600, 1.0, bias=-2.0, slope=-0.15))
    for truth in (30.0, 50.0, 70.0):
        assert error.centre(truth - 2.0 - 0.15 * (truth - 50)) == pytest.approx(truth, abs=1.0)


def test_a_bias_of_middling_hearts_is_taken_off():
    """Hearts near 50 read 3 points too low, those at 25 and 75 rightly: the centre is right at all three."""
    error = calibrate_studies(studies(np.random.default_rng(6), 600, 1.0, bias=-3.0, curve=3.0 / 25**2))
    for truth, read in ((25.0, 25.0), (50.0, 47.0), (75.0, 75.0)):
        assert error.centre(read) == pytest.approx(truth, abs=1.0)


def test_few_studies_give_no_steep_slope():
    """Twenty-five studies of pure noise: the bias hardly leans, and hardly bends within 20 points."""
    error = calibrate_studies(studies(np.random.default_rng(5), 25, 6.0))
    assert abs(error.slope) < 0.12
    assert abs(error.curve) * 20**2 < 1.2


@given(
    slope=st.floats(-0.5, 0.5),
    curve=st.floats(-MOST_CURVE, MOST_CURVE),
    efs=st.tuples(st.floats(0, 100), st.floats(0, 100)).map(sorted),
)
def test_a_higher_reading_never_means_a_lower_ef(slope, curve, efs):
    """Whatever bias a calibration can find."""
    error = replace(CONTOURS, slope=slope, curve=curve)
    assert error.centre(efs[0]) <= error.centre(efs[1])


def test_a_calibration_survives_its_card():
    """JSON and back is the same; a part that is missing is named."""
    again = VideoCalibration.from_json(json.loads(json.dumps(CALIBRATION.to_json())))
    assert again == CALIBRATION
    broken = {key: value for key, value in CALIBRATION.to_json().items() if key != "combined"}
    with pytest.raises(UsageError, match="combined"):
        VideoCalibration.from_json(broken)


def test_a_reading_without_a_deviation_is_as_certain_as_usual():
    """No deviation, no doubt."""
    assert VIDEO.doubt(None) == VIDEO.doubt(np.empty(0)) == 1.0
    assert VIDEO.doubt(np.array([8.0])) == pytest.approx(2.0)
    assert VIDEO.doubt(np.array([1e9])) == 4.0
    assert math.isclose(CONTOURS.doubt(np.array([8.0])), 1.0)


def trusted(count, seed, warned_sd=1.0, poor_sd=1.0):
    """Studies whose error is larger where a warning was given, or where the quality is poor (0.3 instead of 0.9)."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        trust = Trust(0.3 if rng.random() < 0.3 else 0.9, bool(rng.random() < 0.3))
        sd = 4.0 * (warned_sd if trust.warned else 1.0) * (poor_sd if trust.score < 0.5 else 1.0)
        truth = rng.uniform(20, 70)
        made.append(CalibrationStudy(truth + rng.normal(0, sd) + rng.normal(0, 1, 3), truth, trust=trust))
    return made


@pytest.mark.parametrize(("warned_sd", "poor_sd"), [(2.2, 1.0), (1.0, 2.2), (1.6, 1.6)])
def test_doubtful_clips_are_covered_as_well_as_good_ones(warned_sd, poor_sd):
    """Where errors grow with a warning or with poor quality, each kind of clip has its 90 % interval, good ones too."""
    error = calibrate_studies(trusted(500, 6, warned_sd, poor_sd))
    inside = {}
    for study in trusted(6000, 7, warned_sd, poor_sd):
        low, high = error.study_interval(robust_mean(study.efs), study.efs, trust=study.trust)
        inside.setdefault(study.trust, []).append(low <= study.true_ef <= high)
    assert len(inside) == 4
    for share in map(np.mean, inside.values()):
        assert share == pytest.approx(0.90, abs=0.06)


def test_a_warning_and_poor_quality_never_narrow_an_interval():
    """Calibrated on studies whose doubtful ones err least, the interval of a doubtful clip is no narrower."""
    error = calibrate_studies(trusted(300, 8, 0.5, 0.5))
    widths = [
        np.ptp(error.study_interval(50.0, np.array([50.0, 51.0]), trust=trust))
        for trust in (Trust(0.9, False), Trust(0.9, True), Trust(0.3, False))
    ]
    assert widths[0] <= min(widths[1:])


def test_few_studies_give_a_warning_its_usual_weight():
    """Twenty-five studies of equal errors: a warning widens a little all the same."""
    assert 1.0 < calibrate_studies(trusted(25, 9)).warned_factor < 1.5


def test_what_widens_an_interval_is_a_warning():
    """Every widening code is in the table, and is no refusal."""
    assert all(not CODES[code].refusal for code in WIDENING)
