"""The frames of a DICOM file, decoded one after the other, and the scale that brings them to 8-bit grey."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, BinaryIO

from numpy.typing import NDArray

from echobeat.errors import UnreadableFile, passing_fault
from echobeat.records import ClipWarning
from echobeat.sources.dicom.decode import PixelDecoder
from echobeat.sources.dicom.grey import GreyScale
from echobeat.sources.dicom.header import Header
from echobeat.sources.dicom.stored import stored_frames


def decoded(
    file: BinaryIO, header: Header, decoder: PixelDecoder, source: str
) -> Iterator[tuple[int, NDArray[Any] | UnreadableFile]]:
    """Yield each frame's number with its pixels, or with the error where it cannot be decoded; see `stored_frames`.

    Raises
    ------
    UnreadableFile
        The disk or the share fails: the clip is not cut off then.
    """
    frames = stored_frames(file, header, decoder.native_frame_bytes, source)
    for index in range(header.frames):
        try:
            stored = next(frames, None)
            if stored is None:
                return
            pixels = decoder.decode(stored)
        except UnreadableFile as error:
            if isinstance(passing_fault(error), OSError):
                raise
            yield index, error
            continue
        yield index, pixels


def grey_scale(
    file: BinaryIO, header: Header, decoder: PixelDecoder, source: str
) -> tuple[GreyScale, tuple[ClipWarning, ...]]:
    """The scale of a file, and the warning ``grey_rescaled`` where its own values gave it.

    Some writers keep 8 or 10 bits in words of 16 and say 16, without a window: where less than half of the range that
    is stated is used, all frames are looked at once more, and values up to 255 are taken as they are, others
    mapped from their range.
    """
    scale = GreyScale(header.attributes, source)
    if scale.is_stated:
        return scale, ()
    low, high = math.inf, -math.inf
    for _, pixels in decoded(file, header, decoder, source):
        if not isinstance(pixels, UnreadableFile):
            low, high = min(low, float(pixels.min())), max(high, float(pixels.max()))
    low = min(low, 0.0)
    if not low < high < low + 0.5 * (scale.high - scale.low):
        return scale, ()
    if low >= 0 and high <= 255:
        return scale.between(0.0, 255.0), ()
    message = f"Grey values from {low:g} to {high:g} were mapped to 0-255."
    return scale.between(low, high), (ClipWarning("grey_rescaled", message),)
