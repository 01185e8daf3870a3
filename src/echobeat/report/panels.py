"""One frame as a picture: the ultrasound image, and the same with the left ventricle drawn in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from echobeat.records import Assessment, Clip

Picture = NDArray[np.uint8]
"""(height, width, 3), uint8, RGB."""

LONGER_SIDE_PX = 480
MAXIMUM_STRETCH = 4.0
"""Spacings that differ by more than this are more likely wrong than meant; the picture then shows square pixels."""

CONTOUR_RGB = (57, 226, 190)
AXIS_RGB = (255, 214, 102)
FILL_OPACITY = 0.24

STEP_SMOOTHING_PX = 1.5
"""Standard deviation, in pixels of the frame, of the blur that hides the steps of an enlarged mask."""


@dataclass(frozen=True)
class Scale:
    """How the frames of a clip are enlarged or reduced into a picture.

    Attributes
    ----------
    height, width : size of the picture in pixels, both even.
    rows, columns : pixels of the picture a pixel of the frame.
    """

    height: int
    width: int
    rows: float
    columns: float

    @classmethod
    def of(cls, clip: Clip, longer_side_px: int = LONGER_SIDE_PX) -> Scale:
        """The scale that shows the clip in true proportions, its longer side at most `longer_side_px`."""
        _, height, width = clip.frames.shape
        row_mm, column_mm = clip.spacing_mm or (1.0, 1.0)
        if not 1 / MAXIMUM_STRETCH <= row_mm / column_mm <= MAXIMUM_STRETCH:
            row_mm = column_mm = 1.0
        unit = min(row_mm, column_mm)
        tall, wide = height * row_mm / unit, width * column_mm / unit
        zoom = longer_side_px / max(tall, wide)
        if zoom > 2:
            zoom = float(int(zoom))  # whole steps keep the enlarged pixels even
        size = [max(2, 2 * round(side * zoom / 2)) for side in (tall, wide)]
        return cls(size[0], size[1], size[0] / height, size[1] / width)

    def image(self, frame: NDArray[Any]) -> NDArray[Any]:
        """Resize an image (height, width): cubic when enlarging, area mean when reducing."""
        enlarging = self.rows * self.columns > 1
        how = cv2.INTER_CUBIC if enlarging else cv2.INTER_AREA
        return cv2.resize(frame, (self.width, self.height), interpolation=how)

    def point(self, row: float, column: float) -> tuple[float, float]:
        """(x, y) in the picture of a point (row, column) of the frame; pixel centres lie on whole numbers."""
        return (column + 0.5) * self.columns - 0.5, (row + 0.5) * self.rows - 0.5


def plain_panel(frame: NDArray[np.uint8], scale: Scale) -> Picture:
    """The ultrasound image alone."""
    return np.asarray(cv2.cvtColor(scale.image(frame), cv2.COLOR_GRAY2RGB), dtype=np.uint8)


def draw_ventricle(picture: Picture, mask: NDArray[np.bool_], scale: Scale) -> None:
    """Draw a mask (height, width) into a picture of its frame: translucent fill and a smooth contour."""
    if not mask.any():
        return
    coarse: NDArray[Any] = mask.astype(np.uint8) * 255
    if scale.rows * scale.columns > 1:
        coarse = cv2.GaussianBlur(coarse, (0, 0), sigmaX=STEP_SMOOTHING_PX)
    _, solid = cv2.threshold(scale.image(coarse), 127, 255, cv2.THRESH_BINARY)
    x, y, width, height = cv2.boundingRect(solid)
    if width == 0:
        return
    region = picture[y : y + height, x : x + width]
    tint = np.empty_like(region)
    tint[:] = CONTOUR_RGB
    blended = cv2.addWeighted(region, 1 - FILL_OPACITY, tint, FILL_OPACITY, 0)
    cv2.copyTo(blended, solid[y : y + height, x : x + width], region)
    outline, _ = cv2.findContours(solid, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    cv2.polylines(picture, outline, True, CONTOUR_RGB, 2, cv2.LINE_AA)


def draw_long_axis(picture: Picture, apex: NDArray[np.float64], base: NDArray[np.float64], scale: Scale) -> None:
    """Draw the measured long axis, from the apex to the middle of the mitral plane; both (row, column)."""
    if not (np.isfinite(apex).all() and np.isfinite(base).all()):
        return
    ends = [np.round(np.array(scale.point(*end)) * 16).astype(int) for end in (apex, base)]  # 4 bits of a pixel
    cv2.line(picture, ends[0].tolist(), ends[1].tolist(), AXIS_RGB, 1, cv2.LINE_AA, 4)
    for end in ends:
        cv2.circle(picture, end.tolist(), 3 * 16, AXIS_RGB, -1, cv2.LINE_AA, 4)


def ventricle_panel(assessment: Assessment, frame: int, scale: Scale) -> Picture:
    """One frame of an assessed clip with the ventricle's contour, fill and long axis."""
    picture = plain_panel(assessment.clip.frames[frame], scale)
    draw_ventricle(picture, assessment.masks.lv[frame], scale)
    draw_long_axis(picture, assessment.curve.apex_px[frame], assessment.curve.base_px[frame], scale)
    return picture
