"""What is written about predictions says what they say: tables, pictures, page; on random data."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from made_predictions import (
    made_beats,
    made_clips,
    made_readings,
    made_scores,
    made_sizes,
    made_studies,
)
from matplotlib.figure import Figure

from echobeat.evaluation.bootstrap import NO_INTERVAL, Resampling
from echobeat.evaluation.ledger import Identity, Predictions
from echobeat.evaluation.measured import Measured
from echobeat.evaluation.page import write_page
from echobeat.evaluation.plots import PRINT, Picture, style, svg, write_picture
from echobeat.evaluation.predictions import read_rows
from echobeat.evaluation.results import figures, pictures, write_results
from echobeat.evaluation.tables import write_failures, write_originals, write_tables

QUICK = Resampling(samples=100)
IDENTITY = Identity("beats", {"ef": {"name": "made", "version": "1", "sha256": "ab" * 32}}, "echonet-dynamic", "test")


@pytest.fixture(scope="module")
def predictions() -> Predictions:
    studies = made_studies()
    failed = replace(studies[0], study="<script>alert(1)</script>", problem="a & b.avi: it is truncated. Restore it.")
    return Predictions(
        IDENTITY,
        (*studies, failed),
        tuple(made_scores(studies)),
        tuple(made_readings(studies)),
        tuple(made_clips(studies)),
        tuple(made_beats(studies)),
        tuple(made_sizes(studies)),
    )


@pytest.fixture(scope="module")
def rows(predictions: Predictions) -> list[Measured]:
    return figures(predictions, QUICK)


@pytest.fixture(scope="module")
def drawn(predictions: Predictions, rows: list[Measured]) -> list[Picture]:
    return pictures(predictions, rows, 0.95)


def test_a_study_that_could_not_be_read_counts_as_one_without_an_ef(rows: list[Measured]) -> None:
    """One of 41, whatever the method."""
    shares = [row for row in rows if row.name == "studies without an EF, share"]
    assert shares
    assert all((row.value, row.n) == (pytest.approx(1 / 41), 41) for row in shares)


def test_tables_hold_the_same_figures_in_three_forms(rows: list[Measured], tmp_path: Path) -> None:
    """CSV gives the records back, JSON holds them with how they were made, Markdown has a line for each."""
    write_tables(rows, {"task": "beats"}, QUICK, tmp_path)
    assert read_rows(tmp_path / "metrics.csv", Measured) == rows
    content = json.loads((tmp_path / "metrics.json").read_text())
    assert content["interval"] == {"level": 0.95, "resamples": 100, "seed": 0, "by": "patient", "kind": "percentile"}
    assert [m["value"] for m in content["metrics"]] == [row.value for row in rows]
    assert "not a medical device" in content["notice"]
    write_tables(rows, {"task": "beats"}, replace(QUICK, level=0.975), tmp_path)
    assert "| 97.5 % interval |" in (tmp_path / "metrics.md").read_text()
    lines = [line for line in (tmp_path / "metrics.md").read_text().splitlines() if re.match(r"\| [^-F]", line)]
    assert len(lines) == len(rows)
    assert any(line.startswith("| MAE |") and line.endswith("| 4.05 |") for line in lines)


def test_the_originals_files_are_in_their_format(predictions: Predictions, tmp_path: Path) -> None:
    """size.csv with its header, test_predictions.csv with none."""
    write_originals(predictions, tmp_path)
    size = (tmp_path / "size.csv").read_text().splitlines()
    assert size[0] == "Filename,Frame,Size,HumanLarge,HumanSmall,ComputerSmall"
    assert size[11] == "S000,10,2000,1,0,0"
    assert size[31] == "S000,30,1500,0,1,1"
    first = predictions.clips[0]
    assert (tmp_path / "test_predictions.csv").read_text().splitlines()[0] == f"S000,0,{first.ef:.4f}"
    odd = replace(predictions.studies[0], file="Doe, a.avi")
    write_originals(replace(predictions, studies=(odd, *predictions.studies[1:])), tmp_path)
    assert (tmp_path / "test_predictions.csv").read_text().splitlines()[0] == f'"Doe, a.avi",0,{first.ef:.4f}'


def test_nothing_of_another_evaluation_stays_beside_this_one(
    predictions: Predictions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Begun anew with fewer kinds of predictions, a folder does not keep the old ones' files."""
    monkeypatch.setattr("echobeat.evaluation.results.write_picture", write_nothing)
    monkeypatch.setattr("echobeat.evaluation.results.write_page", lambda *_: None)
    write_results(predictions, tmp_path, QUICK)
    before = {path.name for path in (tmp_path / "figures").iterdir()}
    write_results(replace(predictions, clips=(), sizes=(), frames=()), tmp_path, QUICK)
    assert not (tmp_path / "size.csv").exists()
    assert not (tmp_path / "test_predictions.csv").exists()
    assert {path.name for path in (tmp_path / "figures").iterdir()} < before


def write_nothing(picture: Picture, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{picture.name}.png").write_bytes(b"")


def test_failures_are_a_table_while_there_are_any(predictions: Predictions, tmp_path: Path) -> None:
    """It goes away with the last of them."""
    write_failures(predictions.failed, tmp_path)
    assert "truncated" in (tmp_path / "failures.csv").read_text()
    write_failures((), tmp_path)
    assert not (tmp_path / "failures.csv").exists()


def test_every_axis_has_a_label_and_every_error_a_unit(drawn: list[Picture]) -> None:
    """Both axes of every picture; percent, points, pixels, or a plain count."""
    with style(PRINT):
        for picture in drawn:
            for axes in picture.draw(PRINT).axes:
                assert axes.get_xlabel(), picture.name
                assert re.search(r"%|points|px|Images", axes.get_ylabel()), picture.name


def test_the_pictures_are_those_that_the_predictions_allow(drawn: list[Picture]) -> None:
    """Reliability for the method with probabilities only; all names differ."""
    names = [picture.name for picture in drawn]
    assert len(set(names)) == len(names)
    assert [name for name in names if name.startswith("reliability")] == ["reliability-geometric"]
    assert {"dice-histogram", "error-by-range", "error-by-beats", "scatter-beat-by-beat", "roc-one-clip"} <= set(names)


def test_few_studies_still_draw(predictions: Predictions) -> None:
    """Two studies, one range, no beats: whatever is allowed can be drawn."""
    studies = predictions.studies[:2]
    names = {study.study for study in studies}
    readings = tuple(r for r in predictions.readings if r.study in names)
    few = Predictions(IDENTITY, studies, (), readings)
    with style(PRINT):
        for picture in pictures(few, figures(few, QUICK), 0.95):
            assert isinstance(picture.draw(PRINT), Figure)


def test_a_picture_is_written_for_print_and_drawn_in_the_pages_colours(drawn: list[Picture], tmp_path: Path) -> None:
    """PNG and PDF, the same bytes each time; the SVG has variables in place of colours, and ids of its own."""
    (picture,) = (one for one in drawn if one.name == "error-by-beats")
    for folder in (tmp_path / "a", tmp_path / "b"):
        write_picture(picture, folder)
    for name in ("error-by-beats.png", "error-by-beats.pdf"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    text = svg(picture)
    assert "var(--s0)" in text
    assert not re.search(r"#0101[0-9a-f]{2}", text)
    ids = set(re.findall(r'\bid="([^"]+)"', text))
    assert all(name.startswith("error-by-beats-") for name in ids)
    referred = set(re.findall(r"url\(#([^)]+)\)", text)) | set(re.findall(r'xlink:href="#([^"]+)"', text))
    assert referred <= ids


def test_the_page_says_where_there_is_no_interval(predictions: Predictions, tmp_path: Path) -> None:
    """Six studies: their figures with n, the words in place of an interval, and why; on the page and in the table."""
    studies = predictions.studies[:6]
    names = {study.study for study in studies}
    few = Predictions(IDENTITY, studies, (), tuple(r for r in predictions.readings if r.study in names))
    rows = figures(few, QUICK)
    write_page(few, rows, [], QUICK, tmp_path / "report.html")
    write_tables(rows, {}, QUICK, tmp_path)
    text = (tmp_path / "report.html").read_text()
    assert "no interval, n = 6" in text
    assert not re.search(r"\d to \d", text.split("</section>")[0])
    for said in (text, (tmp_path / "metrics.md").read_text()):
        assert NO_INTERVAL in said


def test_the_page_begins_with_the_studies_that_have_no_ef(predictions: Predictions, tmp_path: Path) -> None:
    """Before any figure, where some were refused or have none; a fact among others where all is well."""
    for verdict, words in (
        ("refused", "An EF was read in 40 of 40 studies; the quality check refused 40."),
        ("", "40 studies of 20 patients"),
    ):
        studies = tuple(replace(study, verdict=verdict) for study in predictions.whole)
        judged = replace(predictions, studies=studies)
        write_page(judged, figures(judged, QUICK), [], QUICK, tmp_path / "report.html")
        text = (tmp_path / "report.html").read_text()
        assert ('id="unread-title"' in text) == (verdict == "refused")
        assert text.index("An EF was read in 40 of 40 studies") < text.index("headline-title")
        assert words in text


def test_the_page_escapes_names_and_stands_alone(
    predictions: Predictions, rows: list[Measured], drawn: list[Picture], tmp_path: Path
) -> None:
    """Nothing is fetched, a name cannot become markup, the failure and the published figure are told."""
    write_page(predictions, rows, drawn[:2], QUICK, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert "a &amp; b.avi" in text
    assert not re.search(r'(src|href)="(?!#)', text)
    assert "published 4.05" in text
    assert "prefers-color-scheme: dark" in text
    assert text.count("<figure>") == 2
