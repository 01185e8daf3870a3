"""Figures as data, and the published ones to stand beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from echobeat.evaluation.bootstrap import Resampling, Statistic, bootstrap, within
from echobeat.evaluation.dice import BoolArray

ALL = "all"


@dataclass(frozen=True)
class Measured:
    """One figure: never without its n.

    Attributes
    ----------
    name : str
        What is measured: "MAE", "pooled Dice".
    method : str
        How EF was read (`predictions.Method`); empty for segmentation.
    group : str
        Of which part of the data: "all", "ED", "EF < 40", "rhythm sinus".
    value : float
    low, high : float or None
        Ends of the bootstrap interval over patients; None where there is none, see `bootstrap.NO_INTERVAL`.
    unit : str
        "points" of EF, "px", "mm", or empty for a share or a coefficient.
    n, patients : int
        Items (studies, frames) and patients behind it.
    """

    name: str
    method: str
    group: str
    value: float
    low: float | None
    high: float | None
    unit: str
    n: int
    patients: int


@dataclass(frozen=True)
class Planned:
    """A figure to be measured: its name, group, unit, the statistic of its items, and which items these are.

    Without `resampled` it has no interval: drawing patients with replacement makes some figures larger than they are.
    """

    name: str
    statistic: Statistic
    unit: str = ""
    group: str = ALL
    items: BoolArray | None = None
    resampled: bool = True


def measure(planned: Sequence[Planned], patients: Sequence[str], how: Resampling, method: str = "") -> list[Measured]:
    """Measure figures of the same items, all on the same resamples; those that are not defined are left out.

    Parameters
    ----------
    planned : sequence of Planned
        A statistic takes the weights of its own `items` only, or of all where these are None.
    patients : sequence of str
        (items,).
    how : Resampling
    method : str
        Copied into the figures.
    """
    statistics: Mapping[int, Statistic] = {
        index: plan.statistic if plan.items is None else within(plan.items, plan.statistic)
        for index, plan in enumerate(planned)
    }
    names = np.asarray(patients)
    rows = []
    for index, spread in bootstrap(statistics, patients, how).items():
        plan = planned[index]
        chosen = names if plan.items is None else names[plan.items]
        if np.isfinite(spread.value):
            counts = (len(chosen), len(set(chosen.tolist())))
            low, high = (spread.low, spread.high) if plan.resampled else (None, None)
            rows.append(Measured(plan.name, method, plan.group, spread.value, low, high, plan.unit, *counts))
    return rows


@dataclass(frozen=True)
class Published:
    """A figure from the literature on EchoNet-Dynamic's test split (1,277 videos)."""

    name: str
    method: str
    group: str
    value: float
    source: str


OUYANG = "Ouyang et al. 2020, doi:10.1038/s41586-020-2145-8"
ECHOMEN = "EchoNet-Dynamic as given by the authors of EchoMEN"

PUBLISHED = (
    Published("pooled Dice", "", ALL, 0.92, OUYANG),
    Published("pooled Dice", "", "ED", 0.927, OUYANG),
    Published("pooled Dice", "", "ES", 0.903, OUYANG),
    Published("MAE", "one clip", ALL, 4.22, OUYANG),
    Published("RMSE", "one clip", ALL, 5.56, OUYANG),
    Published("R2", "one clip", ALL, 0.79, OUYANG),
    Published("MAE", "beat by beat", ALL, 4.05, OUYANG),
    Published("RMSE", "beat by beat", ALL, 5.33, OUYANG),
    Published("R2", "beat by beat", ALL, 0.81, OUYANG),
    Published("AUC, EF < 50", "beat by beat", ALL, 0.97, OUYANG),
    Published("MAE", "", "EF < 40", 6.26, ECHOMEN),
    Published("MAE", "", "EF 40-49", 5.96, ECHOMEN),
    Published("MAE", "", "EF >= 50", 3.45, ECHOMEN),
)
"""A published figure with an empty method stands beside every method."""


def published(row: Measured) -> Published | None:
    """The published figure that a measured one is compared with, if there is one."""
    for known in PUBLISHED:
        if (known.name, known.group) == (row.name, row.group) and known.method in ("", row.method):
            return known
    return None
