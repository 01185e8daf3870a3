"""Frames -> clips, defined in time -> network -> ejection fraction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from echobeat.errors import ModelError
from echobeat.frames import FrameStack
from echobeat.models.beat_reader import BeatReader
from echobeat.models.cards import FREE, Card, ClipSpec, bundled_cards, load_card, model_file
from echobeat.models.letterbox import Letterbox
from echobeat.models.session import Backend, BackendName, open_backend
from echobeat.records import Beat, FloatArray, Reading

BLOCK = 4
"""Clips given to the network at once on a CPU; a GPU wants more."""

TILE = 128
"""Frames of 112 x 112 that are read at once from an entire video; fewer of larger ones. Beyond, tiles."""

STEP = 8
"""Tiles begin at multiples of this: the networks that read entire videos have at most eight frames a feature."""

KEPT = 512
"""Frames kept ready while clips that overlap are read one after the other: 26 MB at 112 x 112."""

Float32 = NDArray[np.float32]


class EjectionFractionModel:
    """An EF network, ready to run. EF is in percent, as the network says it.

    Clips are defined in time: a clip that starts at `t` is made of the frames nearest to ``t``,
    ``t + 1 / rate_hz``, ... of the video, so that no frame is made up and every frame rate can be read. Where the
    video ends before the clip, the rest is what the network sees as zeros, as in the published method
    (Ouyang et al. 2020, doi:10.1038/s41586-020-2145-8).

    Parameters
    ----------
    card : Card
    backend : Backend
        Takes (batch, 1, frames, size, size) grey 0-255, gives (batch, outputs), EF first.
    block : int
        Clips given to the network at once.
    """

    def __init__(self, card: Card, backend: Backend, block: int = BLOCK) -> None:
        if card.clip is None:
            raise ModelError(f"{card.name} reads no clips: it is for {card.task}.")
        self.card = card
        self.clip: ClipSpec = card.clip
        self._backend, self._block = backend, block

    def clip_at(self, frames: FrameStack, times_s: FloatArray, start_s: float) -> float:
        """EF of one clip.

        Parameters
        ----------
        frames : FrameStack
            (frames, height, width) uint8, any size.
        times_s : ndarray
            (frames,) seconds, increasing.
        start_s : float
            Where the clip starts, on the same clock; moved inwards where the clip would leave the video.
        """
        return float(self._clips(frames, times_s, [self._clamped(times_s, start_s)])[0])

    def beats(self, frames: FrameStack, times_s: FloatArray, beats: Sequence[Beat]) -> list[float | None]:
        """EF of one clip a beat, its end-systole in the clip's middle; None for a beat without end-systole.

        The published method's clip starts 32 frames of a 50 Hz video before the end-systole and spans 64: half
        its length. So do ours, moved inwards at the video's ends.
        """
        systoles = [(index, beat.es_frame) for index, beat in enumerate(beats) if beat.es_frame is not None]
        half = self.clip.frames / self.clip.rate_hz / 2
        starts = [self._clamped(times_s, float(times_s[frame]) - half) for _, frame in systoles]
        found: list[float | None] = [None] * len(beats)
        for (index, _), ef in zip(systoles, self._clips(frames, times_s, starts), strict=True):
            found[index] = float(ef)
        return found

    def read(
        self, frames: FrameStack, times_s: FloatArray, lv: FrameStack, beats: Sequence[Beat]
    ) -> list[Reading | None]:
        """`beats`, as `VideoReader` asks for it; contours (`lv`) are not looked at."""
        return [None if ef is None else Reading(ef) for ef in self.beats(frames, times_s, beats)]

    def all_clips(self, frames: FrameStack, times_s: FloatArray, stride: int = 1) -> FloatArray:
        """EF of the clip from every `stride`-th frame that leaves room for one, (clips,); of one if none does."""
        last = times_s[-1] - self._span + 1e-6
        starts = [float(start) for start in times_s[::stride] if start <= last]
        return self._clips(frames, times_s, starts or [float(times_s[0])])

    def whole(self, frames: FrameStack, times_s: FloatArray) -> float:
        """EF of the entire video.

        The network averages its features over time and its last layer is linear, so the EF of a video is the mean
        of the EFs of its parts, weighted with their lengths, but for the features next to the cuts. Videos of up to
        `TILE` frames are read in one piece, longer ones in equal tiles.

        Raises
        ------
        ModelError
            The network reads clips only.
        """
        if not self.clip.whole_video:
            raise ModelError(f"{self.card.name} reads clips of {self.clip.frames} frames, not entire videos.")
        count = int((times_s[-1] - times_s[0]) * self.clip.rate_hz + 1e-6) + 1
        if count <= self.clip.frames:
            return self.clip_at(frames, times_s, float(times_s[0]))
        reader = _Reader(frames, times_s, self.card)
        efs, lengths = [], []
        for first, last in tiles(count, self._tile):
            tile = reader.sampled(float(times_s[0]) + np.arange(first, last) / self.clip.rate_hz)
            efs.append(float(self._backend.run(tile[None, None])[0, 0]))
            lengths.append(last - first)
        return float(np.average(efs, weights=lengths))

    @property
    def _span(self) -> float:
        """Seconds from a clip's first frame to its last."""
        return (self.clip.frames - 1) / self.clip.rate_hz

    @property
    def _tile(self) -> int:
        return max(self.clip.frames, int(TILE * (112 / self.card.size) ** 2))

    def _clamped(self, times_s: FloatArray, start_s: float) -> float:
        return float(max(times_s[0], min(start_s, times_s[-1] - self._span)))

    def _clips(self, frames: FrameStack, times_s: FloatArray, starts_s: Sequence[float]) -> FloatArray:
        """EF of clips in order of time, streamed in blocks."""
        reader = _Reader(frames, times_s, self.card)
        offsets = np.arange(self.clip.frames) / self.clip.rate_hz
        efs = [
            self._backend.run(np.stack([reader.sampled(start + offsets) for start in block])[:, None])[:, 0]
            for block in _blocks(starts_s, self._block)
        ]
        return np.concatenate(efs).astype(np.float64) if efs else np.empty(0)


class _Reader:
    """Frames by time, in the network's square; the last ones are kept."""

    def __init__(self, frames: FrameStack, times_s: FloatArray, card: Card) -> None:
        self._frames, self._times_s = frames, times_s
        self._box = Letterbox.of(frames, card.size, card.crop)
        self._blank = 0.0 if card.clip is None else card.clip.blank
        self._one = lru_cache(KEPT)(self._read)

    def _read(self, index: int) -> Float32:
        frame: Float32 = self._box.enter(self._frames[index : index + 1])[0]
        return frame

    def sampled(self, at_s: FloatArray) -> Float32:
        """The frames nearest in time, (times, size, size) float32, 0-255; blank after the video's end."""
        times_s = self._times_s
        middles = (times_s[1:] + times_s[:-1]) / 2
        nearest = np.searchsorted(middles, at_s - 1e-6)
        half_frame = (times_s[-1] - times_s[-2]) / 2 if len(times_s) > 1 else 0.0
        sampled = np.full((len(at_s), self._box.size, self._box.size), self._blank, np.float32)
        for place in np.flatnonzero(at_s <= times_s[-1] + half_frame + 1e-6):
            sampled[place] = self._one(int(nearest[place]))
        return sampled


def tiles(count: int, longest: int) -> Iterator[tuple[int, int]]:
    """Cut `count` frames into the fewest parts (first, last) of at most `longest`, at multiples of eight."""
    steps = -(-count // STEP)
    parts = -(-steps // max(1, longest // STEP))
    edges = np.linspace(0, steps, parts + 1).round().astype(int) * STEP
    for first, last in pairwise(edges):
        yield int(first), min(int(last), count)


def _blocks(starts_s: Sequence[float], block: int) -> Iterator[Sequence[float]]:
    for first in range(0, len(starts_s), block):
        yield starts_s[first : first + block]


class VideoReader(Protocol):
    """What reads the EF of beats from a video: networks of clips, and readers of single beats."""

    @property
    def card(self) -> Card:
        """Of the model."""

    def read(
        self, frames: FrameStack, times_s: FloatArray, lv: FrameStack, beats: Sequence[Beat]
    ) -> list[Reading | None]:
        """One reading a beat; None where a beat lacks what the model needs.

        Parameters
        ----------
        frames : FrameStack
            (frames, height, width) uint8.
        times_s : ndarray
            (frames,) seconds, increasing.
        lv : FrameStack
            (frames, height, width) bool: the ventricle, as the segmentation model found it.
        beats : sequence of Beat
        """


def companion(segmentation: Card) -> str | None:
    """Name of the bundled reader of beats that was calibrated beside this very segmentation model; None without one.

    Beside a model as free as the code only one that is, too.
    """
    for card in bundled_cards():
        allowed = segmentation.licence != FREE or card.licence == FREE
        if allowed and card.task == "beats" and card.calibration_beside(segmentation) is not None:
            return card.name
    return None


def load_video_reader(name: str | Path, backend: BackendName = "auto", threads: int = 0) -> VideoReader:
    """Load what ``--ef NAME`` names: a network of clips or a reader of beats.

    Raises
    ------
    ModelError
        Unknown name, damaged file, or a model for another task.
    """
    card = load_card(name)
    if card.task == "beats":
        return BeatReader(card, open_backend(model_file(name), backend, threads))
    return load_ef_model(name, backend, threads)


def load_ef_model(name: str | Path, backend: BackendName = "auto", threads: int = 0) -> EjectionFractionModel:
    """Load an EF model: one of the user's own, or a training run's folder.

    Raises
    ------
    ModelError
        Unknown name, damaged file, or a model for another task.
    """
    return EjectionFractionModel(clips_card(name), open_backend(model_file(name), backend, threads))


def clips_card(name: str | Path) -> Card:
    """The card of a network of clips; nothing else is loaded.

    Raises
    ------
    ModelError
        Unknown name, or a model for another task.
    """
    card = load_card(name)
    if card.task == "beats":
        raise ModelError(f"{name} reads single beats, not clips. Use: echobeat evaluate beats --model {name}")
    if card.task != "ef":
        raise ModelError(f"{name} cannot estimate EF from video: it is for {card.task}.")
    return card
