"""`echobeat analyze --dicom`: results go into the folder of their input, and only where there is a study for them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import ComprehensiveSRStorage
from quick import TABLES_ONLY, Call, write_clip

sys.path.insert(0, str(Path(__file__).parents[1] / "dicom_results"))  # where `made_sources` lies

from made_sources import made_dataset, write_source


def test_a_dicom_input_gets_its_results_in_its_own_study(echobeat: Call, tmp_path: Path) -> None:
    data = made_dataset(12, (32, 32))
    clip = write_source(tmp_path / "apical.dcm", data)
    code, _, err = echobeat("analyze", clip, "--out", tmp_path / "out", "--dicom", *TABLES_ONLY)
    assert (code, err) == (0, "")
    written = sorted((tmp_path / "out" / "apical" / "dicom").iterdir())
    assert [path.name for path in written] == ["overlay.dcm", "page.dcm", "report.dcm", "segmentation.dcm"]
    assert {pydicom.dcmread(path).StudyInstanceUID for path in written} == {data.StudyInstanceUID}


def test_an_input_without_a_study_is_refused_and_the_others_are_done(echobeat: Call, tmp_path: Path) -> None:
    clips = [write_clip(tmp_path / "plain.avi"), write_source(tmp_path / "apical.dcm", made_dataset(12, (32, 32)))]
    code, _, err = echobeat("analyze", clips[0], "--out", tmp_path / "out", "--dicom", *TABLES_ONLY)
    assert code == 3
    assert "it is no DICOM file" in err
    assert "Leave out --dicom" in err
    assert echobeat("analyze", clips[1], "--out", tmp_path / "out", "--dicom", *TABLES_ONLY)[0] == 0


@pytest.mark.parametrize("content", [b"", b"words" * 100, "cut off", "a report"])
def test_a_file_that_cannot_be_read_has_the_same_fault_with_dicom_as_without(
    echobeat: Call, tmp_path: Path, content: bytes | str
) -> None:
    """Empty, foreign, cut off within its header, or without pictures: it is never told to leave out --dicom."""
    clip = tmp_path / "clip.dcm"
    if isinstance(content, bytes):
        clip.write_bytes(content)
    elif content == "cut off":
        whole = write_source(clip, made_dataset(12, (32, 32))).read_bytes()
        clip.write_bytes(whole[:420])
    else:
        report = made_dataset(12, (32, 32), SOPClassUID=ComprehensiveSRStorage, Modality="SR", StudyInstanceUID="")
        del report.PixelData
        write_source(clip, report)
    code, _, alone = echobeat("analyze", clip, "--out", tmp_path / "out", *TABLES_ONLY)
    assert echobeat("analyze", clip, "--out", tmp_path / "out", "--dicom", *TABLES_ONLY)[::2] == (code, alone)
    assert code == 3
    assert "--dicom" not in alone


def test_a_refused_clip_has_no_dicom_results(echobeat: Call, tmp_path: Path) -> None:
    clip = write_source(tmp_path / "short.dcm", made_dataset(6, (32, 32)))
    assert echobeat("analyze", clip, "--out", tmp_path / "out", "--dicom", *TABLES_ONLY)[0] == 0
    assert not (tmp_path / "out" / "short" / "dicom").exists()


def test_a_result_without_dicom_is_not_complete_when_dicom_is_asked_for(echobeat: Call, tmp_path: Path) -> None:
    clip = write_source(tmp_path / "apical.dcm", made_dataset(12, (32, 32)))
    echobeat("analyze", clip, "--out", tmp_path / "out", *TABLES_ONLY)
    echobeat("analyze", clip, "--out", tmp_path / "out", "--dicom", "--resume", *TABLES_ONLY)
    assert (tmp_path / "out" / "apical" / "dicom" / "report.dcm").exists()


@pytest.fixture
def warnings_are_printed() -> Iterator[None]:
    """As outside of pytest, and each time."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *_, **__: print(message, file=sys.stderr)
        yield


def test_an_odd_header_s_values_are_not_printed(
    echobeat: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str], warnings_are_printed: None
) -> None:
    """highdicom and pydicom quote them in warnings: a name of one component, a date and a number that are none."""
    names = {"PatientName": "ZQCANARY", "ReferringPhysicianName": "ZQCANARY", "StudyID": "ZQCANARY" * 4}
    data = made_dataset(12, (32, 32), **names, StudyDate="ZQCANARY", SpecificCharacterSet="ZQCANARY")
    clip = write_source(tmp_path / "apical.dcm", data)
    capsys.readouterr()  # making it was warned of, too
    told = echobeat("analyze", clip, "--out", tmp_path / "out", "--dicom", "--echo-report", *TABLES_ONLY)
    assert (told[0], told[2]) == (0, "")
    assert "ZQCANARY" not in told[1]
