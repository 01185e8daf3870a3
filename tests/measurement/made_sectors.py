"""Clips of pictures that are, and are not, ultrasound."""

from __future__ import annotations

import cv2
import numpy as np

from echobeat.frames import FrameStack
from echobeat.records import Clip


def sector(size=112, seed=0, motion=0.0, speckle_px=1.1, gain=1.0):
    """A scanning sector with speckle and a dark chamber whose wall has moved by `motion` pixels; uint8."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32) * 112 / size
    radius, angle = np.hypot(rows + 6, columns - 56), np.arctan2(columns - 56, rows + 6)
    fine = rng.normal(size=(2, size, size)).astype(np.float32)
    fine = np.stack([cv2.GaussianBlur(part, (0, 0), speckle_px * size / 112) for part in fine])
    grey = 20 * np.log10(np.hypot(*fine) / np.hypot(*fine).mean() + 1e-3)
    chamber = ((rows - 58) / (26 - motion)) ** 2 + ((columns - 52) / (14 - motion)) ** 2 < 1
    grey = 110 + 3.2 * grey - 85 * cv2.GaussianBlur(chamber.astype(np.float32), (0, 0), 1.2)
    return np.where((np.abs(angle) < 0.66) & (radius < 112), np.clip(gain * grey, 3, 255), 0).astype(np.uint8)


def beating_sector(frames=60, fps=50.0, size=112, **kwargs):
    """A clip in which the chamber's wall moves once a second."""
    moved = 4 * np.sin(np.pi * np.arange(frames) / fps) ** 2
    return clip(np.stack([sector(size, motion=float(m), **kwargs) for m in moved]), fps)


def photograph(size=200, seed=0):
    """Smooth areas with sharp edges and fine shading, as daylight pictures have them."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32) / size
    image = 150 + 60 * columns - 40 * rows
    for _ in range(14):
        centre = tuple(int(v) for v in rng.integers(0, size, 2))
        cv2.circle(image, centre, int(rng.integers(8, size // 4)), float(rng.uniform(30, 240)), -1)
    image = cv2.GaussianBlur(image, (0, 0), 0.8) + rng.normal(0, 1.5, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8)


def text(size=160):
    """A page of text."""
    image = np.full((size, size), 235, np.uint8)
    for row in range(8, size, 9):
        cv2.putText(image, "Heart rate 72 EF 55 Lorem ipsum", (2, row), cv2.FONT_HERSHEY_SIMPLEX, 0.28, 10, 1)
    return image


def moving(image, frames=30, step=2):
    """The image panned, so that it is not still."""
    wide = np.concatenate([image, image[:, ::-1]], axis=1)
    return np.stack([wide[:, k * step : k * step + image.shape[1]] for k in range(frames)])


def clip(frames, fps=50.0, colour_fraction=0.0, warnings=()):
    """A Clip of these frames (n, height, width) uint8."""
    times = np.arange(len(frames)) / fps
    return Clip(FrameStack.from_array(frames), times, None, "made", colour_fraction, warnings)
