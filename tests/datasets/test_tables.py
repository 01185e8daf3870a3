"""Tables are read whatever program wrote them."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echobeat.datasets.names import key, stem
from echobeat.datasets.tables import cell, number, read_rows
from echobeat.datasets.tracings import read_tracings

CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n", exclude_categories=("Cc", "Cs")), max_size=8)


@given(
    st.lists(st.tuples(CELLS, CELLS, CELLS).filter(lambda cells: any(c.strip() for c in cells)), max_size=5),
    st.sampled_from(",;\t"),
    st.sampled_from(["utf-8", "utf-8-sig"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_was_written_is_read(rows: list[tuple[str, ...]], delimiter: str, encoding: str, ending: str) -> None:
    """Delimiter, byte-order mark, line ends and quotes do not matter; cells lose the spaces around them."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=ending, quoting=csv.QUOTE_ALL)
    writer.writerows([("FileName", " EF ", "Split"), *rows])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_bytes(text.getvalue().encode(encoding))
        found = read_rows(path)
    assert [tuple(row.values()) for row in found] == [tuple(c.strip() for c in cells) for cells in rows]
    assert all(list(row) == ["filename", "ef", "split"] for row in found)


@given(
    st.lists(st.lists(st.floats(-1e4, 1e4), min_size=4, max_size=4), min_size=3, max_size=30, unique_by=tuple),
    st.booleans(),
)
def test_fast_and_careful_reading_of_tracings_agree(rows: list[list[float]], spoilt: bool) -> None:
    """A bad cell somewhere sends its part of the table through the careful reader: the numbers stay the same."""
    lines = [",".join(["a", *map(repr, row), "3"]) for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        tail = ["b,x,1,1,1,1"] if spoilt else []
        path.write_text("\n".join(["FileName,X1,Y1,X2,Y2,Frame", *lines, *tail]))
        found, _ = read_tracings(path)
    for tracing in found.get("a", ()):
        expected = [row[:2] for row in rows[1:]] + [row[2:] for row in rows[:0:-1]]
        assert tracing.polygon_px.tolist() == expected


def test_a_table_of_tracings_without_its_columns_says_which(tmp_path: Path) -> None:
    path = tmp_path / "VolumeTracings.csv"
    path.write_text("FileName,X1,Y1,Frame\na,1,2,3\n")
    found, (problem,) = read_tracings(path)
    assert not found
    assert (problem.code, problem.file) == ("column-missing", "VolumeTracings.csv")
    assert "X1, Y1, X2, Y2" in problem.message


@pytest.mark.parametrize(("text", "value"), [("", None), ("5", 5.0), ("55,5", 55.5), ("1e2", 100.0)])
def test_numbers(text: str, value: float | None) -> None:
    assert number(text) == value


@pytest.mark.parametrize("text", ["inf", "nan", "1,234.5", "1,2,3", "x"])
def test_what_is_no_finite_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        number(text)


def test_cells_that_say_nothing_are_missing() -> None:
    assert cell({"ef": "N/A", "lvef": "55"}, "ef", "lvef") == "55"
    assert cell({"ef": "nan"}, "ef", "gone") == ""


@pytest.mark.parametrize(
    ("name", "of"),
    [("0X1A", "0X1A"), ("0X1A.avi", "0X1A"), ("a.b", "a.b"), (" v/A.NII.GZ", "A"), ("c\\d.mp4", "d"), (".avi", ".avi")],
)
def test_only_a_videos_suffix_is_left_out(name: str, of: str) -> None:
    assert stem(name) == of
    assert key(name).endswith(of.casefold())
