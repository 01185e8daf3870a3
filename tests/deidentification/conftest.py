"""One phantom clip on the screen of a scanner, made once."""

from __future__ import annotations

import pytest
from made_screens import Shown, made_screen


@pytest.fixture(scope="session")
def shown() -> Shown:
    """A phantom's sector on a larger screen, without writing."""
    return made_screen()
