"""What a node is told is refused where it cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_node import node_settings

from echobeat.errors import UsageError
from echobeat.node.delivery import status_meaning
from echobeat.node.settings import ACCOUNT_VARIABLE, DicomPeer, Retry, Tls, WebPeer, destination


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PACS@archive.example:104", DicomPeer("PACS", "archive.example", 104)),
        ("MY PACS@10.0.0.1:11112", DicomPeer("MY PACS", "10.0.0.1", 11112)),
        ("PACS@[::1]:104", DicomPeer("PACS", "::1", 104)),
        ("https://archive.example/dicom-web/", WebPeer("https://archive.example/dicom-web")),
    ],
)
def test_destinations_are_read(text: str, expected: object) -> None:
    assert destination(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "PACS", "PACS@host", "PACS@host:0", "PACS@host:70000", "PACS@:104", "@host:104", "SEVENTEENLETTERSXX@h:1",
     "back\\slash@h:1", "ftp://host/", "http:///studies", "http://name:secret@host/dicom-web"],
)  # fmt: skip
def test_destinations_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        destination(text)


def test_a_password_in_an_address_is_refused_without_being_repeated() -> None:
    with pytest.raises(UsageError) as raised:
        destination("http://name:secret@host/dicom-web")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"allow": ()},
        {"send_to": ()},
        {"ae": ""},
        {"ae": " LEADING"},
        {"port": 70_000},
        {"quiet_s": 0.0},
        {"quiet_s": float("nan")},
        {"tls": Tls(Path("missing"), Path("missing"), Path("missing"))},
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        node_settings(tmp_path, **changes)


def test_an_account_is_given_to_one_service_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, same, other = (WebPeer(f"https://{place}") for place in ("a.example/x", "a.example/y", "b.example/x"))
    assert node_settings(tmp_path, send_to=(one, other)).send_to == (one, other)
    monkeypatch.setenv(ACCOUNT_VARIABLE, "name:secret")
    assert node_settings(tmp_path, send_to=(one, same, DicomPeer("A", "c.example", 104)))
    with pytest.raises(UsageError, match="for each") as raised:
        node_settings(tmp_path, send_to=(one, other))
    assert "secret" not in str(raised.value)


@given(attempts=st.integers(1, 10_000))
def test_pauses_grow_to_their_limit(attempts: int) -> None:
    retry = Retry(first_s=2.0, longest_s=100.0)
    assert 2.0 <= retry.pause_s(attempts) <= retry.pause_s(attempts + 1) <= 100.0


@pytest.mark.parametrize(
    ("status", "arrived", "refused"),
    [
        (0x0000, True, False),
        (0xB000, True, False),
        (0xB007, True, False),
        (0xA700, False, False),
        (0xA900, False, True),
        (0xC123, False, True),
        (0x0122, False, True),
        (None, False, False),
    ],
)
def test_statuses_mean_what_the_standard_says(status: int | None, arrived: bool, refused: bool) -> None:
    meaning = status_meaning(status)
    assert (meaning.arrived, meaning.refused) == (arrived, refused)
