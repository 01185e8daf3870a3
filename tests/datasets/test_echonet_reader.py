"""EchoNet-Dynamic, EchoNet-Pediatric and phantoms are read as they are spelt, with labels beside their own video."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_data import CHORDS, POINTS, chords, good_echonet, row, write_clip, write_echonet

from echobeat.datasets import open_dataset
from echobeat.datasets.tracings import read_tracings
from echobeat.phantom.outlines import chords as phantom_chords
from echobeat.phantom.outlines import polygon_mask


def codes(dataset) -> list[str]:
    return sorted(problem.code for problem in dataset.problems)


def test_names_with_and_without_suffix_keep_their_labels(tmp_path: Path) -> None:
    """A row's labels belong to the video it names, in whatever order, with and without a suffix."""
    rows = [row("0XB.avi", ef=30, esv=70), row("0XA", ef=60), row("0XC", ef=45, esv=55)]
    traced = [*chords("0XA.avi", 1, 6), *chords("0XB", 2, 9)]
    data = open_dataset(write_echonet(tmp_path / "e", rows, traced, videos=["0XA", "0XB", "0XC"]))
    assert data.kind == "echonet-dynamic"
    found = {study.name: (study.ef, study.files[0].name, [t.frame for t in study.tracings]) for study in data.studies}
    assert found == {"0XB": (30, "0XB.avi", [2]), "0XA": (60, "0XA.avi", [1]), "0XC": (45, "0XC.avi", [])}
    assert not data.problems


@pytest.mark.parametrize(
    ("text", "split"), [("TRAIN", "train"), ("val", "val"), ("Test", "test"), ("VALIDATION", "val")]
)
def test_any_case_of_the_split_is_read(tmp_path: Path, text: str, split: str) -> None:
    data = open_dataset(write_echonet(tmp_path / "e", [row("a", split=text)]))
    assert [study.split for study in data.studies] == [split]
    assert data.split(split) == data.studies


def test_a_row_without_a_video_is_a_problem_and_no_study(tmp_path: Path) -> None:
    """A stray entry is told apart from a video that is missing; the rest is read."""
    rows = [row("a"), row("gone"), row("notes.txt"), row(".DS_Store")]
    data = open_dataset(write_echonet(tmp_path / "e", rows, videos=["a", "unlisted"]))
    assert [study.name for study in data.studies] == ["a"]
    assert codes(data) == ["row-not-a-video", "row-not-a-video", "video-missing", "video-not-listed"]


def test_other_case_is_found_and_said(tmp_path: Path) -> None:
    data = open_dataset(write_echonet(tmp_path / "e", [row("0Xab.AVI")], videos=["0XAB.avi"]))
    assert data.studies[0].files[0].name == "0XAB.avi"
    assert codes(data) == ["name-differs"]


def test_a_name_with_two_rows_counts_once(tmp_path: Path) -> None:
    data = open_dataset(write_echonet(tmp_path / "e", [row("a", ef=50), row("a.avi", ef=20)], videos=["a"]))
    assert [study.ef for study in data.studies] == [50]
    assert codes(data) == ["name-duplicate"]


def test_end_diastole_is_the_larger_area_whatever_the_order_of_rows(tmp_path: Path) -> None:
    traced = [*chords("a", 3, 9), *chords("a", 8, 4), *chords("b", 3, 4), *chords("b", 8, 9)]
    a, b = open_dataset(write_echonet(tmp_path / "e", [row("a"), row("b")], traced)).studies
    assert (a.ed.frame, a.es.frame, b.ed.frame, b.es.frame) == (3, 8, 8, 3)


def test_a_polygon_is_side_one_then_side_two_backwards_without_the_long_axis(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    lines = ["a,0,0,0,9,4", "a,1,1,5,1,4", "a,2,3,6,3,4", "a,3,7,4,7,4"]
    path.write_text("FileName,X1,Y1,X2,Y2,Frame\n" + "\n".join(lines))
    (tracing,) = read_tracings(path)[0]["a"]
    assert tracing.polygon_px.tolist() == [[1, 1], [2, 3], [3, 7], [4, 7], [6, 3], [5, 1]]
    assert tracing.area_px == pytest.approx(8 + 10)  # two trapezoids


@given(st.integers(0, 2**32 - 1))
def test_rows_may_stand_anywhere_in_the_table(seed: int) -> None:
    """Studies and frames may be mixed: what counts is the order of one frame's rows."""
    import tempfile

    rng = np.random.default_rng(seed)
    stacks = [chords(name, frame, half) for name, frame, half in (("a", 1, 4), ("a", 5, 7), ("b", 1, 6))]
    turns = rng.permutation([index for index, stack in enumerate(stacks) for _ in stack])
    iterators = [iter(stack) for stack in stacks]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_text("FileName,X1,Y1,X2,Y2,Frame\n" + "\n".join(next(iterators[turn]) for turn in turns))
        found, problems = read_tracings(path)
    assert not problems
    assert {(name, t.frame): t.area_px for name, ts in found.items() for t in ts} == {
        ("a", 1): pytest.approx(8 * 20),
        ("a", 5): pytest.approx(14 * 20),
        ("b", 1): pytest.approx(12 * 20),
    }


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        (CHORDS, [*chords("a", 2, 9), *chords("a", 7, 6)]),
        (POINTS, [f"a,{x},{y},2" for x, y in ((10, 10), (30, 10), (30, 20), (10, 20), (10, 10))]),
    ],
)
def test_a_tracing_that_stands_twice_is_read_once(tmp_path: Path, header: str, rows: list[str]) -> None:
    """Tables that were joined: one behind the other, or sorted."""
    path = tmp_path / "t.csv"
    outlines = []
    for lines in (rows, rows + rows, [line for line in rows for _ in range(2)]):
        path.write_text("\n".join([header, *lines]))
        outlines.append([(t.frame, t.polygon_px.tolist(), t.area_px) for t in read_tracings(path)[0]["a"]])
    assert outlines[1] == outlines[2] == outlines[0]


def test_chords_of_a_known_outline_give_its_mask(tmp_path: Path) -> None:
    """What `phantom` writes as chords is read back as nearly the same ventricle."""
    angle = np.linspace(np.pi / 2 + 0.4, 5 * np.pi / 2 - 0.4, 200)
    outline = np.stack([56 + 20 * np.cos(angle), 50 + 32 * np.sin(angle)], axis=1)
    path = tmp_path / "t.csv"
    lines = [",".join(["a", *(f"{v:.6f}" for v in line), "3"]) for line in phantom_chords(outline)]
    path.write_text("FileName,X1,Y1,X2,Y2,Frame\n" + "\n".join(lines))
    (tracing,) = read_tracings(path)[0]["a"]
    ours, truth = (polygon_mask(points, 112, 112) for points in (tracing.polygon_px, outline))
    assert 2 * (ours & truth).sum() / (ours.sum() + truth.sum()) > 0.97


def test_unreadable_rows_take_only_themselves(tmp_path: Path) -> None:
    traced = [*chords("a", 3, 9), *chords("a", 8, 4), "b,1,2,3", "b,x,y,z,w,2", "b,1,2,3,4,No Systolic"]
    data = open_dataset(write_echonet(tmp_path / "e", [row("a"), row("b")], traced))
    assert [t.frame for t in data.studies[0].tracings] == [3, 8]
    assert data.studies[1].tracings == ()
    assert codes(data) == ["tracing-unreadable"]
    assert data.problems[0].study == "b"


def test_a_tracing_of_no_study_or_no_area_is_said(tmp_path: Path) -> None:
    data = open_dataset(write_echonet(tmp_path / "e", [row("a")], [*chords("a", 3, 0), *chords("x", 3, 5)]))
    assert codes(data) == ["tracing-degenerate", "tracing-without-study"]


def test_without_tracings_the_studies_are_read_all_the_same(tmp_path: Path) -> None:
    data = open_dataset(write_echonet(tmp_path / "e", [row("a")], None))
    assert codes(data) == ["table-missing"]
    assert (data.studies[0].ed, data.studies[0].es) == (None, None)


def test_what_is_no_number_is_missing_and_said(tmp_path: Path) -> None:
    data = open_dataset(write_echonet(tmp_path / "e", [row("a", ef="high", edv=""), row("b", ef="NaN")]))
    assert [(s.ef, s.edv_ml, s.esv_ml) for s in data.studies] == [(None, None, 40), (None, 100, 40)]
    assert codes(data) == ["label-unreadable"]


def test_pediatric_views_folds_and_polygons(tmp_path: Path) -> None:
    """Each view is a data set of its own; folds become splits; points with a repeated end are one polygon."""
    square = [(10, 10), (30, 10), (30, 20), (10, 20), (10, 10)]
    for view, ef in (("A4C", 60), ("PSAX", 40)):
        folder = tmp_path / "p" / view
        for index, name in enumerate(("a", "b", "c")):
            write_clip(folder / "Videos" / f"{name}.avi", seed=index)
        lines = [f"{name}.avi,{ef},F,3,12,90,{fold}" for name, fold in (("a", 0), ("b", 8), ("c", 9))]
        (folder / "FileList.csv").write_text("FileName,EF,Sex,Age,Weight,Height,Split\n" + "\n".join(lines))
        points = [f"a.avi,{x},{y},2" for x, y in square] + ["a.avi,1,2,No Systolic"]
        (folder / "VolumeTracings.csv").write_text(f"{POINTS}\n" + "\n".join(points))
    data = open_dataset(tmp_path / "p", view="PSAX")
    assert data.kind == "echonet-pediatric"
    assert [(s.fold, s.split, s.view, s.ef) for s in data.studies] == [
        (0, "train", "PSAX", 40),
        (8, "val", "PSAX", 40),
        (9, "test", "PSAX", 40),
    ]
    assert data.studies[0].notes == {"sex": "F", "age": "3", "weight": "12", "height": "90"}
    assert data.studies[0].tracings[0].area_px == pytest.approx(200)
    assert len(data.studies[0].tracings[0].polygon_px) == 4
    assert [s.ef for s in open_dataset(tmp_path / "p").studies] == [60, 60, 60]
    assert open_dataset(tmp_path / "p" / "A4C").kind == "echonet-pediatric"


def test_phantoms_bring_rhythm_and_spacing(tmp_path: Path) -> None:
    folder = good_echonet(tmp_path / "e")
    (folder / "Truth").mkdir()
    (folder / "Truth" / "0X0000.json").write_text(json.dumps({"rhythm": "af", "spacing_mm": [1.5, 1.25]}))
    data = open_dataset(folder)
    assert data.kind == "phantom"
    assert (data.studies[0].notes["rhythm"], data.studies[0].spacing_mm) == ("af", (1.5, 1.25))
    assert data.studies[1].notes == {}


def test_names_in_the_folder_may_have_any_case(tmp_path: Path) -> None:
    folder = good_echonet(tmp_path / "e")
    for old, new in (
        ("FileList.csv", "filelist.CSV"),
        ("VolumeTracings.csv", "VOLUMETRACINGS.csv"),
        ("Videos", "videos"),
    ):
        (folder / old).rename(folder / new)
    data = open_dataset(folder)
    assert len(data.studies) == 3
    assert all(study.ed for study in data.studies)


def test_a_folder_around_the_data_set_is_looked_into(tmp_path: Path) -> None:
    good_echonet(tmp_path / "download" / "EchoNet-Dynamic")
    assert len(open_dataset(tmp_path / "download").studies) == 3


def test_declared_is_what_the_table_says(tmp_path: Path) -> None:
    data = open_dataset(write_echonet(tmp_path / "e", [row("a", frames=176, height=112, width=100)]))
    assert (data.studies[0].declared, data.studies[0].fps) == ((176, 112, 100), 50)
