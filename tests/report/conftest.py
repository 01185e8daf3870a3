"""Made assessments for every test of the report."""

from __future__ import annotations

import pytest
from made import made_assessment

from echobeat.records import Assessment


@pytest.fixture(scope="session")
def assessment() -> Assessment:
    """Two complete beats and a part of a third, 112 x 112, not calibrated."""
    return made_assessment(frames=60)


@pytest.fixture(scope="session")
def calibrated() -> Assessment:
    """The same heart with a pixel spacing."""
    return made_assessment(frames=60, spacing_mm=(0.9, 0.9))


@pytest.fixture(scope="session")
def refused() -> Assessment:
    """A clip without an EF."""
    return made_assessment(frames=12, refused=True)
