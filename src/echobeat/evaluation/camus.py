"""A segmentation model on CAMUS: Dice at the images' own size, and EF of ED/ES pairs."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import numpy as np

from echobeat.datasets.camus import CamusImage
from echobeat.evaluation.bootstrap import mean_metric
from echobeat.evaluation.dice import BoolArray, dice
from echobeat.frames import FrameStack
from echobeat.measurement import disks_volume, long_axis
from echobeat.models import Metric, Segmenter
from echobeat.records import Spacing


def evaluate_camus(segmenter: Segmenter, images: Iterable[CamusImage], data: str) -> tuple[Metric, ...]:
    """Measure a model on labelled images.

    Parameters
    ----------
    segmenter : Segmenter
    images : iterable of CamusImage
        Patient by patient, ED before ES.
    data : str
        What the images are, for the card.

    Returns
    -------
    tuple of Metric
        Mean Dice overall (mean of a patient's two), at ED, at ES; share of patients under 0.86; mean absolute
        error and bias of the pair's EF against the EF from the expert's masks (single-plane method of disks).
    """
    scores: dict[str, list[float]] = {"ED": [], "ES": []}
    errors = []
    for _, pair in groupby(images, key=lambda sample: sample.patient):
        truth: dict[str, float] = {}
        ours: dict[str, float] = {}
        for sample in pair:
            mask = np.asarray(segmenter.segment(FrameStack.from_array(sample.image[None])).lv)[0]
            expert = sample.labels == 1
            scores[sample.instant].append(dice(mask, expert))
            truth[sample.instant] = _volume(expert, sample.spacing_mm)
            ours[sample.instant] = _volume(mask, sample.spacing_mm)
        errors.append(_ef(ours) - _ef(truth))
    both = np.mean([scores["ED"], scores["ES"]], axis=0)
    return (
        mean_metric("LV Dice, ED and ES", both, data),
        mean_metric("LV Dice, ED", scores["ED"], data),
        mean_metric("LV Dice, ES", scores["ES"], data),
        mean_metric("patients with mean Dice below 0.86", both < 0.86, data),
        mean_metric("EF from masks against EF from experts' masks, absolute error", np.abs(errors), data),
        mean_metric("EF from masks against EF from experts' masks, bias", errors, data),
    )


def _volume(mask: BoolArray, spacing: Spacing) -> float:
    axis = long_axis(mask, spacing)
    return disks_volume(mask, axis, spacing) if axis else 0.0


def _ef(volumes: dict[str, float]) -> float:
    """Percent; 0 where no ventricle was found, which counts as a full error."""
    return 100 * (1 - volumes["ES"] / volumes["ED"]) if volumes["ED"] > 0 else 0.0
