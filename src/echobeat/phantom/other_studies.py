"""Patients in other views, and after a contrast agent: whole studies, and single frames to learn from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from echobeat.phantom.examination import Examination, Images, Patient, draw_patient
from echobeat.phantom.scanner import draw_scanner
from echobeat.phantom.seeds import generator, require_training_seed
from echobeat.phantom.views import FOUR_CHAMBER, View, opacified, seen_from

DURATION_S = 3.0
"""Of the examination from which frames are drawn."""


def in_view(patient: Patient, view: View) -> Patient:
    """The same patient, rhythm and clip in another view; the scanner's depth is set for it."""
    if view == FOUR_CHAMBER:
        return patient
    anatomy, reach = seen_from(patient.anatomy, view, generator(patient.seed, "view"))
    scanner = draw_scanner(generator(patient.seed, "scanner"), reach)
    return replace(patient, anatomy=anatomy, scanner=scanner, view=view)


def with_contrast(patient: Patient) -> Patient:
    """The same patient after a contrast agent: cavities bright, muscle dark, as with a low mechanical index."""
    rng = generator(patient.seed, "view", 1)
    scanner = patient.scanner
    echo = replace(scanner.echo, tissue={**scanner.echo.tissue, "opacified": float(rng.uniform(7, 16))})
    grey = float(rng.uniform(20, 80))
    return replace(
        patient,
        anatomy=opacified(patient.anatomy),
        scanner=replace(scanner, echo=echo, display=replace(scanner.display, wall_grey=grey)),
    )


def sample_views(seed: int, count: int, size: int = 112, *, view: View, contrast: bool = False) -> Images:
    """Frames of one random patient in a view, for training.

    Parameters
    ----------
    seed : int
        Of the patient; from `TRAINING_SEEDS`.
    count, size : int
        Frames, at random moments; their side in pixels.
    view : View
    contrast : bool
        After a contrast agent; only for the apical four-chamber view.

    Returns
    -------
    ndarray
        (count, size, size) uint8.

    Raises
    ------
    UsageError
        The seed is set aside for judging.
    """
    require_training_seed(seed)
    patient = draw_patient(seed, size=size)
    return frames_of(with_contrast(patient) if contrast else in_view(patient, view), count)


def frames_of(patient: Patient, count: int) -> Images:
    """`count` frames of a patient at random moments, in order of time, (count, size, size) uint8."""
    size = patient.acquisition.size
    examination = Examination(patient, duration_s=DURATION_S)
    times = np.sort(generator(patient.seed, "choice", 1).uniform(0, DURATION_S, count))
    cycle = examination.cycle(times)
    images = np.empty((count, size, size), np.uint8)
    for k in range(count):
        scene = examination.scene(cycle.volume_ml[k], cycle.mitral_opening[k], times[k])
        images[k] = examination.screen.show(examination.polar(scene, k))
    return images
