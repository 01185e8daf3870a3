"""What an ultrasound DICOM header says of its pictures: kind, frame times, calibration.

Only the attributes in `ATTRIBUTES` are ever parsed; the patient's are passed over unread.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from pydicom import Dataset
from pydicom.filereader import read_partial
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from echobeat.errors import UnreadableFile, UnsupportedFile
from echobeat.records import ClipWarning, FloatArray, Spacing
from echobeat.sources.kinds import HEAD_BYTES
from echobeat.sources.recording import decoding
from echobeat.sources.times import ordered_times

ATTRIBUTES = (
    "SOPClassUID",
    "Modality",
    "FrameTime",
    "FrameTimeVector",
    "CineRate",
    "FrameIncrementPointer",
    "SequenceOfUltrasoundRegions",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "WindowCenter",
    "WindowWidth",
    "RescaleSlope",
    "RescaleIntercept",
    "RedPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor",
    "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData",
    "SegmentedRedPaletteColorLookupTableData",
    "SegmentedGreenPaletteColorLookupTableData",
    "SegmentedBluePaletteColorLookupTableData",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
)

_ULTRASOUND_MODALITIES = {"US", "IVUS", "EC"}  # EC: echocardiography, retired (PS3.3 C.7.3.1.1.1)
ULTRASOUND_CLASSES = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.3",  # Ultrasound Multi-frame Image Storage, retired
        "1.2.840.10008.5.1.4.1.1.3.1",  # Ultrasound Multi-frame Image Storage
        "1.2.840.10008.5.1.4.1.1.6",  # Ultrasound Image Storage, retired
        "1.2.840.10008.5.1.4.1.1.6.1",  # Ultrasound Image Storage
    }
)
"""SOP classes of two-dimensional ultrasound: the only ones that the node accepts and that de-identification writes."""

VIEWS = {
    ("SCT", "399214001"): "A4C",
    ("SRT", "G-A19C"): "A4C",
    ("SNM3", "G-A19C"): "A4C",
    ("SCT", "399232001"): "A2C",
    ("SRT", "G-A19B"): "A2C",
    ("SNM3", "G-A19B"): "A2C",
}
"""Codes of View Code Sequence (PS3.16, CID 12226; SRT before 2019) that get a name of their own; others are "other"."""

_ENHANCED_VOLUME_CLASS = "1.2.840.10008.5.1.4.1.1.6.2"
_DEFLATED = b"1.2.840.10008.1.2.1.99"
PALETTE = "PALETTE COLOR"

_PIXEL_DATA = Tag(0x7FE0, 0x0010)
_GE_PRIVATE_GROUP = 0x7FE1

_FRAME_TIME_VECTOR = Tag("FrameTimeVector")

_TISSUE_2D = {"RegionSpatialFormat": 1, "RegionDataType": 1, "PhysicalUnitsXDirection": 3, "PhysicalUnitsYDirection": 3}
"""A 2D region (1) of tissue (1) with both axes in cm (3): PS3.3 C.8.5.5.1."""


@dataclass(frozen=True)
class Header:
    """The parsed attributes, and where the pixel data element begins in the file."""

    attributes: Dataset
    transfer_syntax: UID
    pixel_data_offset: int

    @property
    def frames(self) -> int:
        """How many frames the header announces; 1 where it says nothing."""
        stated = numbers(self.attributes, "NumberOfFrames")
        return max(1, int(stated[0])) if stated else 1


def read_header(file: BinaryIO, source: str) -> Header:
    """Read the header up to the pixel data; whatever it is not is said here.

    Raises
    ------
    UnreadableFile
        The header is damaged, or ends before the pictures.
    UnsupportedFile
        Not ultrasound, no pictures (a report, say), a manufacturer's private cine, or a deflated file.
    """
    with decoding(source):
        head = file.read(HEAD_BYTES)
        size = file.seek(0, 2)
        file.seek(0)
    if _DEFLATED in head[:1024]:
        raise UnsupportedFile(
            source, "it is a deflated DICOM file", "Export it with another transfer syntax", "deflated"
        )
    last: list[BaseTag] = []

    def at_pixels(tag: BaseTag, vr: str | None, length: int) -> bool:
        if tag.group in (_PIXEL_DATA.group, _GE_PRIVATE_GROUP) and tag.element >= 0x0008:
            last.append(tag)
        return bool(last)

    with decoding(source, "its DICOM header is damaged or cut off"):
        attributes = read_partial(file, at_pixels, force=True, specific_tags=[Tag(name) for name in ATTRIBUTES])
        offset = file.tell()
        syntax = _transfer_syntax(attributes)
        modality = str(attributes.get("Modality") or "").strip()
        sop_class = UID(str(attributes.get("SOPClassUID") or ""))
    _refuse_other_objects(modality, sop_class, source)
    if not last:
        if offset >= size and sop_class in ULTRASOUND_CLASSES:
            raise UnreadableFile(source, "it is cut off before its pictures", "Copy or export it again", "cut_off")
        raise UnsupportedFile(
            source, "it holds no pictures", "Give the ultrasound clip, not a report or a list", "no_pictures"
        )
    if last[0].group == _GE_PRIVATE_GROUP:
        raise UnsupportedFile(
            source,
            "its clip is stored in the manufacturer's private format (group 7FE1)",
            "Export it from the scanner or workstation as standard DICOM or as AVI",
            "private_cine",
        )
    if last[0] != _PIXEL_DATA:
        raise UnsupportedFile(
            source, "it holds no 8- or 16-bit pictures", "Export it as standard ultrasound DICOM", "bits"
        )
    return Header(attributes, syntax, offset)


def _transfer_syntax(attributes: Any) -> UID:
    stated = attributes.file_meta.get("TransferSyntaxUID") if hasattr(attributes, "file_meta") else None
    if stated:
        return UID(str(stated))
    implicit, little = attributes.original_encoding
    if implicit:
        return ImplicitVRLittleEndian
    return ExplicitVRLittleEndian if little else ExplicitVRBigEndian


def _refuse_other_objects(modality: str, sop_class: UID, source: str) -> None:
    if sop_class == _ENHANCED_VOLUME_CLASS:
        raise UnsupportedFile(
            source, "it is a three-dimensional ultrasound volume", "Give a two-dimensional clip", "volume"
        )
    stated = modality or sop_class
    if stated and modality not in _ULTRASOUND_MODALITIES and sop_class not in ULTRASOUND_CLASSES:
        what = f"its modality is {modality[:16]}" if modality else f"it is of class {sop_class.name[:64]}"
        raise UnsupportedFile(source, f"{what}, not ultrasound (US)", "Give an ultrasound clip", "not_ultrasound")


def photometric(attributes: Dataset) -> str:
    """Return the Photometric Interpretation; empty where there is none."""
    return str(attributes.get("PhotometricInterpretation") or "").strip()


def numbers(attributes: Dataset, keyword: str) -> list[float]:
    """Return the finite numbers of an attribute; empty where it is missing or not made of numbers."""
    try:
        with decoding(""):
            value = attributes.get(keyword)
            values = value if isinstance(value, (list, tuple)) or hasattr(value, "append") else [value]
            found = [float(item) for item in values if item is not None and item != ""]
    except UnreadableFile:
        return []
    return found if all(map(math.isfinite, found)) else []


def frame_times(header: Header, read: Sequence[int]) -> tuple[FloatArray | None, tuple[ClipWarning, ...]]:
    """Return the times in s of the frames numbered `read`, and warnings; None where the header gives no rate.

    In this order: the attribute that Frame Increment Pointer names (PS3.3 C.7.6.6.1.1), Frame Time (ms),
    Frame Time Vector (ms between frames, the first being 0), Cine Rate (frames a second). Recommended Display
    Frame Rate is a wish of the display and is not used.
    """
    pointer = [int(tag) for tag in numbers(header.attributes, "FrameIncrementPointer")]
    frame_time = (numbers(header.attributes, "FrameTime") or [0.0])[0]
    increments = numbers(header.attributes, "FrameTimeVector")
    by_vector = len(increments) in (header.frames, header.frames - 1) and max(increments, default=0.0) > 0
    if by_vector and (_FRAME_TIME_VECTOR in pointer or frame_time <= 0):
        between = increments[1:] if len(increments) == header.frames else increments
        stated = np.cumsum([0.0, *between]) / 1000.0
        return ordered_times(stated[list(read)].tolist(), None)
    cine_rate = (numbers(header.attributes, "CineRate") or [0.0])[0]
    fps = 1000.0 / frame_time if frame_time > 0 else cine_rate
    if fps <= 0:
        return None, ()
    return (np.asarray(read, np.float64) - read[0]) / fps, ()


def stated_view(attributes: Dataset) -> str:
    """Return the view that View Code Sequence (0054,0220) states: "A4C", "A2C", "other"; "" where it says nothing.

    A code of `VIEWS` counts wherever it stands: manufacturers put their own beside it. A code without its scheme, or
    a scheme without a code, says nothing.
    """
    try:
        with decoding(""):
            items = list(attributes.get("ViewCodeSequence") or [])
            codes = [(_word(item, "CodingSchemeDesignator"), _word(item, "CodeValue")) for item in items]
    except UnreadableFile:
        return ""
    stated = [code for code in codes if all(code)]
    named = [VIEWS[code] for code in stated if code in VIEWS]
    return named[0] if named else "other" if stated else ""


def _word(item: Dataset, keyword: str) -> str:
    return str(item.get(keyword) or "").strip("\0 ")


def calibration(attributes: Dataset, height: int, width: int) -> tuple[Spacing | None, tuple[ClipWarning, ...]]:
    """Return the pixel spacing in mm from the Sequence of Ultrasound Regions (PS3.3 C.8.5.5), and warnings.

    The largest 2D tissue region in cm counts. The calibration is refused where any region reaches beyond the
    picture (it was resized or cropped after calibration), or where the region's depth is no heart's.
    """
    regions = regions_of(attributes)
    if regions is None:
        return _refused("the calibrated regions are damaged")
    tissue = [region for region in regions if is_tissue(region)]
    if not tissue:
        return None, ()
    for _, _, right, bottom in map(region_box, regions):
        if right > width or bottom > height:
            reach = f"a calibrated region reaches to column {right:.0f}, row {bottom:.0f}"
            return _refused(f"{reach}, but the picture has {width} columns and {height} rows")
    largest = max(tissue, key=_area)
    rows, columns = (numbers(largest, keyword) for keyword in ("PhysicalDeltaY", "PhysicalDeltaX"))
    if not rows or not columns or 0.0 in (rows[0], columns[0]) or _area(largest) == 0:
        return _refused("the calibrated region gives no pixel spacing")
    _, top, _, bottom = region_box(largest)
    depth_cm = abs(rows[0]) * (bottom - top)
    if not _PLAUSIBLE_DEPTH_CM[0] <= depth_cm <= _PLAUSIBLE_DEPTH_CM[1]:
        return _refused(f"it would make the picture {depth_cm:.3g} cm deep")
    return (round(rows[0] * 10.0, 12), round(columns[0] * 10.0, 12)), ()


_PLAUSIBLE_DEPTH_CM = (0.5, 60.0)
"""Generous: transthoracic pictures are 4 to 30 cm deep."""


def regions_of(attributes: Dataset) -> list[Dataset] | None:
    """Return the items of the Sequence of Ultrasound Regions; None where they are damaged."""
    try:
        with decoding(""):
            return list(attributes.get("SequenceOfUltrasoundRegions") or [])
    except UnreadableFile:
        return None


def is_tissue(region: Dataset) -> bool:
    """True for a 2D region of tissue with both axes in cm."""
    return all(numbers(region, keyword) == [value] for keyword, value in _TISSUE_2D.items())


def region_box(region: Dataset) -> tuple[float, float, float, float]:
    """Return (left, top, right, bottom) of a region in pixels; zeros where it is not stated."""
    corners = [numbers(region, f"RegionLocation{corner}") for corner in ("MinX0", "MinY0", "MaxX1", "MaxY1")]
    left, top, right, bottom = (corner[0] if corner else 0.0 for corner in corners)
    return left, top, right, bottom


def _area(region: Dataset) -> float:
    left, top, right, bottom = region_box(region)
    return max(0.0, right - left) * max(0.0, bottom - top)


def _refused(reason: str) -> tuple[None, tuple[ClipWarning, ...]]:
    message = f"The pixel spacing in the file is not used: {reason}. Give it with --spacing-mm if it is known."
    return None, (ClipWarning("calibration_refused", message),)
