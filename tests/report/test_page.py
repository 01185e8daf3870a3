"""report.html stands alone, escapes everything, and never shows a number that the product does not give."""

from __future__ import annotations

import base64
import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made import made_assessment

from echobeat.measurement.codes import CODES
from echobeat.records import Assessment, ClipWarning, Estimate, IndexBeat, Quality, Rhythm, StudyEstimate
from echobeat.report import page
from echobeat.report.overlay import Overlay, write_overlay
from echobeat.report.page import page_html, write_page

NO_VIDEO = Path("/no/such/overlay.mp4")
VOID = {"meta", "source", "img", "br", "path", "use", "link", "hr", "input"}


class Outline(HTMLParser):
    """Tags, attributes and text of a page; notices tags that do not close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, f"not closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def names(self) -> set[str]:
        return {tag for tag, _ in self.tags}


@pytest.fixture(scope="module")
def rich(calibrated_module: Assessment) -> Outline:
    return Outline(page_html(calibrated_module, NO_VIDEO))


@pytest.fixture(scope="module")
def calibrated_module() -> Assessment:
    made = made_assessment(frames=60, spacing_mm=(0.9, 0.9))
    result = dataclasses.replace(
        made.result,
        ef=StudyEstimate(47.0, 40.4, 52.6, "geometric"),
        ef_category="mildly reduced",
        probability_below={"35": 0.001, "40": 0.07, "50": 0.8},
        quality=Quality(0.7, True, (ClipWarning("few_beats", "Only two beats."),)),
    )
    return dataclasses.replace(made, result=result)


def test_the_page_says_what_result_json_says(rich: Outline) -> None:
    for words in ("47", "90 % interval", "40–53", "mildly reduced", "Only two beats.", "few_beats", "70 / 100"):
        assert words in rich.text
    for words in ("Chance below 35 · 40 · 50 % < 1 · 7 · 80 %", "CC-BY-NC-SA-4.0", "not a medical device", "2 of 3"):
        assert words in rich.text


def test_the_page_needs_nothing_from_anywhere_and_runs_nothing(rich: Outline) -> None:
    """No script, no frame, and no address but data and the video beside it."""
    assert not rich.names() & {"script", "iframe", "object", "embed", "link", "form"}
    for tag, attributes in rich.tags:
        assert not any(name.startswith("on") for name in attributes), tag
        for name in ("src", "href", "poster", "xlink:href", "action"):
            address = attributes.get(name) or "#"
            assert address.startswith(("data:", "#")) or address == "overlay.mp4", address


def test_every_picture_is_described_and_the_table_has_headings(rich: Outline) -> None:
    pictures = [attributes for tag, attributes in rich.tags if tag == "img"]
    assert pictures
    assert all(attributes.get("alt") for attributes in pictures)
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes in rich.tags if tag == "th")
    assert dict(rich.tags)["html"]["lang"] == "en"
    assert sum(tag == "h1" for tag, _ in rich.tags) == 1


def test_the_scale_draws_value_and_interval_where_they_belong(calibrated_module: Assessment) -> None:
    scaled = page._scaled(Estimate(45.0, 10.0, 80.0))
    assert (scaled.value, scaled.low, scaled.high) == (50, 0, 100)
    assert "left: 52.86%" in page_html(calibrated_module, NO_VIDEO)  # (47 - 10) / 70


def test_who_hears_the_scale_hears_the_ranges_that_others_read(rich: Outline) -> None:
    """Every EF lies in one of them."""
    (scale,) = [attributes["aria-label"] or "" for _, attributes in rich.tags if attributes.get("class") == "scale"]
    assert "reduced (≤ 40 %), mildly reduced (> 40 and < 50 %), not reduced (≥ 50 %)" in scale


def test_what_scrolls_sideways_on_a_phone_can_be_reached_by_keyboard(rich: Outline) -> None:
    """Curve and table."""
    boxes = [attributes for _, attributes in rich.tags if attributes.get("class") == "scroll"]
    assert [(box["tabindex"], box["role"], box["aria-labelledby"]) for box in boxes] == [
        ("0", "region", "curve-title"),
        ("0", "region", "beats-title"),
    ]


def test_the_page_says_how_long_the_clip_lasts(calibrated_module: Assessment) -> None:
    """From the first frame to the last, frames that were lost between them included; a short one to a hundredth."""
    times = calibrated_module.curve.times_s + 1.5 * (calibrated_module.curve.times_s > 0.5)
    longer = dataclasses.replace(calibrated_module, curve=dataclasses.replace(calibrated_module.curve, times_s=times))
    assert f"{times[-1]:.1f} s" in Outline(page_html(longer, NO_VIDEO)).text
    assert "0.14 s" in page._clip_facts(calibrated_module.result, 0.14)


def test_the_still_of_the_video_is_of_the_beat_that_stands_for_the_others(assessment: Assessment) -> None:
    """Its end-diastole; its end-systole where end-diastole is the next beat's; the first frame without a beat."""
    beat = assessment.beats[0]
    filling = dataclasses.replace(beat, ed_frame=None, complete=False, half_cycle=True)
    shown = [page._poster_frame(dataclasses.replace(assessment.result, beats=b)) for b in ((beat,), (filling,), ())]
    assert shown == [beat.ed_frame, beat.es_frame, 0]


def test_a_refused_clip_has_its_reason_first_and_no_number_of_an_ef(refused: Assessment) -> None:
    measured = made_assessment(frames=60)  # beats and a geometric EF were measured, but the clip is refused
    result = dataclasses.replace(measured.result, ef=None, ef_category=None, quality=refused.quality)
    html = page_html(dataclasses.replace(measured, result=result), NO_VIDEO)
    text = Outline(html).text
    assert text.index("No ejection fraction") < text.index(refused.quality.warnings[0].message)
    assert "quality score" not in text.lower()
    assert "EF from its" not in text
    assert "Ranges" not in text
    assert "four-chamber view" not in text
    assert "53" not in text
    assert "120" not in text  # the rate of its beats
    assert "not reduced" not in text
    assert 'class="scale"' not in html


def test_the_page_says_how_its_ef_came_about(calibrated_module: Assessment) -> None:
    """A combined EF is not said to come from the volumes alone, and one of the volumes not from a network."""
    result = calibrated_module.result
    combined = dataclasses.replace(result, ef=dataclasses.replace(result.ef, method="combined"))
    pages = [page_html(dataclasses.replace(calibrated_module, result=r), NO_VIDEO) for r in (result, combined)]
    assert ["a network reads from the video" in Outline(html).text for html in pages] == [False, True]


def test_beats_whose_ef_does_not_come_from_their_volumes_say_so(calibrated_module: Assessment) -> None:
    """In the heading: 1 - ESV/EDV of the same row is another number."""

    def heading(method: str) -> str:
        ef = dataclasses.replace(calibrated_module.result.ef, method=method)
        result = dataclasses.replace(calibrated_module.result, ef=ef)
        text = Outline(page_html(dataclasses.replace(calibrated_module, result=result), NO_VIDEO)).text
        return text[text.index("ESV, ml") :].removeprefix("ESV, ml ")

    assert heading("video").startswith("EF from video, %")
    assert heading("combined").startswith("EF of both, %")
    assert heading("geometric").startswith("EF, %")


def test_the_page_says_what_the_quality_score_is(rich: Outline) -> None:
    """On paper and on a phone, too, where nothing can be pointed at."""
    assert "The quality score is the chance that" in rich.text


def test_the_page_says_how_much_either_estimate_weighs(calibrated_module: Assessment) -> None:
    """An EF that is the video's alone is not said to be a mean."""

    def text(method: str, weight: float | None) -> str:
        ef = dataclasses.replace(calibrated_module.result.ef, method=method, video_weight=weight)
        result = dataclasses.replace(calibrated_module.result, ef=ef, ef_video=Estimate(49.0, None, None))
        return Outline(page_html(dataclasses.replace(calibrated_module, result=result), NO_VIDEO)).text

    alone, both, uncalibrated = text("video", 1.0), text("combined", 0.394), text("geometric", None)
    assert "EF from video, weight 100 % 49 %" in alone
    assert "has no weight" in alone
    assert "a mean of" not in alone
    assert "EF from contours, weight 61 %" in both
    assert "EF from video, weight 39 % 49 %" in both
    assert "a mean of" in both
    assert "EF from video 49 %" in uncalibrated


def test_the_page_says_how_far_the_beats_lie_apart_and_which_one_stands_for_them(assessment: Assessment) -> None:
    """The index beat belongs to an irregular rhythm, where there is one."""

    def text(irregular: bool, index: IndexBeat | None) -> str:
        rhythm = Rhythm(80.0, 0.2, irregular)
        result = dataclasses.replace(assessment.result, rhythm=rhythm, ef_spread=3.14, index_beat=index)
        return Outline(page_html(dataclasses.replace(assessment, result=result), NO_VIDEO)).text

    assert "Spread of the beats’ EF ± 3.1 points" in text(False, None)
    assert "index beat" not in text(False, None)
    assert "EF of the index beat 47 % (beat 3)" in text(True, IndexBeat(2, 47.0))
    assert "EF of the index beat none" in text(True, None)


def test_half_a_cycle_is_not_called_a_beat(assessment: Assessment) -> None:
    """Where no whole beat was seen."""
    half = dataclasses.replace(assessment.beats[0], complete=False, half_cycle=True, end_frame=None)
    result = dataclasses.replace(assessment.result, beats=(half, assessment.beats[2]), rhythm=None)
    text = Outline(page_html(dataclasses.replace(assessment, result=result), NO_VIDEO)).text
    assert "Beats counted half cycle, no whole beat" in text


def test_a_calibrated_interval_says_for_whom_it_holds(calibrated_module: Assessment) -> None:
    """Beside it, not only in the docs."""
    ef = dataclasses.replace(calibrated_module.result.ef, calibrated_on="255 synthetic patients, no real ones")
    result = dataclasses.replace(calibrated_module.result, ef=ef)
    text = Outline(page_html(dataclasses.replace(calibrated_module, result=result), NO_VIDEO)).text
    assert "255 synthetic patients, no real ones; on others more likely too narrow than too wide" in text


def test_an_estimate_that_is_not_accepted_is_not_shown(calibrated_module: Assessment) -> None:
    quality = Quality(0.2, False, (ClipWarning("colour_doppler", "This is colour Doppler."),))
    result = dataclasses.replace(calibrated_module.result, quality=quality)
    text = Outline(page_html(dataclasses.replace(calibrated_module, result=result), NO_VIDEO)).text
    assert "47" not in text
    assert "Chance below" not in text


hostile = st.text(min_size=1, max_size=40) | st.sampled_from(
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "{{ 7*7 }}",
        "</title><script>",
        "a\u202eb.avi",
        "&lt;",
        "javascript:alert(1)",
    ]
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=hostile, message=hostile)
def test_names_and_messages_never_become_markup(monkeypatch: pytest.MonkeyPatch, name: str, message: str) -> None:
    monkeypatch.setattr(page, "curve_svg", lambda _: "<svg></svg>")
    monkeypatch.setattr(page, "_stills", lambda _: [])

    def tags(name: str, message: str) -> list[str]:
        made = made_assessment(
            frames=2, size=(16, 16), source=name, quality=Quality(0.5, True, (ClipWarning(message, message),))
        )
        return [tag for tag, _ in Outline(page_html(made, NO_VIDEO)).tags]

    assert tags(name, message) == tags("clip.avi", "harmless")


def test_the_video_is_embedded_whole(tmp_path: Path, assessment: Assessment) -> None:
    write_overlay(Overlay(assessment), tmp_path / "overlay.mp4")
    write_page(assessment, tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    embedded = re.search(r'src="data:video/mp4;base64,([^"]+)"', html)
    assert embedded is not None
    assert base64.b64decode(embedded[1]) == (tmp_path / "overlay.mp4").read_bytes()
    assert 'poster="data:image/jpeg' in html


def test_the_overlay_that_drew_the_video_draws_its_still_as_a_new_one_would(
    tmp_path: Path, assessment: Assessment
) -> None:
    overlay, video = Overlay(assessment), tmp_path / "overlay.mp4"
    write_overlay(overlay, video)
    assert page_html(assessment, video, overlay) == page_html(assessment, video)


def test_a_large_video_is_linked_and_a_missing_one_gives_way_to_stills(
    tmp_path: Path, assessment: Assessment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "EMBEDDED_VIDEO_LIMIT_BYTES", 10)
    (tmp_path / "overlay.mp4").write_bytes(b"12345678901")
    large = page_html(assessment, tmp_path / "overlay.mp4")
    assert 'href="overlay.mp4"' in large
    assert "data:video" not in large
    without = page_html(assessment, NO_VIDEO)
    assert "overlay.mp4" not in without
    assert 'class="strip shown"' in without


def test_paper_gets_the_first_beats_and_is_told_of_the_others() -> None:
    made = made_assessment(frames=300, beat_frames=15, size=(16, 16))
    html = page_html(made, NO_VIDEO)
    assert html.count("screen-only") == 20 - page.PRINTED_BEATS + 1  # the rule in the style sheet
    assert f"and {20 - page.PRINTED_BEATS} more" in html


def test_paper_gets_the_first_notes_and_is_told_of_the_others() -> None:
    warnings = tuple(ClipWarning(f"code_{number}", f"Note {number}.") for number in range(8))
    html = page_html(made_assessment(frames=30, size=(16, 16), quality=Quality(0.5, True, warnings)), NO_VIDEO)
    assert html.count('<li class="screen-only">') == 8 - page.PRINTED_NOTES
    assert f"and {8 - page.PRINTED_NOTES} more in result.json" in html


def test_a_sheet_with_few_beats_and_notes_prints_its_pictures_larger(calibrated_module: Assessment) -> None:
    """And a full one does not."""
    full = made_assessment(frames=300, beat_frames=15, size=(16, 16))
    warnings = tuple(ClipWarning(f"code_{number}", f"Note {number}.") for number in range(5))
    full = dataclasses.replace(full, result=dataclasses.replace(full.result, quality=Quality(0.5, True, warnings)))
    assert ['<body class="roomy">' in page_html(made, NO_VIDEO) for made in (calibrated_module, full)] == [True, False]


def test_a_long_name_takes_one_line_of_the_sheet(calibrated_module: Assessment) -> None:
    """Names that are UIDs are common; the whole path stands at its foot."""
    paper = page_html(calibrated_module, NO_VIDEO).partition("@media print")[2]
    assert re.search(r"h1 \{[^}]*text-overflow: ellipsis; white-space: nowrap", paper)


def test_the_bar_of_the_quality_is_of_no_colour_that_praises(calibrated_module: Assessment) -> None:
    """Browsers draw it green, however short it is."""
    html = page_html(calibrated_module, NO_VIDEO)
    assert "meter::-webkit-meter-optimum-value { background: var(--faint); }" in html
    assert "meter::-moz-meter-bar { background: var(--faint); }" in html


def test_the_time_of_an_extreme_can_be_left_out_on_a_phone(rich: Outline) -> None:
    """So that its EF is in sight; the frame stays."""
    assert ("span", {"class": "time"}) in rich.tags
    assert "10 (0.20 s)" in rich.text


def test_a_reason_comes_with_what_to_do_about_it(refused: Assessment) -> None:
    text = Outline(page_html(refused, NO_VIDEO)).text
    assert CODES[refused.quality.warnings[0].code].remedy in text
