"""What a reader of beats learns from: beats of phantom patients, and stills of real patients animated into beats.

The contours in it are those that the segmentation model finds, not the true ones: the network learns to read the EF
from contours as it will get them, and from the picture where these are wrong.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echobeat.datasets.camus import CamusImage
from echobeat.evaluation.phantoms import matching_beat
from echobeat.frames import FrameStack
from echobeat.measurement import find_beats, volume_curve
from echobeat.models import Segmenter
from echobeat.models.beat_clips import FRAMES, SIZE, beat_clip, cut_out
from echobeat.sources import open_clip
from echobeat.training.animation import StillPair, volume
from echobeat.training.augment import change_appearance
from echobeat.whole import whole_file

Log = Callable[[str], None]
Rng = np.random.Generator

EF_RANGE = (8.0, 80.0)
"""Percent; animated beats are drawn evenly from it."""
FURTHEST = 1.9
"""How far beyond the end-systole that was recorded an animated wall may go: the field folds where it goes too far."""
SIZES = (112, 112, 144, 176)
"""Sides in pixels of the animated images, drawn evenly."""


@dataclass(frozen=True)
class Beats:
    """Beats with their truth.

    Attributes
    ----------
    clips : (beats, 3, FRAMES, SIZE, SIZE) uint8: grey 0-255, the found mask and the true one, 0-255.
    ef : (beats,) true EF in percent.
    contours_ef : (beats,) EF from the found contours.
    patient : (beats,) int, the same for all beats of a patient.
    """

    clips: NDArray[np.uint8]
    ef: NDArray[np.float64]
    contours_ef: NDArray[np.float64]
    patient: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ef)

    @classmethod
    def joined(cls, parts: Iterable[Beats]) -> Beats:
        """All of them after one another; patients of different parts are different."""
        kept = [part for part in parts if len(part)]
        if not kept:
            none = np.empty(0)
            return cls(np.empty((0, 3, FRAMES, SIZE, SIZE), np.uint8), none, none, np.empty(0, np.int64))
        return cls(
            np.concatenate([part.clips for part in kept]),
            np.concatenate([part.ef for part in kept]),
            np.concatenate([part.contours_ef for part in kept]),
            np.concatenate([np.full(len(part), index) for index, part in enumerate(kept)]),
        )

    def save(self, path: Path) -> None:
        """Write a .npz, whole or not at all."""
        with whole_file(path) as beside, beside.open("wb") as file:
            np.savez(file, clips=self.clips, ef=self.ef, contours_ef=self.contours_ef, patient=self.patient)

    @classmethod
    def load(cls, path: Path) -> Beats:
        """Read what `save` wrote."""
        with np.load(path) as kept:
            return cls(kept["clips"], kept["ef"], kept["contours_ef"], kept["patient"])


def phantom_beats(phantoms: Path, segmenter: Segmenter, kept: Path, log: Log) -> Beats:
    """Beats of phantom studies on disk that were found and whose truth is known.

    Parameters
    ----------
    phantoms : Path
        A data set with its truth, as ``echobeat phantom`` makes it.
    segmenter : Segmenter
    kept : Path
        Folder where each study's beats are kept, so that a run that goes on finds them again.
    log : callable
    """
    parts = []
    truths = sorted((phantoms / "Truth").glob("*.json"))
    for number, path in enumerate(truths, start=1):
        place = kept / f"{path.stem}.npz"
        if not place.exists():
            _study_beats(phantoms, json.loads(path.read_text(encoding="utf-8")), segmenter).save(place)
        parts.append(Beats.load(place))
        if number % 50 == 0:
            log(f"beats of {number} of {len(truths)} phantoms cut out")
    return Beats.joined(parts)


def _study_beats(phantoms: Path, truth: dict[str, Any], segmenter: Segmenter) -> Beats:
    name, (row, column) = truth["name"], truth["spacing_mm"]
    clip = open_clip(phantoms / "Videos" / f"{name}.avi", fps=truth["fps"], spacing_mm=(row, column))
    lv = segmenter.segment(clip.frames).lv
    found = find_beats(volume_curve(lv, clip.times_s, clip.spacing_mm))
    with np.load(phantoms / "Truth" / f"{name}.npz") as arrays:
        volume_ml, true_lv = arrays["volume_ml"], FrameStack.from_array(arrays["lv"])
    rows = []
    for true_beat in truth["beats"]:
        beat = matching_beat(true_beat, found, clip.times_s, volume_ml) if true_beat["complete"] else None
        cut = None if beat is None else beat_clip(clip.frames, lv, beat, true_lv)
        if beat is not None and beat.ef is not None and cut is not None:
            rows.append((_stored(cut), true_beat["ef"], beat.ef))
    return _beats(rows)


def _stored(clip: NDArray[np.float32]) -> NDArray[np.uint8]:
    stored: NDArray[np.uint8] = np.rint(np.clip(np.stack([clip[0], *(255 * clip[1:])]), 0, 255)).astype(np.uint8)
    return stored


def _beats(rows: list[tuple[NDArray[np.uint8], float, float]]) -> Beats:
    if not rows:
        return Beats.joined([])
    clips, ef, contours_ef = zip(*rows, strict=True)
    return Beats(np.stack(clips), np.array(ef, float), np.array(contours_ef, float), np.zeros(len(rows), np.int64))


@dataclass(frozen=True)
class Animator:
    """Makes beats of stills.

    Attributes
    ----------
    segmenter : Segmenter
    each : int
        Beats of a patient.
    seed : int
    plain : bool
        Also the beat from the one image to the other, as they are: its EF is the one of the experts' contours.
    """

    segmenter: Segmenter
    each: int
    seed: int
    plain: bool = False

    def beats(self, images: Iterable[CamusImage], kept: Path, log: Log) -> Beats:
        """Animated beats, patient by patient; ED before ES in `images`."""
        parts = []
        for number, (patient, pair) in enumerate(groupby(images, key=lambda image: image.patient), start=1):
            place = kept / f"{patient}.npz"
            if not place.exists():
                ed, es = pair
                self._of_patient(ed, es, np.random.SeedSequence([self.seed, number])).save(place)
            parts.append(Beats.load(place))
            if number % 50 == 0:
                log(f"stills of {number} patients animated")
        return Beats.joined(parts)

    def fresh(self, images: Iterable[CamusImage]) -> Beats:
        """`beats` without keeping anything."""
        pairs = [tuple(pair) for _, pair in groupby(images, key=lambda image: image.patient)]
        seeds = [np.random.SeedSequence([self.seed, number]) for number in range(1, len(pairs) + 1)]
        return Beats.joined(self._of_patient(ed, es, seed) for (ed, es), seed in zip(pairs, seeds, strict=True))

    def _of_patient(self, ed: CamusImage, es: CamusImage, seeds: np.random.SeedSequence) -> Beats:
        rows = []
        for index, child in enumerate(seeds.spawn(self.each + self.plain)):
            rng = np.random.default_rng(child)
            pair = StillPair.of(ed, es, int(rng.choice(SIZES)))
            drawn = None if pair is None else _plain(pair, rng) if index == self.each else _drawn(pair, rng)
            if pair is None or drawn is None:
                continue
            progress, blend, ef = drawn
            strength = 0.0 if index == self.each else float(rng.uniform(0.2, 1.0) * (rng.random() < 0.75))
            frames, cavity = map(np.stack, zip(*_frames(pair, progress, blend, strength, rng), strict=True))
            lv = np.asarray(self.segmenter.segment(FrameStack.from_array(frames)).lv)
            cut, contours_ef = cut_out(frames, lv, cavity), _contours_ef(lv)
            if cut is not None and contours_ef is not None:
                rows.append((_stored(cut), ef, contours_ef))
        return _beats(rows)


def still_beat(ed: CamusImage, es: CamusImage, rng: Rng) -> tuple[NDArray[np.uint8], float] | None:
    """Frames of the beat from the one still to the other and back, (FRAMES, size, size) uint8, and its EF in percent by
    the experts' contours; None where a contour is missing."""
    pair = StillPair.of(ed, es, int(rng.choice(SIZES)))
    drawn = None if pair is None else _plain(pair, rng)
    if pair is None or drawn is None:
        return None
    progress, blend, ef = drawn
    return np.stack([image for image, _ in _frames(pair, progress, blend, 0.0, rng)]), ef


Course = tuple[NDArray[np.float64], NDArray[np.float64], float]
"""(FRAMES,) progress of the wall, (FRAMES,) share of the end-systolic texture, EF in percent."""


def _plain(pair: StillPair, rng: Rng) -> Course | None:
    course = _course(rng)
    end_diastole, end_systole = volume(pair.cavity[0]), volume(pair.cavity[1])
    return (course, np.clip(course, 0, 1), 100 * (1 - end_systole / end_diastole)) if end_diastole > 0 else None


def _drawn(pair: StillPair, rng: Rng) -> Course | None:
    """A beat of an EF drawn at random; None where this heart cannot be brought to it."""
    start, ef = rng.uniform(-0.15, 0.1), rng.uniform(*EF_RANGE)
    end_diastole = volume(pair.at(start, 0.0)[1])
    end = _progress_for(pair, end_diastole * (1 - ef / 100))
    if end is None:
        return None
    course = _course(rng)
    kind = rng.random()
    share = 0.0 if kind < 0.35 else 1.0 if kind < 0.6 else np.clip(course, 0, 1) * rng.uniform(0.3, 1.0)
    return start + (end - start) * course, np.broadcast_to(share, course.shape), ef


def _progress_for(pair: StillPair, end_systolic_volume: float) -> float | None:
    low, high = 0.0, FURTHEST
    if volume(pair.at(high, 0.0)[1]) > end_systolic_volume:
        return None
    for _ in range(8):
        middle = (low + high) / 2
        larger = volume(pair.at(middle, 0.0)[1]) > end_systolic_volume
        low, high = (middle, high) if larger else (low, middle)
    return (low + high) / 2


def _course(rng: Rng) -> NDArray[np.float64]:
    """How far the wall has gone, frame by frame of a beat: ejection, rapid filling, atrial kick."""
    half = FRAMES // 2
    ejection = np.sin(np.pi / 2 * np.arange(half) / half) ** (2 * rng.uniform(0.7, 1.4))
    time = np.arange(half) / (half - 1)
    rapid = np.sin(np.pi / 2 * np.clip(time / rng.uniform(0.3, 0.6), 0, 1)) ** 2
    share, kick = rng.uniform(0.55, 0.9), np.clip((time - 0.75) / 0.25, 0, 1)
    return np.concatenate([ejection, 1 - share * rapid - (1 - share) * kick])


def _frames(
    pair: StillPair, progress: NDArray[np.float64], blend: NDArray[np.float64], strength: float, rng: Rng
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.bool_]]]:
    """Images of a beat, in one appearance, each with a grain of its own; and the cavity in each."""
    sector = pair.images.max(axis=0) > 3
    look = int(rng.integers(2**30))
    for at, share in zip(progress, blend, strict=True):
        image, cavity = pair.at(float(at), float(share))
        grey = image * sector
        if strength > 0:
            unit = np.clip(grey / 255, 0, 1).astype(np.float32)
            grey = 255 * change_appearance(unit, np.random.default_rng(look), strength)
            grey = grey * (1 + rng.uniform(0, 0.15) * rng.standard_normal(grey.shape).astype(np.float32))
        yield np.rint(np.clip(grey, 0, 255)).astype(np.uint8), cavity > 0.5


def _contours_ef(lv: NDArray[np.bool_]) -> float | None:
    before, end_systole, after = (volume(lv[k].astype(np.float32)) for k in (0, FRAMES // 2, FRAMES - 1))
    end_diastole = (before + after) / 2
    return 100 * (1 - end_systole / end_diastole) if end_diastole > 0 else None
