"""How good a segmentation network is on whole images, at their own size."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from echobeat.datasets.camus import CamusImage
from echobeat.evaluation.dice import dice
from echobeat.models.letterbox import Letterbox
from echobeat.training.shifts import SHIFTS

Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""(n, size, size) grey 0-255 to LV probability (n, size, size)."""


def camus_dice(predict: Predict, images: Iterable[CamusImage], size: int) -> list[float]:
    """Dice of the LV of each image at its own resolution."""
    scores = []
    for sample in images:
        box = Letterbox.around(sample.image, size)
        probability = box.leave(predict(box.enter(sample.image[None])))[0]
        scores.append(dice(probability > 0.5, sample.labels == 1))
    return scores


def shifted(images: Iterable[CamusImage]) -> dict[str, list[CamusImage]]:
    """The images once in each held-out appearance."""
    return {
        name: [CamusImage(s.patient, s.instant, change(s.image), s.labels, s.spacing_mm) for s in images]
        for name, change in SHIFTS.items()
    }
