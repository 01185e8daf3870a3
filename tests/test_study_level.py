"""What is said of a study as a whole: spread, index beat, rhythm."""

import pytest

import echobeat
from echobeat import measurement
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


def test_a_study_has_the_spread_of_its_beats(irregular, regular):
    """Of the EFs that are reported, in either rhythm."""
    for result in (irregular, regular):
        assert result.ef_spread == measurement.ef_spread(result.beats)


def test_only_an_irregular_rhythm_has_an_index_beat(irregular, regular):
    """By the reported EF of the beat."""
    assert irregular.index_beat == (measurement.index_beat(irregular.beats) if irregular.rhythm.irregular else None)
    assert regular.rhythm.irregular is False
    assert regular.index_beat is None


def test_a_refused_clip_has_none_of_it_and_no_rhythm(fibrillating):
    """At 8 frames a second beats are found, but not believed: neither are their intervals."""
    result = echobeat.analyze(fibrillating.frames[::6], fps=8.0).result
    assert not result.quality.accepted
    assert measurement.rhythm(result.beats) is not None
    assert result.rhythm is result.ef_spread is result.index_beat is None
