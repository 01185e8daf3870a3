"""`clip_from_array`: frames that are already in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from echobeat.errors import InvalidClip
from echobeat.frames import FrameStack
from echobeat.given import array_of, check_fps, spacing_of
from echobeat.records import Clip, Spacing
from echobeat.sources.colour import grey_from_rgb
from echobeat.sources.opening import clip_from_recording
from echobeat.sources.recording import FrameCollector, Recording, check_frame_size
from echobeat.sources.times import regular_times


def clip_from_array(
    frames: ArrayLike, fps: float | None, spacing_mm: float | Spacing | None = None, source: str = "array"
) -> Clip:
    """Make a clip of frames in memory.

    Parameters
    ----------
    frames : array_like
        (frames, height, width) grey or (frames, height, width, 3) RGB, or a list of frames; a single frame
        (height, width) too.
        uint8 is taken as it is, without a copy where it is grey. Integers between 0 and 255 are taken as uint8,
        floats between 0 and 1 are multiplied by 255. Anything else is refused, because its scale cannot be known.
    fps : float or None
        Frames a second; None only for a single frame.
    spacing_mm : float or (row, column), optional
        Pixel spacing in mm.
    source : str
        The name under which the clip appears in results.

    Raises
    ------
    UsageError
        These are no frames, or of different sizes; `fps` or `spacing_mm` cannot be (`given.FPS_RANGE`,
        `given.SPACING_RANGE_MM`).
    InvalidClip
        Wrong number of axes or of values, NaN, no frames, or frames too small or too large.
    """
    check_fps(fps)
    spacing = spacing_of(spacing_mm)
    values = array_of(frames, otherwise=", or one path")
    if values.ndim == 2:
        values = values[None]
    if values.ndim not in (3, 4) or (values.ndim == 4 and values.shape[3] != 3):
        raise InvalidClip(
            source,
            f"its shape is {values.shape}",
            "Give (frames, height, width), or (frames, height, width, 3) for RGB",
        )
    if len(values) == 0:
        raise InvalidClip(source, "it holds no frames", "Give at least one", "no_frames")
    check_frame_size(source, *values.shape[1:3])
    times = None if fps is None else regular_times(len(values), fps)
    return clip_from_recording(_recording(values, source, times), source, fps, spacing)


def _recording(values: NDArray[Any], source: str, times: NDArray[np.float64] | None) -> Recording:
    scale = _scale(values, source)
    if values.ndim == 3 and values.dtype == np.uint8:
        return Recording(FrameStack.from_array(values), times)
    collector = FrameCollector(source)
    for value in values:
        picture = value if value.dtype == np.uint8 else np.rint(value * scale).astype(np.uint8)
        if picture.ndim == 2:
            collector.add(picture)
        else:
            collector.add(grey_from_rgb(picture), picture if collector.wants_colour else None)
    return Recording(collector.finish(), times, colour_fraction=collector.colour.fraction())


def _scale(values: NDArray[Any], source: str) -> float:
    """Return the factor that brings the values to 0-255; frame by frame, to hold no second array."""
    if values.dtype == np.uint8:
        return 1.0
    if values.dtype.kind not in "iuf":
        raise InvalidClip(source, f"its values are of type {values.dtype}", "Convert them to uint8, 0-255")
    if not all(np.isfinite(frame).all() for frame in values):
        raise InvalidClip(source, "it holds NaN or infinite values", "Replace them, and convert to uint8, 0-255")
    low = float(min(frame.min() for frame in values))
    high = float(max(frame.max() for frame in values))
    top = 1.0 if values.dtype.kind == "f" else 255.0
    if low < 0 or high > top:
        raise InvalidClip(
            source,
            f"its {values.dtype} values reach from {low:g} to {high:g}, so their scale is unknown",
            "Convert them to uint8, 0-255 (floats between 0 and 1 are accepted too)",
        )
    return 255.0 / top
