"""Single labelled frames for training."""

from __future__ import annotations

import numpy as np

from echobeat.phantom.examination import Examination, Images, draw_patient
from echobeat.phantom.heart import FloatArray
from echobeat.phantom.rhythm import PlannedBeat
from echobeat.phantom.seeds import generator, require_training_seed

DURATION_S = 4.0
"""Of the examination from which frames are drawn."""
JITTER_S = 0.02
"""How far a frame may lie from end-diastole or end-systole."""


def sample_frames(seed: int, count: int, size: int = 112) -> tuple[Images, Images]:
    """Frames of one random patient for training: two at random moments, then end-diastole and end-systole by turns.

    EF hangs on end-diastole and end-systole, and frames drawn evenly in time seldom show a strong heart at its
    smallest. A moment is drawn within 20 ms of the true one.

    Parameters
    ----------
    seed : int
        Of the patient; from `TRAINING_SEEDS`.
    count : int
        Frames to make.
    size : int
        Height and width in pixels.

    Returns
    -------
    images, labels : ndarray
        (count, size, size) uint8 each. Labels as in CAMUS: 0 background, 1 LV cavity, 2 LV myocardium,
        3 left atrium.

    Raises
    ------
    UsageError
        The seed is set aside for judging.
    """
    require_training_seed(seed)
    examination = Examination(draw_patient(seed, size=size), duration_s=DURATION_S)
    times = _moments(examination.beats, count, generator(seed, "choice"))
    cycle = examination.cycle(times)
    images, labels = np.empty((2, count, size, size), np.uint8)
    for k in range(count):
        scene = examination.scene(cycle.volume_ml[k], cycle.mitral_opening[k], times[k])
        images[k] = examination.screen.show(examination.polar(scene, k))
        labels[k] = examination.labels(scene)
    return images, labels


def _moments(beats: tuple[PlannedBeat, ...], count: int, rng: np.random.Generator) -> FloatArray:
    """(count,) times in s, in order."""
    seen = [beat for beat in beats if beat.onset_s >= 0 and beat.es_s < DURATION_S]
    times = rng.uniform(0, DURATION_S, count)
    for k in range(2, count):
        beat = seen[int(rng.integers(len(seen)))]
        moment = beat.es_s if k % 2 else beat.ejection_start_s
        times[k] = np.clip(moment + rng.uniform(-JITTER_S, JITTER_S), 0, DURATION_S)
    result: FloatArray = np.sort(times)
    return result
