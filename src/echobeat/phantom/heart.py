"""The left ventricle as a body in three dimensions, and the cut through it that the image shows.

The body is a stack of discs along its long axis. A disc at relative height ``u`` (0 apex, 1 base) is made
of two half ellipses: a septal and a lateral half width in the plane of the image, one half depth across
it. Two shears (an axis bent like a banana, a tilted annulus) deform the stack without changing its volume.
The image plane may miss the apex: then it cuts a shorter, foreshortened outline from the same body. Volume
and outline hence belong together, while the method of disks on the outline has an honest error.

Lengths are in cm, volumes in ml, angles in radians unless a name says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_FINE = np.sin(np.linspace(0, np.pi / 2, 121)) ** 2  # nodes of the volume integral, dense at both ends
_CUT = 1 - np.cos(np.linspace(0, np.pi / 2, 41))  # nodes of the outline, dense at the apex
_STATES = np.linspace(-0.6, 1.5, 43)  # contraction states tabulated, 0 = usual ED, 1 = usual ES


@dataclass(frozen=True)
class Wall:
    """One side of the ventricle, septal or lateral.

    Attributes
    ----------
    shoulder : height ``u`` of the greatest half width.
    fullness : exponent of the superellipse from the apex to there; 2 is an ellipse, more is blunter.
    base : half width at the annulus relative to the greatest.
    ripples : amplitudes of the harmonics 1..n of the half width along ``u``.
    thickness_cm : at end-diastole, at (apex, middle, base).
    slope : how much more the base moves inward than the apex, relative.
    defect : (centre ``u``, width, depth): a regional wall-motion defect; depth 1 does not move, above 1
        bulges outward.
    """

    shoulder: float
    fullness: float
    base: float
    ripples: tuple[float, ...]
    thickness_cm: tuple[float, float, float]
    slope: float
    defect: tuple[float, float, float]

    def profile(self, u: FloatArray) -> FloatArray:
        """Half width at heights `u`, relative to its greatest value."""
        below = np.clip(u / self.shoulder, 0, 1)
        rising = np.maximum(1 - (1 - below) ** self.fullness, 0) ** (1 / self.fullness)
        falling = (1 - self.base) * np.clip((u - self.shoulder) / (1 - self.shoulder), 0, 1) ** 2
        ripple = sum(a * np.sin((k + 1) * np.pi * u) for k, a in enumerate(self.ripples))
        result: FloatArray = (rising - falling) * (1 + ripple)
        return result

    def motion(self, u: FloatArray) -> FloatArray:
        """Inward motion at heights `u`, relative to the mean of the ventricle."""
        centre, width, depth = self.defect
        normal = 1 + self.slope * (u - 0.5)
        result: FloatArray = normal * (1 - depth * np.exp(-0.5 * ((u - centre) / width) ** 2))
        return result

    def thickness(self, u: FloatArray) -> FloatArray:
        """Thickness in cm at end-diastole at heights `u`."""
        result: FloatArray = np.interp(u, [0, 0.5, 1], self.thickness_cm)
        return result


@dataclass(frozen=True)
class Outline:
    """The cut through the ventricle, in the ventricle's own axes.

    Attributes
    ----------
    endocardium : (points, 2), x (septum negative, lateral positive) and z (apex 0, base positive) in cm,
        from the septal end of the annulus over the apex to its lateral end.
    thickness : (points,), of the myocardium in cm.
    normal : (points, 2), unit normals that point out of the cavity.
    """

    endocardium: FloatArray
    thickness: FloatArray
    normal: FloatArray

    def layer(self, depth: float) -> FloatArray:
        """The curve inside the wall: depth 0 is the endocardium, 1 the epicardium."""
        result: FloatArray = self.endocardium + depth * self.thickness[:, None] * self.normal
        return result


@dataclass(frozen=True)
class Ventricle:
    """A left ventricle: its shape at end-diastole and how it contracts.

    Attributes
    ----------
    length_cm : long axis at end-diastole.
    width_cm : greatest width in the plane at end-diastole, both halves together.
    septal, lateral : the two halves.
    depth_ratio : half depth across the plane relative to the mean half width.
    ef : percent, of the usual beat.
    shortening : of the long axis from ED to ES, 0-1.
    depth_share : inward motion across the plane relative to that in the plane.
    thickening : 1 keeps the volume of the wall, 0 its thickness.
    bend_cm, shear : of the axis and of the annulus at end-diastole; `bend_swing_cm`, `shear_swing` change
        them until end-systole.
    plane_apex_cm, plane_base_cm : distance of the image plane from the axis at the ED apex and base.
    """

    length_cm: float
    width_cm: float
    septal_share: float
    septal: Wall
    lateral: Wall
    depth_ratio: float
    ef: float
    shortening: float
    depth_share: float
    thickening: float
    bend_cm: float
    bend_swing_cm: float
    shear: float
    shear_swing: float
    plane_apex_cm: float
    plane_base_cm: float

    @cached_property
    def edv_ml(self) -> float:
        """Volume of the usual end-diastole."""
        return self._volume(0.0, 0.0)

    @cached_property
    def inward(self) -> float:
        """Inward shortening from ED to ES (0-1) that gives this ventricle its EF."""
        target = self.edv_ml * (1 - self.ef / 100)
        low, high = -0.1, 0.92
        for _ in range(22):
            middle = (low + high) / 2
            low, high = (middle, high) if self._volume(1.0, middle) > target else (low, middle)
        return (low + high) / 2

    @cached_property
    def _table(self) -> FloatArray:
        return np.array([self._volume(s, self.inward) for s in _STATES])

    def state_for(self, volume_ml: FloatArray) -> FloatArray:
        """The contraction state (0 usual ED, 1 usual ES) at which the body holds `volume_ml`."""
        result: FloatArray = np.interp(-np.asarray(volume_ml, float), -self._table, _STATES)
        return result

    def volume_ml(self, state: float) -> float:
        """Volume of the body in a contraction state."""
        return self._volume(state, self.inward)

    def _length(self, state: float) -> float:
        return self.length_cm * (1 - self.shortening * state)

    def _halves(self, u: FloatArray, state: float, inward: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Septal and lateral half width and half depth in cm at heights `u`."""
        septal_ed = self.width_cm * self.septal_share * self.septal.profile(u)
        lateral_ed = self.width_cm * (1 - self.septal_share) * self.lateral.profile(u)
        motion_s, motion_l = self.septal.motion(u), self.lateral.motion(u)
        septal = septal_ed * np.maximum(1 - inward * state * motion_s, 0.08)
        lateral = lateral_ed * np.maximum(1 - inward * state * motion_l, 0.08)
        depth_motion = self.depth_share * (motion_s + motion_l) / 2
        depth = self.depth_ratio * (septal_ed + lateral_ed) / 2
        return septal, lateral, depth * np.maximum(1 - inward * state * depth_motion, 0.08)

    def _volume(self, state: float, inward: float) -> float:
        """Integral of the discs' areas, pi / 2 (septal + lateral) depth, by the trapezoidal rule."""
        septal, lateral, depth = self._halves(_FINE, state, inward)
        return float(np.trapezoid(np.pi / 2 * (septal + lateral) * depth, _FINE) * self._length(state))

    def outline(self, state: float) -> Outline:
        """Cut the body with the image plane."""
        length = self._length(state)
        lowest = self._lowest_cut(state, length)
        u = lowest + (1 - lowest) * _CUT
        septal, lateral, depth = self._halves(u, state, self.inward)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside = np.sqrt(np.clip(1 - (self._plane(u * length) / depth) ** 2, 0, 1))
        inside[0] = 0.0 if lowest > 0 else inside[1]
        height = u * length
        along = height / self.length_cm
        bend = (self.bend_cm + self.bend_swing_cm * state) * 4 * along * (1 - along)
        shear = self.shear + self.shear_swing * state
        stretch = np.hypot(1, (self.plane_base_cm - self.plane_apex_cm) / self.length_cm)

        def place(x: FloatArray) -> FloatArray:
            return np.stack([x + bend, (height + shear * x) * stretch], axis=1)

        endocardium = np.concatenate([place(-septal * inside)[:0:-1], place(lateral * inside)])
        thickness = self._thickness(u, state, (septal, lateral), depth)
        return Outline(endocardium, thickness, outward_normals(endocardium))

    @property
    def reach_cm(self) -> float:
        """How far from the axis the image plane may pass the apex: at end-systole it still cuts the cavity."""
        deepest = float(self._halves(_FINE, 1.2, self.inward)[2].max())
        return max(0.85 * deepest - abs(self.plane_base_cm), 0.0)

    def _plane(self, height: FloatArray) -> FloatArray:
        """Distance of the image plane from the axis at a height in cm."""
        return self.plane_apex_cm + (self.plane_base_cm - self.plane_apex_cm) * height / self.length_cm

    def _lowest_cut(self, state: float, length: float) -> float:
        """The height ``u`` where the image plane enters the body."""
        depth = self._halves(_FINE, state, self.inward)[2]
        outside = np.flatnonzero(np.abs(self._plane(_FINE * length)) >= depth)
        outside = outside[outside < len(_FINE) - 1]
        if len(outside) == 0 or (abs(self.plane_apex_cm) < 1e-9 and abs(self.plane_base_cm) < 1e-9):
            return 0.0
        k = int(outside[-1])
        gap = depth[k : k + 2] - np.abs(self._plane(_FINE[k : k + 2] * length))
        return float(_FINE[k] + (_FINE[k + 1] - _FINE[k]) * np.clip(-gap[0] / (gap[1] - gap[0]), 0, 1))

    def _thickness(
        self, u: FloatArray, state: float, halves: tuple[FloatArray, FloatArray], depth: FloatArray
    ) -> FloatArray:
        """Thickness along the outline: each ring of wall nearly keeps its volume while it contracts."""
        ed_septal, ed_lateral, ed_depth = self._halves(u, 0.0, self.inward)
        shortening = self._length(state) / self.length_cm
        sides = []
        for wall, now, ed in (
            (self.septal, halves[0], ed_septal),
            (self.lateral, halves[1], ed_lateral),
        ):
            rest = wall.thickness(u)
            ring = rest * (ed + ed_depth + rest) / np.maximum(shortening, 0.5)
            total = now + depth
            thick = (-total + np.sqrt(total**2 + 4 * ring)) / 2
            sides.append(np.maximum(rest + self.thickening * (thick - rest), 0.3 * rest))
        joint = (sides[0][0] + sides[1][0]) / 2
        fade = np.clip(u - u[0], 0, 0.15) / 0.15  # the two sides meet at the apex without a step
        septal, lateral = (joint + (side - joint) * fade for side in sides)
        return np.concatenate([septal[:0:-1], lateral])


def outward_normals(curve: FloatArray) -> FloatArray:
    """Unit normals to the left of the direction of travel: outward for septum - apex - lateral wall."""
    tangent = np.gradient(curve, axis=0)
    normal = np.stack([tangent[:, 1], -tangent[:, 0]], axis=1)
    for _ in range(2):  # a kink must not fold the offset curve
        normal[1:-1] = (normal[:-2] + 2 * normal[1:-1] + normal[2:]) / 4
    length = np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    result: FloatArray = normal / length
    return result


def draw_ventricle(rng: np.random.Generator, ef: float | None = None) -> Ventricle:
    """Draw a left ventricle: slender to globular, normal to failing, seen well or foreshortened."""
    if ef is None:
        ef = float(rng.uniform(10, 80) if rng.random() < 0.5 else rng.normal(56, 10))
    ef = float(np.clip(ef, 10, 80))
    failing = np.clip((50 - ef) / 35, 0, 1)
    edv = float(np.clip(rng.lognormal(np.log(105 + 75 * failing), 0.26), 55, 340))
    aspect = float(np.clip(rng.normal(0.55 + 0.06 * failing, 0.085), 0.40, 0.85))
    thickness = float(np.clip(rng.lognormal(np.log(1.08), 0.22), 0.6, 2.0))
    regional = 0.7 * failing + 0.2 * (ef < 60)
    walls = [_draw_wall(rng, thickness, regional) for _ in range(2)]
    plane_apex = float(np.clip(abs(rng.normal(0, 0.6)), 0, 1.6))
    shape = Ventricle(
        length_cm=10.0,
        width_cm=10.0 * aspect,
        septal_share=float(rng.uniform(0.40, 0.60)),
        septal=walls[0],
        lateral=walls[1],
        depth_ratio=float(np.clip(rng.normal(1.02, 0.10), 0.78, 1.3)),
        ef=ef,
        shortening=float(np.clip(rng.normal(0.16, 0.05), 0.05, 0.28) * (0.1 + 0.9 * ef / 60)),
        depth_share=float(np.clip(rng.normal(1.0, 0.11), 0.75, 1.25)),
        thickening=float(rng.uniform(0.75, 1.0)),  # muscle is nearly incompressible
        bend_cm=float(rng.normal(0, 0.32)),
        bend_swing_cm=float(rng.normal(0, 0.12)),
        shear=float(rng.normal(0.13, 0.12)),
        shear_swing=float(rng.normal(-0.05, 0.06)),
        plane_apex_cm=0.0,
        plane_base_cm=0.0,
    )
    scale = (edv / shape.edv_ml) ** (1 / 3)
    fields = {name: getattr(shape, name) for name in shape.__dataclass_fields__}
    fields |= {
        "length_cm": 10.0 * scale,
        "width_cm": 10.0 * aspect * scale,
        "plane_apex_cm": plane_apex,
        "plane_base_cm": float(rng.normal(0, 0.2)),
    }
    drawn = Ventricle(**fields)
    return replace(drawn, plane_apex_cm=min(plane_apex, drawn.reach_cm))


def _draw_wall(rng: np.random.Generator, thickness: float, regional: float) -> Wall:
    apical, basal = rng.uniform(0.75, 1.45), rng.uniform(0.8, 1.15)
    own = thickness * rng.uniform(0.85, 1.2)
    depth = float(rng.uniform(0.4, 1.25)) if rng.random() < regional else 0.0
    return Wall(
        shoulder=float(rng.uniform(0.48, 0.78)),
        fullness=float(np.clip(rng.normal(1.95, 0.3), 1.35, 3.0)),
        base=float(rng.uniform(0.58, 0.95)),
        ripples=tuple(float(rng.normal(0, s)) for s in (0.03, 0.03, 0.02, 0.012, 0.008)),
        thickness_cm=(own * apical, own, own * basal),
        slope=float(rng.uniform(-0.9, 0.5)),
        defect=(float(rng.uniform(0.05, 0.9)), float(rng.uniform(0.12, 0.3)), depth),
    )
