"""The volume curve shows what was measured, in the unit that it has."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from made import made_assessment
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from echobeat.records import Assessment
from echobeat.report.plots import LIGHT, CurveView, curve_svg, draw_curve, write_volume_png


def test_volume_png_is_a_picture(tmp_path: Path, assessment: Assessment) -> None:
    write_volume_png(assessment, tmp_path / "volume.png")
    with Image.open(tmp_path / "volume.png") as picture:
        assert picture.size == (1600, 640)


def test_the_same_curve_gives_the_same_bytes(tmp_path: Path, assessment: Assessment) -> None:
    for name in ("a.png", "b.png"):
        write_volume_png(assessment, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert curve_svg(assessment) == curve_svg(assessment)


def test_an_uncalibrated_volume_is_shown_in_percent_of_the_largest(assessment: Assessment) -> None:
    view = CurveView.of(assessment)
    assert view.label == "LV volume (% of largest)"
    assert np.nanmax(view.line) == pytest.approx(100)


def test_a_calibrated_volume_is_shown_in_ml(calibrated: Assessment) -> None:
    view = CurveView.of(calibrated)
    assert view.label == "LV volume (ml)"
    np.testing.assert_array_equal(view.line, calibrated.curve.volume_smoothed)


def test_the_area_is_shown_where_no_volume_is_known(calibrated: Assessment) -> None:
    nothing = np.full(60, np.nan)
    curve = dataclasses.replace(calibrated.curve, volume=nothing, volume_smoothed=nothing)
    view = CurveView.of(dataclasses.replace(calibrated, curve=curve))
    assert view.label == "LV area (cm²)"
    np.testing.assert_array_equal(view.line, calibrated.curve.area_cm2)


def test_each_ed_and_es_is_marked_once(assessment: Assessment) -> None:
    axes = Figure().add_subplot()
    view = CurveView.of(assessment)
    draw_curve(axes, view, LIGHT)
    marked = {line.get_marker(): list(line.get_xdata()) for line in axes.lines if line.get_marker() in ("o", "D")}
    assert marked["o"] == pytest.approx(view.times_s[[0, 25, 50]].tolist())
    assert marked["D"] == pytest.approx(view.times_s[[10, 35]].tolist())


def test_each_beat_s_ef_is_written_unless_the_clip_was_refused(assessment: Assessment) -> None:
    def written(view: CurveView) -> list[str]:
        axes = Figure().add_subplot()
        draw_curve(axes, view, LIGHT)
        return [text.get_text() for text in axes.texts]

    view = CurveView.of(assessment)
    assert written(view) == ["53 %", "53 %"]
    assert written(dataclasses.replace(view, judged=False)) == []


def test_the_line_ends_where_frames_are_missing() -> None:
    """Nothing is drawn across half a second that was not recorded."""
    times = np.concatenate([np.arange(50), np.arange(75, 125)]) / 50
    view = CurveView(times, np.full(100, 90.0), np.full(100, 90.0), "LV volume (ml)", (), True)
    line = draw_curve(Figure().add_subplot(), view, LIGHT)
    assert line is not None
    assert np.flatnonzero(np.isnan(line.get_ydata())).tolist() == [50]


def test_labels_of_beats_never_touch_nor_leave_the_drawing() -> None:
    """In a rhythm as uneven as it may be, and where every other beat does not count."""
    made = made_assessment(frames=240, beat_frames=20, size=(16, 16))
    frames = np.cumsum([0, 4, 9, 5, 40, 6, 30, 7, 8, 50, 45, 20, 13])
    beats = tuple(
        dataclasses.replace(
            made.beats[0],
            index=k,
            ed_frame=int(ed),
            es_frame=int(ed) + 2,
            end_frame=int(end),
            ef=40.4,
            ectopic=k % 2 == 1,
        )
        for k, (ed, end) in enumerate(itertools.pairwise(frames))
    )
    view = dataclasses.replace(CurveView.of(made), beats=beats)
    figure = Figure((8, 2.3))
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    draw_curve(axes, view, LIGHT)
    canvas.draw()
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) > 6
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    assert all(axes.bbox.x0 - 2 <= box.x0 and box.x1 <= axes.bbox.x1 + 2 for box in boxes)


def test_a_clip_without_a_ventricle_has_no_scale_of_one(refused: Assessment) -> None:
    nothing = np.full(12, np.nan)
    curve = dataclasses.replace(refused.curve, area_px=nothing, volume=nothing, volume_smoothed=nothing)
    axes = Figure().add_subplot()
    draw_curve(axes, CurveView.of(dataclasses.replace(refused, curve=curve)), LIGHT)
    assert [text.get_text() for text in axes.texts] == ["no left ventricle seen"]
    assert not len(axes.get_yticks())


def test_the_curve_says_what_its_signs_are(assessment: Assessment) -> None:
    """And nothing of an EF where none is written."""
    quality = dataclasses.replace(assessment.quality, accepted=False)
    result = dataclasses.replace(assessment.result, quality=quality)
    pages = [curve_svg(assessment), curve_svg(dataclasses.replace(assessment, result=result))]
    assert all("dots: single frames" in svg for svg in pages)
    assert ["EF of the beat" in svg for svg in pages] == [True, False]


def test_the_svg_is_well_formed_takes_its_colours_from_the_page_and_fetches_nothing(assessment: Assessment) -> None:
    svg = curve_svg(assessment)
    ElementTree.fromstring(svg)
    assert "var(--lv)" in svg
    assert "#0101" not in svg
    assert "<image" not in svg
    assert "url(http" not in svg


def test_an_empty_curve_says_so() -> None:
    made = made_assessment(frames=5, refused=True)
    nothing = np.full(5, np.nan)
    curve = dataclasses.replace(made.curve, area_px=nothing, volume=nothing, volume_smoothed=nothing)
    assert "no left ventricle seen" in curve_svg(dataclasses.replace(made, curve=curve))
