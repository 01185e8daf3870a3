"""An evaluation that was stopped goes on: whole studies are kept, torn ones are not, and what changed is done again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from echobeat.datasets import LabelledStudy, Tracing
from echobeat.errors import InvalidClip, OutputError, UnreadableFile, UsageError
from echobeat.evaluation.ledger import Identity, Ledger, Seen, attempt, read_predictions
from echobeat.evaluation.predictions import ClipReading, Reading

IDENTITY = Identity("ef", {"ef": {"name": "r2plus1d", "sha256": "ab"}}, "phantom", "test", {"stride": 1, "of": ("a",)})
STUDIES = [LabelledStudy(name, (), name, "test", ef=50.0) for name in ("c", "a", "b")]


def predict(study: LabelledStudy) -> Seen:
    if study.name == "b":
        raise InvalidClip("b.avi", "it is broken", "Restore it")
    return Seen((Reading(study.name, "one clip", 51.0), ClipReading(study.name, 0, 51.0)), 80, 50.0)


def evaluate(
    folder: Path, studies: list[LabelledStudy], identity: Identity = IDENTITY, fresh: bool = False
) -> list[str]:
    """Names of the studies that had to be predicted."""
    with Ledger(folder, identity, studies, fresh=fresh) as ledger:
        waiting = ledger.waiting
        for study in reversed(waiting):
            ledger.add(attempt(study, predict))
    return [study.name for study in waiting]


def test_predictions_come_back_in_the_order_of_the_data_set(tmp_path: Path) -> None:
    """Whatever the order in which they were made; a study that failed has its reason and no rows."""
    evaluate(tmp_path, STUDIES)
    found = read_predictions(tmp_path)
    assert [study.study for study in found.studies] == ["c", "a", "b"]
    assert [row.study for row in found.readings] == ["c", "a"]
    assert [(study.study, study.problem) for study in found.failed] == [("b", "b.avi: it is broken. Restore it.")]
    assert found.whole[0].frames == 80
    assert found.identity.models["ef"]["name"] == "r2plus1d"


def test_only_what_is_missing_is_predicted_again(tmp_path: Path) -> None:
    """The failed study is tried again, the others are kept."""
    assert evaluate(tmp_path, STUDIES) == ["c", "a", "b"]
    assert evaluate(tmp_path, STUDIES) == ["b"]


def test_a_study_whose_label_or_file_changed_is_predicted_again(tmp_path: Path) -> None:
    """Its old rows are gone; those of a study that left the data set, too."""
    video = tmp_path / "video.avi"
    video.write_bytes(b"1")
    studies = [*STUDIES[:2], LabelledStudy("d", (video,), "d", "test")]
    out = tmp_path / "out"
    evaluate(out, studies)
    video.write_bytes(b"22")
    relabelled = replace(studies[0], ef=51.0)
    assert evaluate(out, [relabelled, studies[2]]) == ["c", "d"]
    assert [row.study for row in read_predictions(out).readings] == ["c", "d"]


def test_a_study_whose_outline_was_drawn_anew_is_predicted_again(tmp_path: Path) -> None:
    """Also where the new one has the area of the old: a polygon that moved, an image of labels that was replaced."""
    labels, out = tmp_path / "labels.png", tmp_path / "out"
    labels.write_bytes(b"1")
    square = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]])
    drawn, painted = Tracing(3, square, None, 16.0), Tracing(3, None, labels, 16.0)
    first, second = (replace(s, tracings=(t,)) for s, t in zip(STUDIES[:2], (drawn, painted), strict=True))
    evaluate(out, [first, second])
    assert evaluate(out, [first, second]) == []
    labels.write_bytes(b"22")
    moved = replace(first, tracings=(replace(drawn, polygon_px=square + 2.0),))
    assert evaluate(out, [moved, second]) == ["c", "a"]


def test_what_a_killed_run_left_of_a_study_is_cleared(tmp_path: Path) -> None:
    """Rows without their study's line, and a torn line, do not count twice."""
    evaluate(tmp_path, STUDIES[:2])
    with (tmp_path / "readings.csv").open("a") as file:
        file.write("b,one clip,49.0,,,,,\nb,all cl")
    with (tmp_path / "studies.csv").open("a") as file:
        file.write("b,b,12")
    assert evaluate(tmp_path, [*STUDIES[:2], replace(STUDIES[2], name="e")]) == ["e"]
    assert [row.study for row in read_predictions(tmp_path).readings] == ["c", "a", "e"]


def test_predictions_of_another_model_are_not_mixed_nor_lost(tmp_path: Path) -> None:
    """Another model is refused and says how to go on; --fresh begins anew."""
    evaluate(tmp_path, STUDIES)
    other = replace(IDENTITY, models={"ef": {"name": "r2plus1d", "sha256": "cd"}})
    with pytest.raises(UsageError, match="--fresh"):
        evaluate(tmp_path, STUDIES, other)
    assert len(read_predictions(tmp_path).readings) == 2
    assert evaluate(tmp_path, STUDIES, other, fresh=True) == ["c", "a", "b"]


def test_predictions_of_another_data_set_are_not_lost(tmp_path: Path) -> None:
    """Where none of the folder's studies is wanted now, it is another data set, and --fresh is asked for."""
    evaluate(tmp_path, STUDIES)
    others = [replace(study, name=f"other-{study.name}") for study in STUDIES]
    with pytest.raises(UsageError, match="other studies"):
        evaluate(tmp_path, others)
    assert len(read_predictions(tmp_path).readings) == 2
    assert len(evaluate(tmp_path, others, fresh=True)) == 3


def test_a_damaged_folder_is_begun_anew_where_that_is_asked_for(tmp_path: Path) -> None:
    """As the message says."""
    evaluate(tmp_path, STUDIES)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(UnreadableFile, match="--fresh"):
        evaluate(tmp_path, STUDIES)
    assert len(evaluate(tmp_path, STUDIES, fresh=True)) == 3


def test_what_differs_is_told_in_words(tmp_path: Path) -> None:
    """Task, model, file of a model of the same name, split and options, each as the user names it; no Python."""
    evaluate(tmp_path, STUDIES)
    ef = IDENTITY.models["ef"]
    for other, told in (
        (replace(IDENTITY, task="beats", options={}), "another evaluation: of `evaluate ef`, not beats. Choose"),
        (replace(IDENTITY, split="val"), "another evaluation: split test, not val. Choose"),
        (replace(IDENTITY, models={"ef": {**ef, "name": "r3d"}}), "ef model r2plus1d, not r3d. Choose"),
        (replace(IDENTITY, models={"ef": {**ef, "sha256": "cd"}}), "r2plus1d with the file ab, not r2plus1d with the"),
        (replace(IDENTITY, models={}), "ef model r2plus1d, not none. Choose"),
        (replace(IDENTITY, options={"stride": 2, "of": ("a", "b")}), "stride 1, not 2; of a, not a, b. Choose"),
    ):
        with pytest.raises(UsageError) as refused:
            evaluate(tmp_path, STUDIES, other)
        assert told in str(refused.value)
        assert "{" not in str(refused.value)


def test_a_folder_without_a_single_study_does_not_refuse_another_evaluation(tmp_path: Path) -> None:
    """What was stopped before its first study has nothing to lose."""
    with Ledger(tmp_path, IDENTITY, STUDIES):
        pass
    other = replace(IDENTITY, task="beats")
    assert evaluate(tmp_path, STUDIES, other) == ["c", "a", "b"]
    assert read_predictions(tmp_path).identity.task == "beats"


def test_two_runs_do_not_write_into_one_folder(tmp_path: Path) -> None:
    """The second is refused at once."""
    with (
        Ledger(tmp_path, IDENTITY, STUDIES),
        pytest.raises(OutputError, match="Another run"),
        Ledger(tmp_path, IDENTITY, STUDIES),
    ):
        pass


def test_a_fault_that_nobody_thought_of_costs_one_study() -> None:
    """Any exception becomes the study's problem, on one line."""

    def fail(_: LabelledStudy) -> Seen:
        raise ZeroDivisionError("by\nzero")

    assert attempt(STUDIES[0], fail).study.problem == "echobeat failed on it (ZeroDivisionError: by zero)"


def test_a_folder_without_an_evaluation_says_so(tmp_path: Path) -> None:
    """And a damaged run.json is named."""
    with pytest.raises(UnreadableFile, match="no evaluation"):
        read_predictions(tmp_path)
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(UnreadableFile, match=r"run\.json"):
        read_predictions(tmp_path)
