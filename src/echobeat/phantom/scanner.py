"""What is drawn for a scanner and an examination: geometry, beam, echogenicity, processing, display."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from echobeat.phantom.anatomy import Tissue


@dataclass(frozen=True)
class Beam:
    """Sector and pulse.

    Attributes
    ----------
    half_angle, steer : half the sector's angle and its turn, radians.
    depth_cm : from the probe's surface.
    origin_cm : distance of the sector's virtual apex behind the probe's surface.
    wavelength_cm : of the pulse in tissue.
    pulse_cm : standard deviation of the pulse's envelope along the beam.
    width : standard deviation of the beam at its focus, radians.
    focus_cm, aperture_cm : depth of the focus; width of the beam at the probe.
    looks : frames of independent speckle that are compounded.
    """

    half_angle: float
    steer: float
    depth_cm: float
    origin_cm: float
    wavelength_cm: float
    pulse_cm: float
    width: float
    focus_cm: float
    aperture_cm: float
    looks: int


@dataclass(frozen=True)
class Echogenicity:
    """Backscatter in dB relative to normal myocardium at the same place.

    Attributes
    ----------
    tissue : level of each tissue; blood is negative.
    blood_db, blood_slope_db_cm, blood_ripple_db : of blood at half the depth, its growth with depth, and how
        it varies over the sector.
    wall_layers : of the LV wall from endocardium to epicardium.
    wall_ripple_db : standard deviation of changes along the wall.
    septal_loss_db, lateral_loss_db, apical_loss_db : loss of parts of the wall.
    anisotropy_db : loss where the wall runs along the beam.
    specular : exponent of the mirror-like interfaces' dependence on angle.
    background_db, background_ripple_db, background_scale_cm : tissue around the heart and how it varies.
    beside_db : of the tissue beside the apex, where contact is poor; fades with depth.
    slice_cm : standard deviation of the blur of all borders by the slice's thickness.
    leaflet_cm : thickness of leaflets and interfaces, as standard deviation.
    sparkle : share of scatterers that are three times as strong.
    texture_db : standard deviation of the backscatter within a tissue, moving with it.
    roughness : of the endocardium as painted, relative to a third of the wall's thickness.
    behind : the lung interface behind the heart: level in dB, decay in cm, further loss in dB a cm.
    """

    tissue: dict[Tissue, float]
    blood_db: float
    blood_slope_db_cm: float
    blood_ripple_db: float
    wall_layers: tuple[float, float, float]
    wall_ripple_db: float
    septal_loss_db: float
    lateral_loss_db: float
    apical_loss_db: float
    anisotropy_db: float
    specular: float
    background_db: float
    background_ripple_db: float
    background_scale_cm: float
    beside_db: float
    slice_cm: float
    leaflet_cm: float
    sparkle: float
    texture_db: float
    behind: tuple[float, float, float]
    roughness: float


@dataclass(frozen=True)
class Artefacts:
    """What disturbs the image.

    Attributes
    ----------
    shadows : (centre, half width in radians, depth of onset in cm, loss in dB) each.
    clutter_db, clutter_cm : stationary near-field clutter and the depth over which it fades.
    haze_db : stationary haze over the whole sector.
    sidelobe_db, sidelobe : level and width (radians) of what bright echoes spread sideways.
    reverberation_db, reverberation_cm : repeats of the near field.
    noise_db, noise_slope_db_cm : electronic noise at three quarters of the depth, and its growth per cm.
    edge_loss_db : loss at the sector's edges.
    contrast_db : the cavity is at least so much darker than the wall, all disturbances included.
    """

    shadows: tuple[tuple[float, float, float, float], ...]
    clutter_db: float
    clutter_cm: float
    haze_db: float
    sidelobe_db: float
    sidelobe: float
    reverberation_db: float
    reverberation_cm: float
    noise_db: float
    noise_slope_db_cm: float
    edge_loss_db: float
    contrast_db: float


@dataclass(frozen=True)
class Display:
    """From the envelope to grey values, and the frame around the sector.

    Attributes
    ----------
    dynamic_range_db, wall_grey : grey = wall_grey + dB x 255 / dynamic_range_db for normal myocardium = 0 dB.
    tgc_db : residual gain at equal steps of depth.
    gamma, contrast : of the grey map; contrast is the strength of an S curve.
    reject : share of the grey range, from below, that is shown black.
    smoothing, edge_preserving, sharpening : in polar samples; strength of a bilateral filter, 0 for none;
        unsharp-mask amount.
    persistence : share of the frame before.
    fit : "height", "sector" or "stretch": how the sector is put into the square frame.
    margin, shift : black border relative to the frame, horizontal shift relative to it.
    cubic : downsampled by cubic interpolation without a low-pass filter, as EchoNet-Dynamic was.
    jpeg_quality : 0 for none.
    ticks : brightness of depth marks beside the sector, 0 for none.
    """

    dynamic_range_db: float
    wall_grey: float
    tgc_db: tuple[float, ...]
    gamma: float
    contrast: float
    reject: float
    smoothing: float
    edge_preserving: float
    sharpening: float
    persistence: float
    fit: str
    margin: float
    shift: float
    cubic: bool
    jpeg_quality: int
    ticks: float


@dataclass(frozen=True)
class Scanner:
    """All that makes one patient's images look as they do."""

    beam: Beam
    echo: Echogenicity
    artefacts: Artefacts
    display: Display


def draw_scanner(rng: np.random.Generator, reach_cm: float) -> Scanner:
    """Draw a scanner and its settings; `reach_cm` is the depth of the mitral annulus."""
    beam = _draw_beam(rng, reach_cm)
    echo = _draw_echogenicity(rng)
    return Scanner(beam, echo, _draw_artefacts(rng, beam, echo), _draw_display(rng))


def _draw_beam(rng: np.random.Generator, reach_cm: float) -> Beam:
    depth = float(np.clip(reach_cm / np.clip(rng.normal(0.70, 0.115), 0.48, 0.97), 9.5, 23))
    wavelength = 0.154 / float(rng.uniform(1.7, 4.0))
    return Beam(
        half_angle=float(np.deg2rad(rng.uniform(60, 100) / 2)),
        steer=float(np.deg2rad(rng.normal(0, 2.5)) if rng.random() < 0.3 else 0.0),
        depth_cm=depth,
        origin_cm=float(rng.uniform(0.3, 2.0)) if rng.random() < 0.35 else 0.0,
        wavelength_cm=wavelength,
        pulse_cm=wavelength * float(rng.uniform(0.35, 1.1)),
        width=float(np.deg2rad(np.clip(rng.lognormal(np.log(0.65), 0.33), 0.35, 1.5))),
        focus_cm=float(rng.uniform(5, 11)),
        aperture_cm=float(rng.uniform(0.25, 0.8)),
        looks=int(rng.choice([1, 2, 3], p=[0.35, 0.4, 0.25])),
    )


def _draw_echogenicity(rng: np.random.Generator) -> Echogenicity:
    blood = -float(rng.uniform(7, 30))
    right = blood + float(rng.normal(1.0, 2.0))
    tissue: dict[Tissue, float] = {
        "fat": float(rng.normal(-1.5, 4)),
        "right blood": right,
        "right wall": float(rng.normal(-2.5, 3.5)),
        "left blood": blood,
        "atrial blood": blood + float(rng.normal(0.5, 2.0)),
        "atrial wall": float(rng.normal(0, 4)),
        "papillary": float(rng.normal(-2.5, 3)),
        "trabecula": float(rng.normal(-4.5, 3)),
        "endocardium": float(rng.normal(3, 4)),
        "epicardium": float(rng.normal(1, 4)),
        "pericardium": float(rng.normal(6, 5)),
        "leaflet": float(rng.normal(5, 4)),
        "chorda": float(rng.normal(-7, 4.5)),
        "crux": float(rng.normal(5, 4)),
    }
    return Echogenicity(
        tissue=tissue,
        blood_db=blood,
        blood_slope_db_cm=float(rng.normal(0, 0.9)),
        blood_ripple_db=float(rng.uniform(0, 4)),
        wall_layers=(float(rng.normal(-1.2, 2.6)), float(rng.normal(0.5, 2.2)), float(rng.normal(0, 2.2))),
        wall_ripple_db=float(rng.uniform(0.5, 4.0)),
        septal_loss_db=float(rng.normal(-1.5, 2.0)),
        lateral_loss_db=float(max(0, rng.normal(3.5, 4.8))),
        apical_loss_db=float(max(0, rng.normal(5.5, 6.0))),
        anisotropy_db=float(rng.uniform(0, 8)),
        specular=float(rng.uniform(1.5, 8)),
        background_db=float(rng.normal(-2, 4.5)),
        background_ripple_db=float(rng.uniform(2, 7)),
        background_scale_cm=float(rng.uniform(0.8, 3.0)),
        beside_db=float(rng.normal(-4, 5)),
        slice_cm=float(rng.uniform(0.02, 0.22)),
        leaflet_cm=float(rng.uniform(0.02, 0.09)),
        sparkle=float(rng.uniform(0, 0.05)),
        texture_db=float(rng.uniform(0.5, 4.0)),
        roughness=float(rng.uniform(0.0, 0.6)),
        behind=(float(rng.normal(5, 5)), float(rng.uniform(0.4, 3.0)), float(rng.uniform(0, 1.8))),
    )


def _draw_artefacts(rng: np.random.Generator, beam: Beam, echo: Echogenicity) -> Artefacts:
    shadows = []
    for _ in range(int(rng.choice([0, 1, 2, 3], p=[0.35, 0.35, 0.2, 0.1]))):
        side = rng.choice([-1, 1]) * beam.half_angle * np.sqrt(rng.uniform(0.1, 1.1))
        shadows.append(
            (
                float(side),
                float(np.deg2rad(rng.uniform(2, 14))),
                float(rng.uniform(0, 8)),
                float(rng.uniform(4, 30)),
            )
        )
    return Artefacts(
        shadows=tuple(shadows),
        clutter_db=float(rng.normal(-6, 6)),
        clutter_cm=float(rng.uniform(0.6, 3.0)),
        haze_db=float(echo.blood_db + rng.normal(-2, 6)),
        sidelobe_db=float(rng.uniform(-34, -14)),
        sidelobe=float(np.deg2rad(rng.uniform(4, 16))),
        reverberation_db=float(rng.uniform(-30, -8)),
        reverberation_cm=float(rng.uniform(0.7, 2.5)),
        noise_db=float(rng.uniform(-45, -8)),
        noise_slope_db_cm=float(rng.uniform(0.0, 2.5)),
        edge_loss_db=float(max(0, rng.normal(2, 4))),
        contrast_db=float(rng.uniform(5, 15)),
    )


def _draw_display(rng: np.random.Generator) -> Display:
    return Display(
        dynamic_range_db=float(rng.uniform(28, 64)),
        wall_grey=float(np.clip(rng.normal(112, 24), 60, 190)),
        tgc_db=tuple(float(v) for v in np.cumsum(rng.normal(0, 2.0, 6)) + rng.normal(0, 1.5)),
        gamma=float(np.exp(rng.normal(0, 0.22))),
        contrast=float(rng.uniform(-0.3, 0.9)),
        reject=float(rng.uniform(0, 0.18)) if rng.random() < 0.3 else 0.0,
        edge_preserving=float(rng.uniform(0.06, 0.2)) if rng.random() < 0.15 else 0.0,
        smoothing=float(rng.uniform(0.3, 2.2)) if rng.random() < 0.7 else 0.0,
        sharpening=float(rng.uniform(0, 1.5)) if rng.random() < 0.35 else 0.0,
        persistence=float(rng.uniform(0, 0.5)),
        fit=str(rng.choice(["height", "sector", "stretch"], p=[0.4, 0.25, 0.35])),
        margin=float(max(0, rng.normal(0.01, 0.03))),
        shift=float(rng.normal(0, 0.02)),
        cubic=bool(rng.random() < 0.5),
        jpeg_quality=int(rng.integers(55, 98)) if rng.random() < 0.7 else 0,
        ticks=float(rng.uniform(20, 160)) if rng.random() < 0.2 else 0.0,
    )
