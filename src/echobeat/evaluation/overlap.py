"""A model's mask beside an expert's: pixels in common, and how far apart the outlines lie (MONAI)."""

from __future__ import annotations

import math
import warnings
from typing import Any, Literal

import numpy as np
import torch

from echobeat.evaluation.dice import BoolArray
from echobeat.evaluation.predictions import FrameScore
from echobeat.networks import operators  # noqa: F401  comes before MONAI, which imports torchvision
from echobeat.records import Spacing


def score_frame(
    study: str,
    frame: int,
    instant: Literal["ED", "ES", ""],
    predicted: BoolArray,
    traced: BoolArray,
    spacing_mm: Spacing | None,
) -> FrameScore:
    """Score one frame.

    Parameters
    ----------
    study, frame, instant
        As in `FrameScore`.
    predicted, traced : ndarray
        (height, width) bool, True in the LV's cavity.
    spacing_mm : (row, column) or None
    """
    hd95_px, surface_px = distances(predicted, traced)
    hd95_mm, surface_mm = (None, None) if spacing_mm is None else distances(predicted, traced, spacing_mm)
    return FrameScore(
        study=study,
        frame=frame,
        instant=instant,
        intersection_px=int((predicted & traced).sum()),
        predicted_px=int(predicted.sum()),
        traced_px=int(traced.sum()),
        hd95_px=hd95_px,
        surface_px=surface_px,
        hd95_mm=hd95_mm,
        surface_mm=surface_mm,
    )


def distances(one: BoolArray, other: BoolArray, spacing: Spacing = (1.0, 1.0)) -> tuple[float, float]:
    """Hausdorff distance, 95th percentile, and mean symmetric surface distance, in the unit of `spacing`.

    MONAI's `compute_hausdorff_distance` and `compute_average_surface_distance` (M. J. Cardoso et al. 2022,
    doi:10.48550/arXiv.2211.02701). Where one mask is empty there is no distance; the frame's diagonal stands in, so
    that a model is not rewarded for finding nothing. Two empty masks agree: 0.

    Parameters
    ----------
    one, other : ndarray
        (height, width) bool.
    spacing : (row, column)

    Returns
    -------
    (float, float)
    """
    if not (one.any() and other.any()):
        diagonal = math.hypot(one.shape[0] * spacing[0], one.shape[1] * spacing[1])
        worst = diagonal if one.any() or other.any() else 0.0
        return worst, worst
    from monai.metrics.hausdorff_distance import compute_hausdorff_distance
    from monai.metrics.surface_distance import compute_average_surface_distance

    a, b = (torch.from_numpy(np.ascontiguousarray(mask))[None, None] for mask in (one, other))
    how: Any = {"include_background": True, "spacing": list(spacing)}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*get_mask_edges", FutureWarning)  # MONAI 1.6 warns of its own call
        hausdorff = compute_hausdorff_distance(a, b, percentile=95, **how)
        surface = compute_average_surface_distance(a, b, symmetric=True, **how)
    return float(hausdorff[0, 0]), float(surface[0, 0])
