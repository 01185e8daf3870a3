"""A calibration is judged on studies that it did not see."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from echobeat.errors import UsageError
from echobeat.evaluation.calibration import KnownStudy, held_out, held_out_metrics
from echobeat.measurement import CalibrationStudy, calibrate_studies
from echobeat.models import load_card


def studies(count: int) -> list[KnownStudy]:
    """Contours err by 8 points and the video by 4, normally and beat by beat alike."""
    rng = np.random.default_rng(5)
    made = []
    for true_ef in rng.uniform(20, 70, count):
        ways = [np.clip(true_ef + rng.normal(0, sd) + rng.normal(0, 1, 4), 0, 100) for sd in (8.0, 4.0)]
        made.append(KnownStudy(*(CalibrationStudy(efs, true_ef) for efs in ways)))
    return made


@pytest.mark.parametrize(("ef", "widest"), [(None, 30.0), ("ef", 16.0)])
def test_the_intervals_hold_nine_tenths_of_what_they_were_not_made_from(ef, widest):
    """Those of the contours, and those of both ways together, which are narrower."""
    found = held_out(studies(200), load_card("lv"), load_card(ef) if ef else None)
    low, high, truth = found[:, :3].T
    assert len(found) == 200
    assert 0.84 <= ((low <= truth) & (truth <= high)).mean() <= 0.96
    assert np.median(high - low) < widest


def test_no_study_has_a_part_in_its_own_interval():
    """However far off it is, its interval stays; those of others may not."""
    honest = studies(60)
    odd = replace(honest[7], contours=replace(honest[7].contours, true_ef=99.0))
    before, after = (
        held_out(list(known), load_card("lv"), None) for known in (honest, [*honest[:7], odd, *honest[8:]])
    )
    place = int(np.flatnonzero(after[:, 2] == 99.0)[0])
    assert before[place, :2] == pytest.approx(after[place, :2])
    assert not np.allclose(before[:, :2], after[:, :2])


def test_no_study_of_a_patient_has_a_part_in_the_interval_of_another() -> None:
    """Three studies of each: they share an error, and would vouch for each other."""
    honest = [
        replace(study, contours=replace(study.contours, patient=f"P{number // 3}"))
        for number, study in enumerate(studies(90))
    ]
    odd = replace(honest[7], contours=replace(honest[7].contours, true_ef=99.0))
    before, after = (
        held_out(list(known), load_card("lv"), None) for known in (honest, [*honest[:7], odd, *honest[8:]])
    )
    of_the_patient = [int(np.flatnonzero(before[:, 2] == s.contours.true_ef)[0]) for s in (honest[6], honest[8])]
    assert before[of_the_patient, :2] == pytest.approx(after[of_the_patient, :2])


def test_a_study_that_no_network_read_is_not_counted_for_its_video() -> None:
    """Twenty-two of twenty-six are too few to leave a fifth out, and nothing is told."""
    known = [replace(study, video=None) if number < 4 else study for number, study in enumerate(studies(26))]
    assert not len(held_out(known, load_card("lv"), load_card("ef")))


def test_studies_of_few_patients_are_no_calibration() -> None:
    """However many there are; without names each counts as a patient's only one."""
    known = [study.contours for study in studies(60)]
    with pytest.raises(UsageError, match="60 studies of 6 patients"):
        calibrate_studies([replace(study, patient=f"P{number % 6}") for number, study in enumerate(known)])
    assert calibrate_studies(known).studies == 60


def test_too_few_studies_tell_nothing():
    """Four fifths of them could not be calibrated on."""
    assert held_out_metrics(held_out(studies(24), load_card("lv"), None), "x") == []


def test_the_card_says_how_many_hold_in_each_range_of_ef():
    """Shares of all, and of those below 40, from 40 to 49 and from 50 on."""
    unsure = (0.5, 0.5, 0.5)
    judged = np.array(
        [(20.0, 40.0, 30.0, *unsure)] * 12 + [(30.0, 39.0, 45.0, *unsure)] * 12 + [(40.0, 70.0, 60.0, *unsure)] * 24
    )
    overall, low, middle, high, width, *_ = held_out_metrics(judged, "x")
    assert [one.value for one in (overall, low, middle, high)] == [0.75, 1.0, 0.0, 1.0]
    assert (width.value, width.n) == (pytest.approx(22.25), 48)


def test_the_card_says_how_far_the_probabilities_are_off():
    """Right about 35 and 40, a certain EF below 50 that three quarters do not have: no resample stands beside it."""
    judged = np.array([(20.0, 70.0, ef, ef < 35, ef < 40, 1.0) for ef in (30.0, 60.0, 61.0, 62.0) * 50])
    *_, of_35, of_40, of_50 = held_out_metrics(judged, "x")
    assert of_35.value == of_40.value == 0.0
    assert of_50.value == pytest.approx(0.75, abs=0.01)
    assert (of_50.n, of_50.low, of_50.high) == (200, None, None)
