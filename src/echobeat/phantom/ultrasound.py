"""From a heart to an ultrasound image: scatterers, beams, envelope, log compression, scan conversion.

Scatterers move with the tissue. Their echoes are summed coherently on a grid of ranges and beams, so that
speckle is what it is in a scanner: interference, not painted noise (Wagner et al., IEEE Trans Sonics
Ultrason 30:156-163, 1983, doi:10.1109/T-SU.1983.31404). The point-spread function is separable, a Gaussian
pulse along the beam and a Gaussian beam that widens away from its focus.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from echobeat.phantom.anatomy import Scene
from echobeat.phantom.fields import Grid, linear, sample, smooth_noise
from echobeat.phantom.heart import FloatArray
from echobeat.phantom.scanner import Scanner

_BLOOD = -200.0
"""Blood is painted this many dB below its level: it has no fixed scatterers, but is told apart."""
SEEN_SEGMENTS, SEEN_DB = 4, 7.0
"""So many of the wall's six segments are at least so far above the blood beside them."""
_SHIFT = 4  # cv2 draws with coordinates in 1/16 pixels
_ROW = 256  # cv2.remap takes lists of points as an image of this width
_LATTICE = 40  # nodes of the displacement field a side


class Imager:
    """Makes the polar images of one patient.

    Parameters
    ----------
    scanner : Scanner
    reference : Scene
        The heart at which the scatterers are laid out; later scenes displace them.
    ranges, beams : int
        Size of the polar grid.
    rng : Generator
        Draws everything that stays the same from frame to frame.
    """

    def __init__(self, scanner: Scanner, reference: Scene, shape: tuple[int, int], rng: np.random.Generator) -> None:
        self.scanner = scanner
        self.ranges, self.beams = shape
        beam = scanner.beam
        self.step_cm = beam.depth_cm / self.ranges
        self.step_rad = 2 * beam.half_angle / self.beams
        self._depth = (np.arange(self.ranges) + 0.5) * self.step_cm
        self._angle = (np.arange(self.beams) + 0.5) * self.step_rad - beam.half_angle + beam.steer
        self._scatterers(reference, rng)
        self._background = self._draw_background(rng)
        self._gain = self._draw_gain(rng)
        self._blood = self._draw_blood(rng)
        self._clutter = self._draw_clutter(rng)
        self._noise_level = self._draw_noise_level()
        self._blurs = self._draw_blurs()
        self._wall_db = self._draw_wall(reference, rng)
        self._rough = self._draw_roughness(reference, rng)
        self._offset_db = np.float32(0)
        self._offset_db = self._operator_gain(reference)
        self._lift_wall(reference)

    def to_grid(self, points: FloatArray) -> FloatArray:
        """(x, y) in cm to (beam, range) in samples of the grid; centres have whole numbers."""
        origin = self.scanner.beam.origin_cm
        x, y = points[..., 0], np.maximum(points[..., 1] + origin, 1e-3)
        radius = np.hypot(x, y)
        beam = (np.arctan2(x, y) - self.scanner.beam.steer + self.scanner.beam.half_angle) / self.step_rad
        return np.stack([beam - 0.5, (radius - origin) / self.step_cm - 0.5], axis=-1)

    def frame(self, scene: Scene, rng: np.random.Generator) -> Grid:
        """The image in dB, (ranges, beams), 0 dB where myocardium is normal; before gain to grey."""
        level = self._paint(scene)
        blood = level < _BLOOD / 2
        amplitude = self._slice(linear(level)) * self._gain
        flow = self._slice(np.where(blood, linear(level - _BLOOD) * self._blood, np.float32(0))) * self._gain
        diffuse = np.sqrt(flow**2 + self._noise_level**2)
        moved = self._displace(scene)
        lines = self._interfaces(scene, rng)
        power = np.zeros((self.ranges, self.beams), np.float32)
        looks = self.scanner.beam.looks
        for look in range(looks):
            field = self._splat(moved, 1 + 0.13 * look) * amplitude[..., None]
            field += lines[look % len(lines)] * self._gain[..., None]
            field += rng.standard_normal(field.shape, np.float32) * (diffuse[..., None] * np.float32(0.7071))
            field += self._clutter[look]
            power += self._spread(field)
        power /= looks
        self._sidelobes(power)
        return np.asarray(np.float32(10) * np.log10(power + np.float32(1e-9)) + self._offset_db, np.float32)

    # what stays the same

    def _scatterers(self, reference: Scene, rng: np.random.Generator) -> None:
        count = int(1.3 * self.ranges * self.beams) // _ROW * _ROW
        beam = self.scanner.beam
        radius = rng.uniform(-1.0, beam.depth_cm + 1.5, count) + beam.origin_cm
        angle = rng.uniform(-1.12, 1.12, count) * beam.half_angle + beam.steer
        points = np.stack([radius * np.sin(angle), radius * np.cos(angle) - beam.origin_cm], axis=1)
        reach = beam.depth_cm + 2.0
        self._lattice_map = (
            ((points / reach + (1.0, 0.1)) * ((_LATTICE - 1) / 2.1)).astype(np.float32).reshape(-1, _ROW, 2)
        )
        self._points = points.astype(np.float32)
        nodes = np.arange(_LATTICE) * (2.1 / (_LATTICE - 1))
        lattice = np.stack(np.meshgrid((nodes - 1.0) * reach, (nodes - 0.1) * reach), axis=-1).reshape(-1, 1, 2)
        self._landmarks = reference.landmarks
        ring = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        centre = reference.cavity.mean(axis=0)
        still = centre + (reach * 0.62) * np.stack([np.cos(ring), np.sin(ring)], axis=1)
        still = np.concatenate([still, np.stack([np.linspace(-3, 3, 7), np.full(7, 0.3)], axis=1)])
        anchors = np.concatenate([reference.landmarks, still])
        weights = 1 / (np.sum((lattice - anchors[None]) ** 2, axis=-1) + 0.15) ** 1.75
        weights /= weights.sum(axis=1, keepdims=True)
        self._weights = weights[:, : len(reference.landmarks)].astype(np.float32)
        texture = smooth_noise(rng, (96, 96), 1.5)
        where = ((points / reach + (1.0, 0.1)) * (95 / 2.1)).astype(np.float32)
        strength = sample(texture, where.reshape(-1, _ROW, 2)).reshape(-1)
        spread = self.scanner.echo.texture_db * (strength + 0.5 * rng.standard_normal(count))
        spread += 9.5 * (rng.random(count) < self.scanner.echo.sparkle)
        density = 1.3 * self.ranges * self.beams / count * (beam.depth_cm / (beam.depth_cm + 2.5)) / 1.12
        self._strength = (linear(spread) / np.sqrt(1.3 * density)).astype(np.float32)

    def _draw_background(self, rng: np.random.Generator) -> Grid:
        echo, beam = self.scanner.echo, self.scanner.beam
        scale = echo.background_scale_cm
        rows, columns = int(beam.depth_cm / scale) + 3, int(2 * beam.half_angle * beam.depth_cm * 0.6 / scale) + 3
        rough = cv2.resize(
            rng.standard_normal((rows, columns)).astype(np.float32),
            (self.beams, self.ranges),
            interpolation=cv2.INTER_CUBIC,
        )
        level = echo.background_db + echo.background_ripple_db * rough
        layers = cv2.resize(
            rng.standard_normal((24, 3)).astype(np.float32), (self.beams, self.ranges), interpolation=cv2.INTER_CUBIC
        )
        near = np.exp(-self._depth / rng.uniform(0.8, 2.5))[:, None]
        beside = echo.beside_db * np.clip(1.3 - self._depth / (0.6 * beam.depth_cm), 0, 1)[:, None]
        return np.asarray(level + 6 * layers * near + beside, np.float32)

    def _draw_gain(self, rng: np.random.Generator) -> Grid:
        artefacts, beam = self.scanner.artefacts, self.scanner.beam
        loss = np.zeros((self.ranges, self.beams))
        for centre, half, onset, amount in artefacts.shadows:
            across = 1 / (1 + np.exp((np.abs(self._angle - centre) - half) / np.deg2rad(1.5)))
            along = 1 / (1 + np.exp(-(self._depth - onset) / 0.4))
            loss += amount * along[:, None] * across[None]
        edge = np.clip(np.abs(self._angle - beam.steer) / beam.half_angle, 0, 1) ** 6
        loss += artefacts.edge_loss_db * edge[None]
        patches = cv2.resize(
            rng.standard_normal((4, 5)).astype(np.float32), (self.beams, self.ranges), interpolation=cv2.INTER_CUBIC
        )
        steps = np.linspace(0, beam.depth_cm, len(self.scanner.display.tgc_db))
        tgc = np.interp(self._depth, steps, self.scanner.display.tgc_db)
        return linear(tgc[:, None] - loss + 1.5 * patches)

    def _draw_clutter(self, rng: np.random.Generator) -> list[Grid]:
        """Stationary clutter: near field with layers parallel to the probe, and haze."""
        artefacts = self.scanner.artefacts
        near = artefacts.clutter_db - 8.7 * (self._depth / artefacts.clutter_cm - 1)
        repeats = artefacts.reverberation_db + 6 * np.cos(2 * np.pi * self._depth / artefacts.reverberation_cm)
        repeats -= 2.2 * self._depth
        patches = cv2.resize(
            rng.standard_normal((5, 5)).astype(np.float32), (self.beams, self.ranges), interpolation=cv2.INTER_CUBIC
        )
        level = np.sqrt(
            linear(near[:, None]) ** 2 + linear(repeats[:, None]) ** 2 + linear(artefacts.haze_db + 5 * patches) ** 2
        )
        noise = rng.standard_normal((self.scanner.beam.looks, self.ranges, self.beams, 2)).astype(np.float32)
        return [n * level[..., None] * np.float32(0.7071) for n in noise]

    def _draw_blood(self, rng: np.random.Generator) -> Grid:
        """Blood's amplitude over the sector, relative to its own level."""
        echo = self.scanner.echo
        coarse = rng.standard_normal((6, 5)).astype(np.float32)
        patches = cv2.resize(coarse, (self.beams, self.ranges), interpolation=cv2.INTER_CUBIC)
        slope = echo.blood_slope_db_cm * (self._depth - self.scanner.beam.depth_cm / 2)
        return linear(np.minimum(slope[:, None] + echo.blood_ripple_db * patches, -echo.blood_db - 4))

    def _draw_noise_level(self) -> Grid:
        artefacts = self.scanner.artefacts
        level = artefacts.noise_db + artefacts.noise_slope_db_cm * (self._depth - 0.75 * self.scanner.beam.depth_cm)
        return np.repeat(linear(level)[:, None], self.beams, axis=1)

    def _draw_blurs(self) -> list[tuple[float, Grid]]:
        """Lateral blurs (in beams) and the share of each at every range."""
        beam = self.scanner.beam
        radius = np.maximum(self._depth, 0.3)
        defocus = beam.aperture_cm * np.abs(1 / radius - 1 / beam.focus_cm)
        sigma = np.hypot(beam.width, 0.5 * defocus) / self.step_rad
        sigma = np.clip(sigma, 0.6, 8.0)
        levels = np.geomspace(sigma.min(), max(sigma.max(), sigma.min() * 1.2), 3)
        blurs = []
        for k, width in enumerate(levels):
            share = np.interp(sigma, levels, np.eye(3)[k])
            blurs.append((float(width), np.repeat(share.astype(np.float32)[:, None], self.beams, axis=1)))
        return blurs

    def _draw_wall(self, reference: Scene, rng: np.random.Generator) -> FloatArray:
        """(3, points - 1) level in dB along the LV wall, fixed to the tissue."""
        echo = self.scanner.echo
        count = reference.layers.shape[1] - 1
        along = np.linspace(0, 1, count)
        ripple = cv2.resize(rng.standard_normal((3, 9)).astype(np.float32), (count, 3), interpolation=cv2.INTER_CUBIC)
        loss = np.interp(
            along,
            [0, 0.3, 0.5, 0.7, 1],
            [
                echo.septal_loss_db * 0.5,
                echo.septal_loss_db,
                echo.apical_loss_db,
                echo.lateral_loss_db,
                echo.lateral_loss_db * rng.uniform(0.3, 1),
            ],
        )
        result: FloatArray = np.array(echo.wall_layers)[:, None] + echo.wall_ripple_db * ripple - loss
        return result

    def _draw_roughness(self, reference: Scene, rng: np.random.Generator) -> FloatArray:
        """(points, 1): how far the painted endocardium lies in the wall, relative to its inner third."""
        count = reference.layers.shape[1]
        coarse = rng.standard_normal((1, 26)).astype(np.float32)
        rough = cv2.resize(coarse, (count, 1), interpolation=cv2.INTER_CUBIC)[0]
        return np.asarray(self.scanner.echo.roughness * rough, np.float64)[:, None]

    def _operator_gain(self, reference: Scene) -> np.float32:
        """Gain in dB that the operator sets: the better half of the wall is seen, and apart from the blood.

        Where noise, clutter and blood would bury the wall they are lowered: nobody keeps such a clip.
        """
        wall, cavity = np.zeros((2, self.ranges, self.beams), np.uint8)
        outline = np.concatenate([reference.layers[0], reference.layers[-1, ::-1]])
        cv2.fillPoly(wall, [self._fixed(outline)], 1, cv2.LINE_8, _SHIFT)
        cv2.fillPoly(cavity, [self._fixed(reference.cavity)], 1, cv2.LINE_8, _SHIFT)
        if not wall.any() or not cavity.any():
            return np.float32(0)
        seen, inside = wall > 0, cavity > 0
        wall_db = np.percentile(self._paint(reference)[seen] + 20 * np.log10(self._gain[seen]), 65)
        clutter = np.mean([np.mean(c[inside] ** 2) * 2 for c in self._clutter])
        noise = float(np.mean(self._noise_level[inside] ** 2))
        flow = linear(self.scanner.echo.blood_db) ** 2 * np.mean((self._blood * self._gain)[inside] ** 2)
        allowed = 10 ** ((wall_db - self.scanner.artefacts.contrast_db) / 10)
        if clutter + noise + flow > allowed:
            factor = np.float32(np.sqrt(allowed / (clutter + noise + flow)))
            self._noise_level *= factor
            self._blood *= factor
            for field in self._clutter:
                field *= factor
        return np.float32(-wall_db)

    def _lift_wall(self, reference: Scene) -> None:
        """Raise the wall where fewer than `SEEN_SEGMENTS` of its six segments stand out from the blood beside them.

        Where more are lost, the clip is repeated with a contrast agent, not read (Lang et al. 2015,
        doi:10.1016/j.echo.2014.10.003: from two contiguous segments on).
        """
        inner, outer = reference.layers[0], reference.layers[1]
        flow = linear(self.scanner.echo.blood_db) * self._blood * self._gain
        clutter = sum((np.mean(field**2, axis=-1) * 2 for field in self._clutter), np.float32(0)) / len(self._clutter)
        noise = np.sqrt(flow**2 + self._noise_level**2 + clutter)
        wall = self._wall_db[0] + 20 * np.log10(self._at(self._gain, (inner + outer) / 2)[1:])
        contrast = wall - 20 * np.log10(self._at(noise, inner - 0.5 * (outer - inner))[1:])
        segments = np.array([part.mean() for part in np.array_split(contrast, 6)])
        lift = np.maximum(SEEN_DB - segments, 0)
        lift[np.argsort(segments)[: 6 - SEEN_SEGMENTS]] = 0  # the worst may stay unseen
        self._wall_db = self._wall_db + np.interp(np.linspace(0, 5, self._wall_db.shape[1]), np.arange(6), lift)

    def _at(self, field: Grid, points: FloatArray) -> Grid:
        """Values of a polar field at (points, 2) in cm."""
        beam, depth = np.rint(self.to_grid(points)).astype(int).T
        return np.asarray(field[np.clip(depth, 0, self.ranges - 1), np.clip(beam, 0, self.beams - 1)])

    # what changes from frame to frame

    def _paint(self, scene: Scene) -> Grid:
        level = self._background.copy()
        tissue = self.scanner.echo.tissue
        for name, polygon in scene.fills:
            value = tissue[name] + (_BLOOD if name.endswith("blood") else 0.0)
            cv2.fillPoly(level, [self._fixed(polygon)], value, cv2.LINE_8, _SHIFT)
        grid = self._fixed(scene.layers)
        self._behind(level, [self._fixed(polygon) for _, polygon in scene.fills[:3]] + [grid[-1]])
        tangent = np.diff(scene.layers[1], axis=0)
        middle = (scene.layers[1, 1:] + scene.layers[1, :-1]) / 2
        beam = middle + np.array([0, self.scanner.beam.origin_cm])
        along = np.abs(np.sum(tangent * beam, axis=1)) / (
            np.linalg.norm(tangent, axis=1) * np.linalg.norm(beam, axis=1) + 1e-9
        )
        wall = self._wall_db - self.scanner.echo.anisotropy_db * (along**3 - 0.5)
        quads = np.stack([grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]], axis=2)
        for layer in range(wall.shape[0]):
            for k in range(wall.shape[1]):
                cv2.fillConvexPoly(level, quads[layer, k], float(wall[layer, k]), cv2.LINE_8, _SHIFT)
        rough = scene.layers[0] + self._rough * (scene.layers[1] - scene.layers[0])
        inner = self._fixed(rough)
        lining = np.stack([inner[:-1], inner[1:], grid[0, 1:], grid[0, :-1]], axis=1)
        for k in range(len(lining)):  # where the wall comes further in than the outline
            cv2.fillConvexPoly(level, lining[k], float(wall[0, k]), cv2.LINE_8, _SHIFT)
        cv2.fillPoly(level, [inner], tissue["left blood"] + _BLOOD, cv2.LINE_8, _SHIFT)
        for name, polygon in scene.inside:
            cv2.fillPoly(level, [self._fixed(polygon)], tissue[name], cv2.LINE_8, _SHIFT)
        return level

    def _slice(self, amplitude: Grid) -> Grid:
        """Borders as a slice of some thickness shows them: neither wall nor blood, but both."""
        along = self.scanner.echo.slice_cm / self.step_cm
        if along < 0.3:
            return amplitude
        across = along * self.step_cm / (self.step_rad * 0.6 * self.scanner.beam.depth_cm)
        return np.asarray(cv2.GaussianBlur(amplitude, (0, 0), sigmaX=max(across, 0.3), sigmaY=along), np.float32)

    def _behind(self, level: Grid, silhouettes: list[NDArray[np.int32]]) -> None:
        """Lung behind the heart: bright where the beam leaves the heart, fading from there."""
        heart = np.zeros((self.ranges, self.beams), np.uint8)
        for polygon in silhouettes:
            cv2.fillPoly(heart, [polygon], 1, cv2.LINE_8, _SHIFT)
        last = self.ranges - np.argmax(heart[::-1], axis=0)
        last[~heart.any(axis=0)] = self.ranges
        beyond = np.maximum(np.arange(self.ranges)[:, None] - last[None], 0).astype(np.float32) * np.float32(
            self.step_cm
        )
        bright, decay, loss = (np.float32(v) for v in self.scanner.echo.behind)
        level += np.where(beyond > 0, bright * np.exp(-beyond / decay) - loss * beyond, np.float32(0))

    def _fixed(self, points: FloatArray) -> NDArray[np.int32]:
        clipped = np.clip(self.to_grid(points), -2000, 4000)
        return np.round(clipped * (1 << _SHIFT)).astype(np.int32)

    def _displace(self, scene: Scene) -> tuple[NDArray[np.intp], Grid, Grid]:
        """Cell, range in cm and strength of each scatterer that lies in the grid."""
        motion = (scene.landmarks - self._landmarks).astype(np.float32)
        lattice = (self._weights @ motion).reshape(_LATTICE, _LATTICE, 2)
        moved = self._points + sample(lattice, self._lattice_map).reshape(-1, 2)
        return self._locate(moved, self._strength)

    def _locate(self, points: Grid, strength: Grid) -> tuple[NDArray[np.intp], Grid, Grid]:
        origin, beam = self.scanner.beam.origin_cm, self.scanner.beam
        x, y = points[:, 0].copy(), points[:, 1] + np.float32(origin)
        radius, angle = cv2.cartToPolar(y, x)
        angle = np.where(angle > np.float32(np.pi), angle - np.float32(2 * np.pi), angle)
        column = np.floor((angle - np.float32(beam.steer - beam.half_angle)) / np.float32(self.step_rad)).astype(
            np.int32
        )
        row = np.floor((radius - np.float32(origin)) / np.float32(self.step_cm)).astype(np.int32)
        keep = (row >= 0) & (row < self.ranges) & (column >= 0) & (column < self.beams)
        cell = row[keep].astype(np.intp) * self.beams + column[keep]
        return cell, radius[keep], strength[keep]

    def _splat(self, located: tuple[NDArray[np.intp], Grid, Grid], frequency: float) -> Grid:
        """Complex sum of the echoes in each cell, (ranges, beams, 2)."""
        cell, radius, strength = located
        turns = np.float32(4 * np.pi * frequency / self.scanner.beam.wavelength_cm)
        phase = radius * turns
        size = self.ranges * self.beams
        real = np.bincount(cell, strength * np.cos(phase), size)
        imaginary = np.bincount(cell, strength * np.sin(phase), size)
        return np.stack([real, imaginary], axis=1).astype(np.float32).reshape(self.ranges, self.beams, 2)

    def _interfaces(self, scene: Scene, rng: np.random.Generator) -> list[Grid]:
        """Echoes of thin bright structures, strongest where the beam meets them at a right angle."""
        tissue, power = self.scanner.echo.tissue, self.scanner.echo.specular
        points, strengths = [], []
        for name, curve in scene.curves:
            step = np.diff(curve, axis=0)
            length = np.linalg.norm(step, axis=1) + 1e-6
            beam = (curve[1:] + curve[:-1]) / 2 + np.array([0, self.scanner.beam.origin_cm])
            across = np.abs(step[:, 0] * beam[:, 1] - step[:, 1] * beam[:, 0]) / (length * np.linalg.norm(beam, axis=1))
            floor = 0.5 if name in ("leaflet", "chorda") else 0.12
            level = 10 ** (tissue[name] / 20) * (floor + (1 - floor) * across**power)
            repeat = np.maximum(1, (length / 0.07).astype(int))
            t = rng.random(int(repeat.sum()))[:, None]
            start = np.repeat(curve[:-1], repeat, axis=0) + t * np.repeat(step, repeat, axis=0)
            points.append(start + rng.normal(0, self.scanner.echo.leaflet_cm, start.shape))
            strengths.append(np.repeat(level, repeat))
        located = self._locate(np.concatenate(points).astype(np.float32), np.concatenate(strengths).astype(np.float32))
        return [self._splat(located, 1 + 0.13 * k) for k in range(self.scanner.beam.looks)]

    def _spread(self, field: Grid) -> Grid:
        """Point-spread function, then the power of the envelope; unit noise keeps unit power."""
        axial = max(self.scanner.beam.pulse_cm / self.step_cm, 0.5)
        total = np.zeros_like(field)
        for width, share in self._blurs:
            blurred = cv2.GaussianBlur(field, (0, 0), sigmaX=width, sigmaY=axial, borderType=cv2.BORDER_REFLECT)
            total += blurred * (share * np.float32(np.sqrt(4 * np.pi * width * axial)))[..., None]
        return np.asarray(total[..., 0] ** 2 + total[..., 1] ** 2, np.float32)

    def _sidelobes(self, power: Grid) -> None:
        artefacts = self.scanner.artefacts
        half = max(1, int(artefacts.sidelobe / self.step_rad))
        power += np.float32(10 ** (artefacts.sidelobe_db / 10)) * cv2.blur(power, (4 * half + 1, 5)) * np.float32(4)
