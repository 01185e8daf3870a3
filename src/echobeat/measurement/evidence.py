"""What the images themselves show, before any ventricle is sought: motion, colour, an ultrasound picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from echobeat.records import Clip

SAMPLES = 16
"""Frames looked at, spread evenly over the clip."""

SIDE = 112
"""The longer side of the image is averaged down (or up) to this before anything is measured on it."""

MOTION_LAG_S = 0.2
"""Time over which a heart moves visibly in any phase but a long diastasis."""

STILL_GREY = 0.35
"""Mean change of a frame over that time, in grey levels, under which it stands still; coding makes less,
a beating heart makes ten times as much."""

_EMPTY_GREY = 8.0

Float32Image = NDArray[np.float32]


@dataclass(frozen=True)
class ImageEvidence:
    """What one image shows.

    Attributes
    ----------
    contrast : 99.5th percentile minus 0.5th, in grey levels (0-255).
    surroundings : fraction (0-1) of the picture, cut to what is not dark, that is an even background reaching its
        corners: about 0.4 around a whole sector, 0.2 around one that is cut off at the sides, 0 in a photograph.
    smoothness : correlation (0-1) of neighbouring pixels: 0 in noise, about 0.5 in text, above 0.85 in ultrasound.
    grain : lower quartile / mean of the relative gradient where the picture is neither dark nor saturated. Speckle
        is everywhere in tissue (above 0.3); in a photograph or drawing edges are few (below).
    picture : fraction (0-1) of the frame that the picture's bounding box covers.
    """

    contrast: float
    surroundings: float
    smoothness: float
    grain: float
    picture: float


@dataclass(frozen=True)
class ClipEvidence:
    """What the images of a clip show; medians of `ImageEvidence` over the sampled frames.

    Attributes
    ----------
    frames : number of frames.
    duration_s : from the first frame to the last.
    motion : median change over 0.2 s, in grey levels; 0 for a single frame.
    still_fraction : share (0-1) of the sampled moments at which nothing moves for 0.2 s.
    coherence : median correlation (-1 to 1) of a frame with the next one; 1 for a single frame.
    colour_fraction : as in `Clip`.
    """

    frames: int
    duration_s: float
    motion: float
    still_fraction: float
    coherence: float
    colour_fraction: float
    contrast: float
    surroundings: float
    smoothness: float
    grain: float
    picture: float


def gather_evidence(clip: Clip) -> ClipEvidence:
    """Look at up to `SAMPLES` frames of a clip, and at the frames right after and 0.2 s after each."""
    count = len(clip.frames)
    lag = max(1, round(MOTION_LAG_S * clip.fps)) if clip.fps else 1
    lag = min(lag, max(1, count - 1))
    images, changes, correlations = [], [], []
    for index in np.unique(np.linspace(0, max(0, count - 1 - lag), SAMPLES).astype(int)):
        image = _small(clip.frames[int(index)])
        images.append(image_evidence(image))
        if count > 1:
            changes.append(float(np.mean(np.abs(_small(clip.frames[int(index) + lag]) - image))))
            correlations.append(_correlation(image, _small(clip.frames[int(index) + 1])))
    return ClipEvidence(
        frames=count,
        duration_s=float(clip.times_s[-1] - clip.times_s[0]),
        motion=float(np.median(changes)) if changes else 0.0,
        still_fraction=float(np.mean(np.array(changes) < STILL_GREY)) if changes else 1.0,
        coherence=float(np.median(correlations)) if correlations else 1.0,
        colour_fraction=clip.colour_fraction,
        contrast=float(np.median([image.contrast for image in images])),
        surroundings=float(np.median([image.surroundings for image in images])),
        smoothness=float(np.median([image.smoothness for image in images])),
        grain=float(np.median([image.grain for image in images])),
        picture=float(np.median([image.picture for image in images])),
    )


def _small(frame: NDArray[np.uint8]) -> Float32Image:
    """The frame with its longer side at `SIDE` pixels, float32."""
    height, width = frame.shape
    scale = SIDE / max(height, width)
    size = max(8, round(width * scale)), max(8, round(height * scale))
    shrinking = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(frame, size, interpolation=shrinking), np.float32)


def _correlation(one: Float32Image, other: Float32Image) -> float:
    one, other = one - one.mean(), other - other.mean()
    spread = float(np.sqrt(np.mean(one**2) * np.mean(other**2)))
    return float(np.mean(one * other)) / spread if spread > 1e-6 else 1.0


def image_evidence(image: Float32Image) -> ImageEvidence:
    """Measure one grey image (height, width), float32, 0-255, its longer side about `SIDE` pixels."""
    low, high = (float(value) for value in np.percentile(image, [0.5, 99.5]))
    if high - low < _EMPTY_GREY:
        return ImageEvidence(high - low, 0.0, 0.0, 0.0, 0.0)
    bright = image > low + 0.06 * (high - low) + 2.0
    rows, columns = np.flatnonzero(bright.mean(axis=1) > 0.02), np.flatnonzero(bright.mean(axis=0) > 0.02)
    if min(len(rows), len(columns)) < 8:
        return ImageEvidence(high - low, 0.0, 0.0, 0.0, 0.0)
    picture = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return ImageEvidence(
        contrast=high - low,
        surroundings=_surroundings(picture),
        smoothness=_smoothness(picture),
        grain=_grain(image / high),
        picture=picture.size / image.size,
    )


def _surroundings(picture: Float32Image) -> float:
    """Share of the picture that has the grey of its darkest pixels (to 4 levels) and is joined to a corner."""
    background = (np.abs(picture - np.percentile(picture, 1)) < 4).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(background, connectivity=4)
    corners = {int(labels[row, column]) for row in (0, -1) for column in (0, -1)} - {0}
    return float(sum(stats[label, cv2.CC_STAT_AREA] for label in corners)) / picture.size


def _smoothness(picture: Float32Image) -> float:
    rest = picture - picture.mean()
    neighbours = 0.5 * float(np.mean(rest[:, 1:] * rest[:, :-1]) + np.mean(rest[1:] * rest[:-1]))
    return neighbours / max(float(np.mean(rest**2)), 1e-6)


def _grain(image: Float32Image) -> float:
    """Lower quartile / mean of the gradient relative to the local grey; 1 where there is no tissue to judge."""
    slope = np.hypot(cv2.Sobel(image, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(image, cv2.CV_32F, 0, 1) / 8)
    local = cv2.blur(image, (5, 5))
    tissue = (local > 0.2) & (local < 0.9)
    if np.count_nonzero(tissue) < 50:
        return 1.0
    relative = slope[tissue] / local[tissue]
    return float(np.percentile(relative, 25)) / max(float(relative.mean()), 1e-6)
