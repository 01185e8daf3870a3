"""Any moment of a patient's examination: the image, and what is true of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from echobeat.phantom.anatomy import Anatomy, Scene, draw_anatomy
from echobeat.phantom.display import Screen
from echobeat.phantom.heart import FloatArray
from echobeat.phantom.outlines import polygon_mask
from echobeat.phantom.rhythm import Cycle, Rhythm, RhythmKind, cycle_at, draw_rhythm, plan_beats
from echobeat.phantom.scanner import Scanner, draw_scanner
from echobeat.phantom.seeds import generator
from echobeat.phantom.ultrasound import Imager
from echobeat.phantom.views import FOUR_CHAMBER, View

Images = NDArray[np.uint8]
BACKGROUND, LV_CAVITY, MYOCARDIUM, LEFT_ATRIUM = 0, 1, 2, 3
"""Labels as in CAMUS (Leclerc et al. 2019, doi:10.1109/TMI.2019.2900516)."""

ClipKind = Literal["free", "gated", "half cycle"]
CLIP_KINDS: tuple[ClipKind, ...] = get_args(ClipKind)


@dataclass(frozen=True)
class Drift:
    """Slow motion of the heart under the probe: breathing and the hand; cm, radians, Hz."""

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
class Acquisition:
    """How the clip is recorded.

    Attributes
    ----------
    clip : "free" starts anywhere, "gated" begins and ends on an R wave, "half cycle" runs from ED to ES.
    beats : about so many beats are recorded.
    fps : frames a second.
    start : 0-1, where in its first beat a free clip begins.
    size : side of the square frame in pixels.
    """

    clip: ClipKind
    beats: int
    fps: float
    start: float
    size: int


@dataclass(frozen=True)
class Patient:
    """Everything that is drawn for one patient, and the view in which `anatomy` lies."""

    seed: int
    anatomy: Anatomy
    rhythm: Rhythm
    scanner: Scanner
    drift: Drift
    acquisition: Acquisition
    view: View = FOUR_CHAMBER

    @property
    def name(self) -> str:
        """Name of the study's files; a seed has one name."""
        return f"phantom-{self.seed:012x}"


def draw_patient(
    seed: int,
    *,
    rhythm: RhythmKind | None = None,
    ef: float | None = None,
    clip: ClipKind | None = None,
    beats: int | None = None,
    fps: float | None = None,
    size: int = 112,
) -> Patient:
    """Draw a patient from a seed; what is named is fixed instead of drawn.

    Parameters
    ----------
    seed : int
        The same seed gives the same patient in every byte.
    rhythm, clip : str, optional
        See `RhythmKind` and `ClipKind`.
    ef : float, optional
        Ejection fraction of the usual beat in percent, 10 to 80.
    beats, fps, size :
        See `Acquisition`.
    """
    rng = generator(seed, "acquisition")
    anatomy = _lay(draw_anatomy(generator(seed, "heart"), ef), rng)
    ventricle = anatomy.ventricle
    reach = anatomy.apex_cm[1] + ventricle.length_cm * np.cos(anatomy.tilt)
    drift = Drift(
        breath_hz=float(rng.uniform(0.15, 0.4)),
        breath_cm=(float(rng.normal(0, 0.1)), float(rng.normal(0, 0.15))),
        breath_turn=float(rng.normal(0, 0.02)),
        hand_cm=(float(rng.normal(0, 0.08)), float(rng.normal(0, 0.05))),
        hand_hz=float(rng.uniform(0.03, 0.15)),
        phase=(float(rng.uniform(0, 6.28)), float(rng.uniform(0, 6.28))),
    )
    drawn = _draw_acquisition(rng, size)
    return Patient(
        seed=seed,
        anatomy=anatomy,
        rhythm=draw_rhythm(generator(seed, "rhythm"), rhythm),
        scanner=draw_scanner(generator(seed, "scanner"), reach),
        drift=drift,
        acquisition=replace(drawn, clip=clip or drawn.clip, beats=beats or drawn.beats, fps=fps or drawn.fps),
    )


def _lay(anatomy: Anatomy, rng: np.random.Generator) -> Anatomy:
    """Put the heart under the probe."""
    apex_y = float(np.clip(rng.normal(2.6, 0.7), 1.2, 5.0))
    lean = np.sin(anatomy.tilt) * anatomy.ventricle.length_cm
    apex_x = float(rng.normal(0.9, 0.6)) - 0.5 * lean
    limit = 0.55 * apex_y + 0.4
    return replace(anatomy, apex_cm=(float(np.clip(apex_x, -limit, limit)), apex_y))


def _draw_acquisition(rng: np.random.Generator, size: int) -> Acquisition:
    return Acquisition(
        clip=CLIP_KINDS[int(rng.choice(3, p=[0.75, 0.20, 0.05]))],
        beats=int(rng.integers(3, 6)),
        fps=50.0 if rng.random() < 0.6 else float(np.round(rng.uniform(25, 80), 1)),
        start=float(rng.random()),
        size=size,
    )


class Examination:
    """Makes the image and the truth of any moment.

    Parameters
    ----------
    patient : Patient
    duration_s : float
        Moments from 0 to here can be shown.
    """

    def __init__(self, patient: Patient, duration_s: float) -> None:
        self.patient = patient
        self.size = size = patient.acquisition.size
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

    def outline_px(self, scene: Scene) -> FloatArray:
        """(points, 2) outline of the LV cavity, (column, row) in pixels; closed by the mitral plane."""
        return self.screen.to_pixels(scene.cavity)

    def lv_mask(self, scene: Scene) -> NDArray[np.bool_]:
        """(size, size) bool, the LV cavity closed by the mitral plane."""
        return polygon_mask(self.outline_px(scene), self.size, self.size)

    def labels(self, scene: Scene) -> Images:
        """(size, size) uint8: 0 background, 1 LV cavity, 2 LV myocardium, 3 left atrium."""
        layers = self.screen.to_pixels(scene.layers)
        wall = np.concatenate([layers[0], layers[-1][::-1]])
        labels = np.zeros((self.size, self.size), np.uint8)
        labels[polygon_mask(self.screen.to_pixels(scene.atrium), self.size, self.size)] = LEFT_ATRIUM
        labels[polygon_mask(wall, self.size, self.size)] = MYOCARDIUM
        labels[self.lv_mask(scene)] = LV_CAVITY
        return labels
