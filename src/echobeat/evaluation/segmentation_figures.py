"""From scores of traced frames to figures: overlap and distances, overall, at ED and at ES. Pure functions of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from echobeat.evaluation.bootstrap import Resampling, ratio
from echobeat.evaluation.dice import BoolArray
from echobeat.evaluation.measured import ALL, Measured, Planned, measure
from echobeat.evaluation.predictions import FrameScore, StudyRow

DISTANCES = (
    ("Hausdorff distance, 95 %", "hd95_px", "px"),
    ("Hausdorff distance, 95 %", "hd95_mm", "mm"),
    ("mean surface distance", "surface_px", "px"),
    ("mean surface distance", "surface_mm", "mm"),
)


def segmentation_figures(studies: Sequence[StudyRow], frames: Sequence[FrameScore], how: Resampling) -> list[Measured]:
    """Every figure of segmentation.

    Pooled Dice is the published one: 2 * sum(intersection) / (sum(union) + sum(intersection)) over all frames, in which
    large ventricles weigh more. The others are means over frames, in which all weigh the same.
    """
    patient_of = {study.study: study.patient for study in studies}
    if not frames:
        return []
    instants = np.array([frame.instant for frame in frames])
    plans = list(_plans(frames, ALL, np.ones(len(frames), bool)))
    for instant in ("ED", "ES"):
        if (instants == instant).any():
            plans += _plans(frames, instant, instants == instant)
    return measure(plans, [patient_of[frame.study] for frame in frames], how)


def _plans(frames: Sequence[FrameScore], group: str, inside: BoolArray) -> Iterator[Planned]:
    chosen = [frame for frame, is_in in zip(frames, inside, strict=True) if is_in]
    intersection = np.array([2 * frame.intersection_px for frame in chosen])
    sizes = np.array([frame.predicted_px + frame.traced_px for frame in chosen])
    yield Planned("pooled Dice", ratio(intersection, sizes), "", group, inside)
    yield Planned("Dice of an image", ratio([frame.dice for frame in chosen]), "", group, inside)
    for name, field, unit in DISTANCES:
        known = inside & np.array([getattr(frame, field) is not None for frame in frames])
        values = [getattr(frame, field) for frame in chosen if getattr(frame, field) is not None]
        if values:
            yield Planned(name, ratio(values), unit, group, known)
    empty = [float(frame.predicted_px == 0) for frame in chosen]
    yield Planned("frames without a ventricle found", ratio(empty), "", group, inside)
