"""Single pictures of phantoms in many views, and of what is no B-mode loop, made in parallel before a training."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from echobeat.datasets.crew import in_order
from echobeat.phantom.negatives import tissue, vessels
from echobeat.phantom.other_studies import sample_views
from echobeat.phantom.pictures import sample_pictures
from echobeat.phantom.seeds import generator
from echobeat.phantom.views import VIEWS
from echobeat.whole import whole_file

Image = NDArray[np.uint8]

PER_PATIENT = 2
SIZE = 112
PORTIONS = {
    "contrast": 1.0,
    "pictures": 2.5,
    "tissue": 0.6,
    "apical two-chamber": 4.0,
    "apical long axis": 3.0,
    "parasternal long axis": 0.9,
    "parasternal short axis": 1.5,
    "subcostal": 0.9,
}
"""How many pictures of each kind are made, relative to the recipe's number: the more, the more it is like a
four-chamber view. The great vessels are kept for measuring what happens with a view never seen."""


def kept_pictures(folder: Path, count: int, seed: int, log: Callable[[str], None]) -> dict[str, Image]:
    """Pictures by kind, (n, 112, 112) uint8 each; made once, and found again by a run that goes on.

    Parameters
    ----------
    folder : Path
        The run's folder.
    count : int
        Multiplied by `PORTIONS`.
    seed : int
        The same seed gives the same pictures.
    log : callable
        Takes each line of progress.
    """
    pictures = {}
    for number, (kind, portion) in enumerate(PORTIONS.items()):
        wanted = round(count * portion)
        path = folder / f"{kind.replace(' ', '-')}-{wanted}-{seed}.npz"
        if not path.exists():
            with whole_file(path) as beside, beside.open("wb") as file:
                np.savez_compressed(file, images=_make(kind, wanted, (seed, number), log))
        with np.load(path) as kept:
            pictures[kind] = kept["images"]
    return pictures


def _make(kind: str, count: int, seed: tuple[int, int], log: Callable[[str], None]) -> Image:
    patients = -(-count // PER_PATIENT)
    seeds = [int(s) for s in np.random.default_rng(seed).integers(0, 2**31, patients)]
    made: list[Image] = []
    for number, images in enumerate(in_order(seeds, partial(_patient, kind=kind)), 1):
        made.append(images)
        if number % 500 == 0 or number == patients:
            log(f"{min(number * PER_PATIENT, count)} of {count} pictures made: {kind}")
    return np.concatenate(made)[:count]


def _patient(seed: int, kind: str) -> Image:
    if kind == "pictures":
        return sample_pictures(seed, PER_PATIENT, SIZE)
    if kind == "tissue":
        rng = generator(seed, "view", 2)
        return np.stack([tissue(SIZE, rng) if rng.random() < 0.6 else vessels(SIZE, rng) for _ in range(PER_PATIENT)])
    if kind == "contrast":
        return sample_views(seed, PER_PATIENT, SIZE, view="apical four-chamber", contrast=True)
    return sample_views(seed, PER_PATIENT, SIZE, view=next(view for view in VIEWS if view == kind))
