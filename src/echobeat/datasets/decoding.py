"""A study's files -> its frames, streamed; the only place where a data set's videos are opened."""

from __future__ import annotations

from dataclasses import dataclass

from echobeat.datasets.study import LabelledStudy
from echobeat.errors import InvalidClip
from echobeat.frames import FrameStack
from echobeat.given import possible_fps
from echobeat.records import Spacing
from echobeat.sources import open_clip

BLOCK = 32
"""Frames that are in memory at a time while a video is brought to another size or written."""


@dataclass(frozen=True)
class Decoded:
    """A study's frames as stored.

    Attributes
    ----------
    frames : FrameStack
        (frames, height, width) uint8, grey.
    fps : float or None
        Frames a second as the video has it.
    spacing_mm : (row, column) or None
    warnings : tuple of str
        Codes of what the reader found worth saying, "truncated" among them.
    """

    frames: FrameStack
    fps: float | None
    spacing_mm: Spacing | None
    warnings: tuple[str, ...]


def decode(study: LabelledStudy) -> Decoded:
    """Read a study: its video, or its images one after the other.

    Raises
    ------
    UnreadableFile, UnsupportedFile, InvalidClip
    """
    if len(study.files) == 1:
        return _video(study)
    return _images(study)


def _video(study: LabelledStudy) -> Decoded:
    try:
        clip = open_clip(study.files[0])
        fps = clip.fps
    except InvalidClip:
        if not possible_fps(study.fps):
            raise
        clip, fps = open_clip(study.files[0], fps=study.fps), None  # the file may only lack its frame rate
    codes = tuple(warning.code for warning in clip.warnings)
    return Decoded(clip.frames, fps, clip.spacing_mm, codes)


def _images(study: LabelledStudy) -> Decoded:
    stack: FrameStack | None = None
    spacing, codes = None, []
    for path in study.files:
        clip = open_clip(path)
        if stack is None:
            stack, spacing = FrameStack(*clip.frames.shape[1:]), clip.spacing_mm
        if clip.frames.shape != (1, *stack.shape[1:]):
            raise InvalidClip(str(path), "it is no single image of the size of the others", "Restore the study's files")
        stack.append(clip.frames[0])
        codes += [warning.code for warning in clip.warnings]
    if stack is None:
        raise InvalidClip(study.name, "it has no files", "Look at the data set's table")
    return Decoded(stack, None, spacing, tuple(codes))
