"""Which view a clip shows, as a network saw it, and what follows from that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from echobeat.measurement.codes import warn
from echobeat.records import ClipWarning

FOUR_CHAMBER = ("four_chamber", "mirrored", "apex_down", "apex_down_mirrored")
"""The apical four-chamber view: as usual (apex on top, left ventricle on the right), and in the other displays."""
VIEW_CLASSES = (*FOUR_CHAMBER, "other_view", "contrast", "split_screen", "not_ultrasound")
"""Channels of a view network's output, in order."""

SURE = 0.6
"""A clip is turned only where the network gives that much of its four-chamber belief to another orientation: turning
a clip that is the usual way round is worse than leaving one that is not, which lv then refuses or doubts."""

DOUBT = 0.75
"""Below this belief in a four-chamber view, an accepted clip is warned of."""

Turn = Literal["four_chamber", "mirrored", "apex_down", "apex_down_mirrored"]


@dataclass(frozen=True)
class ViewEvidence:
    """What a view network saw.

    Attributes
    ----------
    probabilities : of each of `VIEW_CLASSES`, mean over the frames looked at.
    threshold : belief in a four-chamber view, in whatever orientation, under which a clip is refused.
    """

    probabilities: tuple[float, ...]
    threshold: float

    @property
    def four_chamber(self) -> float:
        """Belief (0-1) in a four-chamber view in any orientation."""
        return float(sum(self.probabilities[: len(FOUR_CHAMBER)]))

    @property
    def accepted(self) -> bool:
        """True where the clip may be measured."""
        return self.four_chamber >= self.threshold

    @property
    def likeliest(self) -> str:
        """The likeliest of the classes that are no four-chamber view."""
        others = np.asarray(self.probabilities[len(FOUR_CHAMBER) :])
        return VIEW_CLASSES[len(FOUR_CHAMBER) + int(others.argmax())]

    @property
    def orientation(self) -> Turn:
        """The orientation that is surely shown; the usual one where none is."""
        shares = np.asarray(self.probabilities[: len(FOUR_CHAMBER)]) / max(self.four_chamber, 1e-9)
        best = int(shares.argmax())
        if not self.accepted or shares[best] < SURE:
            return "four_chamber"
        orientation: Turn = FOUR_CHAMBER[best]  # type: ignore[assignment]  # the four names of Turn
        return orientation

    @property
    def the_usual_way_round(self) -> ViewEvidence:
        """The same belief in a four-chamber view, none in another display."""
        return replace(self, probabilities=_unturned(self.probabilities))


def _unturned(probabilities: tuple[float, ...]) -> tuple[float, ...]:
    four = sum(probabilities[: len(FOUR_CHAMBER)])
    return (four, *(0.0 for _ in FOUR_CHAMBER[1:]), *probabilities[len(FOUR_CHAMBER) :])


def view_warnings(view: ViewEvidence) -> Iterator[ClipWarning]:
    """Refusals and warnings that the view gives."""
    if not view.accepted:
        code = view.likeliest
        if code == "not_ultrasound":
            yield warn(code, reason="no network that knows echocardiograms takes them for one")
        else:
            yield warn(code, belief=view.four_chamber)
        return
    if view.orientation != "four_chamber":
        yield warn(view.orientation)
    if view.four_chamber < DOUBT:
        yield warn("doubtful_view", belief=view.four_chamber)
