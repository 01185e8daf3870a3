"""Overlap of masks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]


def dice(one: BoolArray, other: BoolArray) -> float:
    """Overlap 2|A and B| / (|A| + |B|) (Dice 1945, doi:10.2307/1932409); 1 for two empty masks."""
    total = int(one.sum()) + int(other.sum())
    return 2 * int((one & other).sum()) / total if total else 1.0
