"""`echobeat deidentify` on an archive full of canaries: nothing leaves it, and what is doubtful is not called clean."""

from __future__ import annotations

import csv
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from canaries import CANARIES, CANARY, leaks, source
from made_screens import Shown
from numpy.typing import NDArray
from pydicom import dcmread

from echobeat.__main__ import main
from echobeat.phantom.writing import Box, Place

TEXTS: dict[str, tuple[str, Place | None]] = {
    "plain": ("", None),
    "outside": ("GARCIA^MARIA", "outside"),
    "dark": ("NGUYEN 1961", "dark"),
    "tissue": ("MILLER^J", "tissue"),
}


@dataclass(frozen=True)
class Archive:
    """A folder of sources, where their writing is, and what came of a run."""

    sources: Path
    out: Path
    key: Path
    boxes: dict[str, Box]
    done: subprocess.CompletedProcess[str]

    def rows(self) -> list[dict[str, str]]:
        with (self.out / "deidentify_log.csv").open(newline="") as stream:
            return list(csv.DictReader(stream))

    def row_of(self, name: str) -> dict[str, str]:
        """The row of a source, found as its owner finds it: by the mapping."""
        with self.key.with_name("key.mapping.csv").open(newline="") as stream:
            hashes = {Path(row[1]).stem: row[2] for row in csv.reader(stream) if row[0] == "source"}
        return next(row for row in self.rows() if row["source_hash"] == hashes[f"{name} {CANARY}"])


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "echobeat", "deidentify", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "200"})


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, shown: Shown) -> Iterator[Archive]:
    root = tmp_path_factory.mktemp("archive")
    folder = root / f"in {CANARY}"
    folder.mkdir()
    boxes = {}
    for name, (text, place) in TEXTS.items():
        frames = shown.frames
        if place is not None:
            written, boxes[name] = shown.written(text, place)
            frames = written.frames
        source(folder / f"{name} {CANARY}.dcm", compressed=name != "dark", frames=frames)
    (folder / f"damaged {CANARY}.dcm").write_bytes((folder / f"plain {CANARY}.dcm").read_bytes()[:5000])
    out, key = root / "out", root / "keys" / "key"
    done = run(folder, "--out", out, "--key", key, "--dates", "shift", "--keep-characteristics", "--jobs", 2)
    yield Archive(folder, out, key, boxes, done)
    shutil.rmtree(root)


def test_no_canary_is_in_any_output_log_name_or_word_that_is_printed(archive: Archive) -> None:
    assert archive.done.returncode == 3, archive.done.stderr  # the damaged one
    assert len(archive.rows()) == 5
    assert not leaks(archive.out, archive.done.stdout, archive.done.stderr)
    key = archive.key.read_text().strip().encode()
    assert not [path for path in archive.out.rglob("*") if path.is_file() and key in path.read_bytes()]
    assert any(canary in archive.key.with_name("key.mapping.csv").read_bytes() for canary in CANARIES)
    for path in archive.key.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


@pytest.mark.parametrize(
    ("name", "state"), [("plain", "clean"), ("outside", "clean"), ("dark", "review"), ("tissue", "review")]
)
def test_only_what_is_verified_is_called_clean(archive: Archive, name: str, state: str) -> None:
    row = archive.row_of(name)
    assert (row["state"], row["path"].split("/")[0]) == (state, state)
    made = dcmread(archive.out / row["path"])
    assert made.BurnedInAnnotation == ("NO" if state == "clean" else "YES")
    assert ("113101" in [item.CodeValue for item in made.DeidentificationMethodCodeSequence]) == (state == "clean")


def test_no_writing_outside_the_sector_is_left(archive: Archive, shown: Shown) -> None:
    box = archive.boxes["outside"]
    pixels = dcmread(archive.out / archive.row_of("outside")["path"]).pixel_array
    assert not pixels[:, box.top : box.bottom, box.left : box.right].any()
    near = cv2.dilate(shown.sector.astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
    assert not pixels[:, ~near].any()


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract, which judges, is not installed")
@pytest.mark.parametrize("name", ["outside", "dark", "tissue"])
def test_what_tesseract_reads_in_the_source_it_does_not_read_in_a_file_called_clean(
    archive: Archive, name: str
) -> None:
    text, box = TEXTS[name][0], archive.boxes[name]
    before = dcmread(archive.sources / f"{name} {CANARY}.dcm").pixel_array
    assert reads(before, box, text[:4]), "the test's own text cannot be read"
    row = archive.row_of(name)
    if row["state"] == "clean":
        assert not reads(dcmread(archive.out / row["path"]).pixel_array, box, text[:3])
    else:
        assert row["boxes"] != "0"


def reads(frames: NDArray[np.uint8], box: Box, text: str) -> bool:
    """True where tesseract sees `text` in the least grey values around a box, which is what stands still."""
    still = frames.min(axis=0)[max(0, box.top - 8) : box.bottom + 8, max(0, box.left - 8) : box.right + 8]
    large = cv2.resize(still, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    _, bright = cv2.threshold(large, 160, 255, cv2.THRESH_BINARY)
    return any(text.casefold() in seen_by_tesseract(255 - picture) for picture in (large, bright))


def seen_by_tesseract(picture: NDArray[np.uint8]) -> str:
    data = cv2.imencode(".png", picture)[1].tobytes()
    command, alone = ["tesseract", "stdin", "stdout", "--psm", "7"], os.environ | {"OMP_THREAD_LIMIT": "1"}
    done = subprocess.run(command, input=data, capture_output=True, check=True, env=alone)
    return done.stdout.decode().casefold()


def test_the_review_sheet_shows_what_is_doubtful_and_holds_all_it_needs(archive: Archive) -> None:
    page = (archive.out / "review" / "review.html").read_text()
    doubtful = [row for row in archive.rows() if row["state"] == "review"]
    assert len(doubtful) == 2
    assert page.count("data:image/jpeg;base64,") == 2
    assert all(row["instance"] in page for row in doubtful)
    assert "http" not in page
    assert 'src="data:' in page


@pytest.mark.parametrize(
    "arguments",
    [
        ("{in}", "--out", "{root}/o", "--key", "{root}/o/key"),
        ("{in}", "--out", "{root}/o", "--key", "{root}/k", "--dates", "tomorrow"),
        ("{root}/missing", "{root}/neither", "--out", "{root}/o", "--key", "{root}/k"),
        ("{in}", "--out", "{root}/o", "--key", "{root}/k", "--decisions", "{root}/missing.csv"),
    ],
)
def test_wrong_use_is_told_without_naming_a_source(
    archive: Archive, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["deidentify", *(word.format(root=tmp_path / CANARY, **{"in": archive.sources}) for word in arguments)])
    out, err = capsys.readouterr()
    assert ended.value.code == 2
    assert err
    assert "Error" not in err
    assert CANARY not in out + err
    assert not list(tmp_path.iterdir())


# The last one: it changes the outputs.
def test_a_second_run_with_resume_makes_nothing_anew_and_decisions_settle_what_was_doubtful(archive: Archive) -> None:
    before = {path: path.stat().st_mtime_ns for path in archive.out.rglob("*.dcm")}
    rows = archive.rows()
    again = ("--out", archive.out, "--key", archive.key, "--dates", "shift", "--keep-characteristics", "--resume")
    run(archive.sources, *again)
    assert {path: path.stat().st_mtime_ns for path in archive.out.rglob("*.dcm")} == before
    assert archive.rows() == rows
    dark, tissue = archive.row_of("dark"), archive.row_of("tissue")
    table = archive.key.with_name("decisions.csv")
    table.write_text(f"instance,decision\n{dark['instance']},black\n{tissue['instance']},clean\n")
    run(archive.sources, *again, "--decisions", table)
    assert {row["state"] for row in archive.rows()} == {"clean", "refused"}
    assert not list((archive.out / "review").rglob("*.dcm")) + list((archive.out / "review").rglob("review*.html"))
    made = dcmread(archive.out / archive.row_of("dark")["path"])
    box = archive.boxes["dark"]
    assert made.BurnedInAnnotation == "NO"
    assert not made.pixel_array[:, box.top : box.bottom, box.left : box.right].any()
    left = dcmread(archive.out / archive.row_of("tissue")["path"]).pixel_array
    assert left[:, archive.boxes["tissue"].top + 2, archive.boxes["tissue"].left : archive.boxes["tissue"].right].any()
    assert not leaks(archive.out)
