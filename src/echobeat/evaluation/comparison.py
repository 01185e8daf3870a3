"""Two evaluations of the same patients: paired differences, each with its interval."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from echobeat.errors import UnreadableFile, UsageError
from echobeat.evaluation import agreement
from echobeat.evaluation.bootstrap import Resampling, Statistic, bootstrap, ratio, within
from echobeat.evaluation.dice import BoolArray
from echobeat.evaluation.ef_figures import POINTS, RANGES, SMALLEST_GROUP, pair, pairs
from echobeat.evaluation.ledger import RUN, Predictions
from echobeat.evaluation.measured import ALL
from echobeat.evaluation.predictions import BY_WEIGHT, FrameScore, Method, write_rows
from echobeat.evaluation.tables import markdown_table, write_json
from echobeat.records import NOTICE, FloatArray
from echobeat.whole import whole_file, write_file

SAME_EF = 1e-6
"""Two evaluations are of the same labels where the expert's EF differ by no more."""


@dataclass(frozen=True)
class Compared:
    """One figure of two evaluations.

    Attributes
    ----------
    name, group, unit : str
        As in `Measured`.
    method_a, method_b : str
        How EF was read; empty for segmentation.
    a, b : float
        The figure of each, on what both have predicted.
    difference : float
        a - b.
    low, high : float or None
        Ends of the paired bootstrap interval of the difference, by patient; it holds 0 where the two cannot be told
        apart. None where there is none, see `bootstrap.NO_INTERVAL`.
    n, patients : int
    """

    name: str
    group: str
    method_a: str
    method_b: str
    a: float
    b: float
    difference: float
    low: float | None
    high: float | None
    unit: str
    n: int
    patients: int


@dataclass(frozen=True)
class _Pair:
    """The same figure of both, on the same items."""

    name: str
    group: str
    unit: str
    a: Statistic
    b: Statistic
    items: BoolArray


def find_evaluation(path: Path) -> Path:
    """The folder of an evaluation: `path` itself, or the only one in it (a training run that was evaluated).

    Raises
    ------
    UnreadableFile
        There is none, or more than one.
    """
    if (path / RUN).is_file():
        return path
    found = sorted(inner.parent for inner in path.glob(f"*/{RUN}"))
    if len(found) == 1:
        return found[0]
    problem = f"it holds {len(found)} evaluations" if found else "there is no evaluation in it"
    raise UnreadableFile(str(path), problem, "Name the --out folder of one echobeat evaluate")


def compare(
    a: Predictions, b: Predictions, how: Resampling, methods: tuple[Method | None, Method | None] = (None, None)
) -> list[Compared]:
    """Compare two evaluations on the studies (and frames) that both predicted.

    Parameters
    ----------
    a, b : Predictions
    how : Resampling
    methods : (Method or None, Method or None)
        How EF was read in each; None: every method that both have, or else each one's foremost.

    Raises
    ------
    UsageError
        They share no study, their labels differ, or a method was not evaluated.
    """
    rows: list[Compared] = []
    if a.frames and b.frames:
        rows += _compare_frames(a, b, how)
    if a.readings and b.readings:
        for method_a, method_b in _methods(a, b, methods):
            rows += _compare_ef(a, b, how, method_a, method_b)
    if not rows:
        raise UsageError(
            "The two evaluations share nothing: evaluate both models on the same studies, for the same task."
        )
    return rows


def _methods(
    a: Predictions, b: Predictions, wanted: tuple[Method | None, Method | None]
) -> list[tuple[Method, Method]]:
    there = [[one.method for one in pairs(side.whole, side.readings)] for side in (a, b)]
    for method, known in zip(wanted, there, strict=True):
        if method is not None and method not in known:
            raise UsageError(f"There is no EF {method!r} in the evaluation; there is: {', '.join(known)}.")
    shared = [method for method in there[0] if method in there[1]]
    if wanted == (None, None) and shared:
        return [(method, method) for method in shared]
    if not all(there):
        return []
    foremost = [next(method for method in BY_WEIGHT if method in known) for known in there]
    first, second = wanted[0] or foremost[0], wanted[1] or foremost[1]
    return [(first, second)]


def _compare_ef(a: Predictions, b: Predictions, how: Resampling, of_a: Method, of_b: Method) -> list[Compared]:
    first, second = pair(a.whole, a.readings, of_a), pair(b.whole, b.readings, of_b)
    place = {study.study: index for index, study in enumerate(second.studies)}
    both = [(index, place[s.study]) for index, s in enumerate(first.studies) if s.study in place]
    if not both:
        return []
    left, right = (np.array(side) for side in zip(*both, strict=True))
    truth = first.truth[left]
    different = np.flatnonzero(np.abs(truth - second.truth[right]) > SAME_EF)
    if len(different):
        name = first.studies[left[different[0]]].study
        raise UsageError(
            f"The expert's EF of {name} differs between the two evaluations: they are not of the same data."
        )
    plans = list(_ef_plans(truth, first.estimate[left], second.estimate[right]))
    return _measured(plans, [first.studies[index].patient for index in left], how, (of_a, of_b))


def _ef_plans(truth: FloatArray, a: FloatArray, b: FloatArray) -> Iterator[_Pair]:
    """MAE, RMSE, bias and R2 overall, MAE and RMSE by range."""
    everything = np.ones(len(truth), bool)
    kinds: Sequence[tuple[str, str, Callable[[FloatArray, FloatArray], Statistic]]] = (
        ("MAE", POINTS, agreement.mae),
        ("RMSE", POINTS, agreement.rmse),
        ("bias", POINTS, agreement.bias),
        ("R2", "", agreement.r2),
    )
    for name, unit, kind in kinds:
        yield _Pair(name, ALL, unit, kind(truth, a), kind(truth, b), everything)
    for group, (low, high) in RANGES.items():
        inside = (truth >= low) & (truth < high)
        if inside.sum() >= SMALLEST_GROUP:
            for name, unit, kind in kinds[:2]:
                one, other = kind(truth[inside], a[inside]), kind(truth[inside], b[inside])
                yield _Pair(name, group, unit, one, other, inside)


def _compare_frames(a: Predictions, b: Predictions, how: Resampling) -> list[Compared]:
    others = {(frame.study, frame.frame): frame for frame in b.frames}
    both = [(frame, others[frame.study, frame.frame]) for frame in a.frames if (frame.study, frame.frame) in others]
    for one, other in both:
        if one.traced_px != other.traced_px:
            raise UsageError(
                f"The expert's mask of {one.study}, frame {one.frame}, differs between the two evaluations: "
                "they are not of the same data."
            )
    if not both:
        return []
    patient_of = {study.study: study.patient for study in a.studies}
    instants = np.array([one.instant for one, _ in both])
    plans = []
    for group, inside in ((ALL, np.ones(len(both), bool)), ("ED", instants == "ED"), ("ES", instants == "ES")):
        if inside.any():
            sides = [
                [side for side, is_in in zip(frames, inside, strict=True) if is_in]
                for frames in zip(*both, strict=True)
            ]
            plans += list(_frame_plans(sides[0], sides[1], group, inside))
    return _measured(plans, [patient_of[one.study] for one, _ in both], how, ("", ""))


def _frame_plans(a: Sequence[FrameScore], b: Sequence[FrameScore], group: str, inside: BoolArray) -> Iterator[_Pair]:
    kinds: Sequence[tuple[str, str, Callable[[Sequence[FrameScore]], Statistic]]] = (
        ("pooled Dice", "", _pooled),
        ("Dice of an image", "", lambda frames: ratio([frame.dice for frame in frames])),
        ("Hausdorff distance, 95 %", "px", lambda frames: ratio([frame.hd95_px for frame in frames])),
        ("mean surface distance", "px", lambda frames: ratio([frame.surface_px for frame in frames])),
    )
    for name, unit, kind in kinds:
        yield _Pair(name, group, unit, kind(a), kind(b), inside)


def _pooled(frames: Sequence[FrameScore]) -> Statistic:
    return ratio([2 * f.intersection_px for f in frames], [f.predicted_px + f.traced_px for f in frames])


def _measured(
    plans: Sequence[_Pair], patients: Sequence[str], how: Resampling, methods: tuple[str, str]
) -> list[Compared]:
    """The figures of both, and their difference on the same resamples."""
    statistics: dict[tuple[int, str], Statistic] = {}
    for index, plan in enumerate(plans):
        one, other = within(plan.items, plan.a), within(plan.items, plan.b)
        statistics[index, "a"], statistics[index, "b"] = one, other
        statistics[index, "difference"] = within(plan.items, _minus(plan.a, plan.b))
    found = bootstrap(statistics, patients, how)
    names, rows = np.asarray(patients), []
    for index, plan in enumerate(plans):
        a, b, apart = (found[index, part] for part in ("a", "b", "difference"))
        if not np.isfinite(apart.value):
            continue
        rows.append(
            Compared(
                name=plan.name,
                group=plan.group,
                method_a=methods[0],
                method_b=methods[1],
                a=a.value,
                b=b.value,
                difference=apart.value,
                low=apart.low,
                high=apart.high,
                unit=plan.unit,
                n=int(plan.items.sum()),
                patients=len(set(names[plan.items].tolist())),
            )
        )
    return rows


def _minus(one: Statistic, other: Statistic) -> Statistic:
    return lambda weights: one(weights) - other(weights)


def write_comparison(rows: Sequence[Compared], head: dict[str, Any], how: Resampling, folder: Path) -> None:
    """Write ``comparison.csv``, ``.json`` and ``.md``, each whole or not at all.

    Raises
    ------
    OutputError
    """
    with whole_file(folder / "comparison.csv") as beside:
        write_rows(beside, rows, Compared)
    write_json(folder / "comparison.json", {**head, "differences": [asdict(row) for row in rows]}, how)
    text = markdown_table(comparison_header(how), map(comparison_cells, rows))
    write_file(folder / "comparison.md", f"{text}\n\nDifference: A - B, on what both predicted. {NOTICE}\n")


def comparison_header(how: Resampling) -> tuple[str, ...]:
    """Heads of the columns of `comparison_cells`."""
    return ("Figure", "Of", "A", "B", "A - B", f"{100 * how.level:g} % interval", "n", "Patients")


def comparison_cells(row: Compared) -> tuple[str, ...]:
    """A comparison in words."""
    digits = 2 if row.unit else 3
    span = "" if row.low is None or row.high is None else f"{row.low:+.{digits}f} to {row.high:+.{digits}f}"
    methods = " / ".join(dict.fromkeys(method for method in (row.method_a, row.method_b) if method))
    group = ", ".join(part for part in (methods, "" if row.group == ALL else row.group) if part)
    values = (f"{row.a:.{digits}f}", f"{row.b:.{digits}f}", f"{row.difference:+.{digits}f}")
    return (f"{row.name} ({row.unit})" if row.unit else row.name, group, *values, span, str(row.n), str(row.patients))
