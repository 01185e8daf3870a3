"""What a scanner shows: a phantom's sector on a larger screen, with writing where a test wants it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echobeat.phantom import draw_patient, make_study
from echobeat.phantom.display import Screen
from echobeat.phantom.writing import Box, Ink, Place, burn_in, find_place, letters

SEED, SIDE, FRAMES = 2**40 + 4, 256, 16
SCREEN_PX = (300, 400)
TOP, LEFT = 36, 90
OPAQUE = Ink()


@dataclass(frozen=True)
class Shown:
    """What a scanner shows.

    Attributes
    ----------
    frames : (frames, rows, columns) uint8.
    sector : (rows, columns) bool, true.
    """

    frames: NDArray[np.uint8]
    sector: NDArray[np.bool_]

    def written(self, text: str, place: Place, *, height_px: int = 13, ink: Ink = OPAQUE) -> tuple[Shown, Box]:
        """The same with a text in a place, and where it is."""
        rng = np.random.default_rng(len(text))
        shape = letters(text, "duplex", height_px)
        corner = find_place(self.frames, self.sector, shape.shape, place, rng)
        assert corner is not None, f"no room {place} for {text}"
        frames, box = burn_in(self.frames, shape, corner, ink)
        return Shown(frames, self.sector), box


def made_screen() -> Shown:
    """A phantom's sector on a larger screen, without writing."""
    patient = draw_patient(SEED, size=SIDE, fps=20, beats=1, clip="free")
    made = np.asarray(make_study(patient).frames)[:FRAMES]
    screen = Screen(patient.scanner, SIDE, (192, 112))
    white = screen.show(np.full((192, 112), 255, np.float32)) > 127
    frames = np.zeros((len(made), *SCREEN_PX), np.uint8)
    sector = np.zeros(SCREEN_PX, np.bool_)
    place = slice(TOP, TOP + SIDE), slice(LEFT, LEFT + SIDE)
    frames[:, *place] = np.where(white, made, 0)
    sector[place] = white
    return Shown(frames, sector)
