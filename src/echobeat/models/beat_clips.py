"""A beat as a network sees it: a few frames in step with the heart, cut out around the ventricle, beside its mask.

Sampling follows the beat and not the clock, so that a clip played slower gives the same frames; the cut-out follows
the ventricle and not the sector, so that depth and zoom do not matter. What is left is how the cavity's border moves.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from echobeat.frames import FrameStack
from echobeat.measurement.writing import screen
from echobeat.records import Beat

FRAMES = 16
"""From end-diastole to end-systole in eight steps, and on to the next end-diastole in seven."""
SIZE = 64
"""Side of the cut-out, in pixels of the network."""
MARGIN = 1.5
"""Side of the cut-out over the longer side of the ventricle's bounding box: the wall lies inside it."""

Float32 = NDArray[np.float32]


def beat_clip(frames: FrameStack, lv: FrameStack, beat: Beat, *others: FrameStack) -> Float32 | None:
    """Cut one beat out of a clip.

    Parameters
    ----------
    frames : FrameStack
        (frames, height, width) uint8, grey.
    lv : FrameStack
        (frames, height, width) bool: the ventricle, as a segmentation model found it.
    beat : Beat
        A half cycle is mirrored in time.
    *others : FrameStack
        Further masks, cut out alike.

    Returns
    -------
    ndarray or None
        (2 and more, FRAMES, SIZE, SIZE) float32: grey 0-255, and the masks 0-1. None where the beat has no
        end-systole or no end-diastole, or no ventricle is seen.
    """
    moments = beat_frames(beat)
    if moments is None:
        return None
    grey, *masks = (np.stack([stack[int(moment)] for moment in moments]) for stack in (frames, lv, *others))
    _, writing = screen(frames)  # what is written beside the picture is black
    return cut_out(grey if writing is None else grey * ~writing, *masks)


def beat_frames(beat: Beat) -> NDArray[np.intp] | None:
    """(FRAMES,) frame numbers, end-systole at place 8; None for a beat that lacks what is needed."""
    ed, es, end = beat.ed_frame, beat.es_frame, beat.end_frame
    if es is None or (ed is None and end is None):
        return None
    half = FRAMES // 2
    before = es - end + es if ed is None and end is not None else ed
    after = es - ed + es if end is None and ed is not None else end
    if before is None or after is None:
        return None
    ejection = before + (es - before) * np.arange(half) / half
    filling = es + (after - es) * np.arange(half) / (half - 1)
    moments = np.rint(np.concatenate([ejection, filling])).astype(np.intp)
    if ed is None:
        moments = np.where(moments < es, 2 * es - moments, moments)
    if end is None:
        moments = np.where(moments > es, 2 * es - moments, moments)
    return np.asarray(moments, np.intp)


def cut_out(grey: NDArray[np.uint8], mask: NDArray[np.bool_], *others: NDArray[np.bool_]) -> Float32 | None:
    """Square around all of `mask`, scaled to SIZE: (channels, frames, SIZE, SIZE) float32; None without a ventricle."""
    rows, columns = np.flatnonzero(mask.any(axis=(0, 2))), np.flatnonzero(mask.any(axis=(0, 1)))
    if len(rows) == 0:
        return None
    side = MARGIN * max(np.ptp(rows) + 1, np.ptp(columns) + 1)
    scale = SIZE / side
    centre = np.array([(columns[0] + columns[-1]) / 2, (rows[0] + rows[-1]) / 2])
    shift = (SIZE - 1) / 2 - centre * scale
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    channels = (grey, mask, *others)
    clip = np.empty((len(channels), len(grey), SIZE, SIZE), np.float32)
    for cut, channel in zip(clip, channels, strict=True):
        for index, image in enumerate(channel):
            cut[index] = _scaled(image.astype(np.float32), matrix, scale)
    return clip


def _scaled(image: Float32, matrix: NDArray[np.float64], scale: float) -> Float32:
    """Moved by `matrix`; blurred first where it shrinks, so that nothing aliases."""
    source = cv2.GaussianBlur(image, (0, 0), 0.45 / scale) if scale < 0.9 else image
    return np.asarray(cv2.warpAffine(source, matrix, (SIZE, SIZE), flags=cv2.INTER_LINEAR), np.float32)
