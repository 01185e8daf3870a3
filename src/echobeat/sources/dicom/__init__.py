"""Ultrasound DICOM, single- or multi-frame, read through pydicom one frame at a time.

::

    header.py   what the header says: kind, frame times, calibration
    stored.py   the frames as they are stored, one after the other
    decode.py   a stored frame  ->  pixels
    grey.py     pixels          ->  8-bit grey
    pictures.py the frames decoded one after the other, and the scale of their grey
    times.py    frame times     ->  another file's header
"""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

from echobeat.errors import UnreadableFile
from echobeat.sources.dicom.decode import PixelDecoder
from echobeat.sources.dicom.grey import GreyScale
from echobeat.sources.dicom.header import Header, calibration, frame_times, read_header
from echobeat.sources.dicom.pictures import decoded, grey_scale
from echobeat.sources.recording import FrameCollector, Recording, check_frame_size, truncated


def read_dicom(file: BinaryIO, source: str) -> Recording:
    """Read an ultrasound DICOM file.

    Accepted are the ultrasound storage classes, and any other class whose Modality is US, IVUS or EC; other
    modalities are refused. Frames that cannot be decoded are left out, with the warning ``truncated``; the
    others keep their times.

    Raises
    ------
    UnreadableFile, UnsupportedFile, InvalidClip
    """
    header = read_header(file, source)
    decoder = PixelDecoder(header, source)
    height, width = decoder.size
    check_frame_size(source, height, width)
    collector = FrameCollector(source)
    to_grey, grey_warnings = grey_scale(file, header, decoder, source)
    read = _collect(file, header, decoder, collector, to_grey)
    frames = collector.finish()
    times, time_warnings = frame_times(header, read)
    spacing, spacing_warnings = calibration(header.attributes, height, width)
    lost = (truncated(len(read), header.frames),) if len(read) < header.frames else ()
    warnings = (*grey_warnings, *time_warnings, *spacing_warnings, *lost)
    numbers = np.array(read) if lost else None
    return Recording(frames, times, spacing, collector.colour.fraction(), warnings, numbers)


def _collect(
    file: BinaryIO, header: Header, decoder: PixelDecoder, collector: FrameCollector, to_grey: GreyScale
) -> list[int]:
    """Decode what can be decoded; return the numbers of those frames."""
    read: list[int] = []
    failure: UnreadableFile | None = None
    for index, pixels in decoded(file, header, decoder, collector.source):
        if isinstance(pixels, UnreadableFile):
            failure = pixels
            continue
        grey, rgb = to_grey(pixels)
        collector.add(grey, rgb if collector.wants_colour else None)
        read.append(index)
    if not read:
        raise UnreadableFile(
            collector.source, "none of its frames can be decoded", "Copy or export it again from its origin"
        ) from failure
    return read
