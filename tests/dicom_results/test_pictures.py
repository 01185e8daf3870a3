"""The segmentation, the overlay cine and the page as DICOM."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from made_sources import made_assessment, made_dataset, made_reported, write_source
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from pydicom import Dataset
from pydicom.pixels import pixel_array

from echobeat.dicom_results.capture import capture
from echobeat.dicom_results.document import A4_INCHES, _draw, document, sheet_pdf
from echobeat.dicom_results.identity import Kind, Reported, identify
from echobeat.dicom_results.origin import read_origin
from echobeat.dicom_results.segmentation import segmentation
from echobeat.dicom_results.writing import write_dicom_results, write_pictures
from echobeat.errors import InvalidClip, UnreadableFile, UnsupportedFile
from echobeat.records import Assessment, Estimate, Rhythm, StudyEstimate
from echobeat.report.plots import plain_style
from echobeat.sources.dicom.times import state_times


@pytest.fixture(scope="session")
def written(clip: Reported, calibrated: Assessment, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The files of one clip by their stems."""
    paths = write_dicom_results(clip.origin, calibrated, tmp_path_factory.mktemp("dicom"))
    return {path.stem: path for path in paths}


def test_each_kind_is_written_and_valid(written: dict[str, Path], dciodvfy: Callable[[Path], list[str]]) -> None:
    assert set(written) == {kind.file_name for kind in Kind} - {Kind.ECHO_REPORT.file_name}  # only where asked for
    assert {name: dciodvfy(path) for name, path in written.items()} == {name: [] for name in written}


def test_all_are_in_the_sources_study_with_series_of_their_own(written: dict[str, Path], clip: Reported) -> None:
    read = [pydicom.dcmread(path) for path in written.values()]
    source = clip.origin.header
    assert {data.StudyInstanceUID for data in read} == {source.StudyInstanceUID}
    assert {data.PatientID for data in read} == {"MADE-1"}
    assert {data.AccessionNumber for data in read} == {"A77"}
    assert len({data.SeriesInstanceUID for data in read} - {source.SeriesInstanceUID}) == len(read)
    assert len({data.SOPInstanceUID for data in read}) == len(read)


def test_a_repeat_is_the_same_bytes(
    written: dict[str, Path], clip: Reported, calibrated: Assessment, tmp_path: Path
) -> None:
    for path in write_dicom_results(clip.origin, calibrated, tmp_path):
        assert path.read_bytes() == written[path.stem].read_bytes()


def test_a_clip_that_is_not_the_first_of_its_study_is_the_same_bytes(
    written: dict[str, Path], clip: Reported, calibrated: Assessment, tmp_path: Path
) -> None:
    for path in write_pictures(clip.origin, calibrated, tmp_path, 2):
        assert path.stem.endswith("-2")
        assert path.read_bytes() == written[path.stem.removesuffix("-2")].read_bytes()


@pytest.mark.parametrize(("stated", "number"), [(7, 7), (None, 1)])
def test_what_belongs_to_a_clip_has_its_instance_number(
    stated: int | None, number: int, calibrated: Assessment, tmp_path: Path
) -> None:
    clip = made_reported(tmp_path / "x.dcm", calibrated, InstanceNumber=stated)
    assert {kind: identify(kind, [clip]).instance_number for kind in Kind} == {
        kind: 1 if kind is Kind.REPORT else number for kind in Kind
    }


LOSSY = ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod")


@pytest.mark.parametrize(
    ("ratio", "method"), [("12.5", "ISO_10918_1"), (["3", "12.5"], ["ISO_15444_1", "ISO_10918_1"])]
)
def test_what_the_source_lost_is_repeated_by_what_is_made_from_it(
    ratio: str | list[str],
    method: str | list[str],
    calibrated: Assessment,
    tmp_path: Path,
    dciodvfy: Callable[[Path], list[str]],
) -> None:
    clip = made_reported(tmp_path / "x.dcm", calibrated, **dict(zip(LOSSY, ("01", ratio, method), strict=True)))
    paths = {path.stem: path for path in write_pictures(clip.origin, calibrated, tmp_path)}
    source, masks, overlay = (
        pydicom.dcmread(path) for path in (tmp_path / "x.dcm", paths["segmentation"], paths["overlay"])
    )
    assert [masks[name].value for name in LOSSY] == [source[name].value for name in LOSSY]
    assert overlay.LossyImageCompression == "01"
    for name in LOSSY[1:]:
        before = source[name].value if source[name].VM > 1 else [source[name].value]
        assert list(overlay[name].value)[:-1] == list(before)
    assert overlay.LossyImageCompressionMethod[-1] == "ISO_10918_1"
    assert {name: dciodvfy(path) for name, path in paths.items()} == {name: [] for name in paths}


@pytest.mark.parametrize(("ratio", "method"), [(None, None), ("12.5", None), ("12.5", "odd, method")])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_source_that_says_it_lost_something_but_not_how_is_believed(
    ratio: str | None, method: str | None, calibrated: Assessment, tmp_path: Path
) -> None:
    told = {name: value for name, value in zip(LOSSY, ("01", ratio, method), strict=True) if value}
    clip = made_reported(tmp_path / "x.dcm", calibrated, **told)
    masks, overlay = segmentation(clip, calibrated.masks), capture(clip, calibrated)
    assert masks is not None
    assert masks.LossyImageCompression == "01"
    assert overlay.LossyImageCompressionMethod == "ISO_10918_1"
    assert overlay["LossyImageCompressionRatio"].VM == 1


def test_no_result_names_the_source_file(written: dict[str, Path]) -> None:
    for path in written.values():
        assert b"secret" not in path.read_bytes()


def test_the_segmentation_reads_back_as_the_masks(
    written: dict[str, Path], clip: Reported, calibrated: Assessment
) -> None:
    read = hd.seg.segread(written["segmentation"])
    frames = list(range(1, len(calibrated.masks.lv) + 1))
    pixels = read.get_pixels_by_source_frame(clip.origin.sop_instance, frames)
    np.testing.assert_array_equal(pixels[..., 0].astype(bool), np.asarray(calibrated.masks.lv))


def test_masks_whose_frames_are_no_whole_bytes_keep_their_places(clip: Reported) -> None:
    odd = made_assessment(frames=11, size=(17, 19))
    made = segmentation(clip, odd.masks)
    assert made is not None
    bits = np.unpackbits(np.frombuffer(made.PixelData, np.uint8), bitorder="little")
    np.testing.assert_array_equal(bits[: 11 * 17 * 19].reshape(11, 17, 19), np.asarray(odd.masks.lv))


def test_where_frames_were_lost_there_is_no_segmentation(clip: Reported, calibrated: Assessment) -> None:
    assert segmentation(dataclasses.replace(clip, frames_agree=False), calibrated.masks) is None


def test_frames_agree_only_in_number_and_size(tmp_path: Path, calibrated: Assessment) -> None:
    frames, height, width = calibrated.clip.frames.shape
    for number, size, agree in (
        (frames, (height, width), True),
        (frames + 1, (height, width), False),
        (frames, (9, 9), False),
    ):
        origin = read_origin(write_source(tmp_path / "x.dcm", made_dataset(number, size)), "x")
        assert origin.has_frames_of(calibrated.clip) is agree


def test_the_capture_plays_the_overlay_at_the_clips_times(written: dict[str, Path], calibrated: Assessment) -> None:
    read = pydicom.dcmread(written["overlay"])
    assert float(read.FrameTime) == pytest.approx(20.0)
    assert read.NumberOfFrames == len(calibrated.clip.frames)
    first = pixel_array(read, index=0).astype(np.int16)
    assert first.shape == (read.Rows, read.Columns, 3)
    assert (first.max(axis=-1) - first.min(axis=-1) > 60).any(), "the contour is in colour"


def test_uneven_times_go_into_a_vector() -> None:
    made = Dataset()
    state_times(made, np.array([0.0, 0.02, 0.05]))
    assert [float(step) for step in made.FrameTimeVector] == [0.0, 20.0, 30.0]
    assert made.FrameIncrementPointer == 0x00181065


def test_burned_in_text_is_denied_only_where_the_source_denies_it(clip: Reported, calibrated: Assessment) -> None:
    assert document(clip, calibrated).BurnedInAnnotation == "YES"
    clip.origin.header.BurnedInAnnotation = "NO"
    try:
        assert document(clip, calibrated).BurnedInAnnotation == "NO"
    finally:
        del clip.origin.header.BurnedInAnnotation


def test_the_page_is_a_pdf_of_one_sheet(written: dict[str, Path]) -> None:
    read = pydicom.dcmread(written["page"])
    pdf = read.EncapsulatedDocument[: read.EncapsulatedDocumentLength]
    assert pdf.startswith(b"%PDF-")
    assert pdf.rstrip().endswith(b"%%EOF")
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") == 1


def test_many_beats_and_notes_still_fit_on_the_sheet(calibrated: Assessment) -> None:
    many = made_assessment(frames=400, size=(32, 32), beat_frames=10)
    assert sheet_pdf(many).startswith(b"%PDF-")


def test_nothing_on_the_sheet_is_cut_and_the_interval_says_for_whom_it_holds() -> None:
    """In its fullest form: every measure, and a beat with a long note."""
    made = made_assessment(frames=400, size=(32, 32), spacing_mm=(0.9, 0.9))
    beats = (
        tuple(dataclasses.replace(beat, ef_low=40.0, ef_high=60.0, post_ectopic=True) for beat in made.beats[:2])
        + made.beats[2:]
    )
    result = dataclasses.replace(
        made.result,
        beats=beats,
        ef=StudyEstimate(47.0, 40.4, 52.6, "video", "255 synthetic patients, no real ones", 1.0),
        ef_video=Estimate(47.0, 40.4, 52.6),
        probability_below={"35": 0.001, "40": 0.07, "50": 0.8},
        rhythm=Rhythm(80.0, 0.2, True),
        ef_spread=4.2,
    )
    figure = Figure(figsize=A4_INCHES)
    canvas = FigureCanvasAgg(figure)
    with plain_style():
        _draw(figure, dataclasses.replace(made, result=result))
        canvas.draw()
        boxes = {text.get_text(): text.get_window_extent() for text in figure.texts if text.get_text()}
    right = figure.bbox.width * (1 - 0.03)
    assert not [text for text, box in boxes.items() if box.x1 > right]
    assert not [pair for pair in itertools.combinations(boxes, 2) if boxes[pair[0]].overlaps(boxes[pair[1]])]
    assert any("255 synthetic patients" in " ".join(text.split()) for text in boxes)
    assert any("Chance below" in text for text in boxes)


def test_nothing_is_written_about_a_refused_clip(clip: Reported, tmp_path: Path) -> None:
    refused = made_assessment(frames=12, refused=True)
    assert write_dicom_results(clip.origin, refused, tmp_path / "dicom") == ()
    assert not (tmp_path / "dicom").exists()


def test_a_file_that_is_no_dicom_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "clip.avi"
    path.write_bytes(b"RIFF" + bytes(200))
    with pytest.raises(UnsupportedFile, match=r"no DICOM file.*Leave out --dicom"):
        read_origin(path, "clip.avi")


@pytest.mark.parametrize("name", ["StudyInstanceUID", "SOPInstanceUID", "SeriesInstanceUID"])
@pytest.mark.parametrize("value", [None, "", "not.a.uid"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_source_without_valid_uids_is_refused(name: str, value: str | None, tmp_path: Path) -> None:
    data = made_dataset(2)
    sop = data.SOPInstanceUID
    path = write_source(tmp_path / "x.dcm", data)
    read = pydicom.dcmread(path)
    if value is None:
        delattr(read, name)
    else:
        setattr(read, name, value)
    read.file_meta.MediaStorageSOPInstanceUID = sop
    read.save_as(path)
    with pytest.raises(InvalidClip, match=name):
        read_origin(path, "x")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_source_with_empty_and_damaged_attributes_still_gives_valid_results(
    tmp_path: Path, calibrated: Assessment, dciodvfy: Callable[[Path], list[str]]
) -> None:
    data = made_dataset(
        30,
        calibrated.clip.frames.shape[1:],
        PatientName="",
        PatientID=None,
        PatientSex="?",
        PatientAge="fifty",
        StudyDate="someday",
        StudyTime="",
        AcquisitionDate=None,
        AccessionNumber=None,
    )
    origin = read_origin(write_source(tmp_path / "x.dcm", data), "x")
    for path in write_dicom_results(origin, calibrated, tmp_path / "dicom"):
        assert dciodvfy(path) == []


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_numbers_that_are_none_are_left_out(tmp_path: Path) -> None:
    path = write_source(tmp_path / "x.dcm", made_dataset(2, InstanceNumber=765432, LossyImageCompressionRatio="87.5"))
    path.write_bytes(path.read_bytes().replace(b"765432", b"seven ").replace(b"87.5", b"much"))
    origin = read_origin(path, "x")
    assert (origin.instance_number, origin.compressions) == (1, ())


def test_a_cut_off_header_is_refused(tmp_path: Path) -> None:
    whole = write_source(tmp_path / "x.dcm", made_dataset(2)).read_bytes()
    (tmp_path / "x.dcm").write_bytes(whole[:300])
    with pytest.raises((UnreadableFile, InvalidClip)):
        read_origin(tmp_path / "x.dcm", "x")
