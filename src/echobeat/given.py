"""What a person gives, checked where it enters: frames in memory, frame rate, pixel spacing, places to write to."""

from __future__ import annotations

import os
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echobeat.errors import UsageError

FPS_RANGE = (1.0, 1000.0)
"""Frames a second that a recording of a heart can have. Below, a heartbeat has hardly a frame; above begin the
unfocused waves of research systems, some thousand a second (Cikes et al., JACC Cardiovasc Imaging 7:812-823 (2014),
doi:10.1016/j.jcmg.2014.06.004), while a clip that says so has its milliseconds for seconds, or its seconds for
milliseconds. The narrower range that is believed without a word is `sources.times.PLAUSIBLE_FPS`."""

SPACING_RANGE_MM = (0.01, 10.0)
"""Generous: transthoracic pictures are 4 to 30 cm deep, and 100 to 2000 pixels high: 0.02 to 3 mm a pixel."""


def array_of(given: object, what: str = "frames", otherwise: str = "") -> NDArray[Any]:
    """Return frames or masks in memory, an array or a list of arrays of one size, as one array.

    Parameters
    ----------
    given : object
    what : str
        What they should be, as the error calls them.
    otherwise : str
        What else is possible, at the end of the error.

    Raises
    ------
    UsageError
        They are none, or of different sizes.
    """
    try:
        values = np.asarray(given)
    except (TypeError, ValueError):
        values = np.asarray(None)
    if values.dtype == object or (values.ndim < 2 and (values.dtype.kind not in "biufc" or values.size == 0)):
        kind = f"of type {type(given).__name__}" + (" of objects" if isinstance(given, np.ndarray) else "")
        raise UsageError(
            f"Something {kind} cannot be taken for {what}: give an array (frames, height, width), or a list of arrays "
            f"of one size{otherwise}."
        )
    return values


def possible_fps(fps: object) -> bool:
    """True for a number of frames a second that a recording can have."""
    return isinstance(fps, Real) and FPS_RANGE[0] <= float(fps) <= FPS_RANGE[1]


def check_fps(fps: float | None) -> None:
    """Refuse a frame rate that cannot be; None is none given.

    Raises
    ------
    UsageError
        No number, or outside `FPS_RANGE`.
    """
    if fps is not None and not possible_fps(fps):
        raise UsageError(
            f"A frame rate of {fps} is not possible: give {FPS_RANGE[0]:g} to {FPS_RANGE[1]:g} frames a second "
            "(--fps, or fps=), for example 50."
        )


def spacing_of(spacing_mm: float | tuple[float, float] | None) -> tuple[float, float] | None:
    """Return a pixel spacing as a person gives it, one number or two, as (row, column) in mm.

    Raises
    ------
    UsageError
        Not one or two numbers within `SPACING_RANGE_MM`.
    """
    if spacing_mm is None:
        return None
    try:
        pair: tuple[Any, ...]
        pair = (spacing_mm, spacing_mm) if isinstance(spacing_mm, Real) else tuple(np.ravel(spacing_mm))
    except (TypeError, ValueError):  # numpy's, of lists of several lengths
        pair = ()
    low, high = SPACING_RANGE_MM
    if len(pair) != 2 or not all(isinstance(side, Real) and low <= float(side) <= high for side in pair):
        raise UsageError(
            f"A pixel spacing of {spacing_mm} mm is not possible: give one number between {low:g} and {high:g}, "
            "or two (row, column) (--spacing-mm, or spacing_mm=), for example 0.3."
        )
    return float(pair[0]), float(pair[1])


def check_folder(folder: Path, option: str = "--out") -> None:
    """Refuse a folder to write into that is a file, or lies below one; it need not be there yet.

    Parameters
    ----------
    folder : Path
    option : str
        By what another one is chosen, as the error calls it.

    Raises
    ------
    UsageError
    """
    for place in (folder, *folder.parents):
        if os.path.exists(place) and not os.path.isdir(place):
            raise UsageError(f"{place} is a file, not a folder. Choose another {option}.")


def check_file(file: Path, option: str = "--out") -> None:
    """Refuse a file to write that is a folder, or lies below a file; see `check_folder`.

    Raises
    ------
    UsageError
    """
    if os.path.isdir(file):
        raise UsageError(f"{file} is a folder, not a file. Choose another {option}.")
    check_folder(file.parent, option)
