"""What a DICOM header says that a data set needs: whose it is, the view, the 2D region, the heart rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from pydicom import Dataset, dcmread

from echobeat.deidentification.header import READ, Identity, identify
from echobeat.deidentification.pseudonyms import Pseudonyms
from echobeat.errors import InputError
from echobeat.ingest.reasons import NotForDataset
from echobeat.sources.dicom.header import is_tissue, numbers, region_box, regions_of, stated_view
from echobeat.sources.recording import decoding

LARGE_SHARE = 0.1
"""Of the picture: a region that is smaller is an inset, a scale or an ECG strip."""

OVERLAP = 0.5
"""Of the smaller of two regions: above, they are one picture described twice."""

_COLOUR_FLOW = 2  # RegionDataType, PS3.3 C.8.5.5.1.2
_TISSUE_2D, _M_MODE, _SPECTRAL = 1, 2, 3  # RegionSpatialFormat, PS3.3 C.8.5.5.1.1
_HEART_RATE_BPM = (20.0, 300.0)

Box = tuple[int, int, int, int]
"""(top, left, bottom, right) in pixels; bottom and right are exclusive."""


@dataclass(frozen=True)
class Examined:
    """What the header of one instance says.

    Attributes
    ----------
    identity : pseudonyms, and what they stand for.
    keys : pseudonyms by which a table of labels may name it: "patient", "study", "instance", "accession".
    view : "A4C", "A2C", "other", or "" where it is not stated.
    heart_rate_bpm : None where it is missing or impossible.
    box : the 2D tissue region; None where none is stated or it does not fit the picture.
    """

    identity: Identity
    keys: dict[str, str]
    view: str
    heart_rate_bpm: float | None
    box: Box | None


def examine(file: BinaryIO, source: str, source_hash: str, pseudonyms: Pseudonyms) -> Examined:
    """Read a header.

    Raises
    ------
    UnreadableFile
        It is damaged.
    NotForDataset
        Its regions say that there is colour flow, a second picture or a trace.
    """
    tags = [*READ, "AccessionNumber", "Rows", "Columns"]
    with decoding(source, "its DICOM header is damaged"):
        file.seek(0)
        header = dcmread(file, stop_before_pixels=True, force=True, specific_tags=tags)
    identity = identify(header, source_hash, pseudonyms)
    words = {
        "patient": _word(header, "PatientID"),
        "study": _word(header, "StudyInstanceUID"),
        "instance": _word(header, "SOPInstanceUID"),
        "accession": _word(header, "AccessionNumber"),
    }
    keys = {kind: pseudonyms.name(kind, word) for kind, word in words.items() if word}
    rate = (numbers(header, "HeartRate") or [0.0])[0]
    known = _HEART_RATE_BPM[0] <= rate <= _HEART_RATE_BPM[1]
    return Examined(identity, keys, stated_view(header), rate if known else None, tissue_box(header))


def _word(header: Dataset, keyword: str) -> str:
    try:
        with decoding("the file"):
            return str(header.get(keyword) or "").strip("\0 ")
    except InputError:
        return ""


def tissue_box(header: Dataset) -> Box | None:
    """The largest 2D tissue region of Sequence of Ultrasound Regions (PS3.3, C.8.5.5), if all regions fit the picture.

    Raises
    ------
    NotForDataset
        Colour flow, two tissue regions side by side, or a large M-mode or spectral region.
    """
    sides = [numbers(header, keyword) for keyword in ("Rows", "Columns")]
    regions = regions_of(header)
    if not regions or not all(sides):
        return None
    height, width = int(sides[0][0]), int(sides[1][0])
    corners = [region_box(region) for region in regions]
    if any(right > width or bottom > height for _, _, right, bottom in corners):
        return None  # the picture was made smaller after its regions were written
    boxes = [_shared(_whole(each), (0, 0, height, width)) for each in corners]
    large = [_area(box) >= LARGE_SHARE * height * width for box in boxes]
    tissue = [
        box for region, box, is_large in zip(regions, boxes, large, strict=True) if is_large and is_tissue(region)
    ]
    _refuse_others(regions, large)
    for index, one in enumerate(tissue):
        for other in tissue[:index]:
            if _area(_shared(one, other)) < OVERLAP * min(_area(one), _area(other)):
                raise NotForDataset("split_screen")
    return max(tissue, key=_area) if tissue else None


def _refuse_others(regions: list[Dataset], large: list[bool]) -> None:
    for region, is_large in zip(regions, large, strict=True):
        form, kind = numbers(region, "RegionSpatialFormat"), numbers(region, "RegionDataType")
        if form == [_TISSUE_2D] and kind == [_COLOUR_FLOW]:
            raise NotForDataset("colour_doppler")
        if is_large and form in ([_M_MODE], [_SPECTRAL]):
            raise NotForDataset("trace_beside")


def _whole(corners: tuple[float, float, float, float]) -> Box:
    left, top, right, bottom = (int(corner) for corner in corners)
    return top, left, bottom + 1, right + 1  # the last row and column belong to the region


def _area(box: Box) -> int:
    return max(0, box[2] - box[0]) * max(0, box[3] - box[1])


def _shared(one: Box, other: Box) -> Box:
    return max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])
