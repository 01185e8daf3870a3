"""Two evaluations are compared on what both predicted, and the interval is that of the paired difference."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_predictions import made_readings, made_scores, made_studies
from scipy import stats

from echobeat.errors import UnreadableFile, UsageError
from echobeat.evaluation.bootstrap import Resampling
from echobeat.evaluation.comparison import Compared, compare, find_evaluation, write_comparison
from echobeat.evaluation.ledger import Identity, Predictions
from echobeat.evaluation.predictions import Reading

IDENTITY = Identity("ef", {}, "phantom", "test")
QUICK = Resampling(samples=1000)


def evaluation(seed: int, n: int = 60, sd: float = 5.0) -> Predictions:
    studies = [replace(s, patient=s.study) for s in made_studies(n)]
    return Predictions(
        IDENTITY, tuple(studies), tuple(made_scores(studies, seed)), tuple(made_readings(studies, seed, sd))
    )


def find(rows: list[Compared], name: str, method: str = "one clip", group: str = "all") -> Compared:
    (row,) = (
        r for r in rows if (r.name, r.method_a, r.group, r.unit in ("", "points", "px")) == (name, method, group, True)
    )
    return row


def test_the_difference_and_its_interval_are_paired() -> None:
    """MAE(A) - MAE(B) is a mean of paired differences: scipy's bootstrap of that mean gives the same interval."""
    a, b = evaluation(1), evaluation(2, sd=8)
    row = find(compare(a, b, Resampling(samples=5000)), "MAE")
    truth = np.array([s.ef for s in a.studies])
    errors = [np.abs(np.array([r.ef for r in side.readings if r.method == "one clip"]) - truth) for side in (a, b)]
    assert (row.a, row.b) == pytest.approx((errors[0].mean(), errors[1].mean()))
    assert row.difference == pytest.approx(row.a - row.b)
    apart = errors[0] - errors[1]
    expected = stats.bootstrap((apart,), np.mean, method="percentile", n_resamples=5000, rng=0).confidence_interval
    assert (row.low, row.high) == pytest.approx((expected.low, expected.high), abs=0.12)


def test_pairing_tells_apart_what_two_intervals_do_not() -> None:
    """The same errors but for a constant: the difference is near certain although each figure is not."""
    a = evaluation(1)
    worse = tuple(replace(r, ef=r.ef + 0.5 + 0.01 * (n % 2)) for n, r in enumerate(a.readings))
    row = find(compare(a, replace(a, readings=worse), QUICK), "bias")
    assert (row.low, row.difference, row.high) == pytest.approx((-0.5, -0.5, -0.5), abs=0.02)


def test_the_same_difference_in_every_resample_has_no_interval() -> None:
    """An evaluation beside itself: 0, and nothing of how far it scatters; nor of a group of few patients."""
    a, b = evaluation(1), evaluation(2)
    row = find(compare(a, a, QUICK), "MAE")
    assert (row.difference, row.low, row.high) == (0, None, None)
    few = [r for r in compare(a, b, QUICK) if r.patients < 10]
    assert few
    assert all(r.low is None for r in few)


def test_only_what_both_predicted_counts() -> None:
    """A study that failed in B is left out of A's figure, too."""
    a, b = evaluation(1), evaluation(2)
    failed = b.studies[3].study
    fewer = replace(
        b,
        studies=tuple(replace(s, problem="broken") if s.study == failed else s for s in b.studies),
        readings=tuple(r for r in b.readings if r.study != failed),
        frames=tuple(f for f in b.frames if f.study != failed),
    )
    rows = compare(a, fewer, QUICK)
    assert find(rows, "MAE").n == 59
    assert find(rows, "pooled Dice", "").n == 118


def test_dice_is_compared_at_ed_and_at_es() -> None:
    """By hand for the images' mean."""
    a, b = evaluation(1), evaluation(2)
    row = find(compare(a, b, QUICK), "Dice of an image", "", "ES")
    means = [np.mean([f.dice for f in side.frames if f.instant == "ES"]) for side in (a, b)]
    assert row.difference == pytest.approx(means[0] - means[1])
    assert row.n == 60


def test_methods_can_differ_where_they_are_named() -> None:
    """One clip of A against beat by beat of B; each one's foremost where they share none."""
    a, b = evaluation(1), evaluation(2)
    rows = compare(a, b, QUICK, ("one clip", "beat by beat"))
    assert {(r.method_a, r.method_b) for r in rows} == {("", ""), ("one clip", "beat by beat")}
    clips = replace(a, readings=tuple(Reading(s.study, "all clips", s.ef) for s in a.studies))
    assert {(r.method_a, r.method_b) for r in compare(clips, b, QUICK)} >= {("all clips", "beat by beat")}
    with pytest.raises(UsageError, match="entire video"):
        compare(a, b, QUICK, ("entire video", None))


def test_other_data_is_refused_by_name() -> None:
    """Another expert's EF, another tracing, no study in common."""
    a = evaluation(1)
    other = replace(a, studies=(*a.studies[:-1], replace(a.studies[-1], ef=99.0)))
    with pytest.raises(UsageError, match=a.studies[-1].study):
        compare(a, other, QUICK)
    with pytest.raises(UsageError, match="mask"):
        compare(a, replace(a, frames=tuple(replace(f, traced_px=7) for f in a.frames)), QUICK)
    with pytest.raises(UsageError, match="share nothing"):
        compare(replace(a, frames=()), Predictions(IDENTITY, ()), QUICK)


def test_a_run_that_was_evaluated_once_is_found(tmp_path: Path) -> None:
    """The folder itself, or the only evaluation in it; none or two are refused."""
    with pytest.raises(UnreadableFile, match="no evaluation"):
        find_evaluation(tmp_path)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text("{}")
        if name == "one":
            assert find_evaluation(tmp_path) == tmp_path / "one"
    with pytest.raises(UnreadableFile, match="2 evaluations"):
        find_evaluation(tmp_path)
    assert find_evaluation(tmp_path / "two") == tmp_path / "two"


def test_a_comparison_is_written_in_three_forms(tmp_path: Path) -> None:
    """A line a figure; the sign of a difference is always shown."""
    rows = compare(evaluation(1), evaluation(2), QUICK)
    write_comparison(rows, {}, QUICK, tmp_path)
    lines = (tmp_path / "comparison.md").read_text().splitlines()
    assert sum(line.startswith("| ") for line in lines) == len(rows) + 2
    assert all((tmp_path / f"comparison.{suffix}").stat().st_size for suffix in ("csv", "json"))
