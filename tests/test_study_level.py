"""What is said of a study as a whole: its EF by which way, spread, index beat, rhythm."""

from dataclasses import replace

import pytest

import echobeat
from echobeat import measurement
from echobeat.evaluation.phantoms import StudyScore, Systoles
from echobeat.phantom import draw_patient, make_study
from echobeat.phantom.seeds import VALIDATION_SEEDS


@pytest.fixture(scope="module")
def fibrillating():
    """A clip of six beats, some of them after intervals that are alike."""
    return make_study(draw_patient(VALIDATION_SEEDS.start + 14, rhythm="atrial fibrillation"))


@pytest.fixture(scope="module")
def irregular(fibrillating):
    return echobeat.analyze(fibrillating.frames, fps=fibrillating.patient.acquisition.fps).result


@pytest.fixture(scope="module")
def regular():
    study = make_study(draw_patient(VALIDATION_SEEDS.start + 3, rhythm="sinus", ef=55.0))
    return echobeat.analyze(study.frames, fps=study.patient.acquisition.fps).result


def test_the_weight_says_of_which_estimate_the_ef_is(regular):
    """What is called the video's is the video's."""
    ef, weight = regular.ef, regular.ef.video_weight
    calibration = echobeat.pipeline.Models.load().video_calibration
    assert (ef.method, weight) == (calibration.method, calibration.video_weight)
    mean = (1 - weight) * regular.ef_geometric.value + weight * regular.ef_video.value
    assert ef.value == pytest.approx(mean, abs=1e-6 if weight in (0, 1) else 2.0)  # beats are averaged robustly


def test_an_evaluation_takes_the_reported_ef_for_both_whatever_the_weight(regular):
    """None only where nothing was calibrated beside the contours."""

    def both(ef):
        return StudyScore("p", "sinus", Systoles(0, 0, 0), (), 0, replace(regular, ef=ef), None, 55.0, None).ef("both")

    assert both(replace(regular.ef, method="video", video_weight=1.0)) == regular.ef.value
    assert both(replace(regular.ef, method="combined", video_weight=0.4)) == regular.ef.value
    assert both(replace(regular.ef, method="geometric", video_weight=None)) is None
    assert both(None) is None


def test_a_study_has_the_spread_of_its_beats(irregular, regular):
    """Of the EFs that are reported, in either rhythm."""
    for result in (irregular, regular):
        assert result.ef_spread == measurement.ef_spread(result.beats)


def test_only_an_irregular_rhythm_has_an_index_beat(irregular, regular):
    """By the reported EF of the beat."""
    assert irregular.rhythm.irregular is True
    assert irregular.index_beat is not None
    assert irregular.index_beat == measurement.index_beat(irregular.beats)
    assert regular.rhythm.irregular is False
    assert regular.index_beat is None


def test_a_refused_clip_has_none_of_it_and_no_rhythm(fibrillating):
    """At 8 frames a second beats are found, but not believed: neither are their intervals."""
    result = echobeat.analyze(fibrillating.frames[::6], fps=8.0).result
    assert not result.quality.accepted
    assert measurement.rhythm(result.beats) is not None
    assert result.rhythm is result.ef_spread is result.index_beat is None
