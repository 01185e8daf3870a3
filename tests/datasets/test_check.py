"""Everything that the check names is found where it is wrong, and nothing where nothing is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_data import (
    FRAMES,
    chords,
    disk,
    good_echonet,
    picture,
    row,
    write_camus,
    write_clip,
    write_echonet,
    write_nifti,
)

from echobeat.datasets import check as module
from echobeat.datasets import open_dataset
from echobeat.datasets.check import Check, check_dataset, contents
from echobeat.datasets.problems import CODES

FOUND_ELSEWHERE = {"cache-damaged", "column-missing", "table-missing", "tracing-unreadable", "tracing-without-study"}
"""By the readers and the cache; their tests are beside this one."""


def check(folder: Path, quick: bool = False) -> Check:
    return check_dataset(open_dataset(folder), jobs=1, quick=quick)


def edited(folder: Path, table: str, old: str, new: str) -> Path:
    """A good data set of three studies with something replaced in a table."""
    good_echonet(folder)
    text = (folder / table).read_text()
    assert old in text
    (folder / table).write_text(text.replace(old, new, 1))
    return folder


def in_list(old: str, new: str) -> Callable[[Path], Path]:
    return lambda folder: edited(folder, "FileList.csv", old, new)


def in_tracings(old: str, new: str) -> Callable[[Path], Path]:
    return lambda folder: edited(folder, "VolumeTracings.csv", old, new)


def truncated(folder: Path) -> Path:
    path = good_echonet(folder) / "Videos" / "0X0001.avi"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return folder


def unreadable(folder: Path) -> Path:
    (good_echonet(folder) / "Videos" / "0X0001.avi").write_bytes(b"")
    return folder


def duplicate(source: str, target: str, count: int = 3) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        videos = good_echonet(folder, count) / "Videos"
        shutil.copy(videos / f"{source}.avi", videos / f"{target}.avi")
        return folder

    return make


def other_size(folder: Path) -> Path:
    write_clip(good_echonet(folder) / "Videos" / "0X0001.avi", height=32, width=32)
    return folder


def blank(folder: Path) -> Path:
    write_camus(folder / "train", "patient0001")
    for instant in ("ED", "ES"):
        write_nifti(folder / "train" / "patient0001" / f"patient0001_4CH_{instant}.nii.gz", np.full_like(disk(3), 9))
    return folder


def other_mask(folder: Path) -> Path:
    home = write_camus(folder / "train", "patient0001")
    write_nifti(home / "patient0001_4CH_ED_gt.nii.gz", disk(9)[:30, :30])
    return folder


def extra_video(folder: Path) -> Path:
    write_clip(good_echonet(folder) / "Videos" / "extra.avi", 9)
    return folder


def two_splits(folder: Path) -> Path:
    lines = ["file,patient,split,ef"]
    for name, split in (("a", "train"), ("b", "test")):
        write_clip(folder / f"{name}.avi", ord(name))
        lines.append(f"{name},P1,{split},60")
    (folder / "studies.csv").write_text("\n".join(lines))
    return folder


def two_folds(folder: Path) -> Path:
    """Folds 1 and 2 are both learned from where fold 9 is tested on."""
    lines = ["file,patient,fold,ef"]
    for name, fold in (("a", 1), ("b", 2)):
        write_clip(folder / f"{name}.avi", 1)
        lines.append(f"{name},P1,{fold},60")
    (folder / "studies.csv").write_text("\n".join(lines))
    return folder


def fractions(folder: Path) -> Path:
    return write_echonet(folder, [row("a", ef=0.6), row("b", ef=0.55), row("c", ef=65), row("d", ef="")])


def two_tracings(folder: Path) -> Path:
    """Of one frame, by two observers."""
    return write_echonet(folder, [row("a")], [*chords("a", 2, 9), *chords("a", 2, 8.5, left=20.5), *chords("a", 7, 6)])


def no_splits(folder: Path) -> Path:
    write_clip(folder / "a.avi")
    (folder / "studies.csv").write_text("file,ef\na,60\n")
    return folder


CASES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "no-studies": (lambda folder: write_echonet(folder, [row("a")], videos=["b"]), ""),
    "video-missing": (in_list("0X0001,", "0X00FF,"), "0X00FF"),
    "video-not-listed": (extra_video, "extra"),
    "row-not-a-video": (in_list("0X0001,", "readme.txt,"), "readme.txt"),
    "name-duplicate": (in_list("0X0001,", "0X0000.avi,"), "0X0000"),
    "name-differs": (in_list("0X0001,", "0x0001.AVI,"), "0X0001"),
    "label-missing": (in_list("0X0001,60,", "0X0001,,"), "0X0001"),
    "label-unreadable": (in_list("0X0001,60,", "0X0001,good,"), "0X0001"),
    "label-out-of-range": (in_list("0X0001,60,40,100", "0X0001,0.6,40,-100"), "0X0001"),
    "ef-as-fraction": (fractions, ""),
    "ef-perhaps-fraction": (in_list("0X0001,60,", "0X0001,0.6,"), "0X0001"),
    "volumes-reversed": (in_list("0X0001,60,40,100", "0X0001,60,100,40"), "0X0001"),
    "ef-does-not-fit-volumes": (in_list("0X0001,60,40,100", "0X0001,40,40,100"), "0X0001"),
    "split-unknown": (in_list("TEST", "later"), "0X0002"),
    "split-made": (no_splits, ""),
    "split-empty": (in_list("TEST", "TRAIN"), ""),
    "patient-in-two-splits": (two_splits, ""),
    "tracing-missing": (
        lambda folder: write_echonet(folder, [row("a"), row("b")], [*chords("a", 2, 9), *chords("a", 7, 6)]),
        "b",
    ),
    "tracing-single": (lambda folder: write_echonet(folder, [row("a")], chords("a", 2, 9)), "a"),
    "tracing-degenerate": (lambda folder: write_echonet(folder, [row("a")], chords("a", 2, 0)), "a"),
    "tracing-crosses-itself": (two_tracings, "a"),
    "tracing-at-border": (in_tracings("0X0001.avi,14,5,26", "0X0001.avi,-4,5,26"), "0X0001"),
    "tracing-outside-frame": (in_tracings("0X0001.avi,14,5,26", "0X0001.avi,14,5,300"), "0X0001"),
    "tracing-beyond-video": (
        lambda folder: write_echonet(folder, [row("a")], [*chords("a", 2, 9), *chords("a", FRAMES, 6)]),
        "a",
    ),
    "mask-unreadable": (other_mask, "patient0001"),
    "video-unreadable": (unreadable, "0X0001"),
    "video-truncated": (truncated, "0X0001"),
    "video-differs-from-table": (in_list("48,50,12,VAL", "48,30,12,VAL"), "0X0001"),
    "video-blank": (blank, "patient0001"),
    "video-sizes-differ": (other_size, ""),
    "video-duplicate": (duplicate("0X0000", "0X0003", 4), "0X0003"),
    "duplicate-in-two-splits": (duplicate("0X0000", "0X0001"), "0X0001"),
}


def test_a_good_data_set_has_no_problem(tmp_path: Path) -> None:
    """Neither when decoded nor at a glance."""
    for quick in (False, True):
        found = check(good_echonet(tmp_path / "e"), quick)
        assert (found.problems, found.ok) == ((), True)


@pytest.mark.parametrize("code", CASES)
def test_what_is_wrong_is_found_with_its_study(tmp_path: Path, code: str) -> None:
    make, study = CASES[code]
    found = check(make(tmp_path / "data"))
    assert [problem.study for problem in found.by_code()[code]][:1] == [study]
    assert found.ok is not any(CODES[one].severity == "error" for one in found.by_code())


def test_every_code_is_tested() -> None:
    assert set(CASES) | FOUND_ELSEWHERE == set(CODES)


def test_fractions_are_said_once_where_most_are(tmp_path: Path) -> None:
    found = check(fractions(tmp_path / "e"), quick=True).by_code()
    assert [problem.message for problem in found["ef-as-fraction"]] == ["2 of 3 EFs are 1 or less."]
    assert "ef-perhaps-fraction" not in found


def test_a_chord_that_is_turned_round_is_let_pass(tmp_path: Path) -> None:
    """The mask of an outline that crosses itself in one place is nearly what was traced."""
    turned = in_tracings("0X0001.avi,11,9,29,9", "0X0001.avi,29,9,11,9")(tmp_path / "e")
    assert check(turned, quick=True).problems == ()


def test_folds_are_kept_apart_though_both_are_learned_from_at_first(tmp_path: Path) -> None:
    """Any fold may be tested on: patients and frames that are in two of them are errors."""
    found = check(two_folds(tmp_path), quick=True).by_code()
    assert [problem.message for problem in found["patient-in-two-splits"]] == ["Patient P1 is in fold 1 and fold 2."]
    assert [problem.study for problem in found["duplicate-in-two-splits"]] == ["b"]


def test_at_a_glance_bad_files_and_copies_are_found_without_decoding(tmp_path: Path, monkeypatch) -> None:
    folder = duplicate("0X0000", "0X0001")(tmp_path / "e")
    (folder / "Videos" / "0X0002.avi").write_bytes(b"not a video at all")
    monkeypatch.setattr(module, "examine", None)
    assert {"duplicate-in-two-splits", "video-unreadable"} <= set(check(folder, quick=True).by_code())


def test_patients_of_camus_that_share_an_image_are_found(tmp_path: Path) -> None:
    """One image of two is enough: the other may differ."""
    for number in (1, 2):
        home = write_camus(tmp_path / "train", f"patient000{number}", seed=number)
        write_nifti(home / f"{home.name}_4CH_ED.nii.gz", picture(7, 1)[0])
    (problem,) = check(tmp_path).by_code()["video-duplicate"]
    assert (problem.study, problem.message) == ("patient0002", "It shows an image of patient0001.")


def test_errors_come_first_and_counts_are_by_split(tmp_path: Path) -> None:
    folder = in_list("0X0001,60,", "0X0001,,")(tmp_path / "e")
    (folder / "Videos" / "0X0002.avi").write_bytes(b"")
    found = check(folder)
    severities = [problem.severity for problem in found.problems]
    assert severities == sorted(severities)
    counted = found.as_json()["contents"]
    assert set(counted) == {"train", "val", "test", "all"}
    assert (counted["all"]["studies"], counted["all"]["with_ef"], counted["val"]["with_ef"]) == (3, 2, 0)


def test_ranges_of_ef_are_counted(tmp_path: Path) -> None:
    study = open_dataset(good_echonet(tmp_path / "e", 1)).studies[0]
    counted = contents([replace(study, ef=ef) for ef in (20, 39.9, 40, 49.9, 50, None)])
    assert [counted[name] for name in ("ef_below_40", "ef_40_to_49", "ef_50_and_more", "with_ef")] == [2, 2, 1, 5]
