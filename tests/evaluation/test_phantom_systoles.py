"""Systoles of phantoms: each true one belongs to at most one found one, and the other way round."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from echobeat.evaluation.phantoms import Systoles, count_systoles
from echobeat.records import Beat

TIMES_S = np.arange(0, 4, 0.02)
BEAT = Beat(0, None, None, None, False, False, False, False, None, None, None, None, None, None, None, None)


@pytest.mark.parametrize(
    ("true", "found", "matched"),
    [
        ([0.5, 1.5], [0.5, 1.5], 2),
        ([0.5, 1.5], [0.56, 1.44], 2),
        ([0.5, 1.5], [0.6, 1.5], 1),
        ([0.5], [0.46, 0.54], 1),
        ([0.50, 0.56], [0.52], 1),
        ([0.5, 1.5], [], 0),
        ([], [0.5], 0),
    ],
)
def test_systoles_within_80_ms_belong_together_one_by_one(true, found, matched):
    """Whether their beats are whole or not."""
    truths = [{"es_s": at, "es_frame": round(at * 50)} for at in true]
    truths.append({"es_s": 9.0, "es_frame": None})  # after the clip's end
    beats = [replace(BEAT, es_frame=round(at * 50)) for at in found]
    assert count_systoles(truths, [*beats, BEAT], TIMES_S) == Systoles(len(true), len(found), matched)
