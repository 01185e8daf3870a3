"""What surrounds the cavity of the left ventricle in an apical four-chamber view, moment by moment.

Right ventricle to the left of the image, atria below, leaflets that open and close, papillary muscle,
trabeculae, pericardium. `Anatomy.scene` gives everything as polygons and curves in the plane of the image,
in cm: x to the right, y down, the middle of the probe's surface at (0, 0).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from echobeat.phantom.curves import ellipse, line, offset, smooth_polygon
from echobeat.phantom.heart import FloatArray, Outline, Ventricle, draw_ventricle

Tissue = Literal[
    "fat",
    "right blood",
    "right wall",
    "left blood",
    "atrial blood",
    "atrial wall",
    "papillary",
    "trabecula",
    "endocardium",
    "epicardium",
    "pericardium",
    "leaflet",
    "chorda",
    "crux",
    "opacified",
]


@dataclass(frozen=True)
class Scene:
    """The heart at one moment; all points are (x, y) in cm.

    Attributes
    ----------
    fills : polygons to paint, in this order, each with its tissue.
    layers : (layers, points, 2), curves through the LV wall from endocardium to epicardium, septal end of
        the annulus first.
    inside : what lies in the LV cavity, painted last.
    curves : bright interfaces, each with its tissue.
    atrium : (points, 2), outline of the left atrium's cavity, closed along the mitral plane.
    landmarks : (points, 2), points that move with the tissue, always in the same order.
    """

    fills: tuple[tuple[Tissue, FloatArray], ...]
    layers: FloatArray
    inside: tuple[tuple[Tissue, FloatArray], ...]
    curves: tuple[tuple[Tissue, FloatArray], ...]
    atrium: FloatArray
    landmarks: FloatArray

    @property
    def cavity(self) -> FloatArray:
        """(points, 2), outline of the LV cavity; the last edge is the straight mitral plane."""
        result: FloatArray = self.layers[0]
        return result


@dataclass(frozen=True)
class Atrium:
    """Length and widths in cm at ventricular end-diastole, blunt exponent, axis offset of the roof."""

    length_cm: float
    left_cm: float
    right_cm: float
    blunt: float
    lean_cm: float
    wall_cm: float

    def outline(self, left: FloatArray, right: FloatArray, roof: FloatArray) -> FloatArray:
        """Polygon from the left hinge round the roof to the right hinge."""
        v = 1 - np.cos(np.linspace(0, np.pi / 2, 16))[:, None]
        v = 1 - v[::-1]
        middle = (left + right) / 2
        closing = np.maximum(1 - v**self.blunt, 0) ** (1 / self.blunt)
        grow = np.minimum(v / 0.45, 1) ** 0.8
        axis = roof - middle
        across = right - left
        across = across / max(float(np.linalg.norm(across)), 1e-6)
        half = float(np.linalg.norm(right - left)) / 2
        sides = [
            middle + v * axis + sign * across * closing * (half + (max(w, half) - half) * grow)
            for sign, w in ((-1, self.left_cm), (1, self.right_cm))
        ]
        result: FloatArray = np.concatenate([sides[0], sides[1][-2::-1]])
        return result


@dataclass(frozen=True)
class Anatomy:
    """A patient's heart in the apical four-chamber view, as drawn.

    Attributes
    ----------
    ventricle : the left ventricle.
    la, ra : the atria.
    rv_width_cm, rv_apex, rv_bulge, rv_wall_cm, rv_drop_cm, tapse_cm : width of the tricuspid annulus;
        where the right ventricle's apex lies on the septum (0 LV apex, 1 base); how far its free wall
        bulges; its thickness; how far its annulus lies nearer to the apex; its motion in systole.
    leaflets : lengths of anterior and posterior leaflet relative to the annulus, tenting, sag.
    papillary : (present 0/1, place along the outline 0-1, length, width, reach into the cavity in cm).
    trabeculae : (count, 4) place along the outline, distance inward, length, width in cm.
    outlet_cm : radius of the outflow tract where the plane touches it beside the crux; 0 where not.
    aorta : descending aorta behind the left atrium: (radius in cm, 0 where not seen; x, z from the hinge).
    band : moderator band: (present 0/1, place on the septum 0-1 from the apex, on the free wall 0-1).
    gap_cm : between epicardium and pericardium.
    apex_cm : (x, y) of the LV apex in the image; `tilt` of its axis in radians, positive: base to the right.
    apex_drop_cm : how far the apex itself moves down in systole.
    """

    ventricle: Ventricle
    la: Atrium
    ra: Atrium
    rv_width_cm: float
    rv_apex: float
    rv_bulge: float
    rv_wall_cm: float
    rv_drop_cm: float
    tapse_cm: float
    leaflets: tuple[float, float, float, float]
    papillary: tuple[float, float, float, float, float]
    trabeculae: FloatArray
    outlet_cm: float
    aorta: tuple[float, float, float]
    band: tuple[float, float, float]
    gap_cm: float
    apex_cm: tuple[float, float]
    tilt: float
    apex_drop_cm: float

    def scene(self, state: float, mitral: float, drift: tuple[float, float, float] = (0, 0, 0)) -> Scene:
        """The heart in a contraction state with the valves open to a degree.

        Parameters
        ----------
        state : contraction, 0 end-diastole, 1 end-systole.
        mitral : opening of the atrioventricular valves, 0-1.
        drift : shift in x and y in cm, rotation in radians, by breathing and the probe.
        """
        cut = self.ventricle.outline(state)
        layers = np.stack([cut.layer(depth) for depth in (0.0, 1 / 3, 2 / 3, 1.0)])
        epi = layers[-1]
        septal, lateral = layers[0, 0], layers[0, -1]
        la_roof = self.roof(self.la, (septal + lateral) / 2, state)
        atrium = self.la.outline(septal, lateral, la_roof)
        atrium_wall = offset(atrium, self.la.wall_cm)
        free_wall, hinges = self._right_ventricle(epi, state)
        septal_side = epi[len(epi) // 2 : 0 : -4]  # from the apex back to the base
        rv = np.concatenate([free_wall, septal_side])
        ra = self.ra.outline(hinges[1], hinges[0], self.roof(self.ra, hinges.mean(axis=0), state))
        rv_outer = offset(free_wall, self.rv_wall_cm)
        sac = offset(epi[len(epi) // 2 - 12 :], self.gap_cm)

        crux = ellipse((septal + epi[0]) / 2 + (0, 0.2), 0.5, 0.3, 0.0)
        radius, aside, behind = self.aorta
        fills: list[tuple[Tissue, FloatArray]] = [
            ("fat", offset(np.concatenate([rv_outer, epi[len(epi) // 4 :]]), self.gap_cm)),
            ("fat", offset(ra, self.ra.wall_cm + self.gap_cm)),
            ("fat", offset(atrium, self.la.wall_cm + self.gap_cm)),
            ("right wall", np.concatenate([rv_outer, septal_side])),
            ("atrial wall", offset(ra, self.ra.wall_cm)),
            ("right blood", rv),
            ("right blood", ra),
            ("atrial wall", atrium_wall),
            ("atrial blood", atrium),
            ("crux", crux),
            ("crux", ellipse((lateral + 0.4 * (epi[-1] - lateral)), 0.3, 0.22, 0.4)),
        ]
        if self.outlet_cm > 0:
            outlet = ellipse(
                septal + np.array([-0.25, 0.5 * self.outlet_cm]), self.outlet_cm * 0.8, self.outlet_cm * 1.3, 0.3
            )
            fills.append(("left blood", outlet))
        if radius > 0:
            centre = lateral + np.array([aside, behind])
            fills.insert(3, ("atrial wall", ellipse(centre, radius + 0.2, radius + 0.2, 0.0)))
            fills.insert(4, ("atrial blood", ellipse(centre, radius, radius, 0.0)))
        inside = self.contents(cut)
        curves: list[tuple[Tissue, FloatArray]] = [
            ("endocardium", layers[0]),
            ("epicardium", epi),
            ("pericardium", sac),
            ("pericardium", rv_outer),
            ("pericardium", atrium_wall[8:-8]),
            ("pericardium", offset(ra, self.ra.wall_cm)[8:-8]),
            ("epicardium", free_wall),
        ]
        tips = []
        for curve in self.leaflet_curves(septal, lateral, mitral):
            curves.append(("leaflet", curve))
            tips.append(curve[-1])
        for curve in self.leaflet_curves(hinges[0], hinges[1], mitral, mirrored=True):
            curves.append(("leaflet", curve))
        if self.band[0]:
            ends = septal_side[int(self.band[1] * (len(septal_side) - 1))], free_wall[-1 - int(self.band[2] * 20)]
            curves += [("trabecula", line(*ends, 16) + np.array([0.0, shift])) for shift in (0.0, 0.12)]
        if self.papillary[0]:
            curves += [("chorda", line(tip, inside[0][1].mean(axis=0), 12)) for tip in tips]

        landmarks = np.concatenate([layers[0, ::5], epi[::5], free_wall[::4], atrium[::5], ra[::5]])
        place = self.placer(state, drift)
        return Scene(
            fills=tuple((t, place(p)) for t, p in fills),
            layers=place(layers),
            inside=tuple((t, place(p)) for t, p in inside),
            curves=tuple((t, place(p)) for t, p in curves),
            atrium=place(atrium),
            landmarks=place(landmarks),
        )

    def placer(self, state: float, drift: tuple[float, float, float]) -> Callable[[FloatArray], FloatArray]:
        """From the ventricle's own axes to the image."""
        angle = -(self.tilt + drift[2])
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        origin = np.array(self.apex_cm) + drift[:2] + (0.0, self.apex_drop_cm * state)

        def place(points: FloatArray) -> FloatArray:
            result: FloatArray = points @ turn.T + origin
            return result

        return place

    def roof(self, atrium: Atrium, annulus: FloatArray, state: float) -> FloatArray:
        """The roof hardly moves: the atrium lengthens when the annulus descends."""
        start = self.ventricle.length_cm + atrium.length_cm - 0.15 * state
        return np.array([annulus[0] + atrium.lean_cm, max(start, annulus[1] + 1.0)])

    def _right_ventricle(self, epi: FloatArray, state: float) -> tuple[FloatArray, FloatArray]:
        """Free wall from the RV's apex to its annulus, and the hinges (septal, lateral) of the valve."""
        half = len(epi) // 2
        base = epi[0]
        inner = base + (epi[3] - base) * min(self.rv_drop_cm / max(float(np.linalg.norm(epi[3] - base)), 0.1), 2.5)
        state = float(np.clip(state, -0.3, 1.3))
        width = self.rv_width_cm * (1 - 0.14 * state)
        outer = np.array([inner[0] - width, self.ventricle.length_cm - self.rv_drop_cm + 0.3 - self.tapse_cm * state])
        septal_side = epi[:half]
        apex = septal_side[int(np.argmin(np.abs(septal_side[:, 1] - self.rv_apex * base[1])))]
        length = outer[1] - apex[1]
        bulge = self.rv_bulge * width * (1 - 0.25 * state)
        first = apex + np.array([-0.45 * bulge, 0.15 * length])
        second = outer + np.array([-0.35 * bulge, -0.45 * length])
        t = np.linspace(0, 1, 32)[:, None]
        wall = (1 - t) ** 3 * apex + 3 * (1 - t) ** 2 * t * first + 3 * (1 - t) * t**2 * second + t**3 * outer
        return wall[::-1], np.stack([inner, outer])

    def leaflet_curves(
        self, septal: FloatArray, lateral: FloatArray, opening: float, mirrored: bool = False
    ) -> list[FloatArray]:
        """Two leaflets as curves from hinge to tip."""
        anterior, posterior, tenting, sag = self.leaflets
        chord = lateral - septal
        width = float(np.linalg.norm(chord))
        up = np.array([chord[1], -chord[0]]) / max(width, 1e-6)
        if up[1] > 0:
            up = -up
        meet = septal + 0.58 * chord + up * tenting * width
        curves = []
        for hinge, length, wide, sense in ((septal, anterior, 1.35, 1), (lateral, posterior, 1.25, -1)):
            closed = meet - hinge
            along = chord * sense / width
            start = float(np.arctan2(closed @ up, closed @ along))
            angle = start + (wide - start) * opening
            reach = length * width * opening + float(np.linalg.norm(closed)) * (1 - opening)
            tip = hinge + reach * (np.cos(angle) * along + np.sin(angle) * up)
            bow = sag * width * (1 - opening) - 0.12 * width * opening
            middle = (hinge + tip) / 2 - up * bow - along * 0.08 * width * opening * (1 if mirrored else -1)
            t = np.linspace(0, 1, 24)[:, None]
            curves.append((1 - t) ** 2 * hinge + 2 * (1 - t) * t * middle + t**2 * tip)
        return curves

    def contents(self, cut: Outline) -> list[tuple[Tissue, FloatArray]]:
        """Papillary muscle and trabeculae inside the cut."""
        inside: list[tuple[Tissue, FloatArray]] = []
        last = len(cut.endocardium) - 1
        present, place, length, width, reach = self.papillary
        if present:
            root = cut.endocardium[int(place * last)]
            inward = -cut.normal[int(place * last)]
            hinge = cut.endocardium[0 if place < 0.5 else -1]
            along = (hinge - root) / max(float(np.linalg.norm(hinge - root)), 1e-6)
            half = width / 2
            inside.append(
                (
                    "papillary",
                    smooth_polygon(
                        np.stack(
                            [
                                root - along * width - inward * 0.1,
                                root + inward * reach * 0.5 + along * length * 0.3,
                                root + inward * reach + along * length,
                                root + inward * (reach - half) + along * (length + half * 0.3),
                                root + inward * max(reach * 0.4 - half, -0.1) + along * length * 0.6,
                                root + along * width * 0.8 - inward * 0.15,
                            ]
                        )
                    ),
                )
            )
        for place, distance, length, width in self.trabeculae:
            k = int(place * last)
            tangent = cut.endocardium[min(k + 1, last)] - cut.endocardium[max(k - 1, 0)]
            angle = float(np.arctan2(tangent[1], tangent[0]))
            inside.append(
                ("trabecula", ellipse(cut.endocardium[k] - cut.normal[k] * distance, length / 2, width / 2, angle))
            )
        return inside


def draw_anatomy(rng: np.random.Generator, ef: float | None = None) -> Anatomy:
    """Draw a heart and how it lies under the probe."""
    ventricle = draw_ventricle(rng, ef)
    size = ventricle.length_cm / 8.5
    annulus = ventricle.width_cm * (
        ventricle.septal_share * ventricle.septal.base + (1 - ventricle.septal_share) * ventricle.lateral.base
    )
    la_half = max(annulus / 2, float(rng.uniform(1.5, 2.8))) + float(rng.uniform(0, 0.5))
    trabecula_count = int(rng.integers(0, 11))
    trabeculae = np.stack(
        [
            np.clip(rng.normal(0.56, 0.16, trabecula_count), 0.1, 0.92),
            rng.uniform(0.0, 0.35, trabecula_count),
            rng.uniform(0.3, 1.3, trabecula_count),
            rng.uniform(0.12, 0.4, trabecula_count),
        ],
        axis=1,
    )
    return Anatomy(
        ventricle=ventricle,
        la=Atrium(
            length_cm=float(np.clip(rng.normal(4.0, 0.9), 2.0, 0.75 * ventricle.length_cm)),
            left_cm=la_half * float(rng.uniform(0.85, 1.1)),
            right_cm=la_half * float(rng.uniform(0.85, 1.1)),
            blunt=float(rng.uniform(2.0, 3.4)),
            lean_cm=float(rng.normal(0.0, 0.5)),
            wall_cm=float(rng.uniform(0.15, 0.4)),
        ),
        ra=Atrium(
            length_cm=float(np.clip(rng.normal(3.8, 0.8), 2.0, 0.7 * ventricle.length_cm)),
            left_cm=float(rng.uniform(1.5, 2.8)),
            right_cm=float(rng.uniform(1.8, 3.0)),
            blunt=float(rng.uniform(2.0, 3.2)),
            lean_cm=float(rng.normal(0.2, 0.5)),
            wall_cm=float(rng.uniform(0.15, 0.4)),
        ),
        rv_width_cm=float(np.clip(rng.normal(3.3, 0.7), 1.8, 5.5)) * size,
        rv_apex=float(rng.uniform(0.0, 0.42)),
        rv_bulge=float(rng.uniform(0.0, 0.9)),
        rv_wall_cm=float(rng.uniform(0.25, 0.65)),
        rv_drop_cm=float(rng.uniform(0.2, 0.9)),
        tapse_cm=float(np.clip(rng.normal(2.0, 0.5), 0.7, 3.0)),
        leaflets=(
            float(rng.uniform(0.55, 0.95)),
            float(rng.uniform(0.35, 0.7)),
            float(np.clip(rng.normal(0.08, 0.09) + 0.12 * (ventricle.ef < 40), -0.06, 0.45)),
            float(rng.uniform(-0.08, 0.12)),
        ),
        papillary=(
            float(rng.random() < 0.7),
            float(rng.uniform(0.64, 0.80) if rng.random() < 0.85 else rng.uniform(0.22, 0.36)),
            float(rng.uniform(0.8, 2.4)),
            float(rng.uniform(0.4, 1.0)),
            float(rng.uniform(0.3, 1.0)),
        ),
        trabeculae=trabeculae,
        outlet_cm=float(rng.uniform(0.35, 0.9)) if rng.random() < 0.15 else 0.0,
        aorta=(
            float(rng.uniform(0.7, 1.3)) if rng.random() < 0.2 else 0.0,
            float(rng.uniform(0.8, 2.5)),
            float(rng.uniform(1.0, 4.0)),
        ),
        band=(float(rng.random() < 0.4), float(rng.uniform(0.3, 0.6)), float(rng.uniform(0.2, 0.6))),
        gap_cm=float(rng.uniform(0.05, 0.5)),
        apex_cm=(0.0, 0.0),
        tilt=float(np.clip(np.deg2rad(rng.normal(10, 9.5)), np.deg2rad(-25), np.deg2rad(32))),
        apex_drop_cm=float(rng.uniform(0, 0.35)) * ventricle.shortening * ventricle.length_cm,
    )
