"""Frames -> network -> which view the clip shows, and which way round."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from echobeat.errors import ModelError
from echobeat.frames import FrameStack
from echobeat.measurement.view import VIEW_CLASSES, ViewEvidence
from echobeat.models.cards import FREE, Card, bundled_cards, load_card, model_file
from echobeat.models.letterbox import Letterbox
from echobeat.models.session import Backend, BackendName, open_backend

__all__ = ["VIEW_CLASSES", "ViewReader", "bundled_view", "load_view_reader"]

LOOKED_AT = 8
"""Frames, spread over the clip, that the network reads."""


class ViewReader:
    """A network that tells views apart, ready to run.

    Parameters
    ----------
    card : Card
        Of the task ``view``.
    backend : Backend
        Takes (batch, 1, size, size) grey 0-255, gives (batch, classes) probabilities.
    """

    def __init__(self, card: Card, backend: Backend) -> None:
        self.card = card
        self.backend = backend

    def look(self, frames: FrameStack) -> ViewEvidence:
        """Read `LOOKED_AT` frames of a clip, (frames, height, width) uint8."""
        box = Letterbox.of(frames, self.card.size, self.card.crop)
        indices = np.unique(np.linspace(0, len(frames) - 1, LOOKED_AT).astype(int))
        chosen = np.stack([frames[int(index)] for index in indices])
        probabilities = self.backend.run(box.enter(chosen)[:, None]).mean(axis=0)
        return ViewEvidence(tuple(float(p) for p in probabilities), self.card.threshold or 0.0)


def bundled_view(licence: str = "") -> str | None:
    """Name of the bundled view network, one of the given licence where there are two; None in a package without one.

    Beside models as free as the code only one that is, too: none rather than one whose licence forbids a use.
    """
    there = [card for card in bundled_cards() if card.task == "view" and (licence != FREE or card.licence == FREE)]
    return min(there, key=lambda card: (card.licence != licence, card.name)).name if there else None


def load_view_reader(name: str | Path = "view", backend: BackendName = "auto", threads: int = 0) -> ViewReader:
    """Load a view network: a bundled one, or one of the user's own.

    Raises
    ------
    ModelError
        Unknown name, damaged file, or a model for another task.
    """
    card = load_card(name)
    if card.task != "view" or card.classes != VIEW_CLASSES:
        raise ModelError(f"{name} does not tell views apart: it is for {card.task}.")
    return ViewReader(card, open_backend(model_file(name), backend, threads))
