"""Grey from colour, and the fraction of colour."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_clips import write_video
from numpy.typing import NDArray

from echobeat.sources import clip_from_array, open_clip
from echobeat.sources.colour import ColourMeter, grey_from_rgb

SEPIA = np.array([1.0, 0.78, 0.55])


def speckle(count: int = 24, side: int = 112) -> NDArray[np.float64]:
    """Return (count, side, side), 0-1: a sector of moving speckle on black."""
    rng = np.random.default_rng(1)
    rows, columns = np.mgrid[0:side, 0:side]
    sector = np.abs(columns - side / 2) < rows * 0.7
    return np.clip(rng.rayleigh(0.3, (count, side, side)) * sector, 0, 1)


def picture(grey: NDArray[np.float64], tint: NDArray[np.float64] | None = None) -> NDArray[np.uint8]:
    """Return RGB frames; `tint` multiplies the channels as a grey map in colour does."""
    rgb = grey[..., None] * (np.ones(3) if tint is None else tint)
    return np.rint(rgb * 255).astype(np.uint8)


def with_furniture(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Add a blue banner, yellow text, a colour bar, and a green ECG trace with a moving cursor."""
    rgb = rgb.copy()
    side = rgb.shape[1]
    rgb[:, :16] = (40, 70, 130)
    rgb[:, 20:30:2, 2:20:3] = (255, 220, 0)
    rgb[:, 30:70, -6:] = np.linspace((255, 0, 0), (0, 0, 255), 40).astype(np.uint8)[:, None]
    trace = side - 10 + np.rint(4 * np.sin(np.arange(side) / 3)).astype(int)
    rgb[:, trace, np.arange(side)] = (0, 255, 0)
    for index, frame in enumerate(rgb):
        frame[-20:, (index * 4) % side] = (255, 0, 0)
    return rgb


def with_doppler(rgb: NDArray[np.uint8], fill: float = 0.4) -> NDArray[np.uint8]:
    """Add a colour box in which `fill` of the 4 x 4 patches show flow, red or blue, other ones in every frame."""
    rng = np.random.default_rng(2)
    rgb = rgb.copy()
    box = rgb[:, 44:96, 40:76]

    def patches(values: NDArray[np.generic]) -> NDArray[np.generic]:
        return values.repeat(4, axis=1).repeat(4, axis=2)

    shape = len(rgb), 13, 9
    flow = patches(rng.random(shape) < fill)
    speed = patches(rng.integers(60, 256, shape))
    towards = patches(rng.random(shape) < 0.5)
    colours = np.stack([speed * towards, speed // 4, speed * ~towards], axis=-1)
    box[flow] = colours[flow]
    return rgb


@pytest.mark.parametrize("tint", [None, SEPIA, SEPIA[::-1], np.array([0.8, 1.0, 0.8])])
@pytest.mark.parametrize("furniture", [False, True])
def test_b_mode_has_no_colour_whatever_its_tint(tint: NDArray[np.float64] | None, furniture: bool) -> None:
    """Sepia maps, banners, text, the colour bar and an ECG trace are not flow."""
    frames = picture(speckle(), tint)
    fraction = clip_from_array(with_furniture(frames) if furniture else frames, 50).colour_fraction
    assert fraction < 0.01


@pytest.mark.parametrize("tint", [None, SEPIA])
@pytest.mark.parametrize("furniture", [False, True])
@pytest.mark.parametrize("fill", [0.3, 0.6, 0.95])
def test_colour_doppler_is_seen(tint: NDArray[np.float64] | None, furniture: bool, fill: float) -> None:
    """Its fraction is about that of the flow in the picture (the box is 15 % of it)."""
    frames = picture(speckle(), tint)
    fraction = clip_from_array(with_doppler(with_furniture(frames) if furniture else frames, fill), 50).colour_fraction
    assert 0.025 < fraction == pytest.approx(0.15 * fill, rel=0.45)


@pytest.mark.parametrize(("suffix", "codec", "pix_fmt"), [("avi", "mjpeg", "yuvj420p"), ("mp4", "libx264", "yuv420p")])
def test_colour_survives_compression(tmp_path: pytest.TempPathFactory, suffix: str, codec: str, pix_fmt: str) -> None:
    """What a codec does to colour neither makes nor hides Doppler."""
    sepia, doppler = picture(speckle(), SEPIA), with_doppler(picture(speckle()))
    plain = open_clip(write_video(tmp_path / f"plain.{suffix}", with_furniture(sepia), codec, pix_fmt))
    flow = open_clip(write_video(tmp_path / f"flow.{suffix}", doppler, codec, pix_fmt))
    assert plain.colour_fraction < 0.01
    assert flow.colour_fraction > 0.025


def test_a_long_clip_is_sampled_no_more_than_a_short_one() -> None:
    """Memory does not grow, and the samples spread over the whole clip."""
    meter = ColourMeter()
    taken = [
        index for index in range(5000) if meter.wants(index) and meter.add(np.zeros((300, 400, 3), np.uint8)) is None
    ]
    assert len(taken) < 100
    assert len(meter._samples) <= 16
    assert taken[-1] > 4000


@given(st.integers(0, 255))
def test_equal_channels_keep_their_value(value: int) -> None:
    """A grey picture stored as RGB is not changed."""
    assert set(grey_from_rgb(np.full((4, 5, 3), value, np.uint8)).ravel()) == {value}


def test_luma_weighs_green_most() -> None:
    """ITU-R BT.601."""
    primaries = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    assert grey_from_rgb(primaries)[0].tolist() == [76, 150, 29]
