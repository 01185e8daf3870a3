"""`echobeat analyze`: every input succeeds or fails for itself, and what is written can be relied on."""

from __future__ import annotations

import csv
import errno
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import pytest
from quick import TABLES_ONLY, Call, made_assessment, prepare_quickly, write_clip

from echobeat import sources
from echobeat.commands import analyze, batch, screen
from echobeat.errors import ModelError, UnreadableFile
from echobeat.measurement.codes import CODES, warn
from echobeat.models import BackendName
from echobeat.pipeline import Models
from echobeat.records import NOTICE
from echobeat.report import files
from echobeat.report.batch import Entry, Row
from echobeat.report.folders import STAGE_PREFIX, OutputFolder
from echobeat.report.page import beat_row
from echobeat.report.schema import result_json

MODELS_USED = batch.Options.models_used
"""The real one: the fixture puts another in its place."""


def rows_of(out: Path) -> list[dict[str, str]]:
    with (out / "summary.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def leftovers(out: Path) -> list[str]:
    return [path.name for path in out.iterdir() if path.name.startswith(STAGE_PREFIX)]


@pytest.fixture
def quick_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "_prepare", prepare_quickly)


def test_one_clip_gives_its_folder_its_table_and_its_page(echobeat: Call, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "apical.avi")
    code, out, err = echobeat("analyze", clip, "--out", tmp_path / "out")
    assert (code, err) == (0, "")
    assert "EF 49 %  mildly reduced" in out
    assert NOTICE in out
    assert str(tmp_path / "out" / "apical" / "report.html") in out
    assert sorted(path.name for path in (tmp_path / "out" / "apical").iterdir()) == [
        "beats.csv",
        "frames.csv",
        "lv_masks.npz",
        "overlay.mp4",
        "report.html",
        "result.json",
        "run.json",
        "volume.png",
    ]
    assert [row["status"] for row in rows_of(tmp_path / "out")] == ["ok"]
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["complete"]
    assert set(manifest["inputs"][0]["seconds"]) == {"read", "analyze", "write"}


def test_a_refused_clip_is_a_result_and_not_a_failure(echobeat: Call, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "short.avi", frames=3)
    code, out, _ = echobeat("analyze", clip, "--out", tmp_path / "out")
    assert code == 0
    assert "No ejection fraction" in out
    assert rows_of(tmp_path / "out")[0]["status"] == "refused"
    assert (tmp_path / "out" / "short" / "report.html").exists()


def test_files_that_cannot_be_read_are_named_and_the_others_are_done(
    echobeat: Call, quick_workers: None, tmp_path: Path
) -> None:
    write_clip(tmp_path / "in" / "good.avi")
    (tmp_path / "in" / "empty.avi").write_bytes(b"")
    (tmp_path / "in" / "words.avi").write_text("not a film")
    inputs = sorted((tmp_path / "in").iterdir())
    code, out, err = echobeat("analyze", *inputs, tmp_path / "missing.avi", "--out", tmp_path / "out", *TABLES_ONLY)
    assert code == 3
    assert "1 with an EF, 0 without, 3 failed" in out
    for name in ("empty.avi", "words.avi", "missing.avi"):
        assert name in err
    assert "Traceback" not in err
    assert {Path(row["source"]).name: row["status"] for row in rows_of(tmp_path / "out")} == {
        "empty.avi": "error",
        "good.avi": "ok",
        "words.avi": "error",
        "missing.avi": "error",
    }
    assert not leftovers(tmp_path / "out")


def test_a_crashed_process_fails_its_own_input_only(echobeat: Call, quick_workers: None, tmp_path: Path) -> None:
    clips = [write_clip(tmp_path / f"{name}.avi") for name in ("a", "kill", "b")]
    code, _, err = echobeat("analyze", *clips, "--out", tmp_path / "out", "--jobs", 2, *TABLES_ONLY)
    assert code == 3
    assert [row["status"] for row in rows_of(tmp_path / "out")] == ["ok", "error", "ok"]
    assert "SIGKILL" in err


def test_a_fault_of_our_own_on_one_input_shows_its_traceback_only_with_debug(
    echobeat: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("pixels of DOE^JANE")

    monkeypatch.setattr(batch, "analyze_clip", broken)
    clip = write_clip(tmp_path / "clip.avi")
    code, _, err = echobeat("analyze", clip, "--out", tmp_path / "out")
    assert code == 3
    assert "ZeroDivisionError" in err
    assert "DOE" not in err
    assert "Traceback" not in err
    assert "Traceback" in echobeat("analyze", clip, "--out", tmp_path / "out", "--debug")[2]
    assert "Traceback" in echobeat("--debug", "analyze", clip, "--out", tmp_path / "out")[2]


@pytest.mark.parametrize("end", ["\n", "\0"])
def test_paths_may_stand_in_a_list(echobeat: Call, quick_workers: None, tmp_path: Path, end: str) -> None:
    clips = [write_clip(tmp_path / name) for name in ("named.avi", "listed.avi", "with a space.avi")]
    (tmp_path / "list").write_text("".join(f"{clip}{end}" for clip in clips[1:]))
    told = ("--files-from", tmp_path / "list", "--out", tmp_path / "out", *TABLES_ONLY)
    assert echobeat("analyze", clips[0], *told)[0] == 0
    assert [row["source"] for row in rows_of(tmp_path / "out")] == [str(clip) for clip in clips]


def test_an_empty_list_and_no_path_are_wrong_use(echobeat: Call, tmp_path: Path) -> None:
    (tmp_path / "list").touch()
    for told in ((), ("--files-from", tmp_path / "list")):
        code, _, err = echobeat("analyze", *told, "--out", tmp_path / "out")
        assert (code, "--files-from" in err) == (2, True)
    assert not (tmp_path / "out").exists()


def test_two_inputs_of_one_name_get_a_folder_each(echobeat: Call, quick_workers: None, tmp_path: Path) -> None:
    clips = [write_clip(tmp_path / folder / "clip.avi") for folder in ("a", "b")]
    assert echobeat("analyze", tmp_path / "a", tmp_path / "b", "--out", tmp_path / "out", *TABLES_ONLY)[0] == 0
    sources = [json.loads((tmp_path / "out" / n / "result.json").read_text())["source"] for n in ("clip", "clip-2")]
    assert sources == [str(clip) for clip in clips]
    assert [row["folder"] for row in rows_of(tmp_path / "out")] == ["clip", "clip-2"]


@pytest.mark.parametrize("out", ["study/out", "study"])
def test_results_inside_a_searched_folder_are_not_taken_for_inputs(
    echobeat: Call, quick_workers: None, tmp_path: Path, out: str
) -> None:
    """Whichever run made them, and wherever among the clips they lie: overlays are videos, too."""
    write_clip(tmp_path / "study" / "clip.avi")
    for place in ("study/earlier", out, out):
        assert echobeat("analyze", tmp_path / "study", "--out", tmp_path / place, *TABLES_ONLY[1:])[0] == 0
    assert [row["source"] for row in rows_of(tmp_path / out)] == [str(tmp_path / "study" / "clip.avi")]


def test_broken_clips_in_a_searched_folder_are_named_and_the_others_are_done(
    echobeat: Call, quick_workers: None, tmp_path: Path
) -> None:
    """Exit code 0 would say that every clip was read; what was never a clip is passed over."""
    write_clip(tmp_path / "in" / "good.avi")
    (tmp_path / "in" / "lost.dcm").touch()
    (tmp_path / "in" / "damaged.avi").write_bytes(bytes(value * 197 % 251 for value in range(4000)))
    (tmp_path / "in" / "notes.txt").write_text("notes")
    code, _, err = echobeat("analyze", tmp_path / "in", "--out", tmp_path / "out", *TABLES_ONLY)
    assert code == 3
    assert {Path(row["source"]).name: row["status"] for row in rows_of(tmp_path / "out")} == {
        "damaged.avi": "error",
        "good.avi": "ok",
        "lost.dcm": "error",
    }
    assert "lost.dcm: it is empty" in err


def test_paths_none_of_which_exists_are_wrong_use_and_nothing_is_written(echobeat: Call, tmp_path: Path) -> None:
    code, _, err = echobeat("analyze", tmp_path / "nope", tmp_path / "neither", "--out", tmp_path / "out")
    assert code == 2
    assert str(tmp_path / "nope") in err
    assert not (tmp_path / "out").exists()


def test_resume_keeps_what_is_complete_and_does_the_rest(echobeat: Call, tmp_path: Path) -> None:
    first, second = (write_clip(tmp_path / f"{name}.avi") for name in ("first", "second"))
    out = tmp_path / "out"
    assert echobeat("analyze", first, "--out", out, *TABLES_ONLY)[0] == 0
    made = (out / "first" / "result.json").stat().st_mtime_ns
    assert echobeat("analyze", first, second, "--out", out, "--resume", *TABLES_ONLY)[0] == 0
    assert (out / "first" / "result.json").stat().st_mtime_ns == made
    assert [row["status"] for row in rows_of(out)] == ["ok", "ok"]
    assert [entry["resumed"] for entry in json.loads((out / "manifest.json").read_text())["inputs"]] == [True, False]


def test_resume_does_a_clip_again_whose_result_is_no_longer_whole(echobeat: Call, tmp_path: Path) -> None:
    clip, out = write_clip(tmp_path / "clip.avi"), tmp_path / "out"
    call = ["analyze", clip, "--out", out, "--no-video", "--no-page", "--no-plot"]
    assert echobeat(*call)[0] == 0
    masks = (out / "clip" / "lv_masks.npz").read_bytes()
    (out / "clip" / "lv_masks.npz").unlink()
    assert echobeat(*call, "--resume")[0] == 0
    assert (out / "clip" / "lv_masks.npz").read_bytes() == masks


def test_resume_does_a_clip_again_when_an_option_changed(echobeat: Call, tmp_path: Path) -> None:
    clip, out = write_clip(tmp_path / "clip.avi"), tmp_path / "out"
    echobeat("analyze", clip, "--out", out, *TABLES_ONLY)
    made = (out / "clip" / "result.json").stat().st_mtime_ns
    echobeat("analyze", clip, "--out", out, *TABLES_ONLY, "--resume", "--fps", 30)
    assert (out / "clip" / "result.json").stat().st_mtime_ns != made


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from quick import MODEL, assess_at_once
from echobeat.__main__ import main
from echobeat.commands import batch
from echobeat.report import files
from echobeat.report.batch import Entry, Row
batch.Options.models_used = lambda _: (MODEL,)
batch._models = lambda *_: None
batch.analyze_clip = assess_at_once
files.write_beats_csv = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
main(sys.argv[2:])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="uses Unix signals")
def test_a_kill_in_the_middle_leaves_whole_results_and_resume_goes_on(echobeat: Call, tmp_path: Path) -> None:
    first, second = (write_clip(tmp_path / f"{name}.avi") for name in ("first", "second"))
    out = tmp_path / "out"
    assert echobeat("analyze", first, "--out", out, *TABLES_ONLY)[0] == 0
    call = ["analyze", str(first), str(second), "--out", str(out), *TABLES_ONLY, "--resume"]
    program = [sys.executable, "-c", KILLED, str(Path(__file__).parent), *call]
    assert subprocess.run(program, check=False, capture_output=True).returncode == -signal.SIGKILL
    assert leftovers(out)
    assert not (out / "second").exists()
    assert len(rows_of(out)) == 1

    assert echobeat(*call)[0] == 0
    assert not leftovers(out)
    assert len(rows_of(out)) == 2


def test_a_second_run_into_the_same_folder_is_turned_away(echobeat: Call, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi")
    with OutputFolder(tmp_path / "out"):
        code, _, err = echobeat("analyze", clip, "--out", tmp_path / "out")
    assert code == 3
    assert "Another run is writing" in err


def test_a_full_disk_is_told_once_with_its_folder_and_remedy(
    echobeat: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "write_beats_csv", full)
    code, _, err = echobeat("analyze", write_clip(tmp_path / "clip.avi"), "--out", tmp_path / "out")
    assert code == 3
    assert "No space left on device" in err
    assert str(tmp_path / "out") in err
    assert "Free some space" in err
    assert not leftovers(tmp_path / "out")
    assert not (tmp_path / "out" / "clip").exists()


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EDQUOT, "Free some space there, or choose another folder with --out."),
        (errno.EROFS, "Check the permissions there, or choose another folder with --out."),
        (errno.EIO, "Check the disk there, or choose another folder with --out."),
    ],
)
def test_the_remedy_of_a_write_that_fails_fits_its_cause(
    echobeat: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, remedy: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files, "write_beats_csv", refuse)
    code, _, err = echobeat("analyze", write_clip(tmp_path / "clip.avi"), "--out", tmp_path / "out")
    assert code == 3
    assert err.endswith(f"({os.strerror(number)}). {remedy}\n")


def test_ctrl_c_stops_with_a_word_on_how_to_go_on(
    echobeat: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(batch, "analyze_clip", interrupted)
    code, _, err = echobeat("analyze", write_clip(tmp_path / "clip.avi"), "--out", tmp_path / "out")
    assert code == 130
    assert "--resume" in err
    assert not leftovers(tmp_path / "out")
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["complete"] is False


@pytest.mark.parametrize(
    "wrong",
    [
        ["--fps", "0"],
        ["--fps", "nan"],
        ["--fps", "1e9"],
        ["--fps", "1e-9"],
        ["--fps", "fast"],
        ["--spacing-mm", "-1"],
        ["--spacing-mm", "1,2,3"],
        ["--spacing-mm", "wide"],
        ["--spacing-mm", "1e9"],
        ["--jobs", "0"],
        ["--no-such-option"],
    ],
)
def test_wrong_use_is_exit_code_2_and_touches_nothing(echobeat: Call, tmp_path: Path, wrong: list[str]) -> None:
    code, _, err = echobeat("analyze", write_clip(tmp_path / "clip.avi"), "--out", tmp_path / "out", *wrong)
    assert code == 2
    assert err
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_an_unknown_model_is_wrong_use(echobeat: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_: object) -> None:
        raise ModelError("There is no model named best. There are: lv.")

    monkeypatch.setattr(batch.Options, "models_used", unknown)
    code, _, err = echobeat("analyze", write_clip(tmp_path / "clip.avi"), "--out", tmp_path / "out")
    assert code == 2
    assert "There are: lv" in err


@pytest.mark.parametrize("wrong", [("--segmentation", "view"), ("--ef", "lv")])
def test_a_model_for_another_task_is_wrong_use_of_many_files_as_of_one(
    echobeat: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: tuple[str, str]
) -> None:
    monkeypatch.setattr(batch, "_models", lambda options, *_: Models.load(options.segmentation, options.ef))
    clips = [write_clip(tmp_path / f"{name}.avi") for name in ("one", "two")]
    code, _, err = echobeat("analyze", *clips, "--out", tmp_path / "out", *wrong)
    assert code == 2
    assert wrong[1] in err
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_a_folder_without_clips_is_wrong_use(echobeat: Call, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    code, _, err = echobeat("analyze", tmp_path, "--out", tmp_path / "out")
    assert code == 2
    assert "No clips were found" in err


def test_a_folder_that_cannot_be_searched_is_named_and_the_others_are_done(
    echobeat: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(paths: list[str], _: object) -> list[Path]:
        if "locked" in paths:
            raise UnreadableFile("locked", "the folder cannot be listed (Permission denied)", "Check its permissions")
        return [Path(path) for path in paths]

    monkeypatch.setattr(sources, "find_inputs", find)
    clip = write_clip(tmp_path / "clip.avi")
    code, _, err = echobeat("analyze", "locked", clip, "--out", tmp_path / "out", *TABLES_ONLY)
    assert code == 3
    assert "locked: the folder cannot be listed (Permission denied). Check its permissions." in err
    assert [row["status"] for row in rows_of(tmp_path / "out")] == ["error", "ok"]


def test_a_file_in_place_of_the_output_folder_is_refused(echobeat: Call, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    code, _, err = echobeat("analyze", write_clip(tmp_path / "clip.avi"), "--out", tmp_path / "out")
    assert code == 2
    assert "is a file" in err


HOSTILE = [
    "[red]bold[i].avi",
    "\x1b[2J.avi",
    "a\nb.avi",
    "=1+1.avi",
    "-rf.avi",
    "<script>.avi",
    "%s{0}.avi",
    "ÄÖ 心.avi",
]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows allows no such names")
def test_hostile_names_are_read_printed_and_written_harmlessly(
    echobeat: Call, quick_workers: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [*HOSTILE, os.fsdecode(b"\xff\xfe.avi")]
    (tmp_path / "in").mkdir()
    for name in names:
        write_clip(tmp_path / "clip.avi").rename(tmp_path / "in" / name)
    monkeypatch.chdir(tmp_path)
    code, out, err = echobeat("analyze", "in", "--out", "out", "--no-video", "--no-plot", "--no-masks")
    assert (code, err) == (0, "")
    assert "\x1b[2J" not in out
    assert "[red]bold[i]" in out
    rows = rows_of(tmp_path / "out")
    assert len({row["folder"] for row in rows}) == len(names)
    for row in rows:
        assert (tmp_path / "out" / row["folder"] / "report.html").is_file()


def test_nothing_of_a_file_s_contents_or_name_goes_to_the_log(
    echobeat: Call, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="echobeat")
    echobeat("analyze", write_clip(tmp_path / "DOE^JANE.avi"), "--out", tmp_path / "out")
    assert "DOE" not in caplog.text


def test_parts_can_be_left_out(echobeat: Call, tmp_path: Path) -> None:
    echobeat("analyze", write_clip(tmp_path / "clip.avi"), "--out", tmp_path / "out", *TABLES_ONLY)
    written = sorted(path.name for path in (tmp_path / "out" / "clip").iterdir())
    assert written == ["beats.csv", "frames.csv", "result.json", "run.json"]


def test_the_terminal_shows_the_same_extremes_of_a_filling_alone_as_the_page() -> None:
    """Its end-diastole is the one that it ends in."""
    made = made_assessment(frames=12, size=(32, 32), beat_frames=5)
    filling = replace(made.beats[0], ed_frame=None, complete=False, half_cycle=True)
    row, table = beat_row(filling, made), screen._beats(replace(made.result, beats=(filling,)))
    shown = [next(iter(column.cells)) for column in table.columns[1:3]]
    assert shown == [moment.split()[0] for moment in (row.ed, row.es)] == ["5", "2"]


def test_the_terminal_shows_no_number_of_a_refused_clip_but_its_frames() -> None:
    """Not even the rate: what was seen may be no beats at all."""
    made = made_assessment().result
    table = screen._beats(replace(made, quality=replace(made.quality, accepted=False)))
    cells = {str(column.header): list(column.cells) for column in table.columns}
    assert cells["1/min"] == cells["EF %"] == ["–"] * len(made.beats)
    assert cells["ED"][0] == "0"


@pytest.mark.parametrize("known", [None, "255 synthetic patients, no real ones"])
def test_an_interval_on_the_terminal_says_where_it_comes_from(
    known: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where there is one."""
    result = made_assessment().result
    assert result.ef is not None
    result = replace(result, ef=replace(result.ef, low=40.0, high=58.0, calibrated_on=known))
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip" / "result.json").write_text(result_json(result), encoding="utf-8")
    screen.Screen().result(Entry(Row.of_result(result, "clip.avi", "clip"), {}), tmp_path)
    assert ("no real ones" in capsys.readouterr().out) == (known is not None)


def test_a_narrow_summary_still_tells_the_inputs_apart(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Without the folder that all lie in, and broken rather than cut."""
    result, archive = made_assessment().result, "/data/archive/a-folder-with-a-long-name/study"
    names = [f"{'long-' * 12}{number}.avi" for number in (1, 2)]
    rows = [Row.of_result(result, f"{archive}/{name}", "clip") for name in [*names, "further/clip.avi"]]
    screen.Screen().entries([Entry(row, {}) for row in rows], tmp_path)
    told = capsys.readouterr().out
    cells = "".join(line.split(" ")[0] for line in told.splitlines())
    assert all(name in cells for name in names)
    assert "further/clip.avi" in told
    assert archive not in told


def test_why_a_clip_is_refused_is_told_once_and_with_what_to_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The other warnings follow it."""
    result = made_assessment(refused=True).result
    warnings = (warn("still_image"), warn("uncalibrated"))
    result = replace(result, quality=replace(result.quality, warnings=warnings))
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip" / "result.json").write_text(result_json(result), encoding="utf-8")
    screen.Screen().result(Entry(Row.of_result(result, "clip.avi", "clip"), {}), tmp_path)
    told = capsys.readouterr().out
    assert told.count(warnings[0].message) == 1
    assert CODES["still_image"].remedy in told
    assert f"Note: {warnings[1].message}" in told


def test_prepare_can_be_sent_to_a_worker() -> None:
    import pickle

    options = batch.Options(fps=50.0, spacing_mm=(0.3, 0.4))
    assert pickle.loads(pickle.dumps(partial(batch._prepare, options, 2))).args == (options, 2)


def test_the_backends_of_the_command_are_those_of_the_models() -> None:
    assert get_args(analyze.Backend) == get_args(BackendName)


@pytest.mark.skipif(find_spec("openvino") is not None, reason="OpenVINO is installed")
def test_a_backend_that_is_not_there_stops_the_run_before_it_begins(
    echobeat: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong use: nothing is written, and the message says what to install."""
    monkeypatch.setattr(batch.Options, "models_used", MODELS_USED)
    clip = write_clip(tmp_path / "apical.avi")
    code, _, err = echobeat("analyze", clip, "--out", tmp_path / "out", "--backend", "openvino-bf16")
    assert code == 2
    assert "'.[openvino]'" in err.replace("\n", "")
    assert not (tmp_path / "out").exists()
