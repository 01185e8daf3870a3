"""The same heart in other views: what a reader of four-chamber loops must not measure.

Each view is an `Anatomy` of its own, so that scanner, beats, image formation and truth are those of the
four-chamber phantoms. The sections and what is seen in them follow Mitchell et al. 2019 (J Am Soc
Echocardiogr 32:1-64, doi:10.1016/j.echo.2018.06.004).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

import numpy as np

from echobeat.phantom.anatomy import Anatomy, Scene, Tissue
from echobeat.phantom.curves import ellipse, line, offset
from echobeat.phantom.heart import FloatArray

View = Literal[
    "apical four-chamber",
    "apical two-chamber",
    "apical long axis",
    "parasternal long axis",
    "parasternal short axis",
    "great vessels",
    "subcostal",
]
VIEWS: tuple[View, ...] = get_args(View)
FOUR_CHAMBER: View = "apical four-chamber"
"""The view that is measured."""

Fills = list[tuple[Tissue, FloatArray]]
Drift = tuple[float, float, float]
_STILL: Drift = (0.0, 0.0, 0.0)


def seen_from(anatomy: Anatomy, view: View, rng: np.random.Generator) -> tuple[Anatomy, float]:
    """A heart, laid for the apical four-chamber view, as another view shows it.

    Returns
    -------
    anatomy : Anatomy
    reach_cm : float
        Depth that the operator would choose the image's depth by.
    """
    if view == "apical four-chamber":
        return anatomy, float(anatomy.apex_cm[1] + anatomy.ventricle.length_cm * np.cos(anatomy.tilt))
    if view == "apical two-chamber":
        two = TwoChamber(**_all(anatomy), sinus_cm=float(rng.uniform(0.3, 0.7)), turn=float(rng.normal(-0.1, 0.15)))
        return two, seen_from(anatomy, "apical four-chamber", rng)[1]
    if view == "apical long axis":
        return _long_axis(anatomy, rng, float(rng.normal(np.pi, 0.15))), float(anatomy.apex_cm[1] + 9)
    if view == "parasternal long axis":
        return _long_axis(anatomy, rng, float(rng.normal(-np.pi / 2 + 0.15, 0.15))), float(rng.uniform(9, 12.5))
    if view == "subcostal":
        return _subcostal(anatomy, rng)
    if view == "great vessels":
        centre = (float(rng.normal(0, 0.6)), float(rng.uniform(5.0, 8.0)))
        return GreatVessels(**_all(anatomy), centre_cm=centre, aorta_cm=float(rng.uniform(1.2, 1.9))), centre[1] + 3.5
    return _short_axis(anatomy, rng)


def _all(anatomy: Anatomy) -> dict[str, Any]:
    return {field.name: getattr(anatomy, field.name) for field in fields(Anatomy)}


def _subcostal(anatomy: Anatomy, rng: np.random.Generator) -> tuple[Anatomy, float]:
    """The four chambers lying: apex to the right, right heart on top below the liver."""
    tilt = float(np.deg2rad(rng.uniform(-105, -60)))
    middle = np.array([rng.normal(0.0, 0.8), rng.uniform(7.5, 10.5)])
    apex = middle - 0.8 * anatomy.ventricle.length_cm * np.array([np.sin(tilt), np.cos(tilt)])
    lying = replace(anatomy, tilt=tilt, apex_cm=(float(apex[0]), float(apex[1])))
    return lying, float(middle[1] + rng.uniform(2.5, 4.5))


def _short_axis(anatomy: Anatomy, rng: np.random.Generator) -> tuple[Anatomy, float]:
    centre = (float(rng.normal(0.4, 0.6)), float(rng.uniform(5.5, 8.5)))
    level = float(rng.uniform(0.3, 0.95))
    ring = ShortAxis(
        **_all(anatomy),
        centre_cm=centre,
        level=level,
        oval=float(rng.normal(1.0, 0.06)),
        spin=float(rng.normal(0, 0.3)),
    )
    return ring, centre[1] + float(rng.uniform(1.5, 3.5))


def _long_axis(anatomy: Anatomy, rng: np.random.Generator, turn: float) -> Anatomy:
    parasternal = abs(turn) < 2.4
    base = (rng.normal(1.2, 0.7), rng.uniform(5.5, 8.0))
    if not parasternal:
        length = anatomy.ventricle.length_cm
        base = (anatomy.apex_cm[0] + rng.normal(0, 0.5), anatomy.apex_cm[1] + length)
    return LongAxis(
        **_all(anatomy),
        base_cm=(float(base[0]), float(base[1])),
        turn=turn,
        root_cm=float(rng.uniform(2.4, 3.8)),
        outflow=float(rng.uniform(0.42, 0.58)),
        right_cm=float(rng.uniform(1.0, 2.8)) if parasternal else 0.0,
    )


@dataclass(frozen=True)
class TwoChamber(Anatomy):
    """Apical two-chamber: left ventricle and left atrium alone; no right heart, no septum, no crux.

    Attributes
    ----------
    sinus_cm : radius of the coronary sinus beside the annulus.
    turn : further rotation in radians; the view is often tilted the other way.
    """

    sinus_cm: float = 0.5
    turn: float = 0.0

    def scene(self, state: float, mitral: float, drift: Drift = _STILL) -> Scene:
        """See `Anatomy.scene`."""
        cut = self.ventricle.outline(state)
        layers = np.stack([cut.layer(depth) for depth in (0.0, 1 / 3, 2 / 3, 1.0)])
        epi = layers[-1]
        inferior, anterior = layers[0, 0], layers[0, -1]
        atrium = self.la.outline(inferior, anterior, self.roof(self.la, (inferior + anterior) / 2, state))
        atrium_wall = offset(atrium, self.la.wall_cm)
        sac = offset(epi, self.gap_cm)
        fills: Fills = [
            ("fat", sac),
            ("fat", offset(atrium, self.la.wall_cm + self.gap_cm)),
            ("atrial wall", atrium_wall),
            ("atrial blood", atrium),
            ("right blood", ellipse((inferior + epi[0]) / 2 + (-0.3, 0.5), self.sinus_cm, 0.7 * self.sinus_cm, 0.4)),
        ]
        inside = self.contents(cut)
        curves: Fills = [
            ("endocardium", layers[0]),
            ("epicardium", epi),
            ("pericardium", sac),
            ("pericardium", atrium_wall[8:-8]),
            *(("leaflet", curve) for curve in self.leaflet_curves(inferior, anterior, mitral)),
        ]
        landmarks = np.concatenate([layers[0, ::5], epi[::5], atrium[::5]])
        return _placed(
            self.placer(state, (drift[0], drift[1], drift[2] + self.turn)),
            Scene(tuple(fills), layers, tuple(inside), tuple(curves), atrium, landmarks),
        )


@dataclass(frozen=True)
class LongAxis(Anatomy):
    """Long axis with left atrium and aortic root: parasternal (lying) or apical (standing).

    Attributes
    ----------
    base_cm : (x, y) of the middle of the base in the image.
    turn : of the ventricle's long axis in radians; -pi/2: apex to the left, pi: apex on top, aorta right.
    root_cm : width of the aortic root.
    outflow : share of the base that is outflow tract.
    right_cm : depth of the right ventricle in front of the septum; 0: not seen.
    """

    base_cm: tuple[float, float] = (1.0, 7.0)
    turn: float = -np.pi / 2
    root_cm: float = 3.0
    outflow: float = 0.5
    right_cm: float = 2.0

    def scene(self, state: float, mitral: float, drift: Drift = _STILL) -> Scene:
        """See `Anatomy.scene`."""
        cut = self.ventricle.outline(state)
        layers = np.stack([cut.layer(depth) for depth in (0.0, 1 / 3, 2 / 3, 1.0)])
        epi = layers[-1]
        septal, posterior = layers[0, 0], layers[0, -1]
        joint = septal + self.outflow * (posterior - septal)
        atrium = self.la.outline(joint, posterior, np.array([(joint + posterior)[0] / 2 + 0.6, self._behind_cm(state)]))
        atrium_wall = offset(atrium, self.la.wall_cm)
        root = self._root(septal, joint)
        fills: Fills = [
            ("fat", offset(epi, self.gap_cm)),
            ("fat", offset(atrium, self.la.wall_cm + self.gap_cm)),
            ("atrial wall", offset(root, 0.25)),
            ("atrial wall", atrium_wall),
            ("atrial blood", atrium),
            ("left blood", root),
        ]
        curves: Fills = [
            ("endocardium", layers[0]),
            ("epicardium", epi),
            ("pericardium", offset(epi[len(epi) // 2 :], self.gap_cm)),
            ("pericardium", atrium_wall[8:-8]),
            ("leaflet", root[: len(root) // 2]),
            ("leaflet", root[len(root) // 2 :]),
            *(("leaflet", curve) for curve in self._valves(septal, joint, posterior, (state, mitral))),
        ]
        if self.right_cm:
            septum = epi[len(epi) // 2 : 0 : -4]
            front = septum + np.array([-self.right_cm * (1 - 0.2 * state), 0.0])
            right = np.concatenate([septum, front[::-1]])
            fills[:0] = [("right wall", offset(right, self.rv_wall_cm)), ("right blood", right)]
            curves.append(("pericardium", front))
        if self.aorta[0]:
            centre = posterior + np.array([1.2, 2.2])
            fills.append(("atrial blood", ellipse(centre, self.aorta[0], self.aorta[0], 0.0)))
        landmarks = np.concatenate([layers[0, ::5], epi[::5], atrium[::5], root[::4]])
        scene = Scene(tuple(fills), layers, tuple(self.contents(cut)), tuple(curves), atrium, landmarks)
        return _placed(self._mirrored_placer(state, drift), scene)

    def _behind_cm(self, state: float) -> float:
        return float(self.ventricle.length_cm + self.la.length_cm - 0.15 * state)

    def _root(self, septal: FloatArray, joint: FloatArray) -> FloatArray:
        """Outline of the outflow tract and the aortic root: down one side, up the other."""
        along = np.linspace(-0.4, 4.5, 14)
        bulge = 0.18 * self.root_cm * np.exp(-(((along - 1.2) / 0.7) ** 2))
        middle = (septal + joint) / 2
        half = np.interp(along, [0, 1.2], [float(np.linalg.norm(joint - septal)) / 2, self.root_cm / 2]) + bulge
        lean = -0.12 * np.maximum(along, 0)
        sides = [np.stack([middle[0] + lean + sign * half, middle[1] + along], axis=1) for sign in (-1, 1)]
        return np.concatenate([sides[0], sides[1][::-1]])

    def _valves(
        self, septal: FloatArray, joint: FloatArray, posterior: FloatArray, moment: tuple[float, float]
    ) -> list[FloatArray]:
        """Mitral leaflets, and two aortic cusps: closed in diastole, along the walls in systole."""
        state, mitral = moment
        middle = (septal + joint) / 2 + (0.0, 1.2)
        open_share = float(np.clip(2 * state, 0, 1)) * (1 - mitral)
        cusps = []
        for sign in (-1, 1):
            hinge = middle + np.array([sign * self.root_cm / 2, -0.5])
            tip = middle + np.array([sign * open_share * self.root_cm * 0.4, 0.3])
            cusps.append(line(hinge, tip, 12))
        return [*self.leaflet_curves(joint, posterior, mitral), *cusps]

    def _mirrored_placer(self, state: float, drift: Drift) -> tuple[FloatArray, FloatArray]:
        """Mirror and turn about the middle of the base: the septum comes to lie in front, or on the right."""
        angle = self.turn + drift[2]
        cos, sin = np.cos(angle), np.sin(angle)
        axis, across = np.array([sin, -cos]), np.array([cos, sin])
        if abs(self.turn) < 2.4:
            axis, across = -axis, -across
        turn = np.stack([across, axis], axis=1)
        height = self.ventricle.length_cm * (1 - 0.5 * self.ventricle.shortening * state)
        return turn, np.array(self.base_cm) + drift[:2] - turn @ np.array([0.0, height])


@dataclass(frozen=True)
class ShortAxis(Anatomy):
    """Parasternal short axis: a ring, the crescent of the right ventricle, papillary muscles or the mitral mouth.

    Attributes
    ----------
    centre_cm : (x, y) of the ring's centre.
    level : of the slice, 0 apex to 1 base; from 0.8 on the mitral valve is seen.
    oval, spin : width relative to height; rotation in radians.
    """

    centre_cm: tuple[float, float] = (0.4, 7.0)
    level: float = 0.6
    oval: float = 1.0
    spin: float = 0.0

    def scene(self, state: float, mitral: float, drift: Drift = _STILL) -> Scene:
        """See `Anatomy.scene`."""
        cut = self.ventricle.outline(state)
        half = len(cut.endocardium) // 2
        k = int(np.argmin(np.abs(cut.endocardium[:half, 1] - self.level * cut.endocardium[0, 1])))
        radius = 0.5 * float(cut.endocardium[-1 - k, 0] - cut.endocardium[k, 0])
        wall = 0.5 * float(cut.thickness[k] + cut.thickness[-1 - k])
        centre = np.array(self.centre_cm) + drift[:2]
        angle = np.linspace(0, 2 * np.pi, 81) + self.spin
        ring = np.stack([np.cos(angle) * self.oval, np.sin(angle) / self.oval], axis=1)
        layers = np.stack([centre + ring * (radius + depth * wall) for depth in (0.0, 1 / 3, 2 / 3, 1.0)])
        epi = layers[-1]
        reach = (radius + wall) * np.array([1.0, 0.9])
        right = self._crescent(centre, reach, state)
        fills: Fills = [
            ("fat", offset(epi[:-1], self.gap_cm)),
            ("right wall", offset(right, self.rv_wall_cm)),
            ("right wall", epi),
            ("right blood", right),
        ]
        curves: Fills = [("endocardium", layers[0]), ("epicardium", epi), ("pericardium", offset(right, self.gap_cm))]
        inside: Fills = []
        if self.level < 0.8:
            for place in (0.6, 2.5):
                at = centre + 0.72 * radius * np.array([np.cos(place), np.sin(place)])
                inside.append(("papillary", ellipse(at, 0.3 * radius, 0.22 * radius, place)))
        else:
            mouth = ellipse(centre + np.array([0, 0.15 * radius]), 0.6 * radius, (0.08 + 0.4 * mitral) * radius, 0.1)
            curves.append(("leaflet", np.concatenate([mouth, mouth[:1]])))
        landmarks = np.concatenate([layers[0, ::4], epi[::4], right[::4]])
        nowhere = np.full((8, 2), -500.0) + np.arange(8)[:, None] * 0.01
        return Scene(tuple(fills), layers, tuple(inside), tuple(curves), nowhere, landmarks)

    def _crescent(self, centre: FloatArray, reach: FloatArray, state: float) -> FloatArray:
        """The right ventricle around the ring's left and front."""
        angle = np.linspace(np.pi * 0.75, np.pi * 1.6, 24)
        deep = self.rv_width_cm * 0.8 * (1 - 0.25 * state) * np.sin(np.linspace(0, np.pi, 24)) ** 0.7
        direction = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        inner = centre + direction * reach
        return np.concatenate([inner, (inner + direction * deep[:, None])[::-1]])


@dataclass(frozen=True)
class GreatVessels(Anatomy):
    """Short axis at the aortic valve: the aorta as a circle, left atrium behind, right heart wrapped around.

    Attributes
    ----------
    centre_cm : (x, y) of the aorta's centre.
    aorta_cm : its radius.
    """

    centre_cm: tuple[float, float] = (0.0, 6.5)
    aorta_cm: float = 1.5

    def scene(self, state: float, mitral: float, drift: Drift = _STILL) -> Scene:
        """See `Anatomy.scene`; its layers lie out of sight, as no ventricle is cut."""
        centre = np.array(self.centre_cm) + drift[:2] + (0.0, 0.3 * state)
        r = self.aorta_cm
        atrium = ellipse(centre + np.array([0.2, r + 1.5]), 2.2 + 0.3 * state, 1.3 + 0.2 * state, 0.05)
        angle = np.linspace(np.pi * 0.8, np.pi * 2.15, 28)
        direction = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        deep = (1.6 - 0.4 * state) * np.sin(np.linspace(0.25, np.pi - 0.25, 28)) ** 0.5
        wrapped = np.concatenate(
            [centre + direction * (r + 0.25), (centre + direction * (r + 0.25 + deep[:, None]))[::-1]]
        )
        right = ellipse(centre + np.array([-r - 1.8, r + 0.6]), 1.5, 1.3 - 0.2 * state, 0.3)
        vessel = ellipse(centre, r, r, 0.0)
        fills: Fills = [
            ("fat", offset(wrapped, 0.5)),
            ("atrial wall", ellipse(centre + np.array([0, 1.0]), r + 3.0, r + 2.4, 0.0)),
            ("atrial blood", atrium),
            ("right blood", wrapped),
            ("right blood", right),
            ("atrial wall", ellipse(centre, r + 0.2, r + 0.2, 0.0)),
            ("left blood", vessel),
        ]
        opening = float(np.clip(2 * state, 0, 1)) * (1 - mitral)
        cusps = [
            line(
                centre + opening * 0.8 * r * np.array([np.cos(a), np.sin(a)]),
                centre + r * np.array([np.cos(a), np.sin(a)]),
                12,
            )
            for a in (np.pi / 2, np.pi * 7 / 6, np.pi * 11 / 6)
        ]
        curves: Fills = [("pericardium", np.concatenate([vessel, vessel[:1]])), ("pericardium", wrapped[28:])]
        curves += [("leaflet", cusp) for cusp in cusps]
        nowhere = np.full((4, 41, 2), -500.0) + np.arange(41)[None, :, None] * 0.01
        return Scene(
            tuple(fills), nowhere, (), tuple(curves), nowhere[0], np.concatenate([vessel, atrium[::2], wrapped[::4]])
        )


@dataclass(frozen=True)
class Opacified(Anatomy):
    """The four chambers filled with contrast agent: blood brighter than muscle."""

    def scene(self, state: float, mitral: float, drift: Drift = _STILL) -> Scene:
        """See `Anatomy.scene`."""
        plain = Anatomy.scene(self, state, mitral, drift)
        blood = {"right blood", "atrial blood", "left blood"}
        fills = tuple(("opacified" if tissue in blood else tissue, points) for tissue, points in plain.fills)
        inside: tuple[tuple[Tissue, FloatArray], ...] = (("opacified", plain.cavity), *plain.inside[:1])
        return replace(plain, fills=fills, inside=inside)


def opacified(anatomy: Anatomy) -> Opacified:
    """The same heart after a contrast agent was given."""
    return Opacified(**_all(anatomy))


def _placed(placement: Any, scene: Scene) -> Scene:
    """Move all of a scene by a placer, or by a matrix and an origin."""
    if isinstance(placement, tuple):
        turn, origin = placement

        def place(points: FloatArray) -> FloatArray:
            return np.asarray(points @ turn.T + origin)
    else:
        place = placement
    return Scene(
        fills=tuple((tissue, place(points)) for tissue, points in scene.fills),
        layers=place(scene.layers),
        inside=tuple((tissue, place(points)) for tissue, points in scene.inside),
        curves=tuple((tissue, place(points)) for tissue, points in scene.curves),
        atrium=place(scene.atrium),
        landmarks=place(scene.landmarks),
    )
