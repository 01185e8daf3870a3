"""Predictions survive the disk: the same records come back, and a killed writer costs one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echobeat.errors import UnreadableFile
from echobeat.evaluation.predictions import (
    BeatReading,
    ClipReading,
    FrameScore,
    FrameSize,
    Reading,
    StudyRow,
    read_rows,
    write_rows,
)

KINDS = (StudyRow, FrameScore, Reading, ClipReading, BeatReading, FrameSize)
finite = st.floats(allow_nan=False, allow_infinity=False)
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x00"), max_size=12)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(max_examples=25)
def test_rows_come_back_as_they_were(kind: type, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Floats to the last digit, names with commas, quotes and line ends, values that are not known."""
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    rows = data.draw(st.lists(st.builds(kind, **fields_of(kind)), max_size=4))
    write_rows(path, rows, kind)
    assert read_rows(path, kind) == rows


def fields_of(kind: type) -> dict[str, st.SearchStrategy]:
    """Strategies where the types alone would also give NaN, or text that no file holds."""
    hints = kind.__annotations__
    plain = {"str": text, "float": finite, "float | None": st.none() | finite, "int": st.integers(0, 10**9)}
    return {name: plain[str(hint)] for name, hint in hints.items() if str(hint) in plain}


def test_appended_rows_stand_under_one_header(tmp_path: Path) -> None:
    """Appending begins a file or goes on with it."""
    path, rows = tmp_path / "clips.csv", [ClipReading("a", 0, 50.0), ClipReading("b", 8, 51.5)]
    for row in rows:
        write_rows(path, [row], ClipReading, "a")
    assert read_rows(path, ClipReading) == rows
    assert path.read_text().count("start_frame") == 1


def test_a_line_without_its_end_is_left_out_only_where_the_writer_may_have_died(tmp_path: Path) -> None:
    """A torn number would read as another one."""
    path, rows = tmp_path / "clips.csv", [ClipReading("a", 0, 50.0), ClipReading("b", 8, 51.5)]
    write_rows(path, rows, ClipReading)
    path.write_bytes(path.read_bytes()[:-2])
    assert read_rows(path, ClipReading, torn=True) == rows[:1]


@pytest.mark.parametrize(
    "content", ["study,ef\na,1\n", "study,start_frame,ef\na,zero,1\n", "study,start_frame,ef\na,1\n"]
)
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, content: str) -> None:
    """Other columns, a word for a number, a missing cell."""
    path = tmp_path / "clips.csv"
    path.write_text(content)
    with pytest.raises(UnreadableFile, match=r"clips\.csv"):
        read_rows(path, ClipReading)


def test_a_missing_file_holds_no_rows(tmp_path: Path) -> None:
    """An evaluation that wrote no beats has none."""
    assert read_rows(tmp_path / "beats.csv", BeatReading) == []


def test_dice_of_a_score_is_dices() -> None:
    """2 * 6 / (8 + 10); two empty masks agree."""
    assert FrameScore("a", 0, "ED", 6, 8, 10, 0, 0).dice == pytest.approx(12 / 18)
    assert FrameScore("a", 0, "ED", 0, 0, 0, 0, 0).dice == 1
