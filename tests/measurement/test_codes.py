"""What each code says to the user."""

from __future__ import annotations

import pytest

from echobeat.measurement.codes import CODES


@pytest.mark.parametrize("code", CODES)
def test_a_remedy_can_be_read_behind_its_message(code: str) -> None:
    """On the terminal and on the page the two stand in one line, without the table's headings."""
    assert CODES[code].message.endswith(".")
    assert not CODES[code].remedy.startswith("Nothing")
