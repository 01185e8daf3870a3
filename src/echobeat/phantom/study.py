"""One patient's study: draw the patient, then the frames with all that is true of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from echobeat.phantom.anatomy import Anatomy, Scene, draw_anatomy
from echobeat.phantom.display import Screen
from echobeat.phantom.heart import FloatArray
from echobeat.phantom.outlines import polygon_mask
from echobeat.phantom.rhythm import Cycle, Rhythm, RhythmKind, cycle_at, draw_rhythm, plan_beats
from echobeat.phantom.scanner import Scanner, draw_scanner
from echobeat.phantom.seeds import generator, require_training_seed
from echobeat.phantom.ultrasound import Imager

Images = NDArray[np.uint8]
BACKGROUND, LV_CAVITY, MYOCARDIUM, LEFT_ATRIUM = 0, 1, 2, 3


@dataclass(frozen=True)
class Drift:
    """Slow motion of the heart under the probe: breathing and the hand."""

    breath_hz: float
    breath_cm: tuple[float, float]
    breath_turn: float
    hand_cm: tuple[float, float]
    hand_hz: float
    phase: tuple[float, float]

    def at(self, time_s: float) -> tuple[float, float, float]:
        """Shift in x and y in cm, and rotation in radians."""
        breath = np.sin(2 * np.pi * self.breath_hz * time_s + self.phase[0])
        hand = np.sin(2 * np.pi * self.hand_hz * time_s + self.phase[1])
        return (
            float(self.breath_cm[0] * breath + self.hand_cm[0] * hand),
            float(self.breath_cm[1] * breath + self.hand_cm[1] * hand),
            float(self.breath_turn * breath),
        )


@dataclass(frozen=True)
class Patient:
    """Everything that is drawn for one patient."""

    seed: int
    anatomy: Anatomy
    rhythm: Rhythm
    scanner: Scanner
    drift: Drift


def draw_patient(seed: int, *, rhythm: RhythmKind | None = None, ef: float | None = None) -> Patient:
    """Draw a patient from a seed; `rhythm` and `ef` (percent) fix what they name."""
    anatomy = draw_anatomy(generator(seed, "heart"), ef)
    rng = generator(seed, "acquisition")
    ventricle = anatomy.ventricle
    apex_y = float(np.clip(rng.normal(2.6, 0.7), 1.2, 5.0))
    lean = np.sin(anatomy.tilt) * ventricle.length_cm
    apex_x = float(rng.normal(0.9, 0.6)) - 0.5 * lean
    anatomy = replace(anatomy, apex_cm=(float(np.clip(apex_x, -0.55 * apex_y - 0.4, 0.55 * apex_y + 0.4)), apex_y))
    reach = apex_y + ventricle.length_cm * np.cos(anatomy.tilt)
    drift = Drift(
        breath_hz=float(rng.uniform(0.15, 0.4)),
        breath_cm=(float(rng.normal(0, 0.1)), float(rng.normal(0, 0.15))),
        breath_turn=float(rng.normal(0, 0.02)),
        hand_cm=(float(rng.normal(0, 0.08)), float(rng.normal(0, 0.05))),
        hand_hz=float(rng.uniform(0.03, 0.15)),
        phase=(float(rng.uniform(0, 6.28)), float(rng.uniform(0, 6.28))),
    )
    return Patient(
        seed=seed,
        anatomy=anatomy,
        rhythm=draw_rhythm(generator(seed, "rhythm"), rhythm),
        scanner=draw_scanner(generator(seed, "scanner"), reach),
        drift=drift,
    )


class Examination:
    """Makes any moment of a patient's examination: image and truth."""

    def __init__(self, patient: Patient, size: int, duration_s: float) -> None:
        self.patient = patient
        self.size = size
        ventricle = patient.anatomy.ventricle
        self.beats = plan_beats(
            patient.rhythm, ventricle.edv_ml, ventricle.ef, duration_s, generator(patient.seed, "rhythm", 1)
        )
        shape = (max(192, int(size * 2.25)), max(112, int(size * 1.15)))
        reference = patient.anatomy.scene(0.3, 0.3)
        self.imager = Imager(patient.scanner, reference, shape, generator(patient.seed, "speckle"))
        self.screen = Screen(patient.scanner, size, shape)

    def cycle(self, times_s: FloatArray) -> Cycle:
        """Volume, valve opening and phase at times in s."""
        return cycle_at(self.beats, times_s, self.patient.rhythm.ivr_s)

    def scene(self, volume_ml: float, mitral: float, time_s: float) -> Scene:
        """The heart at one moment."""
        anatomy = self.patient.anatomy
        state = float(anatomy.ventricle.state_for(np.array(volume_ml)))
        return anatomy.scene(state, mitral, self.patient.drift.at(time_s))

    def polar(self, scene: Scene, index: int) -> NDArray[np.float32]:
        """Polar grey image; `index` selects the frame's own noise."""
        return self.screen.grey(self.imager.frame(scene, generator(self.patient.seed, "frame", index)))

    def lv_mask(self, scene: Scene) -> NDArray[np.bool_]:
        """(size, size) bool, the LV cavity closed by the mitral plane."""
        return polygon_mask(self.screen.to_pixels(scene.cavity), self.size, self.size)

    def labels(self, scene: Scene) -> Images:
        """(size, size) uint8: 0 background, 1 LV cavity, 2 LV myocardium, 3 left atrium."""
        layers = self.screen.to_pixels(scene.layers)
        wall = np.concatenate([layers[0], layers[-1][::-1]])
        labels = np.zeros((self.size, self.size), np.uint8)
        labels[polygon_mask(self.screen.to_pixels(scene.atrium), self.size, self.size)] = LEFT_ATRIUM
        labels[polygon_mask(wall, self.size, self.size)] = MYOCARDIUM
        labels[self.lv_mask(scene)] = LV_CAVITY
        return labels


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
    patient = draw_patient(seed)
    rng = generator(seed, "choice")
    examination = Examination(patient, size, duration_s=4.0)
    times = np.sort(rng.uniform(0, 4.0, count))
    cycle = examination.cycle(times)
    images, labels = np.empty((2, count, size, size), np.uint8)
    for k in range(count):
        scene = examination.scene(cycle.volume_ml[k], cycle.mitral_opening[k], times[k])
        images[k] = examination.screen.show(examination.polar(scene, k))
        labels[k] = examination.labels(scene)
    return images, labels
