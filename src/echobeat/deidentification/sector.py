"""Where the scanner's picture is on the screen: the fan of its beams, found by what moves.

Tissue and its speckle change from frame to frame; text, scales, logos and colour bars stand still. So each pixel
votes for the fan if it moves and against it if it does not, and the fan that gathers the most votes is the sector.
Given the fan's apex, its two angles and two radii follow from sums of votes by angle and by radius (the interval of
largest sum), so only the apex and the pixels' aspect ratio have to be searched for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from echobeat.frames import FrameStack
from echobeat.records import FloatArray, Spacing

MOST_SAMPLES = 32
"""Frames looked at, spread evenly over the clip."""

MOVES_BY = 3
"""Grey values by which a pixel changes over the clip if it belongs to the moving picture; codecs stay below."""

ANGLE_DEG = (20.0, 130.0)
"""Opening angles of sector and convex probes, generously."""

SMALLEST_SHARE = 0.06
"""Of the frame that a sector covers."""

LEAST_MARGIN_PX = 1.5
"""By which the mask is narrower than the fan, at least: a border is found to about a pixel, and letters touch it."""

LEAST_FILLED = 0.45
"""Share of a sector's pixels that move; shadows and dark blood stand still."""

LEAST_CAUGHT = 0.75
"""Share of all that moves in patches, inside the sector; less means a second picture or a moving strip beside it."""

_COARSE_PX, _FINE_PX = 80, 256
_STILL_BRIGHT = 24
_RINGING, _STILL_COSTS, _WRITING_COSTS = 0.12, 0.7, 2.5
_ANGLE_BINS, _RADIUS_BINS = 180, 200
_ASPECTS = (0.8, 1.0, 1.25)


class Fan(NamedTuple):
    """A fan in pixels: rays from an apex between two angles and two radii, cut to a box.

    Attributes
    ----------
    row, column : of the apex, which may lie outside the frame.
    aspect : height of a pixel in units of its width; the fan is a circle's only after rows are multiplied by it.
    left, right : angles in radians from straight down, positive to the right.
    near, far : radii, in columns.
    top, bottom, west, east : rows and columns that bound it, the first ones inside, the last ones not.
    """

    row: float
    column: float
    aspect: float
    left: float
    right: float
    near: float
    far: float
    top: float
    bottom: float
    west: float
    east: float

    def scaled(self, factor: float) -> Fan:
        """The same fan in a frame that is `factor` times as large."""
        lengths = ("row", "column", "near", "far", "top", "bottom", "west", "east")
        centred = {"row", "column"}
        changed = {
            name: (getattr(self, name) + (0.5 if name in centred else 0.0)) * factor - (0.5 if name in centred else 0.0)
            for name in lengths
        }
        return self._replace(**changed)

    def mask(self, height: int, width: int, margin_px: float = 0.0) -> NDArray[np.bool_]:
        """(height, width) bool: the pixels whose centre lies in the fan, `margin_px` away from its border."""
        rows, columns = np.arange(height)[:, None], np.arange(width)[None, :]
        down, across = (rows - self.row) * self.aspect, columns - self.column
        radius = np.hypot(down, across)
        inside = (radius >= self.near) & (radius <= self.far - margin_px)
        # Distance from the two edge rays, positive inside.
        from_left = across * np.cos(self.left) - down * np.sin(self.left)
        from_right = down * np.sin(self.right) - across * np.cos(self.right)
        inside &= (from_left >= margin_px) & (from_right >= margin_px)
        inside &= (rows >= self.top) & (rows < self.bottom) & (columns >= self.west) & (columns < self.east)
        return np.asarray(inside)


@dataclass(frozen=True)
class Sector:
    """The scanner's picture in a clip.

    Attributes
    ----------
    mask : ndarray or None
        (height, width) bool, inside; None where no sector was found.
    fan : Fan or None
    whole : ndarray or None
        (height, width) bool: the fan before what lies across its border was cut off. Writing is looked for in it,
        because cuts look like letters.
    filled, caught : float
        Share of the sector that moves, and share of what moves that is in it; 0-1.
    doubt : str
        Why it is not trusted, as a code of `DOUBTS`; empty where it is.
    """

    mask: NDArray[np.bool_] | None
    fan: Fan | None = None
    whole: NDArray[np.bool_] | None = None
    filled: float = 0.0
    caught: float = 0.0
    doubt: str = ""


DOUBTS = {
    "still": "nothing moves, so the scanner's picture cannot be told from what is written around it",
    "no_sector": "no sector was found: it is no picture of a sector or convex probe, or it is cut too far",
    "several_pictures": "more than one moving picture: a split screen, a biplane view, or a trace beside the sector",
}


def find_sector(frames: FrameStack | NDArray[np.uint8], spacing_mm: Spacing | None = None) -> Sector:
    """Find the scanning sector.

    Parameters
    ----------
    frames : FrameStack or ndarray
        (frames, height, width), uint8, grey.
    spacing_mm : (row, column), optional
        Gives the aspect of the pixels; it is searched for otherwise.

    Returns
    -------
    Sector
        Its `doubt` says why it is not to be trusted. A mask may stand beside a doubt.
    """
    samples = _samples(frames)
    height, width = samples.shape[1:]
    if len(samples) < 2:
        return Sector(None, doubt="still")
    aspect = spacing_mm[0] / spacing_mm[1] if spacing_mm else None
    votes = _votes(samples)
    if float((votes > 0).mean()) < SMALLEST_SHARE / 3:
        return Sector(None, doubt="still")
    fan = _best_fan(votes, aspect)
    whole = fan.mask(height, width, margin_px=max(LEAST_MARGIN_PX, max(height, width) / 400))
    return _judged(Sector(_without_strangers(whole, votes), fan, whole), votes)


def _without_strangers(mask: NDArray[np.bool_], votes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The mask without the ends of still, bright things that lie mostly outside: letters that touch its border."""
    written = cv2.dilate((votes == -_WRITING_COSTS).astype(np.uint8), np.ones((5, 5), np.uint8))
    count, labels = cv2.connectedComponents(written)
    sizes = np.bincount(labels.ravel(), minlength=count)
    inside = np.bincount(labels[mask], minlength=count)
    strange = inside < 0.5 * sizes
    strange[0] = False
    return np.asarray(mask & ~strange[labels])


def _judged(sector: Sector, votes: NDArray[np.float32]) -> Sector:
    mask, fan = sector.mask, sector.fan
    if mask is None or fan is None or not mask.any():
        return Sector(None, doubt="no_sector")
    patches = _patches(votes > 0)
    filled, caught = float((votes[mask] > 0).mean()), float(mask[patches].sum()) / max(1, int(patches.sum()))
    opening = float(np.rad2deg(fan.right - fan.left))
    doubt = ""
    if not ANGLE_DEG[0] <= opening <= ANGLE_DEG[1] or mask.mean() < SMALLEST_SHARE or filled < LEAST_FILLED:
        doubt = "no_sector"
    elif caught < LEAST_CAUGHT:
        doubt = "several_pictures"
    return replace(sector, filled=filled, caught=caught, doubt=doubt)


def _samples(frames: FrameStack | NDArray[np.uint8]) -> NDArray[np.uint8]:
    count = len(frames)
    chosen = np.unique(np.linspace(0, count - 1, min(count, MOST_SAMPLES)).round().astype(int))
    return np.stack([np.asarray(frames[int(index)], np.uint8) for index in chosen])


def _votes(samples: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(height, width) float32: for and against a pixel's being of the moving picture.

    What a lossy codec spreads over an edge changes far less than the tissue beside it. Stillness counts less than
    movement, because shadows and blood can be black; what is bright and still counts most, with its surroundings.
    """
    low, high = samples.min(axis=0), samples.max(axis=0)
    change = high - low
    side = max(5, round(max(change.shape) / 60)) | 1
    most = cv2.blur(cv2.dilate(change, np.ones((side, side), np.uint8)), (side, side))
    moving = change >= np.maximum(MOVES_BY, _RINGING * most)
    moving = cv2.medianBlur(moving.astype(np.uint8), 5) > 0
    votes = np.where(moving, 1.0, -_STILL_COSTS)
    still_bright = (~moving & (low >= _STILL_BRIGHT)).astype(np.uint8)
    around = cv2.dilate(still_bright, np.ones((3, 3), np.uint8)) > 0
    votes[around & ~moving] = -_WRITING_COSTS
    return votes.astype(np.float32)


def _patches(moving: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What moves in patches: without traces, digits and edges."""
    side = max(3, round(max(moving.shape) / 60)) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return cv2.morphologyEx(moving.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0


def _best_fan(votes: NDArray[np.float32], aspect: float | None) -> Fan:
    coarse, factor = _reduced(votes, _COARSE_PX)
    fan = _search_grid(coarse, [aspect] if aspect else list(_ASPECTS))
    fine, fine_factor = _reduced(votes, _FINE_PX)
    fan = _refined(fine, fan.scaled(factor / fine_factor), free_aspect=aspect is None)
    return fan.scaled(fine_factor)


def _reduced(votes: NDArray[np.float32], side: int) -> tuple[NDArray[np.float32], float]:
    """The votes at no more than `side` pixels, and by how much the original is larger."""
    factor = max(1.0, max(votes.shape) / side)
    size = max(1, round(votes.shape[1] / factor)), max(1, round(votes.shape[0] / factor))
    return np.asarray(cv2.resize(votes, size, interpolation=cv2.INTER_AREA), np.float32), votes.shape[1] / size[0]


def _search_grid(votes: NDArray[np.float32], aspects: list[float]) -> Fan:
    height, width = votes.shape
    weight = np.clip(votes, 0, None)
    centre = float((weight.sum(axis=0) * np.arange(width)).sum() / max(1e-6, float(weight.sum())))
    filled = np.flatnonzero(weight.sum(axis=1) > 0.02 * width)
    top, bottom = (int(filled[0]), int(filled[-1])) if len(filled) else (0, height)
    tall = max(8, bottom - top)
    best: tuple[float, Fan] | None = None
    for aspect in aspects:
        for row in np.linspace(top - 0.5 * tall, top + 0.25 * tall, 16):
            for column in np.linspace(centre - 0.22 * width, centre + 0.22 * width, 17):
                scored = _fan_at(votes, float(row), float(column), aspect)
                if best is None or scored[0] > best[0]:
                    best = scored
    return best[1] if best else Fan(0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)


def _refined(votes: NDArray[np.float32], fan: Fan, *, free_aspect: bool) -> Fan:
    """Pattern search (Hooke and Jeeves 1961, doi:10.1145/321062.321069) for apex and aspect."""
    side = max(votes.shape)
    place = np.array([fan.row, fan.column, fan.aspect])
    steps = np.array([0.03 * side, 0.02 * side, 0.08 if free_aspect else 0.0])
    score, best = _fan_at(votes, *place.tolist())
    for _ in range(40):
        improved = False
        for axis in np.flatnonzero(steps):
            for sign in (1, -1):
                tried = place.copy()
                tried[axis] += sign * steps[axis]
                if not 0.5 <= tried[2] <= 2.0:
                    continue
                new_score, new = _fan_at(votes, *tried.tolist())
                if new_score > score:
                    score, best, place, improved = new_score, new, tried, True
                    break
        if not improved:
            steps = steps / 2
            if steps[0] < 0.15:
                break
    return best


def _fan_at(votes: NDArray[np.float32], row: float, column: float, aspect: float) -> tuple[float, Fan]:
    """The fan of most votes with this apex: angles, radii and box by turns, each the interval of largest sum."""
    height, width = votes.shape
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    down, across = (rows - row) * aspect, columns - column
    radius, angle = np.hypot(down, across), np.arctan2(across, down)
    reach = float(radius.max()) + 1e-6
    half = np.pi * 0.4
    coordinates = (
        np.clip((angle + half) / (2 * half) * _ANGLE_BINS, 0, _ANGLE_BINS - 1).astype(np.intp),
        (radius / reach * (_RADIUS_BINS - 1)).astype(np.intp),
        rows.astype(np.intp),
        columns.astype(np.intp),
    )
    bins = (_ANGLE_BINS, _RADIUS_BINS, height, width)
    limits = [(0, count) for count in bins]
    ahead = np.abs(angle) < half
    score = 0.0
    for _ in range(2):
        for axis, count in enumerate(bins):
            inside = ahead.copy()
            for other, (low, high) in enumerate(limits):
                if other != axis:
                    inside &= (coordinates[other] >= low) & (coordinates[other] < high)
            sums = np.bincount(coordinates[axis][inside], votes[inside], minlength=count)
            score, *interval = _largest_sum(np.asarray(sums, np.float64))
            limits[axis] = (interval[0], interval[1])
    left, right = (bound / _ANGLE_BINS * 2 * half - half for bound in limits[0])
    near, far = (bound / (_RADIUS_BINS - 1) * reach for bound in limits[1])
    (top, bottom), (west, east) = limits[2], limits[3]
    return score, Fan(row, column, aspect, left, right, near, far, top, bottom, west, east)


def _largest_sum(values: FloatArray) -> tuple[float, int, int]:
    """The largest sum over an interval, and the interval (Kadane; Bentley 1984, doi:10.1145/358234.381162)."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    lowest = np.minimum.accumulate(sums)
    end = int(np.argmax(sums[1:] - lowest[:-1])) + 1
    start = int(np.argmin(sums[:end]))
    return float(sums[end] - sums[start]), start, end
