"""From the polar image in dB to the frame a viewer sees, and from cm to that frame's pixels."""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from echobeat.phantom.heart import FloatArray
from echobeat.phantom.scanner import Scanner

Frame = NDArray[np.uint8]


class Screen:
    """A square frame of `size` pixels that shows the sector.

    Attributes
    ----------
    spacing_cm : (row, column) distance between pixels.
    corner_cm : (x, y) of the centre of pixel (0, 0).
    """

    def __init__(self, scanner: Scanner, size: int, polar_shape: tuple[int, int]) -> None:
        self.size = size
        self._scanner = scanner
        self._polar_shape = polar_shape
        beam, display = scanner.beam, scanner.display
        left, right = beam.steer - beam.half_angle, beam.steer + beam.half_angle
        reach = beam.origin_cm + beam.depth_cm
        widest = [reach * np.sin(left), reach * np.sin(right)]
        top = beam.origin_cm * (min(np.cos(left), np.cos(right)) - 1)
        height = beam.depth_cm - top
        width = widest[1] - widest[0]
        share = 1 - 2 * display.margin
        if display.fit == "stretch":
            self.spacing_cm = (height / share / size, width / share / size)
        else:
            extent = max(height, width) if display.fit == "sector" else height
            self.spacing_cm = (extent / share / size, extent / share / size)
        row, column = self.spacing_cm
        centre_x = (widest[0] + widest[1]) / 2 + display.shift * column * size
        centre_y = top + height / 2
        self.corner_cm = (centre_x - column * (size - 1) / 2, centre_y - row * (size - 1) / 2)

    def to_pixels(self, points_cm: FloatArray) -> FloatArray:
        """(x, y) in cm to (column, row) in pixels; a pixel's centre has whole numbers."""
        result: FloatArray = (points_cm - np.array(self.corner_cm)) / np.array(self.spacing_cm)[::-1]
        return result

    @cached_property
    def _maps(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Beam and range of each pixel at twice the size, and 1 inside the sector."""
        beam = self._scanner.beam
        ranges, beams = self._polar_shape
        fine = (np.arange(2 * self.size) + 0.5) / 2 - 0.5
        x = self.corner_cm[0] + fine[None] * self.spacing_cm[1]
        y = self.corner_cm[1] + fine[:, None] * self.spacing_cm[0] + beam.origin_cm
        radius, angle = np.hypot(x, y), np.arctan2(x, y) - beam.steer
        column = (angle + beam.half_angle) / (2 * beam.half_angle) * beams - 0.5
        row = (radius - beam.origin_cm) / beam.depth_cm * ranges - 0.5
        inside = (np.abs(angle) <= beam.half_angle) & (radius >= beam.origin_cm)
        inside &= radius <= beam.origin_cm + beam.depth_cm
        return column.astype(np.float32), row.astype(np.float32), inside.astype(np.float32)

    def grey(self, level_db: NDArray[np.float32]) -> NDArray[np.float32]:
        """Log-compressed polar image to polar grey values, 0-255, with the vendor's filters."""
        display = self._scanner.display
        value = (display.wall_grey / 255 + level_db / display.dynamic_range_db).astype(np.float32)
        if display.smoothing > 0.3:
            smooth = cv2.GaussianBlur(value, (0, 0), sigmaX=0.6 * display.smoothing, sigmaY=display.smoothing)
            value = np.asarray(smooth, np.float32)
        if display.edge_preserving > 0:
            value = np.asarray(cv2.bilateralFilter(value, 5, display.edge_preserving, 2.0), np.float32)
        if display.sharpening > 0:
            value += np.float32(display.sharpening) * (value - cv2.GaussianBlur(value, (0, 0), 1.8))
        value = np.clip((value - np.float32(display.reject)) / np.float32(1 - display.reject), 0, 1) ** np.float32(
            display.gamma
        )
        curved = value * value * (3 - 2 * value)
        return np.asarray(255 * np.clip(value + np.float32(display.contrast) * (curved - value), 0, 1), np.float32)

    def show(self, polar_grey: NDArray[np.float32]) -> Frame:
        """Scan-convert, reduce to the frame's size, add marks, compress as the file would."""
        display = self._scanner.display
        column, row, inside = self._maps
        fine = cv2.remap(polar_grey, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) * inside
        how = cv2.INTER_CUBIC if display.cubic else cv2.INTER_AREA
        frame = np.clip(cv2.resize(fine, (self.size, self.size), interpolation=how) + 0.5, 0, 255).astype(np.uint8)
        if display.ticks:
            self._marks(frame)
        if display.jpeg_quality:
            done, data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, display.jpeg_quality])
            frame = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8) if done else frame
        return np.asarray(frame, np.uint8)

    def _marks(self, frame: Frame) -> None:
        beam = self._scanner.beam
        for depth in range(0, int(beam.depth_cm) + 1, 5 if beam.depth_cm > 12 else 2):
            row = self.to_pixels(np.array([0.0, float(depth)]))[1]
            y, half = round(float(row)), max(1, self.size // 112)
            if 0 <= y < self.size:
                frame[y : y + half, self.size - 4 * half : self.size - half] = int(self._scanner.display.ticks)
