"""summary.csv and manifest.json are whole at any moment and say what became of every input."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from made import MODEL, made_assessment

from echobeat.records import Assessment, Quality
from echobeat.report import batch, wording
from echobeat.report.batch import Entry, Journal, Row, finished_result, manifest_head, run_record, summary_csv
from echobeat.report.files import Parts, write_result

TABLES_ONLY = Parts(video=False, page=False, plot=False, masks=False)


FILES = TABLES_ONLY.files()


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_row_says_what_the_result_says_unrounded(assessment: Assessment) -> None:
    (row,) = rows_of(summary_csv([Row.of_result(assessment.result, "patient.avi", "patient")]))
    assert float(row["ef"]) == assessment.ef.value
    assert (row["status"], row["beats"], row["quality"], row["category"]) == ("ok", "2", "0.83", "not reduced")


def test_a_refused_clip_has_a_row_with_its_codes_and_no_ef(assessment: Assessment, refused: Assessment) -> None:
    measured = dataclasses.replace(assessment.result, quality=Quality(0.1, False, refused.quality.warnings))
    for result in (refused.result, measured):
        (row,) = rows_of(summary_csv([Row.of_result(result, "a.avi", "a")]))
        assert (row["status"], row["ef"], row["category"], row["warnings"]) == ("refused", "", "", "no_left_ventricle")
        assert (row["beats"], row["heart_rate_bpm"]) == ("", "")


@given(st.text(min_size=1), st.text())
@example("=1+1.avi", "@SUM(A1)")
@example("-rf.avi", "+1")
def test_a_table_reads_back_whatever_files_are_called_and_holds_no_formula(name: str, problem: str) -> None:
    (row,) = rows_of(summary_csv([Row(name, "", "error", error=problem)]))
    for cell in row.values():
        assert not cell.startswith(("=", "+", "-", "@"))
        assert cell == wording.printable(cell)


def test_the_journal_is_valid_in_the_middle_and_lists_inputs_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "REWRITE_AFTER_S", 0.0)
    journal = Journal(tmp_path, ["a", "b", "c"], manifest_head([MODEL], {"fps": None}))
    journal.add(Entry(Row("c", "c", "ok"), {"read": 0.12345}))
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["complete"] is False
    assert manifest["models"][0]["licence"] == MODEL.licence
    assert manifest["packages"]["numpy"]
    journal.add(Entry(Row("a", "", "error", error="no"), {}))
    journal.add(Entry(Row("b", "b", "refused"), {}, resumed=True))
    journal.write(complete=True)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["complete"] is True
    assert [entry["source"] for entry in manifest["inputs"]] == ["a", "b", "c"]
    assert [row["source"] for row in rows_of((tmp_path / "summary.csv").read_text())] == ["a", "b", "c"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manifest.json", "summary.csv"]


def test_a_long_run_does_not_rewrite_its_tables_for_every_input(tmp_path: Path) -> None:
    journal = Journal(tmp_path, [str(number) for number in range(1000)], {})
    journal.add(Entry(Row("0", "0", "ok"), {}))
    (tmp_path / "summary.csv").unlink()
    journal.add(Entry(Row("1", "1", "ok"), {}))
    assert not (tmp_path / "summary.csv").exists()


def test_a_result_is_finished_only_for_the_same_source_models_and_options(tmp_path: Path) -> None:
    source = tmp_path / "patient.avi"
    source.write_bytes(b"pixels")
    record = run_record(str(source), [MODEL], {"fps": 50.0})
    write_result(made_assessment(frames=2), tmp_path / "patient", parts=TABLES_ONLY, run=record)
    assert finished_result(tmp_path / "patient", record, FILES) is not None

    other_model = dataclasses.replace(MODEL, hash="cd" * 32)
    assert finished_result(tmp_path / "patient", run_record(str(source), [other_model], {"fps": 50.0}), FILES) is None
    assert finished_result(tmp_path / "patient", run_record(str(source), [MODEL], {"fps": 30.0}), FILES) is None
    assert finished_result(tmp_path / "nothing", record, FILES) is None
    retrained = run_record(str(source), [other_model, MODEL], {"fps": 50.0})["fingerprint"]
    assert retrained != run_record(str(source), [MODEL, MODEL], {"fps": 50.0})["fingerprint"], "of the same name"
    assert finished_result(tmp_path / "patient", record, [*FILES, "overlay.mp4"]) is None  # taken away since
    os.utime(source, ns=(1, 1))
    assert finished_result(tmp_path / "patient", run_record(str(source), [MODEL], {"fps": 50.0}), FILES) is None


def test_the_record_of_a_run_does_not_say_where_the_source_lies(tmp_path: Path) -> None:
    assert str(tmp_path) not in json.dumps(run_record(str(tmp_path / "DOE^JANE.avi"), [MODEL], {}))
    assert "DOE" not in json.dumps(run_record(str(tmp_path / "DOE^JANE.avi"), [MODEL], {}))
