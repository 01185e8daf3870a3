"""The TID 1500 report: codes, numbers, references and flags."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import highdicom as hd
import pytest
from made_sources import made_reported
from pydicom import Dataset

from echobeat.dicom_results import concepts
from echobeat.dicom_results.identity import Kind, Reported, identify
from echobeat.dicom_results.objects import write_object
from echobeat.dicom_results.structured_report import structured_report
from echobeat.errors import InvalidClip
from echobeat.records import NOTICE, Assessment, Estimate, IndexBeat, Rhythm, StudyEstimate

SINGLE_PLANE = {"79993-2", "79999-9", "80004-5"}


def read_back(report: Dataset, path: Path) -> hd.sr.ComprehensiveSR:
    write_object(report, path)
    return hd.sr.srread(path)


def groups_of(report: hd.sr.ComprehensiveSR) -> dict[str, dict[str, hd.sr.Measurement]]:
    """Measurements by the group's name and by code."""
    return {
        group.tracking_identifier: {found.name.value: found for found in group.get_measurements()}
        for group in report.content.get_image_measurement_groups()
    }


def codes_in(dataset: Dataset) -> Iterator[Dataset]:
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                if "CodeValue" in item:
                    yield item
                yield from codes_in(item)


def texts_in(dataset: Dataset) -> Iterator[str]:
    for element in dataset.iterall():
        if element.keyword == "TextValue":
            yield str(element.value)


def with_method(clip: Reported, method: str) -> Reported:
    ef = StudyEstimate(47.0, None, None, method)
    return dataclasses.replace(
        clip, result=dataclasses.replace(clip.result, ef=ef, ef_video=Estimate(47.0, None, None))
    )


def test_without_calibration_there_is_an_ef_and_no_volume(bare_clip: Reported, tmp_path: Path) -> None:
    for found in groups_of(read_back(structured_report([bare_clip]), tmp_path / "sr.dcm")).values():
        assert "79993-2" in found
        assert not {"79999-9", "80004-5"} & set(found)


@pytest.mark.parametrize("method", ["video", "combined"])
def test_what_a_network_says_of_the_video_carries_the_general_code(clip: Reported, method: str, tmp_path: Path) -> None:
    mean = groups_of(read_back(structured_report([with_method(clip, method)]), tmp_path / "sr.dcm"))["Mean"]
    assert mean["18043-0"].value == 47.0
    assert mean["79993-2"].value == round(clip.result.ef_geometric.value, 2)  # the contours' own, beside it


def test_a_beat_whose_ef_is_combined_keeps_the_one_of_its_volumes_beside_it(clip: Reported, tmp_path: Path) -> None:
    """Generic code and interval for the combined one; the single-plane code for what EDV and ESV give, without one."""
    first, *others = clip.result.beats
    mixed = dataclasses.replace(
        first, ef=first.ef + 3.0, ef_low=40.0, ef_high=70.0, ef_geometric=first.ef, ef_video=first.ef + 4.0
    )
    reported = with_method(clip, "combined")
    reported = dataclasses.replace(clip, result=dataclasses.replace(reported.result, beats=(mixed, *others)))
    beat = groups_of(read_back(structured_report([reported]), tmp_path / "sr.dcm"))["Beat 1"]
    assert beat["18043-0"].value == round(mixed.ef, 2)
    assert beat["79993-2"].value == round(first.ef, 2)
    nested = {code: [i.RelationshipType for i in beat[code][0].ContentSequence] for code in ("18043-0", "79993-2")}
    assert "HAS PROPERTIES" in nested["18043-0"]
    assert "HAS PROPERTIES" not in nested["79993-2"]


def test_an_ef_in_which_the_video_has_no_weight_is_that_of_the_volumes(clip: Reported, tmp_path: Path) -> None:
    """Of the beat as of the mean, once and in the single-plane code."""
    beats = tuple(dataclasses.replace(beat, ef_geometric=beat.ef, ef_video=50.0) for beat in clip.result.beats)
    ef = dataclasses.replace(clip.result.ef, method="geometric", video_weight=0.0)
    reported = dataclasses.replace(clip, result=dataclasses.replace(clip.result, ef=ef, beats=beats))
    groups = groups_of(read_back(structured_report([reported]), tmp_path / "sr.dcm"))
    assert all("79993-2" in group and "18043-0" not in group for group in groups.values())


def test_intervals_are_there_only_where_they_are_calibrated(
    clip: Reported, bare_clip: Reported, tmp_path: Path
) -> None:
    def reach(reported: Reported, group: str) -> list[tuple[str, float]]:
        ef = groups_of(read_back(structured_report([reported]), tmp_path / "sr.dcm"))[group]["79993-2"]
        items = [item for item in ef[0].get("ContentSequence", []) if item.RelationshipType == "HAS PROPERTIES"]
        return [(item.name.value, item.value) for item in items]

    assert reach(clip, "Mean") == [("371886008", 6.25), ("371885007", 5.5)]
    assert reach(clip, "Beat 1") == [("371886008", 9.0), ("371885007", 7.0)]
    assert reach(bare_clip, "Mean") == []


def test_the_spread_of_the_beats_stands_below_the_means_ef_where_nobody_takes_it_for_an_ef(
    clip: Reported, tmp_path: Path
) -> None:
    """As a standard deviation in percent EF, of the EF that the beats have; without two counted beats there is none."""
    spread = dataclasses.replace(with_method(clip, "combined").result, ef_spread=3.14159)
    groups = groups_of(read_back(structured_report([dataclasses.replace(clip, result=spread)]), tmp_path / "sr.dcm"))
    below = {code: said_of(found) for code, found in groups["Mean"].items()}
    assert below.pop("18043-0") == [("386136009", 3.14, "%")]
    assert not any(below.values())
    assert groups["Mean"]["18043-0"].value == 47.0
    bare = groups_of(read_back(structured_report([clip]), tmp_path / "sr.dcm"))["Mean"]["79993-2"]
    assert "386136009" not in [code for code, _, _ in said_of(bare)]


def said_of(measured: hd.sr.Measurement) -> list[tuple[str, float, str]]:
    items = [item for item in measured[0].get("ContentSequence", []) if item.RelationshipType == "HAS PROPERTIES"]
    return [(item.name.value, item.value, item.unit.value) for item in items]


@pytest.mark.parametrize(
    ("irregular", "index", "said"),
    [(True, IndexBeat(1, 50.0), "alike): 2."), (True, None, "alike): none."), (False, None, None)],
)
def test_the_index_beat_of_an_irregular_rhythm_is_named_beside_the_mean(
    clip: Reported, irregular: bool, index: IndexBeat | None, said: str | None
) -> None:
    """By its number, under which its group stands; a regular rhythm has none, and nothing is said."""
    result = dataclasses.replace(clip.result, rhythm=Rhythm(80.0, 0.2, irregular), index_beat=index)
    (about,) = [
        text for text in texts_in(structured_report([dataclasses.replace(clip, result=result)])) if NOTICE in text
    ]
    assert (said or "") in about
    assert ("index beat" in about) == irregular


def test_units_fit_what_is_measured(clip: Reported, tmp_path: Path) -> None:
    units = {"79999-9": "ml", "80004-5": "ml", "79993-2": "%", "8867-4": "/min", "122149": "1"}
    for found in groups_of(read_back(structured_report([clip]), tmp_path / "sr.dcm")).values():
        assert {code: measured.unit.value for code, measured in found.items()} == {code: units[code] for code in found}


def test_it_is_preliminary_and_unverified_and_says_what_made_it(clip: Reported) -> None:
    report = structured_report([clip])
    assert (report.PreliminaryFlag, report.VerificationFlag) == ("PRELIMINARY", "UNVERIFIED")
    texts = " ".join(texts_in(report))
    assert "echobeat" in texts
    assert clip.result.models[0].hash in texts
    assert "not a medical device" in texts


def test_end_diastole_and_end_systole_are_named_by_frames_from_one(clip: Reported, tmp_path: Path) -> None:
    groups = groups_of(read_back(structured_report([clip]), tmp_path / "sr.dcm"))
    beat = clip.result.beats[0]
    images = [item for item in groups["Beat 1"]["79993-2"][0].ContentSequence if item.ValueType == "IMAGE"]
    references = [item.ReferencedSOPSequence[0] for item in images]
    assert [item.ReferencedFrameNumber for item in references] == [beat.ed_frame + 1, beat.es_frame + 1]
    assert {item.ReferencedSOPInstanceUID for item in references} == {clip.origin.sop_instance}


def test_where_frames_were_lost_no_frame_is_named(clip: Reported) -> None:
    lossy = dataclasses.replace(clip, frames_agree=False)
    assert "Referenced Frame Number" not in str(structured_report([lossy]))


def test_a_repeat_is_the_same_object_and_another_analysis_is_not(clip: Reported, tmp_path: Path) -> None:
    def written(reported: Reported) -> bytes:
        write_object(structured_report([reported]), tmp_path / "sr.dcm")
        return (tmp_path / "sr.dcm").read_bytes()

    assert written(clip) == written(clip)
    model = dataclasses.replace(clip.result.models[0], hash="cd" * 32)
    other = dataclasses.replace(clip, result=dataclasses.replace(clip.result, models=(model,)))
    uids = {structured_report([reported]).SOPInstanceUID for reported in (clip, other)}
    assert len(uids) == 2


def test_a_cut_off_copy_of_a_clip_has_results_of_its_own(clip: Reported) -> None:
    facts = dataclasses.replace(clip.result.clip, frames=clip.result.clip.frames - 1)
    cut = dataclasses.replace(clip, result=dataclasses.replace(clip.result, clip=facts))
    for kind in Kind:
        assert identify(kind, [cut]).instance != identify(kind, [clip]).instance


def test_several_clips_of_a_study_are_one_report(clip: Reported, folder: Path, calibrated: Assessment) -> None:
    second = made_reported(folder / "second.dcm", calibrated, StudyInstanceUID=clip.origin.study)
    groups = groups_of(read_back(structured_report([clip, second]), folder / "sr.dcm"))
    assert [name for name in groups if name.endswith("Mean")] == ["Clip 1, Mean", "Clip 2, Mean"]
    with pytest.raises(InvalidClip, match="another study"):
        structured_report([clip, made_reported(folder / "third.dcm", calibrated)])


def test_a_refused_clip_has_no_report(clip: Reported) -> None:
    quality = dataclasses.replace(clip.result.quality, accepted=False)
    with pytest.raises(InvalidClip, match="refused"):
        structured_report([dataclasses.replace(clip, result=dataclasses.replace(clip.result, quality=quality))])


@pytest.mark.parametrize("reader", ["dsrdump", "dsr2html"])
def test_dcmtk_reads_it(reader: str, clip: Reported, tmp_path: Path) -> None:
    if shutil.which(reader) is None:
        pytest.skip(f"{reader} is not installed (Debian: dcmtk)")
    write_object(structured_report([clip]), tmp_path / "sr.dcm")
    done = subprocess.run([reader, str(tmp_path / "sr.dcm")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Imaging Measurement Report" in done.stdout
    assert f"{round(clip.result.ef.value, 2):g}" in done.stdout


def test_names_in_any_script_survive(folder: Path, calibrated: Assessment) -> None:
    clip = made_reported(folder / "japanese.dcm", calibrated, PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう")
    assert str(structured_report([clip]).PatientName) == "Yamada^Tarou=山田^太郎=やまだ^たろう"


def test_our_own_codes_are_the_ones_of_their_method() -> None:
    assert {concepts.EF_SINGLE_PLANE.value, concepts.EDV_SINGLE_PLANE.value, concepts.ESV_SINGLE_PLANE.value} == (
        SINGLE_PLANE
    )
    assert concepts.ejection_fraction("geometric").value == "79993-2"
    assert {concepts.ejection_fraction(method).value for method in ("video", "combined")} == {"18043-0"}
