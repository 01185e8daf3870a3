"""What a study's files tell to be wrong: videos that cannot be read, tracings that do not fit them, duplicates."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from echobeat.datasets.decoding import BLOCK, decode
from echobeat.datasets.placement import read_cavity
from echobeat.datasets.problems import problem
from echobeat.datasets.splits import kept_apart
from echobeat.datasets.study import LabelledDataset, LabelledStudy, Problem, Tracing
from echobeat.errors import InputError
from echobeat.sources.kinds import HEAD_BYTES, describe, identify

BLANK_RANGE = 8
"""Grey levels between the darkest and the brightest pixel of a video that shows nothing."""

BORDER_PX = 1.0
"""How far a point of a tracing may lie outside the pixels: tracings are drawn by hand, up to the edge."""

BORDER_SHARE = 0.1
"""Of the frame's longer side: beyond, no heart is cut off, but the tracing's scale is another one."""

FPS_TOLERANCE = 0.02
"""Relative; tables round."""


@dataclass(frozen=True)
class Seen:
    """What was seen in a study's files.

    Attributes
    ----------
    refused : str
        Why they cannot be read, or "".
    shape : (frames, height, width) or None
        None where they were not decoded.
    fps : float or None
    truncated, blank : bool
    fingerprints : tuple of str
        One a file, equal for equal contents; none where they were not looked for.
    masks : tuple of str
        What is wrong with images of labels.
    """

    refused: str = ""
    shape: tuple[int, int, int] | None = None
    fps: float | None = None
    truncated: bool = False
    blank: bool = False
    fingerprints: tuple[str, ...] = ()
    masks: tuple[str, ...] = ()


def examine(study: LabelledStudy) -> Seen:
    """Decode a study."""
    try:
        decoded = decode(study)
    except InputError as error:
        return Seen(refused=_sentence(error))
    shape = decoded.frames.shape
    digests = [hashlib.sha256(repr(shape[1:]).encode()) for _ in study.files]  # one a file: a video, or an image
    darkest, brightest = 255, 0
    for first, block in decoded.frames.blocks(BLOCK if len(study.files) == 1 else 1):
        digests[first if len(study.files) > 1 else 0].update(np.ascontiguousarray(block).data)
        darkest, brightest = min(darkest, int(block.min())), max(brightest, int(block.max()))
    return Seen(
        shape=shape,
        fps=decoded.fps,
        truncated="truncated" in decoded.warnings,
        blank=brightest - darkest <= BLANK_RANGE,
        fingerprints=tuple(digest.hexdigest() for digest in digests),
        masks=tuple(_masks(study, shape[1:])),
    )


def glance(study: LabelledStudy, shared_sizes: frozenset[int]) -> Seen:
    """Look at the first bytes, and at all bytes where another file has the same length.

    Parameters
    ----------
    study : LabelledStudy
    shared_sizes : set of int
        Lengths in bytes that several files have.
    """
    try:
        for path in study.files:
            with path.open("rb") as file:
                head = file.read(HEAD_BYTES)
            if not head:
                return Seen(refused="It is empty")
            if identify(head) is None:
                return Seen(refused=f"It is {describe(head)}")
        alike = [path for path in study.files if path.stat().st_size in shared_sizes]
        return Seen(fingerprints=tuple(map(_digest, alike)))
    except OSError as error:
        return Seen(refused=f"It cannot be read ({error.strerror})")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sentence(error: InputError) -> str:
    return error.problem[:1].upper() + error.problem[1:]


def _masks(study: LabelledStudy, shape: tuple[int, ...]) -> Iterator[str]:
    for tracing in study.tracings:
        if tracing.labels is not None:
            try:
                cavity = read_cavity(tracing)
            except InputError as error:
                yield _sentence(error) + "."
                continue
            if cavity.shape != shape:
                yield f"The mask in frame {tracing.frame} is {cavity.shape}, the frames {shape}."


def video_problems(dataset: LabelledDataset, seen: Mapping[str, Seen]) -> Iterator[Problem]:
    """What is wrong with the files, and between files and tables."""
    for study in dataset.studies:
        sight = seen[study.name]
        path = study.files[0]
        file = path.relative_to(dataset.root).as_posix() if path.is_relative_to(dataset.root) else path.name
        yield from _alone(study, sight, file)
        shape = sight.shape or study.declared
        if shape is not None:
            for tracing in study.tracings:
                yield from _fits(study, tracing, shape)
    yield from _duplicates(dataset, seen)
    sizes = {sight.shape[1:] for sight in seen.values() if sight.shape}
    if len(sizes) > 1:
        told = ", ".join(sorted(f"{height} x {width}" for height, width in sizes)[:5])
        yield problem("video-sizes-differ", f"There are {len(sizes)} sizes: {told}{' ...' if len(sizes) > 5 else ''}.")


def _alone(study: LabelledStudy, sight: Seen, file: str) -> Iterator[Problem]:
    if sight.refused:
        yield problem("video-unreadable", sight.refused + ".", study.name, file)
    if sight.truncated:
        yield problem("video-truncated", "It ends before all of its frames.", study.name, file)
    if sight.blank:
        yield problem("video-blank", "All of its frames are of one grey.", study.name, file)
    for told in sight.masks:
        yield problem("mask-unreadable", told, study.name, file)
    if sight.shape and study.declared and sight.shape != study.declared:
        told = "frames x height x width are {} x {} x {}".format(*sight.shape)
        yield problem(
            "video-differs-from-table",
            told.capitalize() + "; the table says {} x {} x {}.".format(*study.declared),
            study.name,
            file,
        )
    if sight.fps and study.fps and len(study.files) == 1 and abs(sight.fps / study.fps - 1) > FPS_TOLERANCE:
        told = f"It has {sight.fps:.4g} frames a second; the table says {study.fps:.4g}."
        yield problem("video-differs-from-table", told, study.name, file)


def _fits(study: LabelledStudy, tracing: Tracing, shape: tuple[int, int, int]) -> Iterator[Problem]:
    frames, height, width = shape
    if not 0 <= tracing.frame < frames:
        told = f"Frame {tracing.frame} is traced; the video has frames 0 to {frames - 1}."
        yield problem("tracing-beyond-video", told, study.name)
    if tracing.polygon_px is not None:
        low, high = tracing.polygon_px.min(axis=0) + 0.5, tracing.polygon_px.max(axis=0) + 0.5 - (width, height)
        out = float(max(-low.min(), high.max()))
        if out > BORDER_PX:
            code = "tracing-at-border" if out <= BORDER_SHARE * max(height, width) else "tracing-outside-frame"
            yield problem(code, f"The tracing in frame {tracing.frame} leaves it by {out:.1f} pixels.", study.name)


def _duplicates(dataset: LabelledDataset, seen: Mapping[str, Seen]) -> Iterator[Problem]:
    first: dict[str, LabelledStudy] = {}
    for study in dataset.studies:
        originals = {
            one.name: one for f in seen[study.name].fingerprints if (one := first.setdefault(f, study)) is not study
        }
        for one in originals.values():
            code = "video-duplicate" if kept_apart(one) == kept_apart(study) else "duplicate-in-two-splits"
            what = "the same frames as" if len(study.files) == 1 else "an image of"
            yield problem(code, f"It shows {what} {one.name}.", study.name)
