"""What the images themselves show, before any ventricle is sought: motion, colour, an ultrasound picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from echobeat.measurement.smoothing import gaps
from echobeat.measurement.writing import brightest_and_writing, picture_box, screen
from echobeat.records import Clip, FloatArray

SAMPLES = 16
"""Frames looked at, spread evenly over the clip."""

SIDE = 112
"""The picture, cut out of its dark border, is averaged down (or up) to this side before it is measured."""

MOTION_LAG_S = 0.2
"""Time over which a heart moves visibly in any phase but a long diastasis."""

CHANGE_GREY = 2.5
"""A pixel that changes by more has changed: coding and noise of a still picture change pixels by less."""

STILL_SHARE = 0.02
"""Share of pixels that change over `MOTION_LAG_S` under which the picture stands still; a cursor or an ECG trace
changes about a hundredth, a beating heart more than a tenth."""

GRAIN_PX = 3.0
"""Deviation of the blur that takes speckle away, at `SIDE` pixels."""

EMPTY_GREY = 8.0
"""An image whose greys (0-255) lie closer together is empty."""

Float32Image = NDArray[np.float32]
Box = tuple[slice, slice]


@dataclass(frozen=True)
class ImageEvidence:
    """What one image shows.

    Attributes
    ----------
    contrast : 99.5th percentile minus 0.5th, in grey levels (0-255).
    surroundings : fraction (0-1) that is an even dark background reaching the picture's corners: about 0.4 around a
        whole sector, 0.2 around one that is cut off at the sides, 0 in a photograph.
    smoothness : correlation (0-1) of neighbouring pixels: 0 in noise, about 0.5 in text, above 0.85 in ultrasound.
    grain : lower quartile / mean of the relative gradient where the picture is neither dark nor saturated. Speckle
        is everywhere in tissue (above 0.3); in a photograph or drawing edges are few (below).
    paper : fraction (0-1) of the commonest bright grey (to 3 levels): most of a page or a light screen.
    """

    contrast: float
    surroundings: float
    smoothness: float
    grain: float
    paper: float


@dataclass(frozen=True)
class ClipEvidence:
    """What the images of a clip show; medians of `ImageEvidence` over the sampled frames.

    Attributes
    ----------
    frames : number of frames.
    duration_s : from the first frame to the last.
    mean_fps : frames a second on average, where none are missing: not across gaps in which no beat is measured; 0 for
        a single frame.
    still_fraction : share (0-1) of the sampled moments at which nothing moves for 0.2 s; 1 for a single frame.
    coherence : median correlation (-1 to 1) of a frame with the next one; 1 for a single frame.
    colour_fraction : as in `Clip`, but of the picture, where black borders are cut off for the networks.
    disorder : how much a frame differs from the next one, over how much it differs from others of the clip: about 0.2
        in a loop at 50 frames a second, 1 where the frames come in no order; 0 for a single frame.
    moved : how much frames of the clip differ from each other once grain and noise are blurred away, over the contrast:
        about 0.02 where a heart beats; 0 for a single frame.
    picture : fraction (0-1) of the frame that the picture covers, its dark border left out.
    """

    frames: int
    duration_s: float
    mean_fps: float
    still_fraction: float
    coherence: float
    colour_fraction: float
    contrast: float
    surroundings: float
    smoothness: float
    grain: float
    paper: float
    disorder: float
    moved: float
    picture: float


def gather_evidence(clip: Clip) -> ClipEvidence:
    """Look at up to `SAMPLES` frames of a clip, and at the frames right after and 0.2 s after each."""
    count = len(clip.frames)
    lag = max(1, round(MOTION_LAG_S * clip.fps)) if clip.fps else 1
    lag = min(lag, max(1, count - 1))
    starts = [int(index) for index in np.unique(np.linspace(0, max(0, count - 1 - lag), SAMPLES).astype(int))]
    box, writing = _picture(clip, starts)
    images, changes, correlations = [], [], []
    blurred, steps = [], []
    for index in starts:
        image = _small(clip.frames[index], box, writing)
        images.append(image_evidence(image))
        if count > 1:
            later = _small(clip.frames[index + lag], box, writing)
            changes.append(float(np.mean(np.abs(later - image) > CHANGE_GREY)))
            following = _small(clip.frames[index + 1], box, writing)
            correlations.append(_correlation(image, following))
            blurred.append(_without_grain(image))
            steps.append(float(np.mean(np.abs(_without_grain(following) - blurred[-1]))))
    _, height, width = clip.frames.shape
    rows, columns = box
    contrast = float(np.median([image.contrast for image in images]))
    apart = _apart(blurred)
    return ClipEvidence(
        frames=count,
        duration_s=float(clip.times_s[-1] - clip.times_s[0]),
        mean_fps=_mean_fps(clip.times_s),
        still_fraction=float(np.mean(np.array(changes) < STILL_SHARE)) if changes else 1.0,
        coherence=float(np.median(correlations)) if correlations else 1.0,
        colour_fraction=_coloured(clip),
        contrast=contrast,
        surroundings=float(np.median([image.surroundings for image in images])),
        smoothness=float(np.median([image.smoothness for image in images])),
        grain=float(np.median([image.grain for image in images])),
        paper=float(np.median([image.paper for image in images])),
        disorder=float(np.mean(steps)) / apart if apart > 0 else 0.0,
        moved=apart / max(contrast, EMPTY_GREY),
        picture=(rows.stop - rows.start) * (columns.stop - columns.start) / (height * width),
    )


def _coloured(clip: Clip) -> float:
    top, left, bottom, right = picture_box(*screen(clip.frames))
    _, height, width = clip.frames.shape
    return min(1.0, clip.colour_fraction / ((bottom - top) * (right - left) / (height * width)))


def _mean_fps(times_s: FloatArray) -> float:
    missing = gaps(times_s)
    running_s = float(times_s[-1] - times_s[0]) - float(np.diff(times_s)[missing].sum())
    return np.count_nonzero(~missing) / running_s if running_s > 0 else 0.0


def _without_grain(image: Float32Image) -> Float32Image:
    """Speckle changes from frame to frame whatever the order: what is left moves with the heart."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), GRAIN_PX), np.float32)


def _apart(images: list[Float32Image]) -> float:
    """Mean difference in grey levels of each image to three others, far from it in the list; 0 where there are none."""
    count = len(images)
    differences = [
        float(np.mean(np.abs(images[first] - images[(first + jump) % count])))
        for jump in {count // 4, count // 3, count // 2} - {0}
        for first in range(count)
    ]
    return float(np.mean(differences)) if differences else 0.0


def _picture(clip: Clip, indices: list[int]) -> tuple[Box, NDArray[np.bool_] | None]:
    """Rows and columns in which some frame is not dark, or the whole frame where hardly any are; what is written."""
    brightest, writing = brightest_and_writing(clip.frames, indices)
    brightest = _without(writing, brightest)
    low, high = (float(value) for value in np.percentile(brightest, [0.5, 99.9]))
    bright = brightest > low + 0.06 * (high - low) + 2.0
    rows, columns = np.flatnonzero(bright.mean(axis=1) > 0.01), np.flatnonzero(bright.mean(axis=0) > 0.01)
    if min(len(rows), len(columns)) < 8:
        return (slice(0, brightest.shape[0]), slice(0, brightest.shape[1])), writing
    return (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)), writing


def _without(writing: NDArray[np.bool_] | None, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return frame if writing is None else frame * ~writing


def _small(frame: NDArray[np.uint8], box: Box, writing: NDArray[np.bool_] | None) -> Float32Image:
    """The picture in the frame with its longer side at `SIDE` pixels, float32, black where something is written."""
    frame = _without(writing, frame)
    height, width = frame[box].shape
    scale = SIDE / max(height, width)
    size = max(8, round(width * scale)), max(8, round(height * scale))
    shrinking = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(frame[box]), size, interpolation=shrinking), np.float32)


def _correlation(one: Float32Image, other: Float32Image) -> float:
    one, other = one - one.mean(), other - other.mean()
    spread = float(np.sqrt(np.mean(one**2) * np.mean(other**2)))
    return float(np.mean(one * other)) / spread if spread > 1e-6 else 1.0


def image_evidence(picture: Float32Image) -> ImageEvidence:
    """Measure one grey picture (height, width), float32, 0-255, its longer side about `SIDE` pixels."""
    low, high = (float(value) for value in np.percentile(picture, [0.5, 99.5]))
    if high - low < EMPTY_GREY:
        return ImageEvidence(high - low, 0.0, 0.0, 0.0, 0.0)
    return ImageEvidence(
        contrast=high - low,
        surroundings=_surroundings(picture),
        smoothness=_smoothness(picture),
        grain=_grain(picture / high),
        paper=_paper(picture, 0.5 * (low + high)),
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


def _paper(picture: Float32Image, middle: float) -> float:
    counts = np.bincount(np.clip(picture[picture > middle], 0, 255).astype(np.intp), minlength=256)
    return float(np.convolve(counts, np.ones(7), "same").max()) / picture.size


def _grain(image: Float32Image) -> float:
    """Lower quartile / mean of the gradient relative to the local grey; 1 where there is no tissue to judge."""
    slope = np.hypot(cv2.Sobel(image, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(image, cv2.CV_32F, 0, 1) / 8)
    local = cv2.blur(image, (5, 5))
    tissue = (local > 0.2) & (local < 0.9)
    if np.count_nonzero(tissue) < 50:
        return 1.0
    relative = slope[tissue] / local[tissue]
    return float(np.percentile(relative, 25)) / max(float(relative.mean()), 1e-6)
