"""A segmentation model on phantom patients, beside the oracle: the same measurement on the true masks.

An easy phantom cannot flatter: what the plane, the method of disks and the frame rate cost, the oracle
pays too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from echobeat.errors import EchobeatError, UnreadableFile
from echobeat.evaluation import agreement
from echobeat.evaluation.bootstrap import bootstrap, mean_metric, ratio
from echobeat.evaluation.calibration import KnownStudy, known_study
from echobeat.measurement import find_beats, study_ef, volume_curve
from echobeat.models import Metric
from echobeat.pipeline import Models, analyze_clip
from echobeat.records import Beat, FloatArray, Result
from echobeat.sources import open_clip

ES_TOLERANCE_S = 0.080
"""A systole counts as found this near to the true one..."""

VOLUME_TOLERANCE = 0.02
"""...or where the true volume is within this fraction of its extreme: on a flat minimum time says little."""

LOW_EF = 40.0

Way = Literal["our masks", "video", "both", "true masks"]
"""Ways to an EF: from our contours, from the video, from both by their calibrated weights, and the oracle's."""


@dataclass(frozen=True)
class BeatScore:
    """One true complete beat: EF in percent; `ours` and `oracle` are None where it was not found."""

    true_ef: float
    ours: Beat | None
    oracle: Beat | None

    def ef(self, way: Way) -> float | None:
        """EF of the found beat; None without one."""
        if way == "true masks":
            return self.oracle.ef if self.oracle else None
        if self.ours is None:
            return None
        if way == "video":
            return self.ours.ef_video
        if way == "both":
            return None if self.ours.ef_geometric is None else self.ours.ef
        return self.ours.contours_ef


@dataclass(frozen=True)
class Systoles:
    """Counts over one clip: true end-systoles, found ones, and how many of both belong together."""

    true: int
    found: int
    matched: int


@dataclass(frozen=True)
class StudyScore:
    """One phantom patient.

    Attributes
    ----------
    systoles : Systoles
        All that the clip shows, those of beats that it cuts, too.
    false_beats : int
        Complete beats of ours that belong to no true beat.
    known : KnownStudy or None
        What it adds to a calibration; None where no beat counts.
    oracle : float or None
        EF from the true masks.
    """

    name: str
    rhythm: str
    systoles: Systoles
    beats: tuple[BeatScore, ...]
    false_beats: int
    result: Result
    known: KnownStudy | None
    true_ef: float
    oracle: float | None

    def ef(self, way: Way) -> float | None:
        """EF of the study; None where there is none. `both` is what the product reports, whatever the weights."""
        if way == "true masks":
            return self.oracle
        result = self.result
        if way == "both":
            return result.ef.value if result.ef and result.ef.video_weight is not None else None
        estimate = result.ef_video if way == "video" else result.ef_geometric
        return estimate.value if estimate else None


def score_phantoms(
    folder: Path,
    models: Models,
    progress: Callable[[], None] = lambda: None,
    failed: Callable[[str], None] | None = None,
) -> tuple[StudyScore, ...]:
    """Measure every phantom study in a folder that ``echobeat phantom`` made.

    Parameters
    ----------
    folder : Path
    models : Models
    progress : callable
        Called after each study.
    failed : callable
        Told of each study that cannot be read, and why; the others go on. Without it the first such study ends all.

    Raises
    ------
    UnreadableFile
        There are no phantom studies with their truth in the folder, or none can be read.
    """
    truths = sorted((folder / "Truth").glob("*.json"))
    if not truths:
        raise UnreadableFile(str(folder), "it holds no phantom studies", "Make some with: echobeat phantom --out DIR")
    scores = []
    for path in truths:
        try:
            scores.append(score_phantom(folder, path.stem, models))
        except EchobeatError as error:
            if failed is None:
                raise
            failed(str(error))
        progress()
    if not scores:
        raise UnreadableFile(str(folder), "none of its phantom studies can be read", "Make them again")
    return tuple(scores)


def score_phantom(folder: Path, name: str, models: Models) -> StudyScore:
    """Measure one study.

    Raises
    ------
    InputError
        Its video or its truth cannot be read.
    """
    truth, true_masks, volume_ml = _truth_of(folder, name)
    spacing = (truth["spacing_mm"][0], truth["spacing_mm"][1])
    clip = open_clip(folder / "Videos" / f"{name}.avi", fps=truth["fps"], spacing_mm=spacing)
    found = analyze_clip(clip, models)
    oracle = find_beats(volume_curve(true_masks, clip.times_s, spacing))
    complete = [beat for beat in truth["beats"] if beat["complete"]]
    matches = [(matching_beat(beat, found.beats, clip.times_s, volume_ml), beat) for beat in complete]
    matched = {match.index: beat["ef"] for match, beat in matches if match}
    by_oracle = study_ef(oracle, None)
    return StudyScore(
        name=name,
        rhythm=truth["rhythm"],
        systoles=count_systoles(truth["beats"], found.beats, clip.times_s),
        beats=tuple(
            BeatScore(beat["ef"], match, matching_beat(beat, oracle, clip.times_s, volume_ml))
            for match, beat in matches
        ),
        false_beats=sum(beat.complete and beat.index not in matched for beat in found.beats),
        result=found.result,
        known=known_study(found, truth["ef"], matched),
        true_ef=truth["ef"],
        oracle=by_oracle.value if by_oracle else None,
    )


def _truth_of(folder: Path, name: str) -> tuple[dict[str, Any], NDArray[np.bool_], FloatArray]:
    """What is known of a study, its true masks and volumes."""
    path = folder / "Truth" / f"{name}.json"
    try:
        truth = json.loads(path.read_text(encoding="utf-8"))
        with np.load(path.with_suffix(".npz")) as arrays:
            return truth, arrays["lv"], arrays["volume_ml"]
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise UnreadableFile(
            str(path), f"this truth or the .npz beside it is missing or damaged ({error})", "Make the study again"
        ) from error


def count_systoles(truths: Sequence[Mapping[str, Any]], beats: Sequence[Beat], times_s: FloatArray) -> Systoles:
    """Match true and found end-systoles in order of time, each with one other within `ES_TOLERANCE_S`.

    Parameters
    ----------
    truths : sequence of mapping
        Beats of a phantom's truth file.
    beats : sequence of Beat
    times_s : ndarray
        (frames,), seconds.
    """
    true = sorted(beat["es_s"] for beat in truths if beat["es_frame"] is not None)
    found = sorted(float(times_s[beat.es_frame]) for beat in beats if beat.es_frame is not None)
    matched = place = 0
    for at in true:
        while place < len(found) and found[place] < at - ES_TOLERANCE_S:
            place += 1
        if place < len(found) and found[place] <= at + ES_TOLERANCE_S:
            matched, place = matched + 1, place + 1
    return Systoles(len(true), len(found), matched)


def matching_beat(
    truth: Mapping[str, Any], beats: Sequence[Beat], times_s: FloatArray, volume_ml: FloatArray
) -> Beat | None:
    """The complete beat whose systole is the true one, if any; `truth` is a beat of a phantom's truth file."""
    for beat in beats:
        if not beat.complete or beat.es_frame is None:
            continue
        near = abs(times_s[beat.es_frame] - truth["es_s"]) <= ES_TOLERANCE_S
        inside = truth["ed_frame"] < beat.es_frame < truth["end_frame"]
        flat = volume_ml[beat.es_frame] <= truth["esv_ml"] * (1 + VOLUME_TOLERANCE)
        if near or (inside and flat):
            return beat
    return None


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
    metrics += _of_systoles([score.systoles for score in scores], what)
    refused = [not score.result.quality.accepted for score in scores]
    metrics.append(mean_metric("studies that are refused an EF, share", refused, what))
    ways: tuple[Way, ...] = ("our masks", "video", "both", "true masks")
    for way in ways:
        metrics += _of_beats(with_beats, way, what)
        study = np.array([ef - s.true_ef for s in scores if (ef := s.ef(way)) is not None])
        if len(study):
            metrics.append(mean_metric(f"study EF from {way}, MAE", np.abs(study), what))
            metrics.append(mean_metric(f"study EF from {way}, bias", study, what))
    return (*metrics, *_of_intervals(scores, what))


def _of_systoles(systoles: Sequence[Systoles], what: str) -> list[Metric]:
    """F1, the harmonic mean of recall and precision, of all patients' systoles together."""
    shown = [one for one in systoles if one.true + one.found]
    if not shown:
        return []
    f1 = ratio([2 * one.matched for one in shown], [one.true + one.found for one in shown])
    spread = bootstrap({"": f1}, [str(number) for number in range(len(shown))])[""]
    return [Metric("systoles, F1", spread.value, len(shown), spread.low, spread.high, what)]


def _of_beats(scores: Sequence[StudyScore], way: Way, what: str) -> list[Metric]:
    """MAE and bias, each patient's mean counting once; R2 over all beats."""
    pairs = [
        np.array([(ef, beat.true_ef) for beat in score.beats if (ef := beat.ef(way)) is not None]).reshape(-1, 2)
        for score in scores
    ]
    kept = [pair for pair in pairs if len(pair)]
    if not kept:
        return []
    errors = [pair[:, 0] - pair[:, 1] for pair in kept]
    low = [np.abs(pair[pair[:, 1] < LOW_EF] @ (1, -1)).mean() for pair in kept if (pair[:, 1] < LOW_EF).any()]
    metrics = [
        mean_metric(f"beat EF from {way}, MAE", [np.abs(e).mean() for e in errors], what),
        mean_metric(f"beat EF from {way}, bias", [e.mean() for e in errors], what),
    ]
    if low:
        metrics.append(mean_metric(f"beat EF from {way}, MAE below {LOW_EF:g}", low, what))
    patients = [str(number) for number, pair in enumerate(kept) for _ in pair]
    estimate, truth = np.concatenate(kept).T
    spread = bootstrap({"R2": agreement.r2(truth, estimate)}, patients)["R2"]
    if np.isfinite(spread.value):  # beats of one and the same EF have none
        metrics.append(Metric(f"beat EF from {way}, R2", spread.value, len(kept), spread.low, spread.high, what))
    return metrics


def _of_intervals(scores: Sequence[StudyScore], what: str) -> list[Metric]:
    """Coverage and width of the 90 % intervals of the studies and of the beats that have one."""
    metrics = []
    judged = [(s.result.ef, s.true_ef) for s in scores if s.result.ef is not None and s.result.ef.low is not None]
    if judged:
        inside = [(ef.low or 0) <= truth <= (ef.high or 0) for ef, truth in judged]
        metrics.append(mean_metric("study EF, share inside its 90 % interval", inside, what))
        widths = [(ef.high or 0) - (ef.low or 0) for ef, _ in judged]
        metrics.append(mean_metric("study EF, width of its 90 % interval, mean", widths, what))
    found = [
        [(beat.ours, beat.true_ef) for beat in s.beats if beat.ours is not None and beat.ours.ef_low is not None]
        for s in scores
    ]
    rows = [(str(k), b.ef_low or 0, b.ef_high or 0, ef) for k, row in enumerate(found) for b, ef in row]
    if rows:
        patients, low, high, truth = zip(*rows, strict=True)
        inside_beats = (np.array(low) <= truth) & (np.array(truth) <= high)
        spread = bootstrap({"": ratio(inside_beats)}, patients)[""]
        name = "beat EF, share inside its 90 % interval"
        metrics.append(Metric(name, spread.value, len(set(patients)), spread.low, spread.high, what))
    return metrics


def known_studies(scores: Iterable[StudyScore]) -> list[KnownStudy]:
    """What the studies add to a calibration."""
    return [score.known for score in scores if score.known is not None]


def by_rhythm(scores: Iterable[StudyScore]) -> dict[str, list[StudyScore]]:
    """All of them, and those of each rhythm."""
    groups: dict[str, list[StudyScore]] = {"all": []}
    for score in scores:
        groups["all"].append(score)
        groups.setdefault(score.rhythm, []).append(score)
    return groups
