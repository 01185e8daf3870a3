"""A NIfTI cine, (x, y, time) or (x, y, 1, time): header by nibabel, frames streamed one at a time.

NIfTI stores x fastest, so that a frame lies in the file as rows one after the other: read as (height, width)
it is what nibabel's (x, y) array is transposed. A frame is read, brought to grey and forgotten.
"""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import nibabel
import numpy as np
from numpy.typing import NDArray

from echobeat.errors import InvalidClip, UnreadableFile, UnsupportedFile
from echobeat.records import ClipWarning, Spacing
from echobeat.sources.colour import grey_from_rgb
from echobeat.sources.recording import FrameCollector, Recording, check_frame_size, decoding, truncated
from echobeat.sources.times import PLAUSIBLE_FPS, regular_times

_SECONDS = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6}
_MILLIMETRES = {"meter": 1e3, "mm": 1.0, "micron": 1e-3, "unknown": 1.0}
"""Lengths without a unit are taken for mm, as NIfTI software does."""

_Z_AXIS = 3

_LARGEST_OFFSET = 64 * 2**20
"""Where the pictures may begin at the latest: header extensions are far smaller."""


def read_nifti(file: BinaryIO, source: str, *, compressed: bool) -> Recording:
    """Read a NIfTI-1 or NIfTI-2 cine.

    Values: uint8, and anything between 0 and 255, is taken as it is; floats between 0 and 1 are multiplied by 255;
    the header's display range (``cal_min``, ``cal_max``) wins over both; any other range is mapped from the
    clip's smallest and largest value to 0-255, with the warning ``grey_rescaled``.
    Time: ``pixdim`` of the time axis with its unit; without a unit, or where it gives a rate that no
    echocardiogram has (many writers leave it at 1 s), the file is taken to give none. So it is with a third axis
    whose ``pixdim`` is 1, or that of x or y: NIfTI means it for z, and it is a length or a default.
    Spacing: ``pixdim`` of y (row) and x (column); exactly 1 x 1 without a unit or in mm is a writer's default (ITK
    states mm in any case), not a calibration.

    Raises
    ------
    UnreadableFile, UnsupportedFile, InvalidClip
    """
    with decoding(source):
        stream: BinaryIO = gzip.GzipFile(fileobj=file) if compressed else file  # type: ignore[assignment]
        layout = _layout(_header(stream), source)
    check_frame_size(source, layout.height, layout.width)
    low, high, warnings = _grey_range(layout, stream, source)
    collector = FrameCollector(source)
    for stored in layout.frames(stream, source):
        grey, rgb = _to_grey(layout.values(stored), low, high)
        collector.add(grey, rgb if collector.wants_colour else None)
    if not len(collector):
        raise UnreadableFile(source, "it is cut off before its first frame", "Copy or export it again", "cut_off")
    count = len(collector)
    if count < layout.count:
        warnings = (*warnings, truncated(count, layout.count))
    times = regular_times(count, 1.0 / layout.step_s) if layout.step_s else None
    return Recording(collector.finish(), times, layout.spacing_mm, collector.colour.fraction(), warnings)


@dataclass(frozen=True)
class _Layout:
    """Where and how the frames lie in the (decompressed) file."""

    height: int
    width: int
    count: int
    dtype: np.dtype[Any]
    offset: int
    slope: float
    intercept: float
    display: tuple[float, float] | None
    step_s: float | None
    spacing_mm: Spacing | None

    @property
    def coloured(self) -> bool:
        """RGB24 or RGBA32."""
        return self.dtype.names is not None

    def frames(self, stream: BinaryIO, source: str) -> Iterator[NDArray[Any]]:
        """Yield the stored frames (height, width) as they are, until the file ends."""
        frame_bytes = self.height * self.width * self.dtype.itemsize
        with decoding(source):
            stream.seek(self.offset)
        for _ in range(self.count):
            try:
                with decoding(source):
                    data = stream.read(frame_bytes)
            except UnreadableFile:
                return
            if len(data) < frame_bytes:
                return
            yield np.frombuffer(data, self.dtype).reshape(self.height, self.width)

    def values(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Apply the header's slope and intercept."""
        if self.coloured or (self.slope == 1.0 and self.intercept == 0.0):
            return stored
        return stored.astype(np.float64) * self.slope + self.intercept


def _header(stream: BinaryIO) -> Any:
    """Read the header without nibabel's checks, which would write into the log."""
    two = stream.read(4) in (b"\x1c\x02\x00\x00", b"\x00\x00\x02\x1c")
    stream.seek(0)
    kind: Any = nibabel.Nifti2Header if two else nibabel.Nifti1Header
    return kind.from_fileobj(stream, check=False)


def _layout(header: Any, source: str) -> _Layout:
    shape = tuple(int(n) for n in header.get_data_shape())
    dtype = header.get_data_dtype()
    if dtype.kind not in "iufV" or (dtype.kind == "V" and (dtype.names or ())[:3] != ("R", "G", "B")):
        raise UnsupportedFile(source, f"its values are of type {dtype}", "Convert it to uint8")
    while len(shape) > 2 and shape[-1] == 1:
        shape = shape[:-1]
    time_axis = len(shape) if len(shape) > 2 else None
    if len(shape) < 2 or any(n != 1 for n in shape[2:-1]):
        raise UnsupportedFile(source, f"its shape is {shape}, not (x, y, time)", "Give one two-dimensional cine")
    if min(shape) < 1:
        raise InvalidClip(source, f"its shape is {shape}", "Check the recording or export it again")
    offset = float(header["vox_offset"])
    if not 0 <= offset <= _LARGEST_OFFSET:
        raise UnreadableFile(source, "its header is damaged", "Copy or export it again")
    slope, intercept = header.get_slope_inter()
    display = float(header["cal_min"]), float(header["cal_max"])
    return _Layout(
        height=shape[1],
        width=shape[0],
        count=shape[-1] if time_axis else 1,
        dtype=dtype,
        offset=int(offset),
        slope=1.0 if slope is None else float(slope),
        intercept=0.0 if intercept is None else float(intercept),
        display=display if math.isfinite(display[1] - display[0]) and display[0] < display[1] else None,
        step_s=_time_step(header, time_axis),
        spacing_mm=_spacing(header),
    )


def _time_step(header: Any, axis: int | None) -> float | None:
    """Return the time from frame to frame in s, or None."""
    unit = _SECONDS.get(header.get_xyzt_units()[1])
    if axis is None or unit is None:
        return None
    stated = float(str(header["pixdim"][axis]))
    if axis == _Z_AXIS and stated in (1.0, *(float(str(header["pixdim"][other])) for other in (1, 2))):
        return None
    step = stated * unit
    return step if step > 0 and PLAUSIBLE_FPS[0] <= 1.0 / step <= PLAUSIBLE_FPS[1] else None


def _spacing(header: Any) -> Spacing | None:
    unit = header.get_xyzt_units()[0]
    column, row = (float(str(header["pixdim"][axis])) for axis in (1, 2))  # 0.4 of float32 is to stay 0.4
    uncalibrated = unit in ("unknown", "mm") and row == column == 1.0
    if uncalibrated or 0.0 in (row, column):
        return None
    scale = _MILLIMETRES[unit]
    return row * scale, column * scale


def _grey_range(layout: _Layout, stream: BinaryIO, source: str) -> tuple[float, float, tuple[ClipWarning, ...]]:
    """Return the values that become 0 and 255; reads the clip once where they are not stated.

    Raises
    ------
    InvalidClip
        The clip holds NaN or infinite values.
    """
    as_stored = layout.slope == 1.0 and layout.intercept == 0.0
    if layout.coloured or (layout.dtype == np.uint8 and as_stored and layout.display is None):
        return 0.0, 255.0, ()
    low, high = math.inf, -math.inf
    for stored in layout.frames(stream, source):
        values = layout.values(stored)
        if not np.isfinite(values).all():
            raise InvalidClip(source, "it holds NaN or infinite values", "Replace them and save it again")
        low, high = min(low, float(values.min())), max(high, float(values.max()))
    if layout.display is not None:
        return (*layout.display, ())
    if low >= 0 and high <= 1 and layout.values(np.zeros(1, layout.dtype)).dtype.kind == "f":
        return 0.0, 1.0, ()
    if low >= 0 and high <= 255:
        return 0.0, 255.0, ()
    message = f"Grey values from {low:g} to {high:g} were mapped to 0-255."
    return low, high if high > low else low + 1.0, (ClipWarning("grey_rescaled", message),)


def _to_grey(values: NDArray[Any], low: float, high: float) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    if values.dtype.names is not None:
        rgb = np.stack([values[channel] for channel in "RGB"], axis=-1)
        return grey_from_rgb(rgb), rgb
    if values.dtype == np.uint8 and (low, high) == (0.0, 255.0):
        return values, None
    scaled = (values.astype(np.float64) - low) * (255.0 / (high - low))
    return np.rint(np.clip(scaled, 0.0, 255.0)).astype(np.uint8), None
