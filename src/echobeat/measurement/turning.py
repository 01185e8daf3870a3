"""Clips in other displays, turned to the usual one (apex on top, left ventricle on the right) and back.

Every turn here undoes itself: the same function brings masks and points back to the source's orientation.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from echobeat.frames import FrameStack
from echobeat.measurement.view import Turn
from echobeat.records import Clip, FloatArray, LVMasks, VolumeCurve


def turned_clip(clip: Clip, turn: Turn) -> Clip:
    """The clip with its frames turned; the clip itself where there is nothing to turn."""
    return clip if turn == "four_chamber" else replace(clip, frames=turned_frames(clip.frames, turn))


def turned_masks(masks: LVMasks, turn: Turn) -> LVMasks:
    """The masks with their frames turned."""
    return masks if turn == "four_chamber" else LVMasks(turned_frames(masks.lv, turn), masks.confidence)


def turned_curve(curve: VolumeCurve, turn: Turn, height: int, width: int) -> VolumeCurve:
    """The curve with its points turned, for frames of `height` x `width` pixels."""
    if turn == "four_chamber":
        return curve

    def place(points: FloatArray) -> FloatArray:
        moved = points.copy()
        if _over(turn):
            moved[:, 0] = height - 1 - moved[:, 0]
        if _across(turn):
            moved[:, 1] = width - 1 - moved[:, 1]
        return moved

    return replace(curve, apex_px=place(curve.apex_px), base_px=place(curve.base_px))


def turned_frames(frames: FrameStack, turn: Turn) -> FrameStack:
    """Frames (frames, height, width) of any type, turned block by block."""
    _, height, width = frames.shape
    stack = FrameStack(height, width, frames.dtype)
    for _, block in frames.blocks():
        block = block[:, ::-1] if _over(turn) else block
        stack.append(np.ascontiguousarray(block[:, :, ::-1] if _across(turn) else block))
    return stack


def _over(turn: Turn) -> bool:
    return turn in ("apex_down", "apex_down_mirrored")


def _across(turn: Turn) -> bool:
    return turn in ("mirrored", "apex_down_mirrored")
