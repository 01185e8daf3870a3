"""The figures of EF come from the right studies, and each says how many these are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_predictions import made_beats, made_readings, made_studies
from sklearn import metrics

from echobeat.evaluation.bootstrap import Resampling
from echobeat.evaluation.ef_figures import Answered, by_beats, ef_figures, pair
from echobeat.evaluation.measured import Measured, published
from echobeat.evaluation.predictions import BeatReading, Reading

QUICK = Resampling(samples=200)


def find(rows: list[Measured], name: str, method: str, group: str = "all") -> Measured:
    (row,) = (r for r in rows if (r.name, r.method, r.group) == (name, method, group))
    return row


def test_each_figure_is_of_its_method_and_its_group() -> None:
    """By hand, for one method and one range; n counts studies and patients."""
    studies = made_studies()
    readings = made_readings(studies)
    rows = ef_figures(studies, readings, [], QUICK)
    truth = np.array([s.ef for s in studies])
    estimate = np.array([r.ef for r in readings if r.method == "beat by beat"])
    row = find(rows, "MAE", "beat by beat")
    assert (row.n, row.patients, row.unit) == (40, 20, "points")
    assert row.value == pytest.approx(np.abs(truth - estimate).mean())
    assert row.low < row.value < row.high
    middle = (truth >= 40) & (truth < 50)
    row = find(rows, "RMSE", "beat by beat", "EF 40-49")
    assert row.n == middle.sum()
    assert row.value == pytest.approx(metrics.root_mean_squared_error(truth[middle], estimate[middle]))
    row = find(rows, "AUC, EF < 50", "beat by beat")
    assert row.value == pytest.approx(metrics.roc_auc_score(truth < 50, -estimate))
    row = find(rows, "MAE", "beat by beat", "rhythm atrial fibrillation")
    assert row.value == pytest.approx(np.abs(truth - estimate)[::4].mean())


def test_sensitivity_and_specificity_are_of_their_own_studies() -> None:
    """Of six patients below 40 no interval is told, nor of an AUC that hangs on them; the n is theirs."""
    studies = [replace(s, patient=s.study, ef=30.0 if k < 6 else 60.0) for k, s in enumerate(made_studies())]
    read = [(30.0, 45.0)[k % 2] if k < 6 else (60.0, 35.0)[k % 5 == 0] for k in range(40)]
    readings = [Reading(s.study, "all clips", ef) for s, ef in zip(studies, read, strict=True)]
    rows = ef_figures(studies, readings, [], QUICK)
    row = find(rows, "sensitivity, EF < 40", "all clips")
    assert (row.value, row.low, row.n, row.patients) == (0.5, None, 6, 6)
    row = find(rows, "specificity, EF < 40", "all clips")
    assert (row.value, row.n, row.patients) == (pytest.approx(28 / 34), 34, 34)
    assert row.low < row.value < row.high
    assert find(rows, "AUC, EF < 40", "all clips").low is None
    strong = [replace(s, ef=60.0) for s in studies]
    told = {r.name for r in ef_figures(strong, readings, [], QUICK)}
    assert "specificity, EF < 40" in told
    assert "sensitivity, EF < 40" not in told


def test_an_ef_on_the_bound_is_in_the_upper_range() -> None:
    """40 is mildly reduced, 50 is not reduced: the ranges are closed below."""
    studies = [replace(s, ef=ef) for s, ef in zip(made_studies(6), (39.9, 39.9, 40.0, 49.9, 50.0, 60.0), strict=True)]
    rows = ef_figures(studies, [Reading(s.study, "all clips", 50.0) for s in studies], [], QUICK)
    for group in ("EF < 40", "EF 40-49", "EF >= 50"):
        assert find(rows, "MAE", "all clips", group).n == 2


def test_trust_is_measured_only_where_the_model_claims_it() -> None:
    """Coverage and calibration for the method with intervals and probabilities, none for the others."""
    studies = made_studies()
    rows = ef_figures(studies, made_readings(studies), [], QUICK)
    assert find(rows, "coverage of 90 % intervals", "geometric").n == 40
    assert find(rows, "width of 90 % intervals", "geometric").value == pytest.approx(20)
    assert {r.method for r in rows if "calibration" in r.name or "coverage" in r.name} == {"geometric"}


def test_a_calibration_error_has_no_bootstrap_interval() -> None:
    """Resampling inflates it, so that a percentile interval would lie above the figure itself."""
    studies = made_studies()
    rows = [r for r in ef_figures(studies, made_readings(studies), [], QUICK) if r.name.startswith("calibration error")]
    assert rows
    assert all(row.low is None and row.high is None for row in rows)


def test_the_error_of_the_best_clips_is_theirs_alone() -> None:
    """A score that is 1 where the error is small: the best half errs least, and its ratio to all says by how much."""
    studies = made_studies()
    readings = [r for r in made_readings(studies) if r.method == "beat by beat"]
    errors = np.array([abs(r.ef - s.ef) for s, r in zip(studies, readings, strict=True)])
    ranked = [replace(s, score=float(1 / (1 + e))) for s, e in zip(studies, errors, strict=True)]
    rows = ef_figures(ranked, readings, [], QUICK)
    best = find(rows, "MAE", "beat by beat", "best 50% by quality")
    assert (best.n, best.value) == (20, pytest.approx(np.sort(errors)[:20].mean()))
    ratio = find(rows, "MAE over that of all", "beat by beat", "best 50% by quality")
    assert ratio.value == pytest.approx(best.value / errors.mean())
    assert ratio.low < ratio.value < ratio.high
    unknown = [replace(ranked[0], score=None), *ranked[1:]]
    assert not [r for r in ef_figures(unknown, readings, [], QUICK) if "quality" in r.group and "best" in r.group]


def test_coverage_is_told_for_each_group() -> None:
    """By range of EF, by rhythm and by half of quality, from the intervals of that group alone."""
    studies = made_studies()
    readings = [r for r in made_readings(studies) if r.method == "geometric"]
    rows = ef_figures(studies, readings, [], QUICK)
    inside = np.array([r.low <= s.ef <= r.high for s, r in zip(studies, readings, strict=True)])
    irregular = np.array([s.rhythm == "atrial fibrillation" for s in studies])
    row = find(rows, "coverage of 90 % intervals", "geometric", "rhythm atrial fibrillation")
    assert (row.n, row.value) == (irregular.sum(), pytest.approx(inside[irregular].mean()))
    lower = np.array([s.score for s in studies]) < np.median([s.score for s in studies])
    row = find(rows, "coverage of 90 % intervals", "geometric", "lower half of quality")
    assert (row.n, row.value) == (lower.sum(), pytest.approx(inside[lower].mean()))


def test_a_study_without_a_reading_is_missing_not_wrong() -> None:
    """Its absence is counted; the others' figures are of the others."""
    studies = made_studies(10)
    readings = [r for r in made_readings(studies) if r.study != "S003"]
    paired = pair([*studies, replace(studies[0], study="S999", ef=None)], readings, "one clip")
    assert (len(paired.truth), paired.missing) == (9, 1)
    assert "S003" not in {study.study for study in paired.studies}


def test_the_studies_without_an_ef_are_a_share_of_all() -> None:
    """By method: two of ten have no EF by one clip; nobody is missing beat by beat."""
    studies = made_studies(10)
    readings = [r for r in made_readings(studies) if r.study not in ("S003", "S004") or r.method != "one clip"]
    rows = ef_figures(studies, readings, [], QUICK)
    row = find(rows, "studies without an EF, share", "one clip")
    assert (row.value, row.n) == (pytest.approx(0.2), 10)
    assert find(rows, "studies without an EF, share", "beat by beat").value == 0


def test_it_is_said_of_how_many_studies_the_figures_are() -> None:
    """Six studies, all refused, two with an EF; six sound ones; and where no check was made nothing is said of it."""
    studies = made_studies(6)
    refused = [replace(s, verdict="refused") for s in studies]
    readings = [Reading(s.study, "geometric", 50.0) for s in studies]
    said = Answered.of(refused, readings[:2])
    assert said.in_words.startswith(
        "An EF was read in 2 of 6 studies; the quality check refused 6. The figures count 2"
    )
    assert not said.all_well
    sound = Answered.of([replace(s, verdict="accepted") for s in studies], readings)
    assert sound.in_words == "An EF was read in 6 of 6 studies; the quality check refused 0."
    assert sound.all_well
    assert Answered.of(studies, readings).in_words == "An EF was read in 6 of 6 studies."
    assert Answered.of(refused, []).in_words == "An EF was read in 0 of 6 studies; the quality check refused 6."


def test_more_beats_of_independent_error_err_less_on_the_same_studies() -> None:
    """MAE falls as 1 / sqrt(k), and every k has the same n."""
    studies, rng = made_studies(300), np.random.default_rng(0)
    beats = [BeatReading(s.study, b, 0, True, s.ef + rng.normal(0, 8)) for s in studies for b in range(4)]
    rows = by_beats(studies, beats, QUICK)
    assert [r.group for r in rows] == ["mean of 1 beat", "mean of 2 beats", "mean of 3 beats", "mean of 4 beats"]
    assert {r.n for r in rows} == {300}
    assert rows[0].value / rows[3].value == pytest.approx(2, rel=0.1)
    assert rows[3].value == pytest.approx(
        np.mean([abs(np.mean([b.ef_video for b in beats[4 * i : 4 * i + 4]]) - s.ef) for i, s in enumerate(studies)])
    )


def test_beats_that_do_not_count_are_not_averaged() -> None:
    """An ectopic beat is left out of the error by beats."""
    studies = made_studies(4)
    good = [BeatReading(s.study, 0, 0, True, s.ef) for s in studies]
    bad = [BeatReading(s.study, 1, 0, False, s.ef + 30) for s in studies]
    (row,) = by_beats(studies, good + bad, QUICK)
    assert row.value == 0


def test_the_papers_figure_stands_beside_the_same_figure_only() -> None:
    """MAE beat by beat is compared with 4.05, of one clip with 4.22; coverage with nothing."""
    studies = made_studies()
    rows = ef_figures(studies, made_readings(studies), made_beats(studies), QUICK)
    assert published(find(rows, "MAE", "beat by beat")).value == 4.05
    assert published(find(rows, "MAE", "one clip")).value == 4.22
    assert published(find(rows, "MAE", "geometric")) is None
    assert published(find(rows, "MAE", "geometric", "EF < 40")).value == 6.26
    assert published(find(rows, "coverage of 90 % intervals", "geometric")) is None
