"""What holds for every kind of file: frames, times, and the decision by contents."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made_clips import FPS, SPACING_MM, beating

from echobeat.errors import InputError, UsageError
from echobeat.sources import open_clip

KINDS = ("avi", "mp4", "mov", "webm", "gif", "dicom", "dicom-rle", "dicom-jpeg", "dicom-j2k", "nifti", "nifti-gz")
EXACT = {"gif", "dicom", "dicom-rle", "dicom-j2k", "nifti", "nifti-gz"}
CALIBRATED = {kind for kind in KINDS if kind.startswith(("dicom", "nifti"))}


@pytest.mark.parametrize("kind", KINDS)
def test_frames_are_those_that_were_written(healthy: dict[str, Path], kind: str) -> None:
    """Lossless kinds come back exactly, lossy ones within their codec's error, none shifted in brightness."""
    clip = open_clip(healthy[kind])
    assert clip.frames.shape == beating().shape
    difference = np.asarray(clip.frames).astype(int) - beating()
    assert np.abs(difference).max() <= (0 if kind in EXACT else 24)
    assert np.abs(difference).mean() <= (0 if kind in EXACT else 2.5)
    assert abs(difference.mean()) <= 1
    assert clip.colour_fraction == 0
    assert clip.warnings == ()


@pytest.mark.parametrize("kind", KINDS)
def test_times_and_spacing_come_from_the_file(healthy: dict[str, Path], kind: str) -> None:
    """Every kind carries its frame times; DICOM and NIfTI their spacing."""
    clip = open_clip(healthy[kind])
    assert clip.times_s == pytest.approx(np.arange(24) / FPS, abs=1e-6)
    assert clip.spacing_mm == (SPACING_MM if kind in CALIBRATED else None)


@pytest.mark.parametrize("kind", KINDS)
def test_options_win_over_the_file(healthy: dict[str, Path], kind: str) -> None:
    """--fps and --spacing-mm set what the file says otherwise."""
    clip = open_clip(healthy[kind], fps=25, spacing_mm=0.3)
    assert clip.fps == pytest.approx(25)
    assert clip.spacing_mm == (0.3, 0.3)
    assert open_clip(healthy[kind], spacing_mm=(0.3, 0.2)).spacing_mm == (0.3, 0.2)


@pytest.mark.parametrize("kind", KINDS)
def test_the_name_does_not_matter(healthy: dict[str, Path], kind: str, tmp_path: Path) -> None:
    """A renamed file is read by what it is, with a wrong suffix or none."""
    for name in ("clip.txt", "clip", "clip.avi", "-o.dcm", "http:%2f%2fodd name\n.gif"):
        renamed = tmp_path / name
        shutil.copy(healthy[kind], renamed)
        assert len(open_clip(renamed).frames) == 24


@pytest.mark.parametrize("fps", [0, -1, 0.9, 1001, 1e-9, 1e9, float("nan"), float("inf"), "fast"])
def test_an_impossible_rate_is_wrong_use(healthy: dict[str, Path], fps: float) -> None:
    """--fps must be a number between 1 and 1000."""
    with pytest.raises(UsageError, match="--fps"):
        open_clip(healthy["avi"], fps=fps)


@pytest.mark.parametrize("spacing", [0, -0.3, 1e-9, 1e9, float("nan"), (0.3,), (0.3, 0.3, 0.3), (0.3, -0.3), "0.3"])
def test_an_impossible_spacing_is_wrong_use(healthy: dict[str, Path], spacing: object) -> None:
    """--spacing-mm must be one or two numbers between 0.01 and 10."""
    with pytest.raises(UsageError, match="--spacing-mm"):
        open_clip(healthy["avi"], spacing_mm=spacing)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
def test_half_a_file_gives_half_a_clip_or_a_typed_error(healthy: dict[str, Path], kind: str, tmp_path: Path) -> None:
    """A truncated file yields the frames it still has, unharmed and with a warning, or says that it is damaged."""
    data = healthy[kind].read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(data[: len(data) * 6 // 10])
    if kind in ("mp4", "mov"):  # the index at their end is gone
        with pytest.raises(InputError, match="damaged or cut off"):
            open_clip(cut)
        return
    clip = open_clip(cut)
    assert 4 <= len(clip.frames) < 24
    assert [warning.code for warning in clip.warnings] == ["truncated"]
    difference = np.asarray(clip.frames).astype(int) - beating()[: len(clip.frames)]
    assert np.abs(difference).max() <= (0 if kind in EXACT else 24)


@pytest.mark.parametrize("kind", KINDS)
def test_long_clips_are_not_held_in_memory(
    healthy: dict[str, Path], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every reader appends frame by frame, so a stack beyond its limit spools to disk while it is read."""
    largest = 0

    def append(self: object, block: np.ndarray) -> None:
        nonlocal largest
        largest = max(largest, block.nbytes)
        original(self, block)

    from echobeat.frames import FrameStack

    original = FrameStack.append
    monkeypatch.setattr(FrameStack, "append", append)
    assert len(open_clip(healthy[kind]).frames) == 24
    assert largest == beating()[0].nbytes


def test_nothing_of_the_patient_reaches_the_terminal(healthy: dict[str, Path], tmp_path: Path) -> None:
    """Damaged files leave neither warnings nor log records nor FFmpeg's messages on stdout or stderr."""
    for kind, path in healthy.items():
        data = bytearray(path.read_bytes())
        for place in range(len(data) // 3, len(data), 211):
            data[place] ^= 0x5A
        (tmp_path / f"{kind}.bin").write_bytes(data)
    code = (
        "import sys, logging, pathlib; logging.basicConfig(level=logging.DEBUG)\n"
        "from echobeat.errors import InputError\nfrom echobeat.sources import open_clip\n"
        "for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):\n"
        "    try: open_clip(path)\n"
        "    except InputError as error: assert 'anary' not in str(error)\n"
    )
    done = subprocess.run([sys.executable, "-W", "always", "-c", code, tmp_path], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
