"""Pictures that are no B-mode loop of one view: photographs, other modalities, spectra, two loops side by side.

Photographs are dead leaves, opaque shapes of all sizes one on top of the other, which have the statistics of
edges and greys that natural images have (Lee, Mumford, Huang 2001, Int J Comput Vis 41:35-59,
doi:10.1023/A:1011109015675).
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from echobeat.phantom.examination import Images
from echobeat.phantom.negatives import flat, noise, shapes, text, to_bytes
from echobeat.phantom.seeds import generator, require_training_seed

Rng = np.random.Generator


def sample_pictures(seed: int, count: int, size: int = 112) -> Images:
    """Pictures that are not ultrasound images of a heart, each of a kind of its own, for training.

    Raises
    ------
    UsageError
        The seed is set aside for judging.
    """
    require_training_seed(seed)
    return pictures(seed, count, size)


def pictures(seed: int, count: int, size: int = 112) -> Images:
    """As `sample_pictures`, from any seed, (count, size, size) uint8."""
    images = np.empty((count, size, size), np.uint8)
    for k in range(count):
        rng = generator(seed, "view", 100 + k)
        kind = int(rng.choice(len(KINDS), p=[share for _, share in KINDS.values()]))
        images[k] = list(KINDS.values())[kind][0](size, rng)
    return images


def photograph(size: int, rng: Rng) -> Images:
    """Dead leaves, each with a shade and a texture of its own."""
    side = 2 * size
    image = np.full((side, side), rng.uniform(40, 200), np.float32)
    for _ in range(int(rng.integers(30, 160))):
        radius = side * 0.03 / (1 - 0.985 * rng.random()) ** 0.7
        centre = rng.uniform(-0.1, 1.1, 2) * side
        grey = float(np.clip(rng.normal(115, 60), 0, 255))
        if rng.random() < 0.5:
            axes = int(radius + 1), int(radius * rng.uniform(0.3, 1) + 1)
            at = int(centre[0]), int(centre[1])
            cv2.ellipse(image, at, axes, float(rng.uniform(0, 180)), 0, 360, grey, -1, cv2.LINE_AA)
        else:
            corners = (centre + radius * rng.normal(0, 1, (int(rng.integers(3, 6)), 2))).astype(np.int32)
            cv2.fillPoly(image, [corners], grey, cv2.LINE_AA)
    y, x = np.mgrid[0:side, 0:side] / side
    light = 1 + rng.normal(0, 0.35) * (x - 0.5) + rng.normal(0, 0.35) * (y - 0.5)
    image = image * light.astype(np.float32) + rng.normal(0, rng.uniform(0, 8), image.shape).astype(np.float32)
    if rng.random() < 0.3:  # a round vignette, as of an endoscope or a dark page around a picture
        image *= np.hypot(x - 0.5, y - 0.5) < rng.uniform(0.35, 0.6)
    return to_bytes(np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA), np.float32))


def slice_image(size: int, rng: Rng) -> Images:
    """A slice through a body on black, as of computed tomography or magnetic resonance."""
    image = np.zeros((size, size), np.float32)
    middle = size * (0.5 + rng.normal(0, 0.03, 2))
    body = size * rng.uniform(0.3, 0.48, 2)

    def blob(centre: tuple[float, float], axes: tuple[float, float], grey: float) -> None:
        at, half = (int(centre[0]), int(centre[1])), (max(1, int(axes[0])), max(1, int(axes[1])))
        cv2.ellipse(image, at, half, float(rng.uniform(0, 180)), 0, 360, grey, -1, cv2.LINE_AA)

    cv2.ellipse(image, (int(middle[0]), int(middle[1])), (int(body[0]), int(body[1])), 0, 0, 360, 255, -1)
    inside = image > 0
    image[inside] = float(rng.uniform(40, 140))
    for _ in range(int(rng.integers(4, 14))):
        place = middle + body * rng.uniform(-0.7, 0.7, 2)
        blob((place[0], place[1]), tuple(body * rng.uniform(0.05, 0.45, 2)), float(rng.uniform(0, 255)))
    image *= inside
    if rng.random() < 0.6:
        ring = (int(body[0]), int(body[1]))
        cv2.ellipse(image, (int(middle[0]), int(middle[1])), ring, 0, 0, 360, float(rng.uniform(120, 255)), 2)
    blurred = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.4)))
    noisy = np.asarray(blurred + np.abs(rng.normal(0, rng.uniform(1, 10), image.shape)), np.float64)
    return to_bytes(noisy)


def doppler_spectrum(size: int, rng: Rng) -> Images:
    """Velocities against time: peaks above or below a base line, beat after beat; often a small sector on top."""
    top = int(size * rng.uniform(0.0, 0.5))
    image = np.zeros((size, size), np.float32)
    time = np.arange(size) / size * rng.uniform(2, 6) + rng.random()
    base = top + (size - top) * rng.uniform(0.25, 0.8)
    sign = float(rng.choice([-1, 1]))
    reach = (size - top) * rng.uniform(0.2, 0.5)
    first = np.exp(-((((time % 1) - 0.3) / rng.uniform(0.05, 0.12)) ** 2))
    second = rng.uniform(0, 0.9) * np.exp(-((((time % 1) - 0.7) / rng.uniform(0.04, 0.1)) ** 2))
    rows = np.arange(size)[:, None]
    height = sign * (base - rows) / np.maximum(reach * (first + second), 1.0)
    filled = 1 / (1 + np.exp(np.minimum(12 * (height - 1), 60))) * (height > 0)
    if rng.random() < 0.6:  # the envelope alone is bright, as in pulsed Doppler
        filled *= 0.25 + np.exp(-(((height - 0.8) / 0.25) ** 2))
    image += rng.uniform(90, 230) * filled
    image *= 0.6 + 0.4 * rng.random((size, size))
    image += np.abs(rng.normal(0, rng.uniform(1, 14), (size, size)))
    image[int(min(base, size - 1))] = rng.uniform(60, 255)
    image[:top] = 0
    if top > 20:
        _small_sector(image, top, rng)
    return to_bytes(image)


def m_mode(size: int, rng: Rng) -> Images:
    """Depth against time: bright bands that rise and fall with the beat; often a small sector on top."""
    top = int(size * rng.uniform(0.0, 0.45))
    rows = np.arange(size)[:, None].astype(np.float32)
    time = np.arange(size) / size * rng.uniform(2, 6) + rng.random()
    wave = np.clip(np.sin(2 * np.pi * time), 0, 1) + 0.2 * np.sin(4 * np.pi * time + rng.uniform(0, 6))
    image = np.full((size, size), rng.uniform(0, 25), np.float32)
    for place in np.sort(rng.uniform(0.05, 0.95, int(rng.integers(4, 10)))):
        centre = top + (size - top) * (place + rng.normal(0, 0.05) * wave)
        image += rng.uniform(40, 220) * np.exp(-(((rows - centre[None]) / rng.uniform(0.8, 6)) ** 2))
    grain = cv2.GaussianBlur(rng.standard_normal((size, size)).astype(np.float32), (0, 0), 1.2, sigmaY=0.5)
    image *= 1 + 0.5 * grain / grain.std()
    image[:top] = 0
    if top > 20:
        _small_sector(image, top, rng)
    return to_bytes(image)


def _small_sector(image: np.ndarray[tuple[int, ...], np.dtype[np.float32]], height: int, rng: Rng) -> None:
    """A sector of tissue in the strip above a curve."""
    size = image.shape[1]
    rows, columns = np.mgrid[0:height, 0:size].astype(np.float32)
    column = size * rng.uniform(0.3, 0.7)
    inside = (np.abs(np.arctan2(columns - column, rows + 1)) < 0.7) & (np.hypot(columns - column, rows) < height)
    field = cv2.resize(rng.standard_normal((6, 12)).astype(np.float32), (size, height), interpolation=cv2.INTER_CUBIC)
    image[:height] = inside * np.clip(60 + 50 * field + 25 * rng.standard_normal((height, size)), 0, 255)


def side_by_side(left: Images, right: Images) -> Images:
    """Two loops on one screen, letterboxed into a square as a reader of one loop sees them."""
    size = left.shape[0]
    half = cv2.resize(np.hstack([left, right]), (size, size // 2), interpolation=cv2.INTER_AREA)
    screen = np.zeros((size, size), np.uint8)
    screen[size // 4 : size // 4 + half.shape[0]] = half
    return screen


KINDS: dict[str, tuple[Callable[[int, Rng], Images], float]] = {
    "photograph": (photograph, 0.27),
    "slice": (slice_image, 0.13),
    "spectrum": (doppler_spectrum, 0.14),
    "m-mode": (m_mode, 0.14),
    "noise": (noise, 0.1),
    "shapes": (shapes, 0.1),
    "text": (text, 0.09),
    "flat": (flat, 0.03),
}
"""What each kind is made by, and its share."""
