"""CAMUS, plain folders and splits: one shape for all, and a refusal that helps where a folder is none of them."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from made_data import disk, good_echonet, row, write_camus, write_clip, write_echonet

from echobeat.datasets import LabelledDataset, LabelledStudy, open_dataset
from echobeat.datasets.decoding import decode
from echobeat.datasets.direct_frames import DirectFrames
from echobeat.datasets.splits import split_of_patient, with_folds
from echobeat.errors import InvalidClip, UnreadableFile, UnsupportedFile, UsageError


def test_camus_in_split_folders(tmp_path: Path) -> None:
    """ED and ES are two frames of a study with their masks; calibration patients are in no split."""
    for part, name in (("train", "patient0001"), ("valid", "patient0002"), ("calibration", "patient0003")):
        write_camus(tmp_path / part, name)
    table = "Patient,ED,ES,NbFrame,Sex,Age,ImageQuality,EF,FrameRate,Split"
    (tmp_path / "patients.csv").write_text(f"{table}\npatient0001,1,18,18,F,56,Good,54,48.4,train\n")
    data = open_dataset(tmp_path)
    assert (data.kind, data.problems) == ("camus", ())
    assert {s.name: s.split for s in data.studies} == {
        "patient0001": "train",
        "patient0002": "val",
        "patient0003": None,
    }
    study = data.split("train")[0]
    assert (study.ef, study.fps, study.spacing_mm) == (54, 48.4, (0.5, 0.5))
    assert study.notes == {"sex": "F", "age": "56", "quality": "Good"}
    assert (study.ed.frame, study.es.frame) == (0, 1)
    assert study.ed.area_px == (disk(12) == 1).sum()
    frames = DirectFrames(None)
    assert frames.count(study) == 2
    assert np.array_equal(frames.mask(study, study.ed), disk(12) == 1)


def test_camus_as_published_with_half_sequences(tmp_path: Path) -> None:
    """The tracings lie in the sequence's frames, which the text file counts from 1; lists give the splits."""
    home = write_camus(tmp_path / "database_nifti", "patient0001", sequence=9)
    (home / "Info_4CH.cfg").write_text("ED: 9\nES: 2\nNbFrame: 9\nEF: 47.5\nFrameRate: 50\nImageQuality: Poor\n")
    write_camus(tmp_path / "database_nifti", "patient0002")
    (tmp_path / "database_split").mkdir()
    (tmp_path / "database_split" / "subgroup_training.txt").write_text("patient0001\n")
    (tmp_path / "database_split" / "subgroup_testing.txt").write_text("patient0002\n")
    one, two = open_dataset(tmp_path).studies
    assert (one.split, two.split) == ("train", "test")
    assert (one.ed.frame, one.es.frame, one.ef) == (8, 1, 47.5)
    assert DirectFrames(None).count(one) == 9
    assert DirectFrames(None).fps(one) == 50
    assert two.files[0].name.endswith("_ED.nii.gz")


def test_camus_without_lists_draws_splits_by_patient_and_says_so(tmp_path: Path) -> None:
    for number in range(1, 4):
        write_camus(tmp_path, f"patient{number:04}")
    data = open_dataset(tmp_path)
    assert [s.split for s in data.studies] == [split_of_patient(f"patient{n:04}") for n in (1, 2, 3)]
    assert [problem.code for problem in data.problems] == ["split-made"]


def test_a_patient_of_camus_with_a_lost_file_is_kept_as_far_as_it_goes(tmp_path: Path) -> None:
    home = write_camus(tmp_path / "train", "patient0001")
    (home / "patient0001_4CH_ES.nii.gz").unlink()
    (home / "patient0001_4CH_ED_gt.nii.gz").write_bytes(b"\x1f\x8bnothing")
    data = open_dataset(tmp_path)
    assert sorted(problem.code for problem in data.problems) == ["mask-unreadable", "video-missing"]
    assert len(data.studies[0].files) == 1
    assert data.studies[0].tracings == ()


def test_camus_has_a_second_view_and_no_third(tmp_path: Path) -> None:
    write_camus(tmp_path / "train", "patient0001", view="2CH")
    assert [study.view for study in open_dataset(tmp_path, "A2C").studies] == ["A2C"]
    with pytest.raises(UnsupportedFile, match="Choose A4C or A2C"):
        open_dataset(tmp_path, "PSAX")


def test_a_plain_folder_with_its_own_columns(tmp_path: Path) -> None:
    """Any case of the header, a semicolon, a decimal comma, folders in names, a second view, own tracings."""
    write_clip(tmp_path / "site1" / "a.avi", 1)
    write_clip(tmp_path / "site2" / "a.avi", 2)
    write_clip(tmp_path / "Videos" / "b.avi", 3)
    lines = [
        "File;Patient;Split;EF;EDV_ml;ESV_ml;FPS;Rhythm;View",
        "site1/a.avi;P1;train;55,5;100;44,5;50;af;A4C",
        "site2\\a;P2;val;;;;;;",
        "b.avi;P3;test;30;;;;;",
        "site1/a.avi;P1;train;;;;;;A2C",
    ]
    (tmp_path / "my studies.csv").write_text("\n".join(lines), encoding="utf-8-sig")
    (tmp_path / "tracings.csv").write_text("File,x,y,frame\nsite2/a,5,5,3\nsite2/a,15,5,3\nsite2/a,15,9,3\n")
    data = open_dataset(tmp_path)
    assert (data.kind, data.problems) == ("folder", ())
    assert [(s.name, s.patient, s.split, s.ef) for s in data.studies] == [
        ("site1/a", "P1", "train", 55.5),
        ("site2/a", "P2", "val", None),
        ("b", "P3", "test", 30),
    ]
    assert (data.studies[0].esv_ml, data.studies[0].notes) == (44.5, {"rhythm": "af"})
    assert data.studies[1].tracings[0].area_px == pytest.approx(20)
    assert data.studies[0].tracings == ()
    assert data.studies[2].files[0] == tmp_path / "Videos" / "b.avi"


def test_a_plain_folder_with_echonets_columns_and_no_splits(tmp_path: Path) -> None:
    """The videos lie beside the table; splits are drawn so that a patient is in one only."""
    lines = ["FileName,EF,ESV,EDV,PatientID"]
    for number in range(6):
        write_clip(tmp_path / f"v{number}.avi", number)
        lines.append(f"v{number},60,40,100,P{number // 2}")
    (tmp_path / "FileList.csv").write_text("\n".join(lines))
    data = open_dataset(tmp_path)
    assert data.kind == "folder"
    assert [problem.code for problem in data.problems] == ["split-made"]
    assert [s.split for s in data.studies] == [split_of_patient(s.patient) for s in data.studies]
    assert [s.patient for s in data.studies] == ["P0", "P0", "P1", "P1", "P2", "P2"]
    assert data.studies[0].edv_ml == 100


def test_a_plain_folder_says_what_of_it_is_not_used(tmp_path: Path) -> None:
    """Tracings go by the study's name or by its file's path; what a row of another view names is not unused."""
    names = ("Videos/a", "Videos/b", "Videos/extra", "site1/c", "site1/extra", "d")
    for seed, name in enumerate(names):
        write_clip(tmp_path / f"{name}.avi", seed)
    lines = ["file,split,ef,view", "a.avi,train,60,", "b.avi,test,60,A2C", "site1/c,val,60,", "d.avi,test,60,A4C"]
    (tmp_path / "studies.csv").write_text("\n".join(lines))
    traced = [f"{name},{x},{y},3" for name in ("Videos/a.avi", "b", "d", "e") for x, y in ((5, 5), (15, 5), (15, 9))]
    (tmp_path / "tracings.csv").write_text("\n".join(["file,x,y,frame", *traced]))
    data = open_dataset(tmp_path)
    assert {study.name: len(study.tracings) for study in data.studies} == {"a": 1, "site1/c": 0, "d": 1}
    assert [(problem.code, problem.study, problem.file) for problem in data.problems] == [
        ("video-not-listed", "extra", "Videos/extra.avi"),
        ("video-not-listed", "extra", "site1/extra.avi"),
        ("tracing-without-study", "e", "tracings.csv"),
    ]


def test_drawn_splits_are_near_their_shares() -> None:
    drawn = [split_of_patient(f"patient {number}") for number in range(2000)]
    shares = [drawn.count(name) / 2000 for name in ("train", "val", "test")]
    assert shares == pytest.approx([0.75, 0.12, 0.13], abs=0.03)


def test_every_fold_can_be_tested_on() -> None:
    """Over ten turns each study is tested on once and chosen by once."""
    studies = tuple(LabelledStudy(str(fold), (), str(fold), "train", fold) for fold in range(10))
    turns = [with_folds(LabelledDataset("echonet-pediatric", Path(), studies), test=fold) for fold in range(10)]
    for name in ("test", "val"):
        assert sorted(study.name for turn in turns for study in turn.split(name)) == [str(fold) for fold in range(10)]
    assert all(len(turn.split("train")) == 8 for turn in turns)


@pytest.mark.parametrize(
    ("folds", "test", "val"), [((1, 2, 3, 10), 1, 10), ((1, 2, 3, 10), 10, 3), ((0, 1, 2, 3, 4), 0, 4)]
)
def test_the_fold_before_chooses_whatever_the_folds_are_called(folds: tuple[int, ...], test: int, val: int) -> None:
    """Among the folds that studies are in; the last is before the first."""
    studies = tuple(LabelledStudy(str(fold), (), str(fold), "train", fold) for fold in folds)
    turn = with_folds(LabelledDataset("folder", Path(), studies), test=test)
    assert [study.fold for study in turn.split("val")] == [val]


@pytest.mark.parametrize(
    ("make", "view", "error", "told"),
    [
        (lambda folder: folder / "gone", "A4C", UnreadableFile, "no such folder"),
        (lambda folder: folder, "A4C", UnsupportedFile, "none of the data sets"),
        (good_echonet, "A5C", UsageError, "Choose one of"),
        (good_echonet, "PSAX", UnsupportedFile, "its view is A4C"),
    ],
)
def test_what_cannot_be_opened_is_refused_with_a_reason(tmp_path: Path, make, view, error, told) -> None:
    with pytest.raises(error, match=told):
        open_dataset(make(tmp_path), view)


@pytest.mark.parametrize("contents", [b"", b"\n", b"\x00\x01\x02"])
def test_a_damaged_table_is_an_error_that_names_it(tmp_path: Path, contents: bytes) -> None:
    folder = write_echonet(tmp_path / "e", [row("a")])
    (folder / "FileList.csv").write_bytes(contents)
    with pytest.raises(UnreadableFile, match=r"FileList\.csv"):
        open_dataset(folder)


def test_the_readers_need_no_torch() -> None:
    """Whoever checks a data set or fills a cache need not have installed the training's packages."""
    import subprocess
    import sys

    program = (
        "import sys, pkgutil, importlib, echobeat.datasets as room\n"
        "sys.modules.update(dict.fromkeys(['torch', 'torchvision', 'lightning', 'monai', 'onnx', 'sklearn']))\n"
        "for found in pkgutil.iter_modules(room.__path__, room.__name__ + '.'): importlib.import_module(found.name)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_table_s_rate_that_cannot_be_is_as_good_as_none(tmp_path: Path) -> None:
    """One study of an evaluation fails for it, not the call."""
    nibabel.Nifti1Image(np.zeros((32, 32, 4), np.uint8), np.eye(4)).to_filename(tmp_path / "cine.nii")
    for fps in (None, 1e9):
        with pytest.raises(InvalidClip, match="frame rate"):
            decode(LabelledStudy("cine", (tmp_path / "cine.nii",), "cine", None, fps=fps))
    assert len(decode(LabelledStudy("cine", (tmp_path / "cine.nii",), "cine", None, fps=50)).frames) == 4
