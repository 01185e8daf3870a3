"""Random predictions of random patients, for everything that is a function of predictions."""

from __future__ import annotations

import numpy as np

from echobeat.evaluation.predictions import BeatReading, ClipReading, FrameScore, FrameSize, Reading, StudyRow


def made_studies(n: int = 40, seed: int = 0) -> list[StudyRow]:
    rng = np.random.default_rng(seed)
    return [
        StudyRow(
            study=f"S{index:03}",
            patient=f"P{index // 2:03}",
            key=f"{index:x}",
            ef=float(np.clip(rng.normal(52, 13), 10, 80)),
            rhythm=("sinus", "atrial fibrillation")[index % 4 == 0],
            quality=("good", "poor")[index % 3 == 0],
            frames=120,
            fps=50.0,
            score=float(rng.uniform(0.2, 1.0)),
        )
        for index in range(n)
    ]


def made_readings(studies: list[StudyRow], seed: int = 1, sd: float = 5.0) -> list[Reading]:
    rng = np.random.default_rng(seed)
    rows = []
    for study in studies:
        clip, beats, geometric = (float(study.ef + rng.normal(0, sd * part)) for part in (1.2, 1.0, 1.4))
        rows += [Reading(study.study, "one clip", clip), Reading(study.study, "beat by beat", beats)]
        below = {f"below_{t}": float(1 / (1 + np.exp((geometric - t) / 4))) for t in (35, 40, 50)}
        rows.append(Reading(study.study, "geometric", geometric, geometric - 10, geometric + 10, **below))
    return rows


def made_beats(studies: list[StudyRow], seed: int = 2) -> list[BeatReading]:
    rng = np.random.default_rng(seed)
    return [
        BeatReading(study.study, beat, 20 + 40 * beat, beat != 1, study.ef + rng.normal(0, 7), study.ef + rng.normal())
        for study in studies
        for beat in range(int(rng.integers(2, 7)))
    ]


def made_clips(studies: list[StudyRow]) -> list[ClipReading]:
    return [ClipReading(study.study, start, study.ef + start / 10) for study in studies for start in range(3)]


def made_scores(studies: list[StudyRow], seed: int = 3) -> list[FrameScore]:
    rng = np.random.default_rng(seed)
    rows = []
    for study in studies:
        for instant, traced in (("ED", 2000), ("ES", 1100)):
            wrong = int(rng.integers(20, 200))
            mm = {"hd95_mm": wrong / 50, "surface_mm": wrong / 150}
            frame = 10 if instant == "ED" else 30
            rows.append(
                FrameScore(study.study, frame, instant, traced - wrong, traced, traced, wrong / 40, wrong / 120, **mm)
            )
    return rows


def made_sizes(studies: list[StudyRow]) -> list[FrameSize]:
    return [
        FrameSize(study.study, frame, 1500 + 500 * (frame % 3), frame == 10, frame == 30, frame in (30, 70))
        for study in studies
        for frame in range(80)
    ]
