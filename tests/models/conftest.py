"""Models of the user's own, in a folder of the test's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from echobeat.models import Card, ClipSpec

EF_CARD = Card(
    name="fake-ef",
    version="0",
    task="ef",
    summary="",
    licence="Apache-2.0",
    data=(),
    recipe="",
    parameters=0,
    size=16,
    classes=("ef",),
    metrics=(),
    limits=(),
    measurement_error=None,
    sha256="",
    clip=ClipSpec(frames=8, rate_hz=25.0, whole_video=True, blank=7.0),
    crop=False,
)


@pytest.fixture
def own_models(tmp_path, monkeypatch):
    """The user's folder of models, empty."""
    folder = tmp_path / "own-models"
    monkeypatch.setenv("ECHOBEAT_MODELS", str(folder))
    return folder


@pytest.fixture
def ef_card():
    """The card of an EF model of 8 frames at 25 Hz on 16 x 16 pixels, changed as asked."""
    return lambda **changes: replace(EF_CARD, clip=replace(EF_CARD.clip, **changes))
