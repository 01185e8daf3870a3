"""Whole studies: their frames, their truth, and the files made of them."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pydicom
import pytest

from echobeat.errors import OutputError, UsageError
from echobeat.phantom import Study, draw_patient, make_study, write_dataset, write_dicom
from echobeat.phantom.benchmark import BENCHMARK_PATIENTS, benchmark_patients
from echobeat.phantom.dataset import dataset_seeds, write_patients
from echobeat.phantom.files import read_video
from echobeat.phantom.outlines import polygon_area, polygon_mask
from echobeat.phantom.seeds import BENCHMARK_SEEDS


@pytest.fixture(scope="module")
def study() -> Study:
    return make_study(draw_patient(11, rhythm="ectopy", clip="free", beats=4, fps=30))


def test_volume_at_the_frames_of_a_beat_is_the_beats_volume(study: Study) -> None:
    """At ED the EDV; at ES within a frame of it, since a frame may miss the very moment."""
    for beat in study.beats:
        if beat.ed_frame is not None:
            assert study.volume_ml[beat.ed_frame] == pytest.approx(beat.edv_ml, rel=0.03)
        if beat.es_frame is not None:
            assert study.volume_ml[beat.es_frame] == pytest.approx(beat.esv_ml, rel=0.05)


def test_ef_is_the_mean_over_beats_neither_ectopic_nor_post_ectopic(study: Study) -> None:
    """An ectopic patient's EF is that of the normal complete beats."""
    normal = [b.ef for b in study.beats if b.complete and not b.ectopic and not b.post_ectopic]
    assert any(b.ectopic for b in study.beats)
    assert study.ef == pytest.approx(np.mean(normal))


def test_masks_are_the_outlines(study: Study) -> None:
    """Every mask is its polygon, by pixel centres and by area."""
    for k in range(0, len(study.frames), 9):
        assert np.array_equal(study.masks[k], polygon_mask(study.outlines_px[k], 112, 112))
        assert study.masks[k].sum() == pytest.approx(polygon_area(study.outlines_px[k]), rel=0.02)


def test_spacing_turns_pixels_into_the_body(study: Study) -> None:
    """The outline's area in cm2 is the cut's area of the ventricle itself."""
    patient = study.patient
    state = float(patient.anatomy.ventricle.state_for(study.volume_ml[5]))
    cut = patient.anatomy.ventricle.outline(state).endocardium
    row, column = study.spacing_mm
    assert polygon_area(study.outlines_px[5]) * row * column / 100 == pytest.approx(polygon_area(cut), rel=1e-6)


def test_gated_clips_begin_and_end_on_end_diastole() -> None:
    """Every beat of a gated clip is complete; the first ED is among its first frames."""
    study = make_study(draw_patient(3, rhythm="sinus", clip="gated", beats=2, fps=25))
    complete = [b for b in study.beats if b.complete]
    assert len(complete) == 2
    assert complete[0].ed_frame is not None
    assert complete[0].ed_frame <= 2
    assert complete[-1].end_frame == len(study.frames) - 1


def test_half_cycles_run_from_end_diastole_to_end_systole() -> None:
    """One beat, not complete, with its EF."""
    study = make_study(draw_patient(4, clip="half cycle", fps=40))
    assert len(study.counted) == 1
    assert study.counted[0].half_cycle
    assert study.ef == study.counted[0].ef


def test_dataset_is_the_same_in_one_and_in_two_processes(tmp_path: Path) -> None:
    """Same seed, same bytes, whatever the number of jobs."""
    patients = [draw_patient(seed, clip="half cycle", fps=25) for seed in dataset_seeds(2, seed=7)]
    write_patients(tmp_path / "one", patients, jobs=1)
    write_patients(tmp_path / "two", patients, jobs=2)
    names = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*") if p.is_file())
    assert len(names) == 2 + 2 * 3
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_dataset_has_echonets_layout_and_its_truth(tmp_path: Path) -> None:
    """Lists, video and truth agree; a second call makes nothing anew, an unfinished study is made again."""
    patients = [draw_patient(seed, clip="half cycle", fps=25) for seed in dataset_seeds(1, seed=2)]
    write_patients(tmp_path, patients)
    [row] = csv.DictReader((tmp_path / "FileList.csv").open())
    video = read_video(tmp_path / "Videos" / f"{row['FileName']}.avi")
    truth = json.loads((tmp_path / "Truth" / f"{row['FileName']}.json").read_text())
    arrays = np.load(tmp_path / "Truth" / f"{row['FileName']}.npz")
    assert video.shape == arrays["lv"].shape == (int(row["NumberOfFrames"]), 112, 112)
    assert float(row["EF"]) == pytest.approx(truth["ef"], abs=1e-3)
    tracings = list(csv.DictReader((tmp_path / "VolumeTracings.csv").open()))
    assert len(tracings) == 42
    frames = [int(r["Frame"]) for r in tracings]
    assert arrays["lv"][frames[-1]].sum() > arrays["lv"][frames[0]].sum()  # ED is listed last

    path = tmp_path / "Videos" / f"{row['FileName']}.avi"
    os.utime(path, (0, 0))
    write_patients(tmp_path, patients)
    assert path.stat().st_mtime == 0
    (tmp_path / "Truth" / f"{row['FileName']}.json").unlink()
    write_patients(tmp_path, patients)
    assert abs(path.stat().st_mtime - time.time()) < 3600
    assert not [p for p in tmp_path.rglob("*") if p.name.startswith(".")]


@pytest.mark.parametrize(("patients", "seed"), [(0, 0), (-3, 0), (2**30, 0), (1, -1)])
def test_numbers_out_of_range_are_refused(patients: int, seed: int) -> None:
    """With an error that says what the range is."""
    with pytest.raises(UsageError, match=r"(from|From)"):
        dataset_seeds(patients, seed)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """An output folder that is a file gives an OutputError with the path."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        write_dataset(tmp_path / "file", 1, seed=0)


def test_dicom_has_true_calibration_and_times(tmp_path: Path) -> None:
    """The object reads back with frames, spacing in cm and frame time in ms as they are."""
    study = make_study(draw_patient(9, clip="half cycle", fps=40, size=128))
    write_dicom(study, tmp_path / "a.dcm")
    data = pydicom.dcmread(tmp_path / "a.dcm")
    region = data.SequenceOfUltrasoundRegions[0]
    assert data.pixel_array.shape == study.frames.shape
    assert np.abs(data.pixel_array.astype(int) - study.frames).mean() < 4
    assert (region.PhysicalDeltaY * 10, region.PhysicalDeltaX * 10) == pytest.approx(study.spacing_mm)
    assert float(data.FrameTime) == pytest.approx(25.0)
    assert (region.RegionLocationMaxX1, region.RegionLocationMaxY1) == (127, 127)


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")
def test_dicom_is_valid_to_dciodvfy(tmp_path: Path) -> None:
    """The checker of dicom3tools finds neither error nor warning."""
    write_dicom(make_study(draw_patient(9, clip="half cycle", fps=25)), tmp_path / "a.dcm")
    said = subprocess.run(["dciodvfy", "-new", str(tmp_path / "a.dcm")], capture_output=True, text=True, check=False)
    assert "Error" not in said.stdout + said.stderr
    assert "Warning" not in said.stdout + said.stderr


def test_benchmark_patients_are_set_aside_and_of_all_rhythms() -> None:
    """Fixed number, own seeds, at least 30 in atrial fibrillation, EF from low to high."""
    patients = benchmark_patients()
    assert len(patients) == BENCHMARK_PATIENTS
    assert all(p.seed in BENCHMARK_SEEDS for p in patients)
    kinds = [p.rhythm.kind for p in patients]
    assert kinds.count("atrial fibrillation") >= 30
    assert kinds.count("ectopy") >= 20
    efs = [p.anatomy.ventricle.ef for p in patients]
    assert min(efs) < 15
    assert max(efs) > 75
