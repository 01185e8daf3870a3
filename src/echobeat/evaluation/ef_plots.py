"""Pictures of EF: scatter, Bland-Altman, ROC, error by range, by beats and by share kept, reliability."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve  # type: ignore[import-untyped]  # ships no types

from echobeat.evaluation.classification import reliability
from echobeat.evaluation.ef_figures import PROBABILITIES, RANGES, SMALLEST_GROUP, THRESHOLDS, Paired
from echobeat.evaluation.measured import ALL, Measured, published
from echobeat.evaluation.plots import MARKS, STROKES, Palette, Picture, new_figure
from echobeat.evaluation.predictions import BY_WEIGHT
from echobeat.records import FloatArray

Rows = Sequence[Measured]

SMALLEST_CURVE = 20
"""Fewer studies make no curve of error over the share kept."""

LEAST_SHOWN = 10
"""Percent of the clips from which on that curve is drawn: before, it is a few clips' luck."""


def ef_pictures(paired: Sequence[Paired], rows: Rows, level: float) -> list[Picture]:
    """All pictures that the predictions allow; `level` is that of the intervals in `rows`."""
    pictures = []
    if any(row.group in RANGES for row in rows):
        words = "Mean absolute error of each method by range of the expert's EF, with intervals."
        pictures.append(Picture("error-by-range", "Error by range of EF", words, partial(_by_range, rows, level)))
    if _of_beats(rows):
        words = "Mean absolute error over the number of beats averaged, with intervals."
        pictures.append(Picture("error-by-beats", "Error by beats averaged", words, partial(_by_beats, rows, level)))
    scored = [one for one in paired if len(one.truth) >= SMALLEST_CURVE and np.isfinite(one.scores).all()]
    if scored:
        words = "Mean absolute error of each method on the best clips by their quality, over the share that is kept."
        pictures.append(Picture("risk-coverage", "Error and quality", words, partial(_risk_coverage, scored)))
    for one in sorted(paired, key=lambda one: BY_WEIGHT.index(one.method)):
        pictures += _of_method(one, rows, level)
    return pictures


def _of_method(one: Paired, rows: Rows, level: float) -> Iterator[Picture]:
    name, method, n = one.method.replace(" ", "-"), one.method, len(one.truth)
    words = f"Scatter of the model's EF over the expert's for {n} studies, with the line of identity."
    yield Picture(f"scatter-{name}", f"Model and expert, {method}", words, partial(_scatter, one, rows))
    if n >= SMALLEST_GROUP:
        words = f"Difference of model and expert over their mean for {n} studies, bias and limits of agreement."
        yield Picture(f"bland-altman-{name}", f"Bland-Altman, {method}", words, partial(_bland_altman, one, rows))
    if any(row.method == method and row.name.startswith("AUC") for row in rows):
        words = "ROC curves for an EF below 35, 40, 45 and 50 %, where there are studies on both sides."
        yield Picture(f"roc-{name}", f"ROC, {method}", words, partial(_roc, one, rows, level))
    if one.known(*PROBABILITIES.values())[0].sum() >= SMALLEST_GROUP:
        words = "Share of studies below 35, 40 and 50 % over the probability that the model gave."
        yield Picture(f"reliability-{name}", f"Reliability, {method}", words, partial(_reliability, one))


def _value(rows: Rows, name: str, method: str, group: str = ALL) -> Measured | None:
    return next((r for r in rows if (r.name, r.method, r.group) == (name, method, group)), None)


def spread(row: Measured, digits: int) -> str:
    """``4.05 (3.91–4.20)``, without the interval where there is none."""
    if row.low is None or row.high is None:
        return f"{row.value:.{digits}f}"
    return f"{row.value:.{digits}f} ({row.low:.{digits}f}–{row.high:.{digits}f})"


def _limits(*values: FloatArray) -> tuple[float, float]:
    """Whole tens around all values, at least 20 apart."""
    low = 10 * np.floor(min(v.min() for v in values) / 10)
    high = 10 * np.ceil(max(v.max() for v in values) / 10)
    return float(low), float(max(high, low + 20))


def _points(axes: Axes, x: FloatArray, y: FloatArray, palette: Palette) -> None:
    """A dot a study: large and dense where there are few, small and clear where there are many."""
    size, alpha = (2.6, 0.5) if len(x) > 50 else (4.0, 0.85)
    axes.plot(x, y, "o", color=palette.series[0], markersize=size, alpha=alpha, mew=0, zorder=3)


def _scatter(paired: Paired, rows: Rows, palette: Palette) -> Figure:
    figure, axes = new_figure(3.4)
    limits = _limits(paired.truth, paired.estimate)
    axes.plot(limits, limits, color=palette.faint, linewidth=0.8, linestyle=(0, (4, 2)), zorder=2, label="identity")
    _points(axes, paired.truth, paired.estimate, palette)
    axes.set(xlim=limits, ylim=limits, aspect="equal")
    axes.set(xlabel="Expert's EF (%)", ylabel=f"Model's EF, {paired.method} (%)")
    told = [f"n = {len(paired.truth)}"]
    for name in ("MAE", "R2"):
        row = _value(rows, name, paired.method)
        if row is not None:
            told.append(f"{name.replace('R2', 'R²')} {spread(row, 2)}")
    axes.legend(loc="lower right", handlelength=2.2)
    figure.suptitle(" · ".join(told), fontsize=7.5)
    return figure


def _bland_altman(paired: Paired, rows: Rows, palette: Palette) -> Figure:
    figure, axes = new_figure(2.7)
    difference, middle = paired.estimate - paired.truth, (paired.estimate + paired.truth) / 2
    _points(axes, middle, difference, palette)
    axes.axhline(0, color=palette.faint, linewidth=0.6)
    shown: list[float] = []
    lines = (("upper limit of agreement", "+1.96 SD", STROKES[1]), ("bias", "bias", STROKES[0]))
    for name, word, stroke in (*lines, ("lower limit of agreement", "−1.96 SD", STROKES[1])):
        row = _value(rows, name, paired.method)
        if row is None:
            continue
        shown.append(abs(row.value))
        axes.axhline(row.value, color=palette.series[1], linewidth=1.0, linestyle=stroke, zorder=4)
        label = f"{word}\n{row.value:+.1f}".replace("-", "−").replace("−0.0", "0.0").replace("+0.0", "0.0")
        axes.annotate(label, (1.02, row.value), xycoords=("axes fraction", "data"), va="center", fontsize=7)
    reach = 1.08 * max(float(np.abs(difference).max()), *shown, 5.0)
    axes.set(xlim=_limits(middle), ylim=(-reach, reach))
    axes.set(xlabel=f"Mean of model and expert (% EF), n = {len(middle)}", ylabel="Model − expert (points of EF)")
    return figure


def _roc(paired: Paired, rows: Rows, level: float, palette: Palette) -> Figure:
    figure, axes = new_figure(3.6)
    axes.plot([0, 1], [0, 1], color=palette.faint, linewidth=0.6, linestyle=(0, (1, 2)))
    for index, threshold in enumerate(THRESHOLDS):
        row = _value(rows, f"AUC, EF < {threshold}", paired.method)
        if row is None:
            continue
        low = paired.truth < threshold
        false, true, _ = roc_curve(low, -paired.estimate)
        label = f"EF < {threshold} %: {spread(row, 3)}, {low.sum()} of {len(low)}"
        axes.plot(100 * false, 100 * true, color=palette.series[index], linestyle=STROKES[index], label=label, lw=1.3)
    axes.lines[0].set_data([0, 100], [0, 100])
    axes.set(xlim=(-1.5, 101.5), ylim=(-1.5, 101.5), aspect="equal")
    axes.set(xlabel="1 − specificity (%)", ylabel="Sensitivity (%)")
    title = f"AUC ({100 * level:g} % interval), studies below of all"
    figure.legend(
        loc="outside lower left", fontsize=7, handlelength=2.6, title=title, title_fontsize=7, alignment="left"
    )
    return figure


def _by_range(rows: Rows, level: float, palette: Palette) -> Figure:
    figure, axes = new_figure(2.8)
    methods = list(dict.fromkeys(row.method for row in rows if row.group in RANGES))
    shown = [group for group in RANGES if any(row.group == group for row in rows)]
    step = 0.6 / max(1, len(methods))
    for index, method in enumerate(methods):
        for place, group in enumerate(shown):
            row = _value(rows, "MAE", method, group)
            if row is not None:
                x = place + (index - (len(methods) - 1) / 2) * step
                _bar(axes, x, row, palette.series[index], MARKS[index], method if place == 0 else None)
    known = {group: other for group in shown if (other := published(_only(rows, group))) is not None}
    for group, other in known.items():
        place = shown.index(group)
        label = "EchoNet-Dynamic, published" if group == shown[0] else ""
        axes.hlines(other.value, place - 0.4, place + 0.4, color=palette.faint, lw=0.9, ls=(0, (4, 2)), label=label)
    counts = [max(row.n for row in rows if row.group == group and row.name == "MAE") for group in shown]
    words = [group.replace("EF ", "").replace("-", "–").replace(">=", "≥") for group in shown]
    axes.set_xticks(range(len(shown)), [f"{word} %\nn = {n}" for word, n in zip(words, counts, strict=True)])
    axes.set(ylim=(0, None), xlim=(-0.55, len(shown) - 0.45), xlabel="Expert's EF", ylabel=_error_label(level))
    figure.legend(loc="outside upper left", ncols=2, fontsize=7, handlelength=1.8)
    return figure


def _error_label(level: float) -> str:
    return f"MAE, {100 * level:g} % interval (points of EF)"


def _only(rows: Rows, group: str) -> Measured:
    return next(row for row in rows if row.group == group and row.name == "MAE")


def _bar(axes: Axes, x: float, row: Measured, colour: str, mark: str, label: str | None) -> None:
    """A value with its interval."""
    if row.low is not None and row.high is not None:
        axes.vlines(x, row.low, row.high, color=colour, linewidth=1.2)
    axes.plot([x], [row.value], mark, color=colour, markersize=4.5, label=label, linestyle="")


def _of_beats(rows: Rows) -> list[Measured]:
    return [row for row in rows if row.group.startswith("mean of")]


def _by_beats(rows: Rows, level: float, palette: Palette) -> Figure:
    figure, axes = new_figure(2.5)
    found = _of_beats(rows)
    axes.plot(range(1, len(found) + 1), [row.value for row in found], color=palette.series[0], linewidth=0.8)
    for index, row in enumerate(found):
        _bar(axes, index + 1, row, palette.series[0], MARKS[0], None)
    axes.set_xticks(range(1, len(found) + 1))
    axes.set(xlim=(0.5, max(len(found), 2) + 0.5), ylim=(0, None))
    axes.set(xlabel=f"Beats averaged (the same {found[0].n} studies)", ylabel=_error_label(level))
    return figure


def _risk_coverage(scored: Sequence[Paired], palette: Palette) -> Figure:
    figure, axes = new_figure(2.6)
    for index, one in enumerate(scored):
        errors = np.abs(one.estimate - one.truth)[np.argsort(-one.scores, kind="stable")]
        shares = 100 * np.arange(1, len(errors) + 1) / len(errors)
        told = shares >= LEAST_SHOWN
        means = np.cumsum(errors) / np.arange(1, len(errors) + 1)
        stroke, colour = STROKES[index % len(STROKES)], palette.series[index % len(palette.series)]
        axes.plot(shares[told], means[told], color=colour, linestyle=stroke, linewidth=1.3, label=one.method)
    axes.set(xlim=(LEAST_SHOWN, 100), ylim=(0, None))
    axes.set(xlabel=f"Share of the {len(scored[0].truth)} clips kept, best first (%)", ylabel="MAE (points of EF)")
    figure.legend(loc="outside upper left", ncols=3, fontsize=7, handlelength=2.2)
    return figure


def _reliability(paired: Paired, palette: Palette) -> Figure:
    figure, axes = new_figure(3.4)
    axes.plot([0, 100], [0, 100], color=palette.faint, linewidth=0.8, linestyle=(0, (4, 2)), label="perfect")
    for index, (threshold, field) in enumerate(PROBABILITIES.items()):
        known, (probability,) = paired.known(field)
        bins = reliability(paired.truth[known] < threshold, probability)
        sizes = np.array([12 + 60 * one.n / known.sum() for one in bins])
        x, y = ([100 * getattr(one, part) for one in bins] for part in ("probability", "share"))
        axes.plot(x, y, color=palette.series[index], linewidth=0.9, linestyle=STROKES[index])
        label = f"EF < {threshold} %, n = {known.sum()}"
        axes.scatter(x, y, s=sizes, marker=MARKS[index], color=palette.series[index], linewidths=0, label=label)
    axes.set(xlim=(-3, 103), ylim=(-3, 103), aspect="equal")
    axes.set(xlabel="Probability given (%)", ylabel="Share of studies below (%)")
    figure.legend(loc="outside upper left", ncols=2, fontsize=7, markerscale=0.8)
    return figure
