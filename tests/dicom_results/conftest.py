"""A judged clip, calibrated or not, and its source's header."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from made_sources import SIZE, made_assessment, made_reported

from echobeat.dicom_results.identity import Reported
from echobeat.records import Assessment, Estimate, IndexBeat, Rhythm, StudyEstimate


@pytest.fixture(scope="session")
def calibrated() -> Assessment:
    """Two complete beats, in ml, with an interval."""
    made = made_assessment(frames=30, beat_frames=12, size=SIZE, spacing_mm=(1.6, 1.6), source="secret/patient.dcm")
    beats = tuple(
        beat if beat.ef is None else dataclasses.replace(beat, ef_low=beat.ef - 7, ef_high=beat.ef + 9)
        for beat in made.result.beats
    )
    ef = dataclasses.replace(made.result.ef, low=made.result.ef.value - 5.5, high=made.result.ef.value + 6.25)
    return dataclasses.replace(made, result=dataclasses.replace(made.result, ef=ef, beats=beats))


@pytest.fixture(scope="session")
def uncalibrated() -> Assessment:
    """The same heart without a pixel spacing."""
    return made_assessment(frames=30, beat_frames=12, size=SIZE)


@pytest.fixture(scope="session")
def fibrillating(calibrated: Assessment) -> Assessment:
    """Beats of different length, one premature, the one after it, and only the ejection of the last."""
    whole = [beat for beat in calibrated.beats if beat.complete]
    kinds = ({}, {"ectopic": True}, {"post_ectopic": True}, {"complete": False, "half_cycle": True, "end_frame": None})
    beats = tuple(
        dataclasses.replace(whole[index % len(whole)], index=index, heart_rate_bpm=rate, **kind)
        for index, (rate, kind) in enumerate(zip((71.0, 133.0, 52.0, None), kinds, strict=True))
    )
    study = {"rhythm": Rhythm(84.0, 0.31, True), "ef_spread": 3.14159, "index_beat": IndexBeat(0, beats[0].ef)}
    return dataclasses.replace(calibrated, result=dataclasses.replace(calibrated.result, beats=beats, **study))


@pytest.fixture(scope="session")
def combined(calibrated: Assessment) -> Assessment:
    """The study's EF is of contours and video together."""
    ef = StudyEstimate(47.0, 41.0, 53.0, "combined")
    beats = tuple(
        beat if beat.ef is None else dataclasses.replace(beat, ef=beat.ef + 2.0, ef_geometric=beat.ef, ef_video=50.0)
        for beat in calibrated.beats
    )
    result = dataclasses.replace(calibrated.result, ef=ef, ef_video=Estimate(45.0, None, None), beats=beats)
    return dataclasses.replace(calibrated, result=result)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sources")


@pytest.fixture(scope="session")
def clip(folder: Path, calibrated: Assessment) -> Reported:
    return made_reported(folder / "calibrated.dcm", calibrated)


@pytest.fixture(scope="session")
def bare_clip(folder: Path, uncalibrated: Assessment) -> Reported:
    return made_reported(folder / "uncalibrated.dcm", uncalibrated)


@pytest.fixture(scope="session")
def dciodvfy() -> Callable[[Path], list[str]]:
    """Errors that dicom3tools finds in a file; skips where it is not installed."""
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy is not installed (Debian: dicom3tools)")

    def errors(path: Path) -> list[str]:
        done = subprocess.run([program, "-new", str(path)], capture_output=True, text=True, check=False)
        said = (done.stdout + done.stderr).splitlines()
        assert said, "dciodvfy names at least the kind of object"
        return [line for line in said if line.startswith(("Error", "E:"))]

    return errors
