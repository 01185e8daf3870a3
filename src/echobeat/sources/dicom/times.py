"""Frame times as DICOM states them: what is read from a file is written to another one in the same way."""

from __future__ import annotations

import numpy as np
from pydicom import Dataset
from pydicom.tag import Tag

from echobeat.records import FloatArray

_SAME_STEP_MS = 1e-6


def state_times(made: Dataset, times_s: FloatArray | None) -> None:
    """State the frames' times in the Cine module (PS3.3, C.7.6.5): one step in ms for all, or one a frame.

    Nothing is stated where there are none: of a single frame, or where the source gives no rate.

    Parameters
    ----------
    made : Dataset
        Gets FrameTime or FrameTimeVector, and the pointer to it.
    times_s : ndarray or None
        (frames,) float64.
    """
    if times_s is None or len(times_s) < 2:
        return
    steps_ms = np.diff(times_s) * 1000.0
    if np.ptp(steps_ms) < _SAME_STEP_MS:
        made.FrameTime = f"{steps_ms.mean():.10g}"
        made.FrameIncrementPointer = Tag("FrameTime")
    else:
        made.FrameTimeVector = ["0", *(f"{step:.10g}" for step in steps_ms)]
        made.FrameIncrementPointer = Tag("FrameTimeVector")
