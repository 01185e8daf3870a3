"""Single labelled frames for training."""

from __future__ import annotations

import numpy as np

from echobeat.phantom.examination import Examination, Images, draw_patient
from echobeat.phantom.seeds import generator, require_training_seed


def sample_frames(seed: int, count: int, size: int = 112) -> tuple[Images, Images]:
    """Frames of one random patient at random moments, for training.

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
    rng = generator(seed, "choice")
    examination = Examination(draw_patient(seed, size=size), duration_s=4.0)
    times = np.sort(rng.uniform(0, 4.0, count))
    cycle = examination.cycle(times)
    images, labels = np.empty((2, count, size, size), np.uint8)
    for k in range(count):
        scene = examination.scene(cycle.volume_ml[k], cycle.mitral_opening[k], times[k])
        images[k] = examination.screen.show(examination.polar(scene, k))
        labels[k] = examination.labels(scene)
    return images, labels
