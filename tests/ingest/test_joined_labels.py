"""Labels find their clips by pseudonyms, and a patient is never in two splits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_archive import PSEUDONYMS

from echobeat.errors import UsageError
from echobeat.ingest.labels import Labels, drawn_split, join, read_labels
from echobeat.ingest.one_clip import ClipFacts, file_keys

NAMES = {"patient": "4711", "study": "1.2.3", "instance": "1.2.3.4", "accession": "A-99"}


def clip(name: str, header: bool = True, file: str = "", issuer: str = "", **names: str) -> ClipFacts:
    """A clip of a patient, study and instance of these names."""
    words = NAMES | {"instance": name} | names
    keys = {kind: PSEUDONYMS.name(kind, word) for kind, word in words.items()} if header else {}
    return ClipFacts(
        name=PSEUDONYMS.name("clip", name),
        patient=PSEUDONYMS.name("patient", issuer + words["patient"] if header else f"of {name}"),
        study=PSEUDONYMS.name("study", words["study"]),
        instance=PSEUDONYMS.name("instance", name),
        keys=keys | file_keys(file or name, PSEUDONYMS),
        header=header,
        source_hash=name,
        fingerprint=name,
        view="",
        height=112,
        width=112,
        frames=2,
        fps=50.0,
        spacing_mm=None,
        heart_rate_bpm=None,
        times_s=(0.0, 0.02),
        source={},
    )


def table(folder: Path, text: str) -> Labels:
    (folder / "labels.csv").write_text(text, encoding="utf-8")
    return read_labels(folder / "labels.csv", PSEUDONYMS)


@pytest.mark.parametrize(
    "text",
    [
        "PatientID,EF\n4711,55\n",
        "patient;LVEF\n 4711 ;55,0\n",
        "\ufeffStudyInstanceUID,EF\n1.2.3,55\n",
        "AccessionNumber\tEF\nA-99\t55\n",
        "SOPInstanceUID,EF\none,55\n",
        "FileName,EF\nIM_1,55\n",
        "file,EF\nsome\\Folder\\IM_1.dcm,55\n",
    ],
)
def test_a_row_finds_its_clip_by_any_of_its_names(tmp_path: Path, text: str) -> None:
    joined = join([clip("one", file="some/folder/IM_1")], table(tmp_path, text), PSEUDONYMS)
    assert [one.label.ef for one in joined.clips] == [55]
    assert joined.unclear == 0


def test_the_most_particular_name_counts(tmp_path: Path) -> None:
    """A study's own EF, not that of the patient's other study."""
    text = "patient,study,EF\n4711,,60\n4711,1.2.3,40\n"
    clips = [clip("one"), clip("two", study="1.2.9")]
    efs = {one.clip.name: one.label.ef for one in join(clips, table(tmp_path, text), PSEUDONYMS).clips}
    assert efs == {clips[0].name: 40, clips[1].name: 60}


def test_rows_that_disagree_give_no_label_and_are_counted(tmp_path: Path) -> None:
    joined = join([clip("one")], table(tmp_path, "patient,EF\n4711,60\n4711,40\n"), PSEUDONYMS)
    assert (joined.clips[0].label.ef, joined.unclear) == (None, 1)


def test_a_bare_file_name_that_several_patients_have_names_none(tmp_path: Path) -> None:
    clips = [clip("one", file="a/IM_1"), clip("two", file="b/IM_1", patient="4712")]
    joined = join(clips, table(tmp_path, "file,EF\nIM_1,60\n"), PSEUDONYMS)
    assert ([one.label.ef for one in joined.clips], joined.unclear) == ([None, None], 2)
    by_path = join(clips, table(tmp_path, "file,EF\na/IM_1,60\n"), PSEUDONYMS)
    assert [one.label.ef for one in by_path.clips if one.clip is clips[0]] == [60]


@pytest.mark.parametrize("other", ["DICOM/ST000000/IM000001", "dicom/st000000/im000001.dcm"])
def test_a_path_that_several_patients_have_names_none(tmp_path: Path, other: str) -> None:
    """Two exports, given as two sources: paths are relative to each."""
    clips = [clip("one", file="DICOM/ST000000/IM000001"), clip("two", file=other, patient="4712")]
    labels = table(tmp_path, "FileName,EF\nDICOM/ST000000/IM000001,25\n")
    joined = join(clips, labels, PSEUDONYMS)
    assert ([one.label.ef for one in joined.clips], joined.unclear) == ([None, None], 2)
    same = [clips[0], clip("two", file=other)]
    assert [one.label.ef for one in join(same, labels, PSEUDONYMS).clips] == [25, 25]


@pytest.mark.parametrize("text", ["AccessionNumber,EF\nA-99,25\n", "PatientID,EF\n4711,25\n"])
def test_a_number_that_two_hospitals_gave_names_none(tmp_path: Path, text: str) -> None:
    labels = table(tmp_path, text)
    joined = join([clip("one", issuer="HERE|"), clip("two", issuer="THERE|")], labels, PSEUDONYMS)
    assert ([one.label.ef for one in joined.clips], joined.unclear) == ([None, None], 2)
    same = join([clip("one", issuer="HERE|"), clip("two", issuer="HERE|")], labels, PSEUDONYMS)
    assert [one.label.ef for one in same.clips] == [25, 25]


@pytest.mark.parametrize("named", ["AccessionNumber,{}\nA-99", "FileName,{}\na/IM_1", "StudyInstanceUID,{}\n1.2.3"])
def test_a_row_about_another_patient_gives_no_label(tmp_path: Path, named: str) -> None:
    labels = table(tmp_path, named.format("PatientID,EF") + ",4711,25\n")
    joined = join([clip("one", file="a/IM_1", patient="4712")], labels, PSEUDONYMS)
    assert ([one.label.ef for one in joined.clips], joined.unclear) == ([None], 1)
    own = join([clip("one", file="a/IM_1", issuer="HERE|")], labels, PSEUDONYMS)
    assert [one.label.ef for one in own.clips] == [25]


def test_a_video_of_a_patient_whose_header_names_an_issuer_is_in_that_patients_split(tmp_path: Path) -> None:
    """The table has the Patient ID alone."""
    for number in range(12):
        clips = [clip("one", header=False), clip("two", issuer="HERE|", patient=str(number))]
        joined = join(clips, table(tmp_path, f"file,patient,EF\none,{number},60\n"), PSEUDONYMS)
        assert len({(one.patient, one.split) for one in joined.clips}) == 1


def test_a_video_gets_its_patient_from_the_table(tmp_path: Path) -> None:
    """So that two videos of one patient are in one split, and with the patient's DICOM files."""
    clips = [clip("one", header=False), clip("two", header=False), clip("three")]
    joined = join(clips, table(tmp_path, "file,patient,EF\none,4711,60\ntwo,4711,61\n"), PSEUDONYMS)
    assert {one.patient for one in joined.clips} == {PSEUDONYMS.name("patient", "4711")}
    assert len({one.split for one in joined.clips}) == 1


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=40))
def test_no_patient_is_ever_in_two_splits(studies: list[tuple[int, bool]]) -> None:
    clips = [
        clip(f"i{number}", header, patient=str(patient), study=str(number))
        for number, (patient, header) in enumerate(studies)
    ]
    joined = join(clips, Labels(), PSEUDONYMS)
    splits: dict[str, set[str]] = {}
    for one in joined.clips:
        splits.setdefault(one.patient, set()).add(one.split)
    assert all(len(names) == 1 for names in splits.values())


def test_splits_are_drawn_by_the_key_in_the_shares_of_echonet() -> None:
    drawn = [drawn_split(PSEUDONYMS.name("patient", str(number)), PSEUDONYMS) for number in range(4000)]
    assert drawn.count("TRAIN") / 4000 == pytest.approx(0.75, abs=0.03)
    assert drawn.count("VAL") / 4000 == pytest.approx(0.12, abs=0.02)
    assert drawn == [drawn_split(PSEUDONYMS.name("patient", str(number)), PSEUDONYMS) for number in range(4000)]


def test_the_split_of_the_table_holds_for_all_of_a_patients_clips(tmp_path: Path) -> None:
    clips = [clip(str(number), study=str(number)) for number in range(6)]
    for word, split in (("test", "TEST"), ("Validation", "VAL"), ("TRAIN", "TRAIN")):
        text = f"patient,study,EF,Split\n4711,3,50,{word}\n"
        assert {one.split for one in join(clips, table(tmp_path, text), PSEUDONYMS).clips} == {split}


def test_two_splits_for_a_patient_are_refused_by_line_and_not_by_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Lines 2 and 4") as refused:
        table(tmp_path, "PatientID,Split\nSECRET,TRAIN\nother,TEST\nSECRET,TEST\n")
    assert "SECRET" not in str(refused.value)
    labels = table(tmp_path, "study,Split\n1.2.3,TRAIN\n1.2.9,TEST\n")
    with pytest.raises(UsageError, match=r"Lines 2 and 3 .* one patient different splits"):
        join([clip("one"), clip("two", study="1.2.9")], labels, PSEUDONYMS)


def test_clips_of_one_patient_in_two_splits_are_refused_by_line_where_rows_name_files(tmp_path: Path) -> None:
    """Also where one row names the patient, and another a file of the same."""
    clips = [clip("one", file="a/IM_1"), clip("two", file="a/IM_2")]
    by_file = table(tmp_path, "FileName,Split\na/IM_1,TRAIN\nb/IM_9,VAL\na/IM_2,TEST\n")
    with pytest.raises(UsageError, match=r"Lines 2 and 4 .* one patient different splits"):
        join(clips, by_file, PSEUDONYMS)
    by_both = table(tmp_path, "FileName,PatientID,Split\na/IM_1,,TRAIN\n,4711,TEST\n")
    with pytest.raises(UsageError, match=r"Lines 2 and 3 .* one patient different splits"):
        join(clips, by_both, PSEUDONYMS)


@pytest.mark.parametrize(
    "text",
    [
        "patient,EF\nSECRET,fifty\n",
        "patient,EF\nSECRET,0.0\n",
        "patient,EF\nSECRET,155\n",
        "patient,EDV,ESV\nSECRET,50,60\n",
        "patient,Split\nSECRET,some\n",
    ],
)
def test_values_that_no_heart_has_are_refused_by_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="Line 2") as refused:
        table(tmp_path, text)
    assert "SECRET" not in str(refused.value)


def test_what_is_no_table_of_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="name no clips"):
        table(tmp_path, "EF,EDV\n50,100\n")
    with pytest.raises(UsageError, match=r"nowhere.csv: it cannot be opened \(No such file or directory\)"):
        read_labels(tmp_path / "nowhere.csv", PSEUDONYMS)


def test_a_table_holds_no_name_once_it_is_read(tmp_path: Path) -> None:
    labels = table(tmp_path, "PatientID,StudyInstanceUID,file,EF,Split\nSECRET,SECRET2,SECRET3,50,TRAIN\n")
    assert "SECRET" not in repr(labels)


def test_missing_values_are_missing(tmp_path: Path) -> None:
    joined = join([clip("one")], table(tmp_path, "patient,EF,EDV,ESV,Split\n4711,NA,100,-,\n"), PSEUDONYMS)
    label = joined.clips[0].label
    assert (label.ef, label.edv_ml, label.esv_ml, label.split) == (None, 100, None, None)
    assert replace(label, patient="") == replace(label, patient="")
