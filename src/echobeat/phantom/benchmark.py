"""The fixed phantom benchmark: patients that nothing is ever trained, chosen or calibrated on.

``benchmark.json`` beside this file records the seeds, the number of patients and a SHA-256 over the decoded
frames and one over the truth. A generator that changes makes another benchmark: its results are comparable
only where the hash of the truth is the same. (The frames' hash may differ between processors, whose
floating-point units round a few grey values otherwise; the truth's does not.)
"""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from echobeat.phantom.dataset import read_truths, refuse_strangers, write_patients
from echobeat.phantom.examination import Patient, draw_patient
from echobeat.phantom.files import read_video
from echobeat.phantom.rhythm import RhythmKind
from echobeat.phantom.seeds import BENCHMARK_SEEDS
from echobeat.whole import write_file

BENCHMARK_PATIENTS = 120
_RHYTHMS: tuple[RhythmKind, ...] = ("sinus", "atrial fibrillation", "sinus", "ectopy", "atrial fibrillation", "sinus")
"""In turn: 60 sinus, 40 atrial fibrillation, 20 ectopy."""
_EF_RANGE = (12.0, 78.0)


def benchmark_patients() -> list[Patient]:
    """The patients of the benchmark; EF spread evenly, longer clips where the rhythm is irregular."""
    patients = []
    for k in range(BENCHMARK_PATIENTS):
        rhythm = _RHYTHMS[k % len(_RHYTHMS)]
        # steps of the golden ratio cover the range evenly in every rhythm
        ef = _EF_RANGE[0] + (_EF_RANGE[1] - _EF_RANGE[0]) * ((k * 0.6180339887) % 1)
        patients.append(
            draw_patient(
                BENCHMARK_SEEDS.start + k,
                rhythm=rhythm,
                ef=ef,
                beats=4 if rhythm == "sinus" else 7,
                clip="gated" if k % 5 == 0 else "free",
            )
        )
    return patients


def write_benchmark(out: Path, jobs: int = 1, progress: bool = False) -> dict[str, Any]:
    """Make the benchmark's data set in a folder and hash it; ``benchmark.json`` is written there too.

    Returns
    -------
    dict
        patients, first_seed, frames_sha256, truth_sha256; compare it with `recorded_benchmark`.

    Raises
    ------
    UsageError
        The folder holds other patients.
    """
    refuse_strangers(out, BENCHMARK_SEEDS)
    write_patients(out, benchmark_patients(), jobs, progress)
    made = hash_benchmark(out)
    write_file(out / "benchmark.json", json.dumps(made, indent=1) + "\n")
    return made


def hash_benchmark(folder: Path) -> dict[str, Any]:
    """SHA-256 over the decoded frames, and over the truth, of all studies in order of name."""
    frames, truth = hashlib.sha256(), hashlib.sha256()
    studies = read_truths(folder)
    for study in studies:
        frames.update(read_video(folder / "Videos" / f"{study['name']}.avi").tobytes())
        with np.load(folder / "Truth" / f"{study['name']}.npz") as arrays:
            truth.update(np.packbits(arrays["lv"]).tobytes())
            truth.update(np.round(arrays["volume_ml"], 3).tobytes())
        beats = [[b["ed_frame"], b["es_frame"], b["end_frame"], round(b["ef"], 4)] for b in study["beats"]]
        truth.update(json.dumps([study["name"], round(study["ef"], 4), beats]).encode())
    return {
        "patients": len(studies),
        "first_seed": BENCHMARK_SEEDS.start,
        "frames_sha256": frames.hexdigest(),
        "truth_sha256": truth.hexdigest(),
    }


def recorded_benchmark() -> dict[str, Any]:
    """What the package records of the benchmark."""
    text = files("echobeat.phantom").joinpath("benchmark.json").read_text(encoding="utf-8")
    record: dict[str, Any] = json.loads(text)
    return record
