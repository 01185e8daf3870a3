"""Images without an apical four-chamber ventricle, to teach a network to see nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from echobeat.phantom.anatomy import Scene, Tissue
from echobeat.phantom.display import Screen
from echobeat.phantom.examination import Images
from echobeat.phantom.heart import FloatArray
from echobeat.phantom.scanner import draw_scanner
from echobeat.phantom.seeds import generator, require_training_seed
from echobeat.phantom.ultrasound import Imager

_NOWHERE = np.full((4, 8, 2), -500.0) + np.arange(8)[None, :, None] * 0.01


def sample_negatives(seed: int, count: int, size: int = 112) -> tuple[Images, Images]:
    """Images without a left ventricle in a four-chamber view; every image is of a kind of its own.

    Sectors of plain tissue, short-axis rings, vessels, noise, gradients, shapes, text, flat frames.

    Parameters
    ----------
    seed : int
        From `TRAINING_SEEDS`.
    count, size : int
        Number of images; their height and width in pixels.

    Returns
    -------
    images, labels : ndarray
        (count, size, size) uint8 each; all labels are 0.

    Raises
    ------
    UsageError
        The seed is set aside for judging.
    """
    require_training_seed(seed)
    kinds: tuple[tuple[Callable[[int, np.random.Generator], Images], float], ...] = (
        (tissue, 0.25),
        (_short_axis, 0.2),
        (vessels, 0.1),
        (noise, 0.12),
        (shapes, 0.18),
        (text, 0.1),
        (flat, 0.05),
    )
    images = np.empty((count, size, size), np.uint8)
    for k in range(count):
        rng = generator(seed, "negative", k)
        kind = int(rng.choice(len(kinds), p=[share for _, share in kinds]))
        images[k] = kinds[kind][0](size, rng)
    return images, np.zeros_like(images)


def _scan(scene: Scene, size: int, rng: np.random.Generator) -> Images:
    """Any scene as a scanner would show it."""
    scanner = draw_scanner(rng, float(rng.uniform(7, 13)))
    ripple = min(scanner.echo.background_ripple_db, 3.5)  # dark patches are not to look like a chamber
    scanner = replace(scanner, echo=replace(scanner.echo, background_ripple_db=ripple))
    shape = (max(192, int(size * 2.25)), max(112, int(size * 1.15)))
    screen = Screen(scanner, size, shape)
    return screen.show(screen.grey(Imager(scanner, scene, shape, rng).frame(scene, rng)))


def _scene(fills: list[tuple[Tissue, FloatArray]], curves: list[tuple[Tissue, FloatArray]]) -> Scene:
    return Scene(
        fills=tuple(fills),
        layers=_NOWHERE,
        inside=(),
        curves=(*curves, ("chorda", _NOWHERE[0])),
        atrium=_NOWHERE[0],
        landmarks=_NOWHERE[0],
    )


def _blob(centre: FloatArray, radius: float, rng: np.random.Generator, uneven: float = 0.1) -> FloatArray:
    """A closed smooth outline."""
    t = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    r = radius * (1 + sum(rng.normal(0, uneven / k) * np.sin(k * t + rng.uniform(0, 6.28)) for k in (1, 2, 3)))
    squeeze = rng.uniform(0.8, 1.25)
    result: FloatArray = centre + np.stack([r * np.cos(t) * squeeze, r * np.sin(t)], axis=1)
    return result


def tissue(size: int, rng: np.random.Generator) -> Images:
    """A sector with nothing in it but tissue, perhaps some bright interfaces."""
    curves: list[tuple[Tissue, FloatArray]] = []
    for _ in range(int(rng.integers(0, 4))):
        start = np.array([rng.uniform(-5, 5), rng.uniform(2, 12)])
        x = np.linspace(0, rng.uniform(2, 6), 30)
        curves.append(
            ("pericardium", start + np.stack([x, rng.normal(0, 0.3) * x + rng.normal(0, 0.1) * x**2], axis=1))
        )
    return _scan(_scene([], curves), size, rng)


def _short_axis(size: int, rng: np.random.Generator) -> Images:
    """Parasternal short axis: a ring of myocardium and the crescent of the right ventricle."""
    centre = np.array([rng.uniform(-1, 2), rng.uniform(5, 9)])
    radius, wall = float(rng.uniform(1.2, 3.0)), float(rng.uniform(0.7, 1.6))
    inner = _blob(centre, radius, rng, 0.06)
    outer = centre + (inner - centre) * (1 + wall / radius)
    right = _blob(centre + np.array([-radius - wall, -0.8]), float(rng.uniform(1.2, 2.4)), rng, 0.15)
    fills: list[tuple[Tissue, FloatArray]] = [
        ("right wall", centre + (outer - centre) * 1.1),
        ("right wall", right + 1.2 * (right - right.mean(axis=0)) / 6),
        ("right blood", right),
        ("right wall", outer),
        ("left blood", inner),
    ]
    for angle in rng.uniform(0, 6.28, int(rng.integers(0, 3))):
        place = centre + 0.75 * radius * np.array([np.cos(angle), np.sin(angle)])
        fills.append(("papillary", _blob(place, 0.4, rng)))
    return _scan(_scene(fills, [("epicardium", outer), ("endocardium", inner)]), size, rng)


def vessels(size: int, rng: np.random.Generator) -> Images:
    """Dark round or long spaces in tissue: liver, a vessel, an effusion."""
    fills: list[tuple[Tissue, FloatArray]] = []
    for _ in range(int(rng.integers(1, 5))):
        centre = np.array([rng.uniform(-5, 5), rng.uniform(3, 13)])
        shape = _blob(np.zeros(2), float(rng.uniform(0.3, 1.5)), rng, 0.2) * (1.0, rng.uniform(0.3, 1.0))
        turn = rng.uniform(0, 3.14)
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        fills.append(("right blood", centre + shape @ rotation.T))
    return _scan(_scene(fills, []), size, rng)


def noise(size: int, rng: np.random.Generator) -> Images:
    """Noise with a power spectrum from white to soft clouds."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(size), np.fft.rfftfreq(size), indexing="ij"))
    frequency[0, 0] = 1 / size
    spectrum = np.fft.rfft2(rng.standard_normal((size, size))) / frequency ** rng.uniform(0, 2)
    field = np.fft.irfft2(spectrum, s=(size, size))
    field = (field - field.mean()) / (field.std() + 1e-9)
    return to_bytes(rng.uniform(30, 200) + rng.uniform(5, 80) * field)


def shapes(size: int, rng: np.random.Generator) -> Images:
    """Shapes, edges and gradients as photographs and screens have them."""
    y, x = np.mgrid[0:size, 0:size] / size
    image = rng.uniform(0, 200) + rng.uniform(-100, 100) * x + rng.uniform(-100, 100) * y
    image = np.clip(image, 0, 255).astype(np.float32)
    for _ in range(int(rng.integers(2, 16))):
        grey = float(rng.uniform(0, 255))
        centre = tuple(int(v) for v in rng.integers(0, size, 2))
        if rng.random() < 0.5:
            axes = tuple(int(v) for v in rng.integers(2, size // 2, 2))
            cv2.ellipse(image, centre, axes, float(rng.uniform(0, 180)), 0, 360, grey, -1 if rng.random() < 0.7 else 2)
        else:
            corners = (np.array(centre) + rng.normal(0, size / 4, (int(rng.integers(3, 6)), 2))).astype(np.int32)
            cv2.fillPoly(image, [corners], grey)
    image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 2.5)))
    return to_bytes(image + rng.normal(0, rng.uniform(0, 15), image.shape))


def text(size: int, rng: np.random.Generator) -> Images:
    """A page or a screen of letters."""
    dark = bool(rng.random() < 0.5)
    image = np.full((size, size), rng.uniform(0, 60) if dark else rng.uniform(190, 255), np.uint8)
    letters = np.array(list("ABCDEFGHIKLMNOPRSTUVWXYZ abcdefghiklmnoprstuvwxyz 0123456789:./%"))
    scale = float(rng.uniform(0.2, 0.7)) * size / 112
    for row in np.arange(0, size, max(6, int(26 * scale))):
        line = "".join(rng.choice(letters, int(rng.integers(3, 40))))
        grey = float(rng.uniform(150, 255) if dark else rng.uniform(0, 90))
        cv2.putText(
            image, line, (int(rng.integers(0, 10)), int(row)), cv2.FONT_HERSHEY_SIMPLEX, scale, grey, 1, cv2.LINE_AA
        )
    return image


def flat(size: int, rng: np.random.Generator) -> Images:
    """One grey, or nearly."""
    image = np.full((size, size), rng.uniform(0, 255)) + rng.normal(0, rng.uniform(0, 3), (size, size))
    return to_bytes(image)


def to_bytes(image: NDArray[np.floating]) -> Images:
    return np.asarray(np.clip(image, 0, 255), np.uint8)
