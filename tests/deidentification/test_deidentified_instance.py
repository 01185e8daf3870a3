"""What a de-identified file may hold: canaries planted everywhere are gone from its bytes, its name and its outcome."""

from __future__ import annotations

import io
import re
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.datadict import dictionary_VR
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit, UltrasoundMultiFrameImageStorage

from echobeat.deidentification.annex_e import action, rows
from echobeat.deidentification.header import Policy
from echobeat.deidentification.instance import deidentify_file
from echobeat.deidentification.pseudonyms import KeyFile, Pseudonyms
from echobeat.deidentification.sector import Fan, find_sector
from echobeat.errors import UsageError

CANARY = "ZQCANARY"
CANARY_UID, CANARY_DATE = "1.2.999.7317317", "19310713"
PSEUDONYMS = Pseudonyms(b"k" * 32)
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
    values = {"UI": CANARY_UID, "DA": CANARY_DATE, "DT": CANARY_DATE + "070707", "AS": "077Y"}
    return values.get(vr)


def plant(data: Dataset) -> int:
    """Put a canary into every attribute of the table that can hold one; return how many."""
    planted = 0
    for row in rows():
        if row.tag >> 16 in (0, 2, 4) or row.mask != 0xFFFFFFFF:
            continue
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


def source(path: Path, *, compressed: bool) -> int:
    """Write a file that is full of canaries; return how many attributes of the table hold one."""
    data, frames = Dataset(), screen()
    planted = plant(data)
    data.SOPClassUID, data.Modality = UltrasoundMultiFrameImageStorage, "US"
    data.Manufacturer = data.ManufacturerModelName = data.SeriesDescription = CANARY
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.Rows, data.Columns, data.NumberOfFrames, data.FrameTime = HEIGHT, WIDTH, len(frames), 20.0
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation = 7, 0
    region = Dataset()
    region.RegionSpatialFormat = region.RegionDataType = 1
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.RegionLocationMinX0 = region.RegionLocationMinY0 = 0
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = WIDTH - 1, HEIGHT - 1
    region.PhysicalDeltaX = region.PhysicalDeltaY = 0.08
    region.PatientName = CANARY
    region.private_block(0x0011, CANARY, create=True).add_new(1, "LO", CANARY)
    data.SequenceOfUltrasoundRegions = Sequence([region])
    data.private_block(0x0013, CANARY, create=True).add_new(2, "UT", CANARY)
    data.PixelData = encapsulate([jpeg(frame) for frame in frames]) if compressed else frames.tobytes()
    data["PixelData"].VR = "OB"
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = JPEGBaseline8Bit if compressed else ExplicitVRLittleEndian
    data.file_meta.SourceApplicationEntityTitle = CANARY
    data.preamble = (CANARY.encode() * 16)[:128]
    data.save_as(path, enforce_file_format=True)
    return planted


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("policy", [Policy(), Policy(dates="shift", characteristics=True)])
def test_no_canary_is_left_in_bytes_name_or_outcome(tmp_path: Path, compressed: bool, policy: Policy) -> None:
    file = tmp_path / f"{CANARY}.dcm"
    assert source(file, compressed=compressed) > 400
    outcome = deidentify_file(file, tmp_path / "out", PSEUDONYMS, policy)
    assert outcome.state == "review", outcome
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert [path.relative_to(tmp_path / "out").as_posix() for path in written] == [outcome.path]
    told = repr(outcome).encode() + outcome.path.encode() + written[0].read_bytes()
    for planted in (CANARY, CANARY_UID, CANARY_DATE):
        assert planted.encode() not in told


def test_an_output_nobody_has_looked_at_is_not_called_free_of_writing(tmp_path: Path) -> None:
    source(tmp_path / "a.dcm", compressed=False)
    outcome = deidentify_file(tmp_path / "a.dcm", tmp_path / "out", PSEUDONYMS, Policy())
    made = dcmread(tmp_path / "out" / outcome.path)
    assert made.BurnedInAnnotation == "YES"
    assert "113101" not in [item.CodeValue for item in made.DeidentificationMethodCodeSequence]
    assert made.PatientIdentityRemoved == "YES"


def test_the_sector_stays_exactly_and_everything_else_is_black(tmp_path: Path) -> None:
    source(tmp_path / "a.dcm", compressed=False)
    outcome = deidentify_file(tmp_path / "a.dcm", tmp_path / "out", PSEUDONYMS, Policy())
    pixels, frames = dcmread(tmp_path / "out" / outcome.path).pixel_array, screen()
    mask = find_sector(frames, (0.8, 0.8)).mask
    assert mask is not None
    np.testing.assert_array_equal(pixels, np.where(mask, frames, 0))
    assert not pixels[:, *WRITING].any()
    true = FAN.mask(HEIGHT, WIDTH)
    assert (mask & true).sum() / (mask | true).sum() > 0.95


def test_the_same_study_has_the_same_pseudonyms_and_another_key_has_others(tmp_path: Path) -> None:
    source(tmp_path / "a.dcm", compressed=False)
    paths = [
        deidentify_file(tmp_path / "a.dcm", tmp_path / "out", Pseudonyms(key * 32), Policy()).path
        for key in (b"k", b"k", b"j")
    ]
    assert paths[0] == paths[1]
    assert paths[0] != paths[2]
    assert re.fullmatch(r"review/P[0-9a-f]{16}/S[0-9a-f]{16}/I[0-9a-f]{16}\.dcm", paths[0])


def test_key_and_mapping_are_for_their_owner_alone_and_not_among_the_outputs(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "mine"
    key = KeyFile(file, tmp_path / "out")
    key.remember([("patient", "A", "P1"), ("patient", "A", "P1")])
    key.remember([("patient", "A", "P1"), ("patient", "B", "P2")])
    assert key.mapping.read_text().splitlines()[1:] == ["patient,A,P1", "patient,B,P2"]
    for path in (file, key.mapping):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert KeyFile(file, tmp_path / "out").pseudonyms == key.pseudonyms
    with pytest.raises(UsageError):
        KeyFile(tmp_path / "out" / "keys" / "mine", tmp_path / "out")
    file.chmod(0o644)
    with pytest.raises(UsageError):
        KeyFile(file, tmp_path / "out")


def test_the_table_names_what_it_should() -> None:
    assert len(rows()) == 655
    assert (action(0x00100010), action(0x00080018), action(0x60023000), action(0x00110001)) == ("Z", "U", "X", "X")
    assert action(0x00280010) is None
