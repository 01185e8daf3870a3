"""A study's files to its results, in this process and in another one that may die."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import av
import highdicom as hd
import pydicom
import pytest
from made_node import made_dataset, write_source
from made_process import prepare
from made_sources import made_assessment
from PIL import UnidentifiedImageError
from pydicom import Dataset
from pydicom.uid import generate_uid

from echobeat.deidentification.pseudonyms import Pseudonyms
from echobeat.errors import EchobeatError, NoRoom, OutputError, UnreadableFile
from echobeat.ingest.examined import examine
from echobeat.node import analysis
from echobeat.node.analysis import Analysis, stated_otherwise
from echobeat.node.isolated import IsolatedAnalysis, ModelNames
from echobeat.node.outcome import Interrupted, Outcome
from echobeat.node.queue import Verdict
from echobeat.records import Assessment, Clip
from echobeat.sources.recording import decoding

FRAMES, SIZE = 30, (32, 40)


def study_files(folder: Path, *attributes: dict[str, Any]) -> dict[str, Path]:
    """A study whose clips differ by these attributes; path by UID."""
    study, files = generate_uid(), {}
    for number, changes in enumerate(attributes):
        data = made_dataset(**{"frames": FRAMES, "size": SIZE, "StudyInstanceUID": study, **changes})
        files[str(data.SOPInstanceUID)] = write_source(folder / f"{number}.dcm", data)
    return files


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """No network is run: the next clip's quality is the next number of the list; 0 is refused."""
    scores: list[float] = []

    def assess(clip: Clip, _: object) -> Assessment:
        score = scores.pop(0)
        made = made_assessment(frames=FRAMES, size=SIZE, beat_frames=12, refused=score == 0)
        if score:
            object.__setattr__(made.result.quality, "score", score)
        return made

    monkeypatch.setattr(analysis, "analyze_clip", assess)
    return scores


def groups_in(path: Path) -> list[str]:
    return [group.tracking_identifier for group in hd.sr.srread(path).content.get_image_measurement_groups()]


def by_modality(outcome: Outcome) -> dict[str, list[Dataset]]:
    found: dict[str, list[Dataset]] = {}
    for path in outcome.results.values():
        data = pydicom.dcmread(path)
        found.setdefault(data.Modality, []).append(data)
    return found


def test_accepted_clips_are_in_one_report_the_best_first(tmp_path: Path, quick: list[float]) -> None:
    files = study_files(tmp_path, {}, {}, {})
    quick[:] = [0.4, 0.0, 0.9]
    first, second, third = files
    outcome = Analysis(None)(files, tmp_path)
    assert outcome.verdicts == {
        first: Verdict("reported"),
        second: Verdict("refused", "no_left_ventricle"),
        third: Verdict("reported"),
    }
    found = by_modality(outcome)
    assert {modality: len(objects) for modality, objects in found.items()} == {"SR": 1, "SEG": 2, "US": 2, "DOC": 2}
    sources = found["SR"][0].CurrentRequestedProcedureEvidenceSequence
    told = [
        item.ReferencedSOPInstanceUID
        for series in sources
        for each in series.ReferencedSeriesSequence
        for item in each.ReferencedSOPSequence
    ]
    assert set(told) == {first, third}
    (report,) = [path for path in outcome.results.values() if pydicom.dcmread(path).Modality == "SR"]
    best = hd.sr.srread(report).content.get_image_measurement_groups()[0]
    assert best.source_images[0].referenced_sop_instance_uid == third
    assert [name for name in groups_in(report) if name.endswith("Mean")] == ["Clip 1, Mean", "Clip 2, Mean"]


def test_a_study_without_an_accepted_clip_has_no_results(tmp_path: Path, quick: list[float]) -> None:
    quick[:] = [0.0]
    assert Analysis(None)(study_files(tmp_path, {}), tmp_path).results == {}


def test_a_clip_of_another_view_is_refused_by_its_header(tmp_path: Path, quick: list[float]) -> None:
    def view(code: str) -> dict[str, Any]:
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, "SCT", "a view"
        return {"ViewCodeSequence": [item]}

    files = study_files(tmp_path, view("399232001"), view("399214001"))
    quick[:] = [0.8]
    parasternal, apical = files
    assert Analysis(None)(files, tmp_path).verdicts == {
        parasternal: Verdict("refused", "another_view"),
        apical: Verdict("reported"),
    }


A4C, A2C, PARASTERNAL, VENDOR = ("SCT", "399214001"), ("SRT", "G-A19B"), ("SCT", "399139001"), ("99VENDOR", "A4C")


@pytest.mark.parametrize(
    ("codes", "stated"),
    [
        ([A4C], "A4C"),
        ([VENDOR, A4C], "A4C"),
        ([VENDOR, A2C], "A2C"),
        ([VENDOR], "other"),
        ([PARASTERNAL], "other"),
        ([("99VENDOR", A4C[1])], "other"),
        ([("SCT ", "399214001 ")], "A4C"),
        ([("SCT", "")], ""),
        ([("", ""), A4C], "A4C"),
        ([(None, A2C[1])], ""),
        ([(None, None)], ""),
        ([], ""),
    ],
)
def test_the_node_and_ingest_read_the_same_view_out_of_a_header(
    tmp_path: Path, codes: list[tuple[str | None, str | None]], stated: str
) -> None:
    """Where the header states another view, neither takes the clip; where it states none, both do."""
    items = [Dataset() for _ in codes]
    for item, (scheme, value) in zip(items, codes, strict=True):
        if scheme is not None:
            item.CodingSchemeDesignator = scheme
        if value is not None:
            item.CodeValue = value
    (path,) = study_files(tmp_path, {"ViewCodeSequence": items}).values()
    with path.open("rb") as file:
        assert examine(file, "a", "b", Pseudonyms(b"key" * 11)).view == stated
    assert stated_otherwise(path) == ("another_view" if stated in ("A2C", "other") else None)


def test_what_cannot_be_read_is_refused_and_what_breaks_us_or_has_no_room_is_kept(
    tmp_path: Path, quick: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = study_files(tmp_path, {}, {}, {}, {})
    broken, ours, large, good = files
    quick[:] = [0.8]
    reads = analysis.read

    def read(path: Path) -> Clip:
        if path == files[broken]:
            raise UnreadableFile("x", "it is damaged", "Send it again")
        if path == files[ours]:
            raise ZeroDivisionError
        if path == files[large]:
            raise NoRoom("The temporary folder cannot hold the frames.")
        return reads(path)

    monkeypatch.setattr(analysis, "read", read)
    assert Analysis(None)(files, tmp_path).verdicts == {
        broken: Verdict("refused", "UnreadableFile"),
        ours: Verdict("failed", "ZeroDivisionError"),
        large: Verdict("failed", "no_room"),
        good: Verdict("reported"),
    }


@pytest.mark.parametrize(
    ("cause", "verdict"),
    [
        (OSError(errno.EIO, "input/output error"), Verdict("failed", "OSError")),
        (OSError(errno.ESTALE, "stale handle"), Verdict("failed", "OSError")),
        (PermissionError(errno.EACCES, "denied"), Verdict("failed", "PermissionError")),
        (MemoryError(), Verdict("failed", "MemoryError")),
        (UnidentifiedImageError("no picture"), Verdict("refused", "UnreadableFile")),
        (FileNotFoundError(errno.ENOENT, "missing"), Verdict("refused", "UnreadableFile")),
        (OSError("broken data stream"), Verdict("refused", "UnreadableFile")),
        (av.error.OSError(errno.EIO, "invalid data"), Verdict("refused", "UnreadableFile")),
    ],
)
def test_a_clip_that_the_machine_cannot_read_now_is_kept_and_a_damaged_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cause: Exception, verdict: Verdict
) -> None:
    files = study_files(tmp_path, {})

    def read(path: Path) -> Any:
        with decoding(path.name):
            raise cause

    monkeypatch.setattr(analysis, "read", read)
    assert list(Analysis(None)(files, tmp_path).verdicts.values()) == [verdict]


@pytest.mark.parametrize("written", ["overlay", "report"])
def test_a_disk_that_fills_while_results_are_written_is_an_output_error(
    tmp_path: Path, quick: list[float], monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    """The worker waits for room then, see `test_a_full_disk_in_the_analysis_is_waited_out`."""
    save = pydicom.FileDataset.save_as

    def full(data: pydicom.FileDataset, path: Path, **options: Any) -> None:
        if path.name == f"{written}.dcm":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        save(data, path, **options)

    monkeypatch.setattr(pydicom.FileDataset, "save_as", full)
    quick[:] = [0.8]
    with pytest.raises(OutputError, match=r"results cannot be written .*Free some space"):
        Analysis(None)(study_files(tmp_path, {}), tmp_path)


@pytest.fixture(scope="module")
def isolated() -> Any:
    running = IsolatedAnalysis(ModelNames(), prepare)
    yield running
    running.close()


def test_a_file_that_kills_the_process_is_refused_and_the_others_are_reported(
    isolated: IsolatedAnalysis, tmp_path: Path
) -> None:
    files = {"1": Path("good"), "2": Path("kill"), "3": Path("also good")}
    assert isolated(files, tmp_path).verdicts == {
        "1": Verdict("reported"),
        "2": Verdict("refused", "reader_crashed"),
        "3": Verdict("reported"),
    }


def test_errors_come_back_as_they_are_and_faults_without_their_text(isolated: IsolatedAnalysis, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no space"):
        isolated({"1": Path("full")}, tmp_path)
    with pytest.raises(EchobeatError, match="ZeroDivisionError") as raised:
        isolated({"1": Path("bug")}, tmp_path)
    assert "patient" not in str(raised.value)
    assert isolated({"1": Path("good")}, tmp_path).results == {"1": tmp_path / "1"}


def test_frames_are_spooled_beside_the_results_not_in_the_systems_temporary_folder(
    isolated: IsolatedAnalysis, tmp_path: Path
) -> None:
    assert isolated({"1": Path("frames")}, tmp_path).results["1"].read_text() == str(tmp_path)


def test_a_file_on_which_the_reader_hangs_is_refused(tmp_path: Path) -> None:
    running = IsolatedAnalysis(ModelNames(), prepare, longest_s=0.5)
    try:
        verdicts = running({"1": Path("hang"), "2": Path("good")}, tmp_path).verdicts
    finally:
        running.close()
    assert verdicts == {"1": Verdict("refused", "reader_crashed"), "2": Verdict("reported")}


def test_after_closing_it_takes_nothing(tmp_path: Path) -> None:
    running = IsolatedAnalysis(ModelNames(), prepare)
    running.close()
    with pytest.raises(Interrupted):
        running({"1": Path("good")}, tmp_path)
