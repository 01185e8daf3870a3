"""Ultrasound DICOM: every transfer syntax and colour, frame times, calibration, refusals."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_clips import FPS, SPACING_MM, beating, compressed, dicom, in_colour, region, write_dicom
from numpy.typing import NDArray
from pydicom import Dataset, dcmread, examples
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import convert_color_space
from pydicom.pixels.decoders.base import Decoder
from pydicom.tag import Tag
from pydicom.uid import (
    MPEG4HP41,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from echobeat.errors import InvalidClip, UnreadableFile, UnsupportedFile, passing_fault
from echobeat.sources import open_clip
from echobeat.sources.colour import grey_from_rgb
from echobeat.sources.opening import read_recording


class FailingFile(io.BytesIO):
    """Fails with an error of the system when its last quarter is read."""

    def __init__(self, content: bytes, number: int) -> None:
        super().__init__(content)
        self._good, self._number = 3 * len(content) // 4, number

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        if self.tell() > self._good:
            raise OSError(self._number, os.strerror(self._number))
        return data


def tinted(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return RGB frames with three different channels."""
    return np.stack([frames, frames // 2 + 40, 255 - frames], axis=-1)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLosslessSV1, JPEGBaseline8Bit])
def test_colour_is_read_from_every_transfer_syntax(tmp_path: Path, syntax: UID) -> None:
    """The luma of RGB frames comes back, whatever the header says of YBR."""
    frames = tinted(beating())
    clip = open_clip(write_dicom(tmp_path / "colour", compressed(dicom(frames), syntax)))
    difference = np.asarray(clip.frames).astype(int) - grey_from_rgb(frames)
    assert np.abs(difference).max() <= (8 if syntax == JPEGBaseline8Bit else 1)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless, JPEGBaseline8Bit])
def test_grey_is_read_from_every_transfer_syntax(tmp_path: Path, syntax: UID) -> None:
    """Lossless syntaxes are exact."""
    dataset = dicom(beating())
    if syntax == JPEGBaseline8Bit:
        dataset = compressed(dataset, syntax)
        dataset.PhotometricInterpretation = "MONOCHROME2"
    else:
        dataset = compressed(dataset, syntax)
    clip = open_clip(write_dicom(tmp_path / "grey", dataset))
    assert np.abs(np.asarray(clip.frames).astype(int) - beating()).max() <= (8 if syntax == JPEGBaseline8Bit else 0)


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL", "YBR_FULL_422"])
def test_native_colour(tmp_path: Path, photometric: str) -> None:
    """RGB, YBR, and YBR with every second chroma sample left out."""
    frames = tinted(beating())
    stored = frames if photometric == "RGB" else convert_color_space(frames, "RGB", "YBR_FULL")
    if photometric == "YBR_FULL_422":  # Y1 Y2 Cb Cr: PS3.3 C.7.6.3.1.2
        stored = np.stack(
            [stored[..., ::2, 0], stored[..., 1::2, 0], stored[..., ::2, 1], stored[..., ::2, 2]], axis=-1
        )
    dataset = dicom(frames, PixelData=stored.tobytes(), PhotometricInterpretation=photometric)
    clip = open_clip(write_dicom(tmp_path / "native", dataset))
    assert np.abs(np.asarray(clip.frames).astype(int) - grey_from_rgb(frames)).max() <= 3


def test_colour_by_plane(tmp_path: Path) -> None:
    """Planar Configuration 1: all of red, then green, then blue."""
    frames = tinted(beating())
    dataset = dicom(frames, PlanarConfiguration=1, PixelData=frames.transpose(0, 3, 1, 2).tobytes())
    clip = open_clip(write_dicom(tmp_path / "planes", dataset))
    assert np.array_equal(np.asarray(clip.frames), grey_from_rgb(frames))


@pytest.mark.parametrize("entry_bits", [8, 16])
def test_palette_colour_goes_through_its_table(tmp_path: Path, entry_bits: int) -> None:
    """Values are indices, not grey values."""
    entries = np.arange(256)[::-1].astype(np.uint8)
    stored = (entries.astype("<u2") << 8 if entry_bits == 16 else entries).tobytes()
    tables = {
        f"{colour}PaletteColorLookupTable{part}": value
        for colour in ("Red", "Green", "Blue")
        for part, value in (("Descriptor", [256, 0, entry_bits]), ("Data", stored))
    }
    dataset = dicom(beating(), PhotometricInterpretation="PALETTE COLOR", **tables)
    clip = open_clip(write_dicom(tmp_path / "palette", dataset))
    assert np.array_equal(np.asarray(clip.frames), 255 - beating())


def test_monochrome1_is_inverted(tmp_path: Path) -> None:
    """There 0 is white."""
    dataset = dicom(beating(), PhotometricInterpretation="MONOCHROME1")
    clip = open_clip(write_dicom(tmp_path / "inverted", dataset))
    assert np.array_equal(np.asarray(clip.frames), 255 - beating())


def test_more_than_8_bits_are_scaled_by_bits_stored(tmp_path: Path) -> None:
    """12 bits in 16: 4095 becomes 255."""
    frames = (beating() * (4095 / 255)).round().astype("<u2")
    dataset = dicom(frames, BitsStored=12, HighBit=11)
    clip = open_clip(write_dicom(tmp_path / "twelve", dataset))
    assert np.array_equal(np.asarray(clip.frames), beating())


@pytest.mark.parametrize(("factor", "offset", "dtype"), [(1, 0, "<u2"), (1, 0, "<i2"), (4, 0, "<u2"), (4, -300, "<i2")])
def test_values_of_fewer_bits_than_stated_are_not_black(tmp_path: Path, factor: int, offset: int, dtype: str) -> None:
    """8 or 10 bits in 16, signed or not, without a window: the picture is seen, and where its range was taken, said."""
    frames = beating().astype(int) * factor + offset
    changes = {"PixelRepresentation": int(dtype == "<i2")}
    clip = open_clip(write_dicom(tmp_path / "low", dicom(frames.astype(dtype).view("<u2"), **changes)))
    low = min(0, frames.min())
    expected = frames if factor == 1 else (frames - low) / (frames.max() - low) * 255
    assert np.abs(np.asarray(clip.frames) - expected).max() <= 1
    assert ("grey_rescaled" in [warning.code for warning in clip.warnings]) == (factor == 4)


@pytest.mark.parametrize("slope", [1.0, 2.0])
def test_a_window_is_applied_to_deep_values(tmp_path: Path, slope: float) -> None:
    """Centre and width are in rescaled units: PS3.3 C.11.2.1.2."""
    frames = (beating().astype("<u2") * 10 + 1000).astype("<u2")
    window = {"WindowCenter": (1000 + 1275) * slope + 0.5, "WindowWidth": 2550 * slope + 1}
    dataset = dicom(frames, BitsStored=16, RescaleSlope=slope, RescaleIntercept=0, **window)
    clip = open_clip(write_dicom(tmp_path / "window", dataset))
    assert np.abs(np.asarray(clip.frames).astype(int) - beating()).max() <= 1


def test_signed_values_are_shifted(tmp_path: Path) -> None:
    """Pixel Representation 1: -128 is black."""
    frames = (beating().astype(np.int16) - 128).astype(np.int8)
    dataset = dicom(frames.view(np.uint8), PixelRepresentation=1)
    clip = open_clip(write_dicom(tmp_path / "signed", dataset))
    assert np.array_equal(np.asarray(clip.frames), beating())


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_other_encodings_of_the_header(tmp_path: Path, syntax: UID) -> None:
    """Implicit VR and big endian are read like the usual one."""
    dataset = dicom(beating())
    dataset.file_meta.TransferSyntaxUID = syntax
    little = syntax == ImplicitVRLittleEndian
    path = tmp_path / "other"
    if not little:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
        dataset["PixelData"].VR = "OW"
    dataset.save_as(path, implicit_vr=little, little_endian=little, enforce_file_format=True)
    clip = open_clip(path)
    assert clip.spacing_mm == SPACING_MM
    assert np.asarray(clip.frames).mean() == pytest.approx(beating().mean(), abs=1)


@pytest.mark.parametrize("implicit", [True, False])
def test_a_file_without_preamble_is_recognised(tmp_path: Path, implicit: bool) -> None:
    """Old writers leave out the 128 bytes and the file meta information."""
    dataset = dicom(beating())
    dataset.file_meta = FileMetaDataset()
    stream = io.BytesIO()
    dataset.save_as(stream, implicit_vr=implicit, little_endian=True)
    (tmp_path / "bare").write_bytes(stream.getvalue())
    assert np.array_equal(np.asarray(open_clip(tmp_path / "bare").frames), beating())


TIMES: dict[str, tuple[dict[str, Any], list[float] | None]] = {
    "frame time": ({"FrameTime": 40}, [0, 0.04, 0.08, 0.12]),
    "vector": (
        {"FrameTime": None, "FrameIncrementPointer": Tag("FrameTimeVector"), "FrameTimeVector": [0, 20, 30, 20]},
        [0, 0.02, 0.05, 0.07],
    ),
    "vector without its first zero": (
        {"FrameTime": None, "FrameIncrementPointer": Tag("FrameTimeVector"), "FrameTimeVector": [20, 30, 20]},
        [0, 0.02, 0.05, 0.07],
    ),
    "pointer to the vector wins": (
        {"FrameTime": 99, "FrameIncrementPointer": Tag("FrameTimeVector"), "FrameTimeVector": [0, 20, 30, 20]},
        [0, 0.02, 0.05, 0.07],
    ),
    "vector of another length": (
        {"FrameTime": 25, "FrameIncrementPointer": Tag("FrameTimeVector"), "FrameTimeVector": [0, 20]},
        [0, 0.025, 0.05, 0.075],
    ),
    "cine rate": ({"FrameTime": None, "FrameIncrementPointer": None, "CineRate": 40}, [0, 0.025, 0.05, 0.075]),
    "frame time of zero": ({"FrameTime": 0, "CineRate": 40}, [0, 0.025, 0.05, 0.075]),
    "negative frame time": ({"FrameTime": -20, "CineRate": 0}, None),
    "microseconds for milliseconds": ({"FrameTime": 33333}, None),
    "milliseconds of a thousand hours": ({"FrameTime": 5000000}, None),
    "hardly any time": ({"FrameTime": 0.0001}, None),
    "so little that all frames fall together": ({"FrameTime": 1e-300}, None),
    "a vector that is slow on average": (
        {"FrameTime": None, "FrameIncrementPointer": Tag("FrameTimeVector"), "FrameTimeVector": [0, 20, 9000, 20]},
        None,
    ),
    "a vector with a leap of hours": (
        {"FrameTime": None, "FrameIncrementPointer": Tag("FrameTimeVector"), "FrameTimeVector": [0, 20, 1e7, 20]},
        [0, 0.02, 0.54, 0.56],
    ),
    "a display's wish only": (
        {"FrameTime": None, "FrameIncrementPointer": None, "RecommendedDisplayFrameRate": 40},
        None,
    ),
}


@pytest.mark.parametrize("case", TIMES)
def test_frame_times(tmp_path: Path, case: str) -> None:
    """Frame Increment Pointer, Frame Time, Frame Time Vector, Cine Rate, in this order.

    Otherwise, or where they give less than 1 frame a second or more than 1000, --fps is needed.
    """
    changes, expected = TIMES[case]
    path = write_dicom(tmp_path / "timed", dicom(beating(4), **changes))
    if expected is None:
        with pytest.raises(InvalidClip, match=r"frame rate.*--fps"):
            open_clip(path)
        assert open_clip(path, fps=50).fps == pytest.approx(50)
    else:
        assert open_clip(path).times_s == pytest.approx(expected)


def test_the_tissue_region_calibrates_and_not_the_trace(tmp_path: Path) -> None:
    """Of several regions the 2D tissue one counts: an ECG strip has its own scales."""
    strip = region(RegionSpatialFormat=4, RegionDataType=10, RegionLocationMinY0=60, PhysicalDeltaX=9.0)
    tissue = region(RegionLocationMaxY1=59)
    small = region(RegionLocationMaxX1=20, RegionLocationMaxY1=20, PhysicalDeltaX=0.9)
    dataset = dicom(beating(), SequenceOfUltrasoundRegions=[strip, small, tissue])
    assert open_clip(write_dicom(tmp_path / "regions", dataset)).spacing_mm == SPACING_MM


@pytest.mark.parametrize(
    "change",
    [
        {"RegionLocationMaxX1": 2 * 96},
        {"RegionLocationMaxY1": 200},
        {"PhysicalDeltaX": 0},
        {"PhysicalDeltaX": None},
        {"PhysicalDeltaX": 40.0, "PhysicalDeltaY": 40.0},
    ],
)
def test_a_calibration_that_contradicts_the_picture_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    """Lengths stay in pixels and a warning says so; the user's spacing answers it."""
    tissue = region()
    for keyword, value in change.items():
        setattr(tissue, keyword, value)
        if value is None:
            delattr(tissue, keyword)
    path = write_dicom(tmp_path / "refused", dicom(beating(), SequenceOfUltrasoundRegions=[tissue]))
    clip = open_clip(path)
    assert clip.spacing_mm is None
    assert [warning.code for warning in clip.warnings] == ["calibration_refused"]
    assert open_clip(path, spacing_mm=0.3).warnings == ()


def test_any_region_outside_the_picture_discredits_the_calibration(tmp_path: Path) -> None:
    """A picture that was made smaller after calibration may still hold the tissue region."""
    strip = region(RegionSpatialFormat=4, RegionDataType=10, RegionLocationMinY0=80, RegionLocationMaxY1=100)
    dataset = dicom(beating(), SequenceOfUltrasoundRegions=[region(), strip])
    assert open_clip(write_dicom(tmp_path / "smaller", dataset)).spacing_mm is None


def test_a_negative_spacing_is_invalid(tmp_path: Path) -> None:
    """The file's own is refused with the remedy; the user's is taken."""
    tissue = region(PhysicalDeltaX=-0.04, PhysicalDeltaY=-0.05)
    path = write_dicom(tmp_path / "negative", dicom(beating(), SequenceOfUltrasoundRegions=[tissue]))
    with pytest.raises(InvalidClip, match=r"spacing.*--spacing-mm"):
        open_clip(path)
    assert open_clip(path, spacing_mm=0.3).spacing_mm == (0.3, 0.3)


@pytest.mark.parametrize("regions", [None, [], [region(PhysicalUnitsXDirection=4)], [region(RegionDataType=2)]])
def test_no_calibration_is_no_warning(tmp_path: Path, regions: list[Dataset] | None) -> None:
    """Pixel Spacing is not a substitute: it says nothing about ultrasound."""
    dataset = dicom(beating(), SequenceOfUltrasoundRegions=regions, PixelSpacing=[0.1, 0.1])
    clip = open_clip(write_dicom(tmp_path / "plain", dataset))
    assert clip.spacing_mm is None
    assert clip.warnings == ()


def test_the_real_clip_that_ships_inside_pydicom() -> None:
    """30 frames of JPEG baseline YBR_FULL_422; its calibration is of another size and is refused."""
    clip = open_clip(examples.get_path("ybr_color"))
    assert clip.frames.shape == (30, 240, 320)
    assert clip.fps == pytest.approx(1000 / 33.333)
    assert clip.spacing_mm is None
    assert [warning.code for warning in clip.warnings] == ["calibration_refused"]
    assert "column 595, row 414" in clip.warnings[0].message
    assert np.array_equal(clip.frames[7], grey_from_rgb(examples.ybr_color.pixel_array[7]))
    assert clip.colour_fraction < 0.005


@pytest.mark.parametrize(("name", "shape"), [("palette_color", (350, 800)), ("rgb_color", (240, 320))])
def test_a_still_is_a_clip_of_one_frame(name: str, shape: tuple[int, int]) -> None:
    """A single frame needs no frame rate."""
    clip = open_clip(examples.get_path(name))
    assert clip.frames.shape == (1, *shape)
    assert clip.fps is None


def _make_private(dataset: Dataset) -> None:
    del dataset.PixelData
    block = dataset.private_block(0x7FE1, "GEMS_Ultrasound_MovieGroup_001", create=True)
    block.add_new(0x01, "OB", bytes(1000))


def _make_volume(dataset: Dataset) -> None:
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.6.2"


def _make_video(dataset: Dataset) -> None:
    dataset.file_meta.TransferSyntaxUID = MPEG4HP41
    dataset["PixelData"].is_undefined_length = True
    dataset.PixelData = b"\xfe\xff\x00\xe0\x00\x00\x00\x00\xfe\xff\x00\xe0\x04\x00\x00\x00abcd"


def _make_magnetic(dataset: Dataset) -> None:
    dataset.Modality, dataset.SOPClassUID = "MR", "1.2.840.10008.5.1.4.1.1.4"


def _make_deflated(dataset: Dataset) -> None:
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian


def _make_deep(dataset: Dataset) -> None:
    dataset.BitsAllocated = 32


def _make_odd(dataset: Dataset) -> None:
    dataset.PhotometricInterpretation = "CMYK"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_make_private, "private format"),
        (_make_volume, "three-dimensional"),
        (_make_video, "compression is not read"),
        (_make_magnetic, "modality is MR, not ultrasound"),
        (_make_deflated, "deflated"),
        (_make_deep, "32 bits"),
        (_make_odd, "CMYK"),
    ],
)
def test_what_is_not_read_is_refused_with_its_reason(
    tmp_path: Path, change: Callable[[Dataset], None], reason: str
) -> None:
    """A healthy file of another kind is unsupported, not unreadable."""
    dataset = dicom(beating())
    change(dataset)
    path = write_dicom(tmp_path / "foreign", dataset)
    with pytest.raises(UnsupportedFile, match=reason):
        open_clip(path)


def test_a_report_holds_no_pictures(tmp_path: Path) -> None:
    """A structured report of an echo study is no clip, though its modality may be US."""
    dataset = dicom(beating(), SOPClassUID="1.2.840.10008.5.1.4.1.1.88.33")
    del dataset.PixelData
    with pytest.raises(UnsupportedFile, match="no pictures"):
        open_clip(write_dicom(tmp_path / "report", dataset))


def test_ultrasound_in_another_class_is_read(tmp_path: Path) -> None:
    """A secondary capture of modality US is ultrasound."""
    dataset = dicom(beating(), SOPClassUID="1.2.840.10008.5.1.4.1.1.7.2")
    assert len(open_clip(write_dicom(tmp_path / "capture", dataset)).frames) == 24


def test_a_header_cut_off_before_the_pictures(tmp_path: Path) -> None:
    """It is truncated, not a file without pictures."""
    path = write_dicom(tmp_path / "cut", dicom(beating()))
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(UnreadableFile, match="cut off"):
        open_clip(path)


def test_a_damaged_frame_is_left_out_and_the_others_keep_their_times(tmp_path: Path) -> None:
    """One JPEG of twelve is broken; also at a given rate."""
    dataset = compressed(dicom(in_colour(beating(12))), JPEGBaseline8Bit)
    data = bytes(dataset.PixelData)
    third = [place for place in range(len(data)) if data[place : place + 3] == b"\xff\xd8\xff"][3]
    dataset.PixelData = data[:third] + bytes(40) + data[third + 40 :]
    path = write_dicom(tmp_path / "damaged", dataset)
    clip = open_clip(path)
    assert clip.times_s == pytest.approx([number / FPS for number in range(12) if number != 3])
    assert open_clip(path, fps=25.0).times_s == pytest.approx(clip.times_s * FPS / 25.0)
    assert [warning.code for warning in clip.warnings] == ["truncated"]


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE])
def test_a_clip_that_a_disk_does_not_give_back_is_not_cut_off(tmp_path: Path, number: int) -> None:
    """What fails is the read of one frame in the middle: the others are not taken for the clip."""
    path = write_dicom(tmp_path / "clip", dicom(beating()))
    with pytest.raises(UnreadableFile) as raised:
        read_recording(FailingFile(path.read_bytes(), number), "clip.dcm")
    assert passing_fault(raised.value) is raised.value.__cause__


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEG2000Lossless])
def test_a_codestream_of_another_size_is_not_even_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, syntax: UID
) -> None:
    """A picture that is larger than its header says would be given memory for its own size."""
    dataset = compressed(dicom(in_colour(beating(4))), syntax)
    dataset.Rows, dataset.Columns = 36, 48
    decoded: list[object] = []
    monkeypatch.setattr(Decoder, "as_array", lambda *anything, **options: decoded.append(anything))
    with pytest.raises(UnreadableFile, match="none of its frames"):
        open_clip(write_dicom(tmp_path / "other_size", dataset))
    assert decoded == []


def test_frames_without_an_offset_table_survive_a_cut(tmp_path: Path) -> None:
    """Fewer fragments than frames: those that are there are read."""
    dataset = compressed(dicom(in_colour(beating(12))), JPEGBaseline8Bit)
    frames = list(generate_frames(dataset.PixelData, number_of_frames=12))
    dataset.PixelData = encapsulate(frames, has_bot=False)
    path = write_dicom(tmp_path / "no_table", dataset)
    assert len(open_clip(path).frames) == 12
    path.write_bytes(path.read_bytes()[: -sum(map(len, frames[8:])) + 40])
    clip = open_clip(path)
    assert len(clip.frames) == 8
    assert [warning.code for warning in clip.warnings] == ["truncated"]


@pytest.mark.parametrize("has_table", [True, False])
def test_garbage_between_the_frames_costs_those_behind_it(tmp_path: Path, has_table: bool) -> None:
    """With or without an offset table, the frames up to there are read."""
    dataset = compressed(dicom(in_colour(beating(12))), JPEGBaseline8Bit)
    frames = list(generate_frames(dataset.PixelData, number_of_frames=12))
    data = encapsulate(frames, has_bot=has_table)
    item = len(data) - sum(8 + len(frame) for frame in frames[8:])
    dataset.PixelData = data[:item] + b"\x12\x34\x56\x78" + data[item + 4 :]
    clip = open_clip(write_dicom(tmp_path / "garbage", dataset))
    assert clip.times_s == pytest.approx(np.arange(8) / FPS)
    assert [warning.code for warning in clip.warnings] == ["truncated"]


def test_colours_that_the_decoder_leaves_as_they_are_give_no_false_grey(tmp_path: Path) -> None:
    """YBR_RCT belongs to JPEG 2000; without it the samples are of no known meaning."""
    dataset = dicom(tinted(beating(4)), PhotometricInterpretation="YBR_RCT")
    with pytest.raises(UnreadableFile, match="none of its frames"):
        open_clip(write_dicom(tmp_path / "rct", dataset))


def test_an_announced_number_of_frames_costs_nothing(tmp_path: Path) -> None:
    """Two thousand million frames in the header, four in the file."""
    clip = open_clip(write_dicom(tmp_path / "many", dicom(beating(4), NumberOfFrames=2_000_000_000)))
    assert len(clip.frames) == 4
    assert [warning.code for warning in clip.warnings] == ["truncated"]


def test_subsampling_that_the_pixels_contradict_is_refused(tmp_path: Path) -> None:
    """Full samples under a header that says YBR_FULL_422 would give a false picture."""
    dataset = dicom(in_colour(beating(4)), PhotometricInterpretation="YBR_FULL_422")
    with pytest.raises(InvalidClip, match="not subsampled"):
        open_clip(write_dicom(tmp_path / "contradiction", dataset))


def test_a_native_file_is_read_frame_by_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No read takes more than a frame, however long the clip."""
    path = write_dicom(tmp_path / "long", dicom(beating(60)))
    largest = 0

    class Watched(io.FileIO):
        def read(self, size: int = -1) -> bytes:
            nonlocal largest
            data = super().read(size) or b""
            largest = max(largest, len(data))
            return data

    monkeypatch.setattr("builtins.open", lambda name, mode="r": Watched(name, "rb"))
    assert len(open_clip(path).frames) == 60
    assert 0 < largest <= beating()[0].nbytes


def test_the_patient_is_never_parsed(tmp_path: Path) -> None:
    """Only the attributes that are needed are read, and the clip carries none of the patient's."""
    from echobeat.sources.dicom.header import read_header

    path = write_dicom(tmp_path / "canary", dicom(beating(2)))
    with path.open("rb") as file:
        attributes = read_header(file, "canary").attributes
    assert "PatientName" in dcmread(path)
    assert "PatientName" not in attributes
    assert "anary" not in repr(open_clip(path)).replace(str(path), "")
