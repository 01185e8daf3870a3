"""overlay.mp4 plays everywhere, shows every frame at its own time, and draws what was found."""

from __future__ import annotations

import dataclasses
import tracemalloc
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from made import made_assessment

from echobeat.measurement.codes import warn
from echobeat.records import Assessment, Beat
from echobeat.report.lettering import Lettering
from echobeat.report.overlay import CURVE, CurvePages, Overlay, write_overlay
from echobeat.report.panels import Painter, Picture, Scale
from echobeat.report.plots import CurveView


def video_of(assessment: Assessment, folder: Path) -> Path:
    path = folder / "overlay.mp4"
    write_overlay(Overlay(assessment), path)
    return path


@pytest.mark.parametrize("fps", [0.5, 23.976, 50.0, 800.0])
def test_the_video_has_the_clip_s_frames_at_the_clip_s_rate(tmp_path: Path, fps: float) -> None:
    made = made_assessment(frames=12, fps=fps)
    with av.open(str(video_of(made, tmp_path))) as container:
        stream = container.streams.video[0]
        times = [frame.time for frame in container.decode(stream)]
        assert float(stream.average_rate) == pytest.approx(fps, rel=0.001)
    np.testing.assert_allclose(times, made.curve.times_s, atol=1e-4)


@pytest.mark.parametrize(
    "times",
    [np.cumsum([0, 0.02, 0.02, 0.1, 0.02, 0.02, 0.02, 0.05, 0.02, 0.02]), [0, 0.02, 0.020003, 0.020006, 0.06, 0.08]],
    ids=["uneven", "closer together than the video's clock ticks"],
)
def test_frames_at_uneven_times_are_shown_at_their_own_times(tmp_path: Path, times: list[float]) -> None:
    made, uneven = made_assessment(frames=len(times)), np.asarray(times)
    made = dataclasses.replace(
        made,
        clip=dataclasses.replace(made.clip, times_s=uneven),
        curve=dataclasses.replace(made.curve, times_s=uneven),
    )
    with av.open(str(video_of(made, tmp_path))) as container:
        shown = [frame.time for frame in container.decode(video=0)]
    np.testing.assert_allclose(shown, uneven, atol=1e-4)


@pytest.mark.parametrize("size", [(112, 112), (17, 301), (333, 64), (600, 801)])
def test_any_size_of_frame_gives_a_video_that_every_browser_plays(tmp_path: Path, size: tuple[int, int]) -> None:
    """H.264, 4:2:0, even sides, the index before the pictures."""
    path = video_of(made_assessment(frames=3, size=size), tmp_path)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert stream.width % 2 == stream.height % 2 == 0
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_a_still_gets_a_video_of_one_frame(tmp_path: Path) -> None:
    with av.open(str(video_of(made_assessment(frames=1, refused=True), tmp_path))) as container:
        assert len(list(container.decode(video=0))) == 1


def test_colours_come_back_as_they_were_drawn(tmp_path: Path, assessment: Assessment) -> None:
    """Told apart from a video with the wrong colour matrix or range."""
    path = video_of(assessment, tmp_path)
    drawn = Overlay(assessment).picture(0).astype(int)
    with av.open(str(path)) as container:
        shown = next(container.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    assert np.abs(shown - drawn).mean(axis=(0, 1)).max() < 2


def test_each_frame_of_the_video_is_the_picture_drawn_for_it(tmp_path: Path, assessment: Assessment) -> None:
    """And not one before or behind it: they share their memory."""
    overlay = Overlay(assessment)
    with av.open(str(video_of(assessment, tmp_path))) as container:
        shown = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)][:12]
    drawn = [overlay.picture(frame).astype(int) for frame in range(12)]
    nearest = [int(np.argmin([np.abs(one - other).mean() for other in drawn])) for one in shown]
    assert nearest == list(range(12))


def test_the_right_panel_shows_the_mask_and_the_left_one_the_image_alone(assessment: Assessment) -> None:
    overlay = Overlay(assessment)
    picture, layout = overlay.picture(0), overlay.layout
    rows = slice(layout.panel_top, layout.panel_top + layout.panel.height)
    panels = [picture[rows, layout.panel_left(i) : layout.panel_left(i) + layout.panel.width] for i in (0, 1)]
    plain = Painter(layout.panel).plain(assessment.clip.frames[0])
    np.testing.assert_array_equal(panels[0], plain)
    changed = (panels[1] != plain).any(axis=2)
    mask = layout.panel.image(assessment.masks.lv[0].astype(np.uint8)) > 0
    assert changed[mask].mean() > 0.95
    assert changed[~mask].mean() < 0.05


def test_a_frame_without_a_ventricle_is_shown_as_it_is(assessment: Assessment) -> None:
    painter = Painter(Scale.of(assessment.clip))
    image, nowhere = assessment.clip.frames[0], np.full(2, np.nan)
    drawn = painter.ventricle(painter.plain(image), np.zeros((112, 112), bool), nowhere, nowhere)
    np.testing.assert_array_equal(drawn, painter.plain(image))


def test_pixels_that_are_not_square_are_shown_in_true_proportions() -> None:
    clip = made_assessment(frames=1, size=(100, 100), spacing_mm=(0.2, 0.4)).clip
    scale = Scale.of(clip)
    assert scale.width == 2 * scale.height


def test_the_dot_moves_with_time_along_the_curve(assessment: Assessment) -> None:
    pages = CurvePages(CurveView.of(assessment), 900, CURVE)
    dots = []
    for frame in range(0, 60, 7):
        white = np.argwhere((pages.picture(frame) > 250).all(axis=2))
        dots.append(white.mean(axis=0))
    volume = assessment.curve.volume_smoothed[::7]
    rows, columns = np.array(dots).T
    assert np.all(np.diff(columns) > 0)
    assert np.corrcoef(rows, volume)[0, 1] < -0.99  # a larger volume lies higher


def test_a_long_clip_is_shown_in_pages_so_that_its_beats_stay_readable() -> None:
    view = CurveView.of(made_assessment(frames=250, fps=10.0, size=(16, 16)))
    pages = CurvePages(view, 900, CURVE)
    columns = []
    for frame in range(0, 250, 10):
        white = np.argwhere((pages.picture(frame) > 250).all(axis=2))
        columns.append(white.mean(axis=0)[1])
    assert int(np.sum(np.diff(columns) < 0)) == 2  # 25 s in three pages


def test_the_ef_of_the_beat_being_shown_is_named(assessment: Assessment) -> None:
    overlay = Overlay(assessment)
    assert overlay.beat_text(0)[0] == "EF 53 %"
    assert overlay.beat_text(55)[0] == "EF –"
    assert "incomplete" in overlay.beat_text(55)[1]


def test_a_picture_is_the_same_whatever_was_drawn_before_it(assessment: Assessment) -> None:
    """Its beat's header, too, which is kept from picture to picture."""
    overlay = Overlay(assessment)
    for frame in (0, 1, 24, 25, 55, 30, 0):
        np.testing.assert_array_equal(overlay.picture(frame), Overlay(assessment).picture(frame))


def test_a_refused_clip_shows_its_reason_and_never_a_number(refused: Assessment) -> None:
    measured = made_assessment(frames=60)
    result = dataclasses.replace(measured.result, ef=None, quality=refused.quality)
    overlay = Overlay(dataclasses.replace(measured, result=result))
    for frame in (0, 30, 59):
        headline, detail = overlay.beat_text(frame)
        assert headline == "No ejection fraction"
        assert detail == refused.quality.warnings[0].message


def test_the_reason_of_a_refusal_is_written_whole(monkeypatch: pytest.MonkeyPatch, refused: Assessment) -> None:
    """A long one in two lines."""
    written: list[str] = []
    write = Lettering.write

    def noting(self: Lettering, picture: Picture, text: str, *args: Any, **kwargs: Any) -> int:
        written.append(text)
        return write(self, picture, text, *args, **kwargs)

    monkeypatch.setattr(Lettering, "write", noting)
    reason = warn("colour_doppler", share=0.08)
    result = dataclasses.replace(refused.result, quality=dataclasses.replace(refused.quality, warnings=(reason,)))
    overlay = Overlay(dataclasses.replace(refused, result=result))
    assert overlay.layout.width < 1000
    overlay.picture(0)
    assert reason.message in " ".join(written)


def test_a_clip_in_which_nothing_was_found_still_gets_its_video(tmp_path: Path) -> None:
    made = made_assessment(frames=4, refused=True)
    nothing = np.full(4, np.nan)
    curve = dataclasses.replace(made.curve, area_px=nothing, long_axis=nothing, volume=nothing, volume_smoothed=nothing)
    assert video_of(dataclasses.replace(made, curve=curve), tmp_path).stat().st_size > 1000


def test_beats_with_unknown_frames_are_drawn_without_harm(tmp_path: Path, assessment: Assessment) -> None:
    unknown = Beat(0, None, 10, 25, False, False, False, False, None, None, None, None, None, None, None, None)
    result = dataclasses.replace(assessment.result, beats=(unknown,))
    video_of(dataclasses.replace(assessment, result=result), tmp_path)


def test_pictures_of_a_long_clip_take_memory_for_a_few_only() -> None:
    made = made_assessment(frames=120, size=(32, 32))
    overlay = Overlay(made)
    next(iter(overlay.pictures()))  # what is made once
    tracemalloc.start()
    for _ in overlay.pictures():
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * overlay.picture(0).nbytes
