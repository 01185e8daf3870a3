"""Sources full of canaries: in every attribute of the table, nested, private, in comments, and in the picture."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from annex_e import rows
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset
from pydicom.datadict import dictionary_VR
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit, UltrasoundMultiFrameImageStorage

from echobeat.deidentification.sector import Fan

CANARY = "ZQCANARY"
CANARY_UID, CANARY_DATE, CANARY_NUMBER = "1.2.999.7317317", "19310713", "7319137"
CANARIES = tuple(canary.encode() for canary in (CANARY, CANARY_UID, CANARY_DATE, CANARY_NUMBER))
HEIGHT, WIDTH = 180, 240
FAN = Fan(10, 120, 1.0, -0.7, 0.7, 0, 150, 0, HEIGHT, 0, WIDTH)
WRITING = (slice(4, 16), slice(4, 70))


def screen(count: int = 12) -> NDArray[np.uint8]:
    """(count, height, width) uint8: speckle that changes within `FAN`, and a still bright block of writing outside."""
    rng = np.random.default_rng(3)
    frames = np.where(FAN.mask(HEIGHT, WIDTH), rng.integers(20, 200, (count, HEIGHT, WIDTH)), 0).astype(np.uint8)
    frames[:, *WRITING] = np.where(np.arange(66) % 6 < 3, 220, 0)
    return frames


def canary(vr: str) -> Any:
    """A value of a kind that can be found again in bytes; None where the kind holds no text."""
    if vr in {"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"}:
        return CANARY
    if vr in {"OB", "UN", "OW"}:
        return CANARY.encode()
    moments = {"DA": CANARY_DATE, "DT": CANARY_DATE + "070707", "TM": "070707." + CANARY_NUMBER[:6], "AS": "077Y"}
    return ({"UI": CANARY_UID, "DS": CANARY_NUMBER, "IS": CANARY_NUMBER} | moments).get(vr)


def plant(data: Dataset) -> int:
    """Put a canary into every attribute of the table that can hold one; return how many."""
    planted = 0
    for row in rows():
        if row.tag >> 16 in (0, 2, 4):
            continue  # of commands, file meta and DICOMDIR: `source` sets those of file meta
        try:
            vr = dictionary_VR(row.tag).split(" or ")[0]
        except KeyError:
            vr = "LO"
        if vr == "SQ":
            inner = Dataset()
            inner.PatientName, inner.TextValue = CANARY, CANARY
            data.add_new(row.tag, "SQ", Sequence([inner]))
        elif (value := canary(vr)) is not None:
            data.add_new(row.tag, vr, value)
        else:
            continue
        planted += 1
    return planted


def jpeg(frame: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = CANARY
    Image.fromarray(frame).save(stream, "JPEG", quality=95, comment=CANARY.encode(), exif=exif)
    return stream.getvalue()


def source(path: Path, *, compressed: bool, frames: NDArray[np.uint8] | None = None) -> int:
    """Write a file that is full of canaries; return how many attributes of the table hold one.

    `frames` (frames, rows, columns) are those of `screen` unless given.
    """
    data, frames = Dataset(), screen() if frames is None else frames
    height, width = frames.shape[1:]
    planted = plant(data)
    data.SOPClassUID, data.Modality = UltrasoundMultiFrameImageStorage, "US"
    data.Manufacturer = data.ManufacturerModelName = data.SeriesDescription = CANARY
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.Rows, data.Columns, data.NumberOfFrames, data.FrameTime = height, width, len(frames), 20.0
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation = 7, 0
    region = Dataset()
    region.RegionSpatialFormat = region.RegionDataType = 1
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.RegionLocationMinX0 = region.RegionLocationMinY0 = 0
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = width - 1, height - 1
    region.PhysicalDeltaX = region.PhysicalDeltaY = 0.08
    region.PatientName = CANARY
    region.private_block(0x0011, CANARY, create=True).add_new(1, "LO", CANARY)
    data.SequenceOfUltrasoundRegions = Sequence([region])
    data.private_block(0x0013, CANARY, create=True).add_new(2, "UT", CANARY)
    data.PixelData = encapsulate([jpeg(frame) for frame in frames]) if compressed else frames.tobytes()
    data["PixelData"].VR = "OB"
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = JPEGBaseline8Bit if compressed else ExplicitVRLittleEndian
    for end in ("Source", "Sending", "Receiving"):
        setattr(data.file_meta, f"{end}ApplicationEntityTitle", CANARY)
    data.file_meta.PrivateInformationCreatorUID, data.file_meta.PrivateInformation = CANARY_UID, CANARY.encode()
    data.preamble = (CANARY.encode() * 16)[:128]
    data.save_as(path, enforce_file_format=True)
    return planted


def leaks(folder: Path, *told: str) -> list[str]:
    """Where a canary is left below a folder, in bytes or in names, or in what was told."""
    found = [f"told: {text[:80]}" for text in told if any(canary in text.encode() for canary in CANARIES)]
    for path in folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        wide = (canary.decode().encode("utf-16-le") for canary in CANARIES)
        name = path.relative_to(folder).as_posix().encode()
        found += [str(path) for canary in (*CANARIES, *wide) if canary in content or canary in name]
    return found
