"""Every kind of object about every kind of source, held against programs and dictionaries that others wrote.

dciodvfy knows the standard's objects, but catches no wrong code, unit or number: those are recomputed here.
"""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import highdicom as hd
import numpy as np
import pydicom
import pytest
from made_sources import SIZE, made_assessment, made_dataset, write_source
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.sr._concepts_dict import concepts as dictionary
from pydicom.uid import (
    ComprehensiveSRStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
    SimplifiedAdultEchoSRStorage,
)

from echobeat.dicom_results.identity import Kind
from echobeat.dicom_results.origin import read_origin
from echobeat.dicom_results.writing import write_dicom_results
from echobeat.records import Assessment
from echobeat.sources import open_clip

Errors = Callable[[Path], list[str]]
Written = dict[str, Path]

EDV, ESV, EF, RATE = "79999-9", "80004-5", "79993-2", "8867-4"
GENERAL_EF = "18043-0"
FRAMES = 12
UNLISTED = {("UCUM", "ml"), ("RFC5646", "en-US")}
"""PS3.16's millilitre and the language tag: no dictionary of pydicom has them."""


@pytest.fixture(scope="module", params=["calibrated", "uncalibrated", "fibrillating", "combined"])
def judged(request: pytest.FixtureRequest) -> Assessment:
    made: Assessment = request.getfixturevalue(request.param)
    return made


@pytest.fixture(scope="module")
def written(judged: Assessment, tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Path of each object of a judged clip, by its stem."""
    folder = tmp_path_factory.mktemp("judged")
    frames, height, width = judged.clip.frames.shape
    source = write_source(folder / "clip.dcm", made_dataset(frames, (height, width)))
    return by_stem(write_dicom_results(read_origin(source, "clip.dcm"), judged, folder / "dicom", echo_report=True))


def by_stem(paths: tuple[Path, ...]) -> Written:
    return {path.stem: path for path in paths}


def codes_in(dataset: Dataset) -> Iterator[tuple[str, str, str]]:
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                if "CodeValue" in item:
                    yield item.CodingSchemeDesignator, item.CodeValue, item.CodeMeaning
                yield from codes_in(item)


def measured(path: Path) -> dict[str, dict[str, float]]:
    """What highdicom reads: values by the group's name and by code."""
    return {
        group.tracking_identifier: {found.name.value: found.value for found in group.get_measurements()}
        for group in hd.sr.srread(path).content.get_image_measurement_groups()
    }


def test_dciodvfy_finds_no_error_in_any_object(written: Written, dciodvfy: Errors) -> None:
    assert set(written) == {kind.file_name for kind in Kind}
    assert {name: dciodvfy(known_to_it(path)) for name, path in written.items()} == {name: [] for name in written}


def known_to_it(path: Path) -> Path:
    """dciodvfy has no Simplified Adult Echo SR: a copy as the Comprehensive SR, which has the same modules but one."""
    read = pydicom.dcmread(path)
    if read.SOPClassUID != SimplifiedAdultEchoSRStorage:
        return path
    assert read.TimezoneOffsetFromUTC == "+0000"
    read.SOPClassUID = read.file_meta.MediaStorageSOPClassUID = ComprehensiveSRStorage
    copy = path.with_suffix(".copy")
    read.save_as(copy)
    return copy


def test_dcmtk_reads_the_simplified_echo_report(written: Written) -> None:
    """dsrdump knows the kind of object, and misses nothing that it has to have."""
    program = shutil.which("dsrdump")
    if program is None:
        pytest.skip("dsrdump is not installed (Debian: dcmtk)")
    done = subprocess.run([program, str(written["echo-report"])], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Simplified Adult Echo SR Document" in done.stdout
    assert not [line for line in done.stderr.splitlines() if line.startswith("E:") or "absent" in line]


def test_every_code_means_what_the_dictionary_says(written: Written) -> None:
    told = {code for path in written.values() for code in codes_in(pydicom.dcmread(path))}
    assert len(told) > 20
    for scheme, value, meaning in told:
        if (scheme, value) not in UNLISTED:
            meanings = {entry[value][0] for entry in dictionary[scheme].values() if value in entry}
            assert meaning in meanings, (scheme, value, meaning)


def test_highdicom_reads_the_numbers_of_the_result(written: Written, judged: Assessment) -> None:
    groups = measured(written["report"])
    for beat in (beat for beat in judged.beats if beat.ef is not None):
        mixed = beat.ef_geometric is not None
        contours, both = (beat.ef_geometric, beat.ef) if mixed else (beat.ef, None)
        rate = beat.heart_rate_bpm
        expected = {EDV: beat.edv_ml, ESV: beat.esv_ml, EF: contours, GENERAL_EF: both, RATE: rate}
        found = groups[f"Beat {beat.index + 1}"]
        assert {code: found.get(code) for code in expected} == {
            code: None if value is None else round(value, 2) for code, value in expected.items()
        }
    study = judged.ef
    assert study is not None
    assert groups["Mean"][EF if study.method == "geometric" else GENERAL_EF] == round(study.value, 2)


def test_the_simplified_echo_report_holds_the_contours_numbers(written: Written, judged: Assessment) -> None:
    """TID 5300: volumes and EF of each beat and their means, in codes of CID 12300; of each name one is chosen."""
    read = pydicom.dcmread(written["echo-report"])
    assert read.SOPClassUID == SimplifiedAdultEchoSRStorage
    assert read.ContentTemplateSequence[0].TemplateIdentifier == "5300"
    assert (read.PreliminaryFlag, read.VerificationFlag) == ("PRELIMINARY", "UNVERIFIED")
    (group,) = [item for item in read.ContentSequence if item.ValueType == "CONTAINER"]
    numbers = [
        (item.ConceptNameCodeSequence[0].CodeValue, float(item.MeasuredValueSequence[0].NumericValue), chosen(item))
        for item in group.ContentSequence
    ]
    assert {code for code, _, _ in numbers} == ({EDV, ESV, EF} if judged.curve.calibrated else {EF})
    efs = [round(beat.contours_ef, 2) for beat in judged.beats if beat.contours_ef is not None]
    assert [value for code, value, mean in numbers if code == EF and not mean] == efs
    geometric = judged.result.ef_geometric
    assert geometric is not None
    assert [value for code, value, mean in numbers if code == EF and mean] == [round(geometric.value, 2)]
    volumes = [value for code, value, mean in numbers if code == EDV and not mean]
    assert volumes == [round(b.edv_ml, 2) for b in judged.beats if b.contours_ef is not None and b.edv_ml is not None]


def chosen(item: Dataset) -> bool:
    """Whether a number is the one of its name that is preferred: the mean."""
    names = {below.ConceptNameCodeSequence[0].CodeMeaning for below in item.get("ContentSequence", [])}
    assert ("Selection Status" in names) == ("Derivation" in names)
    return "Selection Status" in names


def test_each_beats_ef_is_what_its_volumes_give(written: Written, judged: Assessment) -> None:
    groups = {name: found for name, found in measured(written["report"]).items() if name.startswith("Beat")}
    assert groups
    for found in groups.values():
        assert EF in found
        if judged.curve.calibrated:
            assert found[EF] == pytest.approx(100 * (found[EDV] - found[ESV]) / found[EDV], abs=0.02)
        else:
            assert not {EDV, ESV} & set(found)


def test_only_contours_carry_the_single_planes_codes(written: Written, judged: Assessment) -> None:
    groups = measured(written["report"])
    general = {name for name, found in groups.items() if GENERAL_EF in found}
    mixed = {f"Beat {beat.index + 1}" for beat in judged.beats if beat.ef_geometric is not None}
    assert general == mixed | ({"Mean"} if judged.ef is not None and judged.ef.method != "geometric" else set())


def test_intervals_are_in_the_report_only_where_the_result_has_them(written: Written, judged: Assessment) -> None:
    groups = hd.sr.srread(written["report"]).content.get_image_measurement_groups()
    reaches = [
        item
        for group in groups
        for found in group.get_measurements()
        for item in found[0].get("ContentSequence", [])
        if item.RelationshipType == "HAS PROPERTIES"
    ]
    beats = sum(beat.ef is not None and beat.ef_low is not None for beat in judged.beats)
    means = sum(each is not None and each.low is not None for each in {judged.ef, judged.result.ef_geometric})
    spreads = [item for item in reaches if item.ConceptNameCodeSequence[0].CodeMeaning == "Standard Deviation"]
    assert len(spreads) == (judged.result.ef_spread is not None)
    assert len(reaches) - len(spreads) == 2 * (beats + means)
    assert all(item.MeasuredValueSequence[0].NumericValue >= 0 for item in reaches)


def test_all_are_in_the_sources_study_and_point_to_its_clip(written: Written) -> None:
    source = pydicom.dcmread(written["report"].parents[1] / "clip.dcm", stop_before_pixels=True)
    objects = [pydicom.dcmread(path) for path in written.values()]
    assert {made.StudyInstanceUID for made in objects} == {source.StudyInstanceUID}
    assert len({made.SeriesInstanceUID for made in objects} | {source.SeriesInstanceUID}) == len(objects) + 1
    for made in objects:
        pointed = {str(element.value) for element in made.iterall() if element.keyword == "ReferencedSOPInstanceUID"}
        assert source.SOPInstanceUID in pointed


# --- sources -----------------------------------------------------------------------------------------


def colour(**changes: Any) -> Dataset:
    pixels = np.random.default_rng(5).integers(0, 200, (FRAMES, *SIZE, 3), dtype=np.uint8)
    told = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0} | changes
    return made_dataset(FRAMES, SIZE, PixelData=pixels.tobytes(), **told)


def jpeg() -> Dataset:
    made = colour(PhotometricInterpretation="YBR_FULL_422")
    pixels = np.frombuffer(made.PixelData, np.uint8).reshape(FRAMES, *SIZE, 3)
    made.PixelData = encapsulate([cv2.imencode(".jpg", frame)[1].tobytes() for frame in pixels])
    return made


def palette() -> Dataset:
    made = made_dataset(FRAMES, SIZE, PhotometricInterpretation="PALETTE COLOR")
    for name in ("Red", "Green", "Blue"):
        setattr(made, f"{name}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(made, f"{name}PaletteColorLookupTableData", (np.arange(256) * 257).astype("<u2").tobytes())
    return made


SOURCES: dict[str, tuple[Callable[[], Dataset], str]] = {
    "grey": (lambda: made_dataset(FRAMES, SIZE), ExplicitVRLittleEndian),
    "grey, implicit": (lambda: made_dataset(FRAMES, SIZE), ImplicitVRLittleEndian),
    "grey, big endian": (lambda: made_dataset(FRAMES, SIZE), ExplicitVRBigEndian),
    "grey, RLE": (lambda: made_dataset(FRAMES, SIZE), RLELossless),
    "grey, JPEG 2000": (lambda: made_dataset(FRAMES, SIZE), JPEG2000Lossless),
    "colour": (colour, ExplicitVRLittleEndian),
    "colour, JPEG": (jpeg, JPEGBaseline8Bit),
    "palette": (palette, ExplicitVRLittleEndian),
}


def written_source(form: str, path: Path) -> Path:
    make, syntax = SOURCES[form]
    write_source(path, make(), ExplicitVRLittleEndian if syntax in (RLELossless, JPEG2000Lossless) else syntax)
    if syntax in (RLELossless, JPEG2000Lossless):
        data = pydicom.dcmread(path)
        data.compress(syntax, generate_instance_uid=False)
        data.save_as(path)
    return path


@pytest.mark.parametrize("form", SOURCES)
def test_a_source_of_any_form_gets_valid_results(form: str, tmp_path: Path, dciodvfy: Errors) -> None:
    source = written_source(form, tmp_path / "clip.dcm")
    clip = open_clip(str(source))
    assert clip.frames.shape == (FRAMES, *SIZE)
    made = made_assessment(frames=FRAMES, size=SIZE, beat_frames=10)
    assessment = dataclasses.replace(made, clip=clip)
    origin = read_origin(source, "clip.dcm")
    results = by_stem(write_dicom_results(origin, assessment, tmp_path / "dicom", echo_report=True))
    assert set(results) == {kind.file_name for kind in Kind}
    assert {name: dciodvfy(known_to_it(path)) for name, path in results.items()} == {name: [] for name in results}
