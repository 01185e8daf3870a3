"""result.json, frames.csv, beats.csv and lv_masks.npz say what the records say."""

from __future__ import annotations

import csv
import dataclasses
import json
import tracemalloc
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from made import made_assessment
from pydantic import ValidationError

from echobeat.errors import UnreadableFile
from echobeat.frames import FrameStack
from echobeat.records import Assessment, Quality
from echobeat.report.files import Parts, write_beats_csv, write_frames_csv, write_masks, write_result
from echobeat.report.schema import fields_table, read_result, result_json, result_schema

TABLES_ONLY = Parts(video=False, page=False, plot=False, masks=False)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("refused", [False, True])
def test_result_json_fits_the_published_schema_and_reads_back_unchanged(tmp_path: Path, refused: bool) -> None:
    made = made_assessment(refused=refused)
    path = tmp_path / "result.json"
    path.write_text(result_json(made.result), encoding="utf-8")
    jsonschema.validate(json.loads(path.read_text()), result_schema())
    assert read_result(path) == made.result


def test_every_field_of_result_json_has_a_meaning_in_the_reference() -> None:
    rows = [line.strip("|").split(" | ") for line in fields_table().splitlines()[2:]]
    assert [name for name, _, meaning in rows if not meaning.strip()] == []


def test_a_result_of_an_earlier_version_is_read(tmp_path: Path, assessment: Assessment) -> None:
    """What came with schema 1.3 is not known there: `--resume` keeps such results."""
    old = json.loads(result_json(assessment.result)) | {"schema_version": "1.2"}
    for field in ("ef_spread", "index_beat"):
        del old[field]
    path = tmp_path / "result.json"
    path.write_text(json.dumps(old), encoding="utf-8")
    assert read_result(path) == dataclasses.replace(assessment.result, schema_version="1.2")


def test_result_json_keeps_every_digit_of_the_ef(assessment: Assessment) -> None:
    written = json.loads(result_json(assessment.result))
    assert written["ef"]["value"] == assessment.ef.value
    assert written["beats"][0]["ef"] == assessment.beats[0].ef


def test_a_number_that_is_not_known_is_null_and_a_missing_score_never_reaches_a_file(assessment: Assessment) -> None:
    unknown = dataclasses.replace(assessment.beats[0], heart_rate_bpm=float("nan"))
    written = result_json(dataclasses.replace(assessment.result, beats=(unknown,)))
    assert "NaN" not in written
    assert json.loads(written)["beats"][0]["heart_rate_bpm"] is None
    with pytest.raises(ValidationError):
        result_json(dataclasses.replace(assessment.result, quality=Quality(float("nan"), True, ())))


@given(st.text() | st.binary().map(lambda name: name.decode("utf-8", "surrogateescape")))
def test_any_file_name_can_stand_in_result_json(name: str) -> None:
    result = dataclasses.replace(made_assessment(frames=2).result, source=name)
    assert isinstance(json.loads(result_json(result).encode("utf-8"))["source"], str)


def test_a_damaged_result_json_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text("{}")
    with pytest.raises(UnreadableFile, match=r"result\.json"):
        read_result(path)
    with pytest.raises(UnreadableFile, match="No such file"):
        read_result(tmp_path / "missing.json")


def test_the_table_of_fields_names_every_field_of_the_schema() -> None:
    table = fields_table()
    for definition in (result_schema(), *result_schema()["$defs"].values()):
        for name in definition["properties"]:
            assert f"{name}`" in table


def test_frames_csv_has_a_row_a_frame_and_empty_cells_where_nothing_is_known(tmp_path: Path) -> None:
    made = made_assessment(frames=60)
    made.curve.volume[7] = np.nan
    write_frames_csv(made, tmp_path / "frames.csv")
    rows = rows_of(tmp_path / "frames.csv")
    assert [int(row["frame"]) for row in rows] == list(range(60))
    assert rows[7]["volume"] == ""
    assert rows[7]["lv_area_cm2"] == ""
    np.testing.assert_allclose([float(row["time_s"]) for row in rows], made.curve.times_s, atol=1e-6)
    np.testing.assert_allclose([float(row["volume_smoothed"]) for row in rows], made.curve.volume_smoothed, rtol=1e-7)
    assert [row["phase"] for row in rows] == list(made.phases)


def test_beats_csv_holds_the_beats_of_result_json_unrounded(tmp_path: Path, calibrated: Assessment) -> None:
    write_beats_csv(calibrated, tmp_path / "beats.csv")
    for row, beat in zip(rows_of(tmp_path / "beats.csv"), calibrated.beats, strict=True):
        for name, value in dataclasses.asdict(beat).items():
            assert row[name] == ("" if value is None else json.dumps(value))
        assert row["accepted"] == "true"


def test_beats_of_a_refused_clip_say_so(tmp_path: Path, calibrated: Assessment) -> None:
    """Who concatenates tables of many clips sees which beats are no results."""
    quality = dataclasses.replace(calibrated.quality, accepted=False)
    refused = dataclasses.replace(calibrated, result=dataclasses.replace(calibrated.result, quality=quality))
    write_beats_csv(refused, tmp_path / "beats.csv")
    assert {row["accepted"] for row in rows_of(tmp_path / "beats.csv")} == {"false"}


@settings(max_examples=25)
@given(arrays(bool, st.tuples(st.integers(1, 70), st.integers(1, 9), st.integers(1, 9))))
def test_masks_come_back_from_numpy_load_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, masks: np.ndarray
) -> None:
    path = tmp_path_factory.mktemp("masks") / "lv_masks.npz"
    write_masks(FrameStack.from_array(masks), path)
    with np.load(path) as archive:
        assert archive.files == ["lv"]
        assert archive["lv"].dtype == bool
        np.testing.assert_array_equal(archive["lv"], masks)


def test_writing_masks_takes_memory_for_a_block_only(tmp_path: Path) -> None:
    stack = FrameStack(200, 200, bool, memory_limit=0)  # on disk at once
    for _ in range(40):
        stack.append(np.zeros((50, 200, 200), bool))
    tracemalloc.start()
    write_masks(stack, tmp_path / "lv_masks.npz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert stack.frame_bytes * len(stack) > 10 * peak


def test_the_same_masks_give_the_same_bytes(tmp_path: Path, assessment: Assessment) -> None:
    for name in ("a.npz", "b.npz"):
        write_masks(assessment.masks.lv, tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_parts_that_are_not_wanted_are_not_written(tmp_path: Path, assessment: Assessment) -> None:
    write_result(assessment, tmp_path / "clip", parts=TABLES_ONLY)
    assert sorted(path.name for path in (tmp_path / "clip").iterdir()) == ["beats.csv", "frames.csv", "result.json"]


@pytest.mark.parametrize("which", ["assessment", "refused"])
def test_a_whole_folder_holds_every_promised_file(tmp_path: Path, which: str, request: pytest.FixtureRequest) -> None:
    write_result(request.getfixturevalue(which), tmp_path / "clip", run={"source_id": "x"})
    assert {path.name for path in (tmp_path / "clip").iterdir()} == {
        "result.json",
        "frames.csv",
        "beats.csv",
        "lv_masks.npz",
        "overlay.mp4",
        "volume.png",
        "report.html",
        "run.json",
    }
