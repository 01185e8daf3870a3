"""`open_clip`: one function for any file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np

from echobeat.errors import InvalidClip, UnreadableFile, UnsupportedFile
from echobeat.given import check_fps, spacing_of
from echobeat.records import Clip, Spacing
from echobeat.sources.kinds import HEAD_BYTES, Kind, describe, display_name, identify
from echobeat.sources.recording import Recording, decoding, quiet_libraries
from echobeat.sources.times import GIVE_FPS, check_times, rate_warnings, regular_times

READS = "AVI, MP4, MOV, WebM, GIF, ultrasound DICOM or NIfTI"

_TIME_WARNINGS = {"frame_times_repaired", "frame_rate_implausible"}
_SPACING_WARNINGS = {"calibration_refused"}


def open_clip(
    path: str | os.PathLike[str], *, fps: float | None = None, spacing_mm: float | Spacing | None = None
) -> Clip:
    """Read any supported file as a clip; what it is is decided by its contents, not by its name.

    Parameters
    ----------
    path : path
        AVI, MP4, MOV, WebM, GIF, multi-frame ultrasound DICOM, or a NIfTI cine (x, y, time).
    fps : float, optional
        Frames a second. Wins over the frame times in the file; frames that cannot be decoded keep their time.
    spacing_mm : float or (row, column), optional
        Pixel spacing in mm. Wins over the calibration in the file.

    Returns
    -------
    Clip
        Its frames are grey, uint8, streamed to disk where they are many.

    Raises
    ------
    UsageError
        `fps` or `spacing_mm` cannot be (`given.FPS_RANGE`, `given.SPACING_RANGE_MM`).
    UnreadableFile
        Missing, a folder, no permission, empty, truncated before the first frame, corrupt.
    UnsupportedFile
        A healthy file that is no clip, or of a kind, codec or modality that is not read.
    InvalidClip
        No frames, frames too small or too large or of changing size, no frame rate, bad spacing.
    """
    check_fps(fps)
    spacing = spacing_of(spacing_mm)
    source = display_name(path)
    with _opened(path, source) as file, quiet_libraries():
        return clip_from_recording(read_recording(file, source), source, fps, spacing)


def clip_from_recording(recording: Recording, source: str, fps: float | None, spacing: Spacing | None) -> Clip:
    """Apply the user's frame rate and spacing to what the file says; theirs win. A frame that could not be decoded
    leaves a gap at a given rate, too.

    Raises
    ------
    InvalidClip
        Neither gives a frame rate, the file's is none that a recording can have and the user gives none, or the same
        of the spacing.
    """
    count = len(recording.frames)
    if fps is not None:
        numbers = np.arange(count) if recording.numbers is None else recording.numbers - recording.numbers[0]
        times, answered = numbers / fps, set(_TIME_WARNINGS)
    elif recording.times_s is not None:
        check_times(recording.times_s, source)
        times, answered = recording.times_s, set()
    elif count == 1:
        times, answered = regular_times(1, 1.0), set()
    else:
        raise InvalidClip(source, "it does not say its frame rate", GIVE_FPS, "no_frame_rate")
    if spacing is not None:
        answered |= _SPACING_WARNINGS
    warnings = (*recording.warnings, *rate_warnings(times))
    return Clip(
        frames=recording.frames,
        times_s=times,
        spacing_mm=spacing or recording.spacing_mm,
        source=source,
        colour_fraction=recording.colour_fraction,
        warnings=tuple(warning for warning in warnings if warning.code not in answered),
    )


@contextmanager
def _opened(path: str | os.PathLike[str], source: str) -> Iterator[BinaryIO]:
    """Open a regular file that is not empty."""
    if not os.path.exists(path):
        raise UnreadableFile(source, "there is no such file", "Check the path, and that its folder may be entered")
    if os.path.isdir(path):
        raise _folder(path, source)
    if not os.path.isfile(path):
        raise UnreadableFile(source, "it is not a regular file", "Copy what it delivers into a file first")
    try:
        file = open(path, "rb")  # noqa: SIM115  closed below; opening and reading fail differently
    except OSError as error:
        raise UnreadableFile(source, f"it cannot be opened ({error.strerror})", "Check its permissions") from error
    with file:
        yield file


def _folder(path: str | os.PathLike[str], source: str) -> UnreadableFile:
    """What is wrong with a folder in place of a file: one that was searched stands here where it cannot be listed."""
    try:
        os.listdir(path)
    except OSError as error:
        return UnreadableFile(source, f"the folder cannot be listed ({error.strerror})", "Check its permissions")
    return UnreadableFile(source, "it is a folder", "Name a file in it, or let `echobeat analyze` search it")


def read_recording(file: BinaryIO, source: str) -> Recording:
    """Read an open file, from its beginning; `source` is what errors call it.

    Raises
    ------
    UnreadableFile, UnsupportedFile, InvalidClip
    """
    with decoding(source, "it cannot be read"):
        head = file.read(HEAD_BYTES)
        file.seek(0)
    if not head:
        raise UnreadableFile(source, "it is empty", "Copy or export it again from its origin", "empty")
    kind = identify(head)
    # Each reader is imported when it is needed: together they take most of a second to load.
    if kind is None:
        raise UnsupportedFile(source, f"it is {describe(head)}", f"Give {READS}")
    if kind is Kind.DICOM:
        from echobeat.sources.dicom import read_dicom

        return read_dicom(file, source)
    if kind in (Kind.NIFTI, Kind.NIFTI_GZ):
        from echobeat.sources.nifti import read_nifti

        return read_nifti(file, source, compressed=kind is Kind.NIFTI_GZ)
    from echobeat.sources.video import read_video

    return read_video(file, source, kind)
