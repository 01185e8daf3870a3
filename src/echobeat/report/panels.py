"""One frame as a picture: the ultrasound image, and the same with the left ventricle drawn in."""

from __future__ import annotations

from dataclasses import dataclass

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

    def image(self, frame: NDArray[np.uint8], into: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        """Resize an image (height, width): cubic when enlarging, area mean when reducing."""
        how = cv2.INTER_CUBIC if self.enlarges else cv2.INTER_AREA
        return np.asarray(cv2.resize(frame, (self.width, self.height), dst=into, interpolation=how), np.uint8)

    @property
    def enlarges(self) -> bool:
        """True where a pixel of the frame is more than one of the picture."""
        return self.rows * self.columns > 1

    def point(self, row: float, column: float) -> tuple[float, float]:
        """(x, y) in the picture of a point (row, column) of the frame; pixel centres lie on whole numbers."""
        return (column + 0.5) * self.columns - 0.5, (row + 0.5) * self.rows - 0.5


class Painter:
    """Draws the frames of a clip; each picture is overwritten by the next one of its kind.

    The memory is taken once: pictures of changing size, made and dropped for thousands of frames, leave the
    system's heap in shreds that add up to hundreds of megabytes.

    Parameters
    ----------
    scale : Scale
        Size of the pictures.
    """

    def __init__(self, scale: Scale) -> None:
        self.scale = scale
        self._grey, self._soft, self._solid = (np.empty((scale.height, scale.width), np.uint8) for _ in range(3))
        self._plain, self._drawn, self._tinted = (np.empty((*self._grey.shape, 3), np.uint8) for _ in range(3))
        self._tint = np.full_like(self._plain, CONTOUR_RGB)

    def plain(self, image: NDArray[np.uint8]) -> Picture:
        """The ultrasound image (height, width) alone."""
        cv2.cvtColor(self.scale.image(image, self._grey), cv2.COLOR_GRAY2RGB, dst=self._plain)
        return self._plain

    def ventricle(
        self,
        plain: Picture,
        mask: NDArray[np.bool_],
        apex: NDArray[np.float64],
        base: NDArray[np.float64],
    ) -> Picture:
        """A `plain` picture with the mask (height, width) as translucent fill and smooth contour, and the long axis.

        `apex` and `base` are its ends, (row, column); NaN where unknown.
        """
        np.copyto(self._drawn, plain)
        if mask.any():
            self._draw_mask(mask)
        if np.isfinite(apex).all() and np.isfinite(base).all():
            self._draw_long_axis(apex, base)
        return self._drawn

    def _draw_mask(self, mask: NDArray[np.bool_]) -> None:
        coarse: NDArray[np.uint8] = mask.view(np.uint8) * np.uint8(255)
        if self.scale.enlarges:
            cv2.GaussianBlur(coarse, (0, 0), sigmaX=STEP_SMOOTHING_PX, dst=coarse)
        cv2.threshold(self.scale.image(coarse, self._soft), 127, 255, cv2.THRESH_BINARY, dst=self._solid)
        cv2.addWeighted(self._drawn, 1 - FILL_OPACITY, self._tint, FILL_OPACITY, 0, dst=self._tinted)
        cv2.copyTo(self._tinted, self._solid, self._drawn)
        outline, _ = cv2.findContours(self._solid, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        cv2.polylines(self._drawn, outline, True, CONTOUR_RGB, 2, cv2.LINE_AA)

    def _draw_long_axis(self, apex: NDArray[np.float64], base: NDArray[np.float64]) -> None:
        ends = [np.round(np.array(self.scale.point(*end)) * 16).astype(int).tolist() for end in (apex, base)]
        cv2.line(self._drawn, ends[0], ends[1], AXIS_RGB, 1, cv2.LINE_AA, 4)  # 4 bits of a pixel
        for end in ends:
            cv2.circle(self._drawn, end, 3 * 16, AXIS_RGB, -1, cv2.LINE_AA, 4)


def ventricle_picture(assessment: Assessment, frame: int, painter: Painter) -> Picture:
    """One frame of an assessed clip, drawn by `painter`."""
    curve = assessment.curve
    image, mask = assessment.clip.frames[frame], assessment.masks.lv[frame]
    return painter.ventricle(painter.plain(image), mask, curve.apex_px[frame], curve.base_px[frame])
