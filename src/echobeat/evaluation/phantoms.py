"""A segmentation model on phantom patients, beside the oracle: the same measurement on the true masks.

An easy phantom cannot flatter: what the plane, the method of disks and the frame rate cost, the oracle
pays too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from echobeat.errors import UnreadableFile
from echobeat.evaluation.bootstrap import mean_metric
from echobeat.measurement import MeasurementError, calibrate, find_beats, study_ef, volume_curve
from echobeat.models import Metric, Segmenter
from echobeat.records import Beat, FloatArray
from echobeat.sources import open_clip

ES_TOLERANCE_S = 0.080
"""A systole counts as found this near to the true one..."""

VOLUME_TOLERANCE = 0.02
"""...or where the true volume is within this fraction of its extreme: on a flat minimum time says little."""


@dataclass(frozen=True)
class BeatScore:
    """One true complete beat: EF in percent; None where it was not found."""

    true_ef: float
    ours: float | None
    oracle: float | None


@dataclass(frozen=True)
class StudyScore:
    """One phantom patient.

    Attributes
    ----------
    false_beats : int
        Complete beats of ours that belong to no true beat.
    found : tuple of Beat
        All beats that we found.
    """

    name: str
    rhythm: str
    beats: tuple[BeatScore, ...]
    false_beats: int
    found: tuple[Beat, ...]
    true_ef: float
    ours: float | None
    oracle: float | None


def score_phantoms(
    folder: Path, segmenter: Segmenter, progress: Callable[[], None] = lambda: None
) -> tuple[StudyScore, ...]:
    """Measure every phantom study in a folder that ``echobeat phantom`` made.

    Raises
    ------
    UnreadableFile
        There are no phantom studies with their truth in the folder.
    """
    truths = sorted((folder / "Truth").glob("*.json"))
    if not truths:
        raise UnreadableFile(str(folder), "it holds no phantom studies", "Make some with: echobeat phantom --out DIR")
    scores = []
    for path in truths:
        scores.append(_score(folder, json.loads(path.read_text(encoding="utf-8")), segmenter))
        progress()
    return tuple(scores)


def _score(folder: Path, truth: dict[str, Any], segmenter: Segmenter) -> StudyScore:
    name, spacing = truth["name"], (truth["spacing_mm"][0], truth["spacing_mm"][1])
    clip = open_clip(folder / "Videos" / f"{name}.avi", fps=truth["fps"], spacing_mm=spacing)
    with np.load(folder / "Truth" / f"{name}.npz") as arrays:
        true_masks, volume_ml = arrays["lv"], arrays["volume_ml"]
    ours = find_beats(volume_curve(segmenter.segment(clip.frames, clip.fps).lv, clip.times_s, spacing))
    oracle = find_beats(volume_curve(true_masks, clip.times_s, spacing))
    complete = [beat for beat in truth["beats"] if beat["complete"]]
    matches = [(_match(beat, ours, clip.times_s, volume_ml), beat) for beat in complete]
    matched = {match.index for match, _ in matches if match}
    study, study_oracle = study_ef(ours, None), study_ef(oracle, None)
    return StudyScore(
        name=name,
        rhythm=truth["rhythm"],
        beats=tuple(
            BeatScore(beat["ef"], _ef(match), _ef(_match(beat, oracle, clip.times_s, volume_ml)))
            for match, beat in matches
        ),
        found=ours,
        false_beats=sum(beat.complete and beat.index not in matched for beat in ours),
        true_ef=truth["ef"],
        ours=study.value if study else None,
        oracle=study_oracle.value if study_oracle else None,
    )


def _match(truth: dict[str, Any], beats: Sequence[Beat], times_s: FloatArray, volume_ml: FloatArray) -> Beat | None:
    """The complete beat whose systole is the true one, if any."""
    for beat in beats:
        if not beat.complete or beat.es_frame is None:
            continue
        near = abs(times_s[beat.es_frame] - truth["es_s"]) <= ES_TOLERANCE_S
        inside = truth["ed_frame"] < beat.es_frame < truth["end_frame"]
        flat = volume_ml[beat.es_frame] <= truth["esv_ml"] * (1 + VOLUME_TOLERANCE)
        if near or (inside and flat):
            return beat
    return None


def _ef(beat: Beat | None) -> float | None:
    return beat.ef if beat else None


def summarise(scores: Sequence[StudyScore], what: str) -> tuple[Metric, ...]:
    """Figures over phantom patients, ours beside the oracle's; intervals by bootstrap over patients.

    Parameters
    ----------
    scores : sequence of StudyScore
    what : str
        The data, for the card, e.g. "phantom benchmark, atrial fibrillation".
    """
    metrics = []
    with_beats = [score for score in scores if score.beats]
    if with_beats:
        recall = [np.mean([beat.ours is not None for beat in score.beats]) for score in with_beats]
        metrics.append(mean_metric("complete beats found, share", recall, what))
        metrics.append(mean_metric("false beats a study", [score.false_beats for score in scores], what))
    for name, part in (("our masks", "ours"), ("true masks", "oracle")):
        errors = [_beat_errors(score, part) for score in with_beats]
        kept = [error for error in errors if len(error)]
        if kept:
            metrics.append(mean_metric(f"beat EF from {name}, MAE", [np.abs(e).mean() for e in kept], what))
            metrics.append(mean_metric(f"beat EF from {name}, bias", [e.mean() for e in kept], what))
        study = [getattr(s, part) - s.true_ef for s in scores if getattr(s, part) is not None]
        if study:
            metrics.append(mean_metric(f"study EF from {name}, MAE", np.abs(study), what))
    return tuple(metrics)


def calibrate_on(scores: Sequence[StudyScore]) -> MeasurementError:
    """A model's measurement error from phantoms that nothing was trained or chosen on."""
    errors = np.concatenate([_beat_errors(score, "ours") for score in scores])
    return calibrate([score.found for score in scores], [score.true_ef for score in scores], errors.tolist())


def _beat_errors(score: StudyScore, part: str) -> FloatArray:
    values = [(getattr(beat, part), beat.true_ef) for beat in score.beats if getattr(beat, part) is not None]
    return np.array([ours - truth for ours, truth in values], float)


def by_rhythm(scores: Iterable[StudyScore]) -> dict[str, list[StudyScore]]:
    """All of them, and those of each rhythm."""
    groups: dict[str, list[StudyScore]] = {"all": []}
    for score in scores:
        groups["all"].append(score)
        groups.setdefault(score.rhythm, []).append(score)
    return groups
