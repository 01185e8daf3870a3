"""One number for how far a clip's EF may be off: the chance that the EF from contours is within 10 points.

A logistic model of four things known of every clip, each of which can only raise or only lower it. It was
fitted on 258 phantom studies of training seeds, analysed with `lv` 0.3.0, with the EF from contours against the
true one; the four were chosen there by cross-validation. What it is worth was measured on other phantoms:
see "When it says no" in the docs.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from echobeat.frames import FrameStack
from echobeat.measurement.ejection_fraction import counted_beats
from echobeat.records import Beat, FloatArray, LVMasks

OFFSET = -3.0873
DECIDED, AGREEMENT, CONTRAST, FEW = 1.4914, 0.4868, 1.2099, 2.4621
"""Weights of: -log(1 - confidence) where the network is least sure among the frames that give the EF;
-log(1 + spread of the beats' EFs in points); the wall's contrast; -1 / beats."""

RING = 0.12
"""Width of the ring looked at outside the contour, relative to the root of the ventricle's area."""

BEATS_LOOKED_AT = 3


def chance(masks: LVMasks, beats: Sequence[Beat], contrast: float | None) -> float:
    """Chance (0-1) that the study's EF from contours is within 10 points of the truth; 0 without a beat."""
    counted = counted_beats(beats)
    efs = [beat.ef for beat in counted if beat.ef is not None]
    if not efs:
        return 0.0
    sum_ = (
        OFFSET
        + DECIDED * -np.log(max(1.0 - least_confidence(masks.confidence, counted), 1e-3))
        - AGREEMENT * np.log1p(max(efs) - min(efs))
        + CONTRAST * (1.0 if contrast is None else contrast)
        - FEW / len(efs)
    )
    return float(1.0 / (1.0 + np.exp(-np.clip(sum_, -30.0, 30.0))))


def least_confidence(confidence: FloatArray, beats: Sequence[Beat]) -> float:
    """The least confidence among the frames that give the beats' EFs."""
    frames = [frame for beat in beats for frame in (beat.ed_frame, beat.es_frame, beat.end_frame) if frame is not None]
    return float(np.min(confidence[frames])) if frames else 0.0


def wall_contrast(frames: FrameStack, masks: FrameStack, beats: Sequence[Beat]) -> float | None:
    """How far the wall stands out from the cavity at end-diastole and end-systole, median over up to three beats.

    In standard deviations of the grey of wall and cavity together; None where there is no beat.
    """
    found = []
    for beat in counted_beats(beats)[:BEATS_LOOKED_AT]:
        for frame in (beat.ed_frame, beat.es_frame):
            if frame is not None and (one := _contrast(frames[frame], masks[frame])) is not None:
                found.append(one)
    return float(np.median(found)) if found else None


def _contrast(image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> float | None:
    area = int(np.count_nonzero(mask))
    if area < 20:
        return None
    width = max(1.0, RING * area**0.5)
    inside, outside = mask.astype(np.uint8), (~mask).astype(np.uint8)
    beyond, within = (cv2.distanceTransform(part, cv2.DIST_L2, 5) for part in (outside, inside))
    ring, core = (beyond > 0) & (beyond <= width), within > 0.6 * width
    if not ring.any() or not core.any():
        return None
    spread = float(image[mask | ring].astype(np.float64).std())
    return float(image[ring].mean() - image[core].mean()) / max(spread, 1e-3)
