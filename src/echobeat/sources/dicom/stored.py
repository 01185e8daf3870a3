"""The frames of a DICOM file as they are stored, native or encapsulated, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from pydicom.encaps import generate_fragments, generate_frames, parse_basic_offsets, parse_fragments

from echobeat.errors import InvalidClip
from echobeat.sources.dicom.header import Header, photometric
from echobeat.sources.recording import decoding

_UNDEFINED = 0xFFFFFFFF


def stored_frames(file: BinaryIO, header: Header, native_frame_bytes: int | None, source: str) -> Iterator[bytes]:
    """Yield the frames, reading one at a time; fewer than announced where the file ends before.

    Parameters
    ----------
    file : binary file
    header : Header
    native_frame_bytes : int or None
        Size of a frame; None where the pixel data are encapsulated (compressed).
    source : str

    Raises
    ------
    UnreadableFile
        A frame is damaged.
    InvalidClip
        The header contradicts the pixel data.
    """
    with decoding(source):
        file.seek(header.pixel_data_offset)
        length = _value_length(file, header)
        if native_frame_bytes is None:
            frames = _encapsulated(file, header)
        else:
            _check_subsampling(header, length, native_frame_bytes, source)
            frames = iter(lambda: file.read(native_frame_bytes), b"")
    for _ in range(header.frames):
        with decoding(source):
            frame = next(frames, None)
        if frame is None or (native_frame_bytes and len(frame) < native_frame_bytes):
            return
        yield frame


def _value_length(file: BinaryIO, header: Header) -> int:
    """Step over the pixel data element's tag, VR and length (PS3.5, 7.1); return the length."""
    head = file.read(8)
    explicit = not header.transfer_syntax.is_implicit_VR and head[4:6] in (b"OB", b"OW", b"UN")
    data = file.read(4) if explicit else head[4:8]  # some writers leave out the VR whatever the transfer syntax says
    return int.from_bytes(data, "little" if header.transfer_syntax.is_little_endian else "big")


def _check_subsampling(header: Header, length: int, frame_bytes: int, source: str) -> None:
    if photometric(header.attributes) == "YBR_FULL_422" and header.frames * frame_bytes * 1.5 <= length < _UNDEFINED:
        raise InvalidClip(
            source,
            "its header announces subsampled colour (YBR_FULL_422), but its pixel data are not subsampled",
            "Export it again as RGB or JPEG",
        )


def _encapsulated(file: BinaryIO, header: Header) -> Iterator[bytes]:
    """Return whole frames; where the fragments do not add up to frames, one fragment is taken for one frame."""
    start = file.tell()
    parse_basic_offsets(file)
    first = file.tell()
    try:
        fragments, _ = parse_fragments(file)
    except ValueError:  # garbage between the fragments: take them up to there
        file.seek(first)
        return generate_fragments(file)
    file.seek(start)
    count = max(1, min(header.frames, fragments))
    tables = [header.attributes.get(keyword) for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")]
    offsets = (tables[0], tables[1]) if all(isinstance(table, bytes) for table in tables) else None
    return generate_frames(file, number_of_frames=count, extended_offsets=offsets)
