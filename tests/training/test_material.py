"""Which studies are learned from, and which choose the weights."""

from __future__ import annotations

import re
from pathlib import Path

import nibabel
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from made_studies import EFS, write_discs  # noqa: E402  torch may be missing

from echobeat.__main__ import main  # noqa: E402  torch may be missing
from echobeat.datasets.splits import split_of_patient  # noqa: E402
from echobeat.errors import InvalidClip, UsageError  # noqa: E402
from echobeat.training.config import Task  # noqa: E402
from echobeat.training.material import Material, Source, gather  # noqa: E402
from echobeat.training.recipe_files import load_config  # noqa: E402
from echobeat.training.traced import TracedFrames  # noqa: E402

OTHER_EFS = tuple(ef + 1 for ef in EFS)


def material(data: Path, task: Task = "segmentation", **source) -> Material:
    return gather(task, load_config(task, "light", ["network.size=48"]), Source(data, **source))


def names(studies) -> set[str]:
    return {study.name for study in studies}


def write_camus_patient(folder: Path) -> None:
    folder.mkdir(parents=True)
    rows, columns = np.mgrid[0:48, 0:48]
    for instant, radius in (("ED", 15), ("ES", 10)):
        inside = ((rows - 24) ** 2 + (columns - 24) ** 2 < radius**2).astype(np.uint8)
        for suffix, pixels in (("", inside * 200), ("_gt", inside)):
            image = nibabel.Nifti1Image(pixels, np.diag([0.5, 0.5, 1.0, 1.0]))
            nibabel.save(image, folder / f"{folder.name}_4CH_{instant}{suffix}.nii.gz")


def test_calibration_patients_of_camus_are_not_learned_from(tmp_path: Path) -> None:
    """They are in no split: neither learned from nor chosen by, and the log says how many were left out."""
    for part, number in (("train", 1), ("valid", 2), ("calibration", 3), ("calibration", 4)):
        write_camus_patient(tmp_path / part / f"patient{number:04}")
    found = material(tmp_path)
    assert (names(found.train), names(found.val)) == ({"patient0001"}, {"patient0002"})
    assert "2 that are in no split" in found.left_out


def test_a_study_whose_split_is_not_said_is_left_out(tmp_path: Path) -> None:
    """Where others say theirs; the test split is not learned from either."""
    splits = ("TRAIN", "", "later", "TEST", "TRAIN", "TRAIN", "VAL", "VAL")
    found = material(write_discs(tmp_path / "data", splits=splits))
    assert names(found.train) == {"disc0", "disc4", "disc5"}
    assert names(found.val) == {"disc6", "disc7"}


def test_a_patient_who_is_judged_on_is_not_learned_from(tmp_path: Path) -> None:
    """Who has one study in training and another in validation or test is taken out of training, and it is said; where
    there is no validation split, nobody who is tested on is held out for it."""
    data = write_discs(tmp_path / "data", splits=("TRAIN",) * 4 + ("TEST", "TEST", "VAL", "VAL"))
    patients = ("a", "b", "c", "d", "a", "e", "b", "f")
    table = data / "FileList.csv"
    lines = table.read_text().splitlines()
    people = ("PatientID", *patients)
    table.write_text("\n".join(f"{line},{who}" for line, who in zip(lines, people, strict=True)) + "\n")
    found = material(data)
    assert names(found.train) == {"disc2", "disc3"}
    assert "2 whose patient is in another split, too" in found.left_out
    table.write_text(table.read_text().replace("VAL", "TRAIN"))
    found = material(data)
    assert "disc0" not in names((*found.train, *found.val))
    assert not {study.patient for study in found.train} & {study.patient for study in found.val}


def test_a_tracing_of_a_frame_that_is_not_there_leaves_its_study_out(tmp_path: Path) -> None:
    """With a cache it is left out, and said; without one it ends the training with the study's name."""
    data = write_discs(tmp_path / "data")
    table = data / "VolumeTracings.csv"
    table.write_text("".join(re.sub(r"(disc1.*),10\n", r"\1,9999\n", line) for line in table.open()))
    found = material(data, cache=tmp_path / "cache")
    assert "disc1" not in names(found.train)
    assert "1 with a tracing of a frame that the video does not have" in found.left_out
    direct = material(data)
    samples = TracedFrames(direct.train, direct.frames, seed=0)
    with pytest.raises(InvalidClip, match=r"disc1.*frame 9999"):
        samples[[study.name for study in direct.train].index("disc1")]


def test_rows_that_are_no_studies_are_told(tmp_path: Path) -> None:
    """A video that is missing."""
    data = write_discs(tmp_path / "data")
    (data / "Videos" / "disc2.avi").unlink()
    assert "Rows of the table that are left out: 1 whose video is missing" in material(data).left_out


def test_a_moved_outline_is_other_data(tmp_path: Path) -> None:
    """Of the same area in the same frame; the same outlines in another folder are the same data."""
    first, second = (write_discs(tmp_path / name) for name in ("first", "second"))
    assert material(first).identity == material(second).identity
    table = second / "VolumeTracings.csv"
    head, *rows = table.read_text().splitlines()
    cells = [row.split(",") for row in rows]
    moved = [",".join([c[0], *(f"{float(x) + 2:.3f}" for x in c[1:5]), c[5]]) for c in cells]
    table.write_text("\n".join([head, *moved]) + "\n")
    assert material(first).identity != material(second).identity


def test_splits_are_drawn_where_a_data_set_gives_none(tmp_path: Path) -> None:
    """By the patient's name alone, as for every other data set without splits."""
    found = material(write_discs(tmp_path / "data", splits=("",) * len(EFS)))
    drawn = {f"disc{index}": split_of_patient(f"disc{index}") for index in range(len(EFS))}
    learned = {name for name, split in drawn.items() if split == "train"}
    chosen_by = {name for name, split in drawn.items() if split == "val"}
    assert names(found.train) | names(found.val) == learned | chosen_by
    assert chosen_by <= names(found.val)


def test_no_training_split_is_refused(tmp_path: Path) -> None:
    """Rather than learn from what is there."""
    with pytest.raises(UsageError, match="says train"):
        material(write_discs(tmp_path / "data", splits=("TEST",) * 7 + ("VAL",)))


def test_another_data_set_chooses_by_its_validation_split(tmp_path: Path) -> None:
    """Or by all of it where it gives no splits; never by its test split. All training studies are then learned from."""
    data = write_discs(tmp_path / "data", splits=("TRAIN",) * 8)
    splits = ("VAL", "VAL", "VAL", "TEST", "TEST", "TRAIN", "TRAIN", "TRAIN")
    split = write_discs(tmp_path / "split", OTHER_EFS, splits)
    found = material(data, val_data=split)
    assert (len(found.train), names(found.val)) == (8, {"disc0", "disc1", "disc2"})
    bare = write_discs(tmp_path / "bare", OTHER_EFS, ("",) * 8)
    assert len(material(data, val_data=bare).val) == 8
    tested = write_discs(tmp_path / "tested", OTHER_EFS, ("TEST",) * 8)
    with pytest.raises(UsageError, match="says val"):
        material(data, val_data=tested)


def test_patients_who_are_learned_from_do_not_choose_in_another_data_set(tmp_path: Path) -> None:
    """A copy of a learned study is left out of --val-data, and said; one of the same name with another EF is not."""
    data = write_discs(tmp_path / "data", splits=("TRAIN",) * 8)
    partly = write_discs(tmp_path / "partly", (*EFS[:3], *OTHER_EFS[3:]), ("",) * 8)
    found = material(data, val_data=partly)
    assert names(found.val) == {"disc3", "disc4", "disc5", "disc6", "disc7"}
    assert f"3 of {partly} whose patient is learned from" in found.left_out
    bare = write_discs(tmp_path / "bare", splits=("",) * 8)
    with pytest.raises(UsageError, match=r"8 of .* whose patient is learned from"):
        material(data, val_data=bare)


def test_a_fold_is_tested_on_and_the_one_before_it_chooses(tmp_path: Path) -> None:
    """As EchoNet-Pediatric is cross-validated; a fold that is not there is refused."""
    data = write_discs(tmp_path / "data", splits=tuple("01234567"))
    found = material(data, fold=3)
    assert (names(found.val), "disc3" in names(found.train), len(found.train)) == ({"disc2"}, False, 6)
    with pytest.raises(UsageError, match="No study is in fold 12"):
        material(data, fold=12)
    with pytest.raises(UsageError, match="gives no folds"):
        material(write_discs(tmp_path / "other"), fold=1)


def test_an_ef_that_no_heart_has_is_not_learned_from(tmp_path: Path) -> None:
    """A slip by a digit and a fraction: both are left out, and it is said."""
    data = write_discs(tmp_path / "data", efs=(62.0, 55.0, 65.5, 28.0, 60.0, 47.0))
    table = data / "FileList.csv"
    table.write_text(table.read_text().replace("disc1,55.0", "disc1,0.55").replace("disc2,65.5", "disc2,655"))
    found = material(data, "ef")
    assert names(found.train) == {"disc0", "disc3"}
    assert any(line.startswith("2 without an EF between 1 and 100 %") for line in found.left_out)


def test_an_ef_network_learns_from_videos_only(tmp_path: Path) -> None:
    """CAMUS without its half sequences is pairs of images: refused, with the reason."""
    for part, number in (("train", 1), ("valid", 2)):
        write_camus_patient(tmp_path / part / f"patient{number:04}")
    (tmp_path / "patients.csv").write_text("Patient,EF\npatient0001,50\npatient0002,60\n")
    with pytest.raises(UsageError, match="0 studies that are videos"):
        material(tmp_path, task="ef")


@pytest.mark.parametrize("command", ["segmentation", "ef", "ablate"])
def test_the_view_to_learn_from_is_chosen_on_the_command_line(tmp_path: Path, monkeypatch, command: str) -> None:
    """`--view` reaches the data set: what is learned from is then of that view."""
    sources: list[Source] = []
    monkeypatch.setattr("echobeat.training.run.train", lambda _, source, *__: sources.append(source) or tmp_path)
    monkeypatch.setattr("echobeat.training.ablation.ablate", lambda _, source, *__: sources.append(source) or [])
    monkeypatch.setattr("echobeat.training.ablation.markdown", lambda _: "")
    words = ["ablate", "low-ef"] if command == "ablate" else ["train", command]
    with pytest.raises(SystemExit) as ended:
        main([*words, "--data", str(tmp_path), "--out", str(tmp_path / "out"), "--view", "PSAX"])
    assert (ended.value.code, [source.view for source in sources]) == (0, ["PSAX"])
