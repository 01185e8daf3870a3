"""Numbers and verdicts are put into words that agree with each other."""

from __future__ import annotations

import dataclasses
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import made_assessment

from echobeat.records import Assessment, ClipWarning, Quality, StudyEstimate
from echobeat.report import wording


@given(st.floats(0, 100))
def test_a_shown_ef_lies_in_the_same_range_as_the_measured_one(ef: float) -> None:
    shown = float(wording.percent(ef))
    assert (shown <= 40, shown >= 50) == (ef <= 40, ef >= 50)
    assert abs(shown - ef) <= 0.5


@pytest.mark.parametrize(("ef", "shown"), [(54.4, "54"), (49.7, "49.7"), (49.99, "49.9"), (40.02, "40.1"), (40, "40")])
def test_an_ef_is_shown_in_whole_percent_unless_that_would_change_its_range(ef: float, shown: str) -> None:
    assert wording.percent(ef) == shown


@given(st.text() | st.binary().map(lambda name: name.decode("utf-8", "surrogateescape")))
def test_printable_text_has_no_control_characters_and_is_utf_8(text: str) -> None:
    shown = wording.printable(text)
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cs", "Zl", "Zp"}
    shown.encode("utf-8")
    assert wording.printable(shown) == shown


@pytest.mark.parametrize("name", ["Loop 9.41\u202fAM.mp4", "患者\u3000心尖.avi", "نمی\u200cدانم.avi", "a\u00a0b.avi"])
def test_spaces_and_joiners_of_any_language_stay_in_names(name: str) -> None:
    assert wording.printable(name) == name


@pytest.mark.parametrize("name", ["a\u202egpj.exe", "a\x1b[2J.avi", "a\nb.avi", "a\u2028b.avi"])
def test_what_turns_or_breaks_a_line_does_not(name: str) -> None:
    assert "\N{REPLACEMENT CHARACTER}" in wording.printable(name)


def test_a_refused_clip_has_a_reason_and_no_number(refused: Assessment) -> None:
    verdict = wording.verdict(refused.result)
    assert verdict.headline == "No ejection fraction"
    assert verdict.detail == refused.quality.warnings[0].message
    assert not any(character.isdigit() for character in verdict.headline + verdict.detail)


def test_a_clip_that_was_not_accepted_shows_no_ef_even_if_one_was_measured(assessment: Assessment) -> None:
    quality = Quality(0.1, False, (ClipWarning("colour_doppler", "This is colour Doppler."),))
    verdict = wording.verdict(dataclasses.replace(assessment.result, quality=quality))
    assert verdict == wording.Verdict("No ejection fraction", "This is colour Doppler.")


def test_the_headline_names_the_interval_only_where_it_is_calibrated(assessment: Assessment) -> None:
    assert wording.verdict(assessment.result).headline == "EF 53 %"
    calibrated = StudyEstimate(53.1, 47.0, 59.2, "geometric")
    assert wording.verdict(dataclasses.replace(assessment.result, ef=calibrated)).headline == "EF 53 % (47–59)"


def test_a_refused_clip_is_shown_by_a_whole_beat_where_there_is_one(assessment: Assessment) -> None:
    """Not by the filling that it may begin with."""
    filling = dataclasses.replace(assessment.beats[0], ed_frame=None, complete=False)
    result = dataclasses.replace(assessment.result, ef=None, beats=(filling, *assessment.beats[1:]))
    assert wording.representative_beat(result) == assessment.beats[1]
    assert wording.representative_beat(dataclasses.replace(result, beats=(filling,))) == filling


def test_every_frame_belongs_to_the_beat_that_holds_it(assessment: Assessment) -> None:
    shown = wording.beats_by_frame(assessment)
    assert [beat.index for beat in shown] == [0] * 25 + [1] * 25 + [2] * 10


def test_the_last_frame_of_a_clip_cut_at_the_r_wave_still_belongs_to_its_beat() -> None:
    made = made_assessment(frames=26, beat_frames=25)
    complete = dataclasses.replace(made, result=dataclasses.replace(made.result, beats=made.beats[:1]))
    assert wording.beats_by_frame(complete)[25] == complete.beats[0]


def test_an_open_beat_ends_where_the_ventricle_is_lost() -> None:
    """A beat whose end was not seen does not reach over a gap into the beats behind it."""
    made = made_assessment(frames=75, beat_frames=25)
    first, second, *_ = made.beats
    beats = (dataclasses.replace(first, end_frame=None, complete=False, ef=None), dataclasses.replace(second, index=1))
    phases = tuple("" if 18 <= frame < 22 else phase for frame, phase in enumerate(made.phases))
    gap = dataclasses.replace(made, result=dataclasses.replace(made.result, beats=beats), phases=phases)
    shown = wording.beats_by_frame(gap)[:50]
    assert [beat and beat.index for beat in shown] == [0] * 18 + [None] * 7 + [1] * 25


def test_no_beat_reaches_over_frames_that_are_missing_from_the_file() -> None:
    """A beat cut off at 2 s without frames ends there, and the one that is open behind them does not begin before."""
    made = made_assessment(frames=75, beat_frames=25)
    first, second, third = made.beats
    cut = dataclasses.replace(first, end_frame=None, complete=False, ef=None)
    behind = dataclasses.replace(second, ed_frame=None, es_frame=35, end_frame=50, complete=False, ef=None)
    times = made.clip.times_s + np.where(np.arange(75) >= 20, 2.0, 0.0)
    result = dataclasses.replace(made.result, beats=(cut, behind, third))
    gap = dataclasses.replace(made, result=result, clip=dataclasses.replace(made.clip, times_s=times))
    shown = [beat and beat.index for beat in wording.beats_by_frame(gap)]
    assert shown == [0] * 20 + [1] * 30 + [2] * 25


def test_a_beat_that_is_left_out_says_why(assessment: Assessment) -> None:
    beat = assessment.beats[0]
    assert wording.beat_note(beat) == ""
    assert "ectopic" in wording.beat_note(dataclasses.replace(beat, ectopic=True))
    assert "after" in wording.beat_note(dataclasses.replace(beat, post_ectopic=True))
    assert "incomplete" in wording.beat_note(assessment.beats[-1])
    half = dataclasses.replace(beat, complete=False, half_cycle=True)
    assert wording.beat_note(half) == "ejection only"
    assert wording.beat_note(dataclasses.replace(half, ed_frame=None)) == "filling only"


def test_the_representative_beat_is_the_one_nearest_to_the_study(assessment: Assessment) -> None:
    beats = tuple(dataclasses.replace(assessment.beats[0], index=i, ef=ef) for i, ef in enumerate((30.0, 52.0, 70.0)))
    result = dataclasses.replace(assessment.result, beats=beats, ef=StudyEstimate(50.0, None, None, "geometric"))
    assert wording.representative_beat(result) == beats[1]
    assert wording.representative_beat(dataclasses.replace(result, beats=())) is None


def test_a_filling_alone_is_shown_by_the_end_diastole_that_it_ends_in(assessment: Assessment) -> None:
    filling = dataclasses.replace(assessment.beats[0], ed_frame=None, complete=False, half_cycle=True)
    assert wording.extremes(filling) == (filling.end_frame, filling.es_frame)
    assert wording.extremes(dataclasses.replace(filling, es_frame=None)) is None
    assert wording.representative_beat(dataclasses.replace(assessment.result, beats=(filling,))) == filling


def test_a_remedy_is_not_told_twice() -> None:
    code = "calibration_refused"
    remedy = wording.remedy(ClipWarning(code, "The spacing is not used."))
    assert remedy
    assert wording.remedy(ClipWarning(code, f"The spacing is not used. {remedy}")) == ""
    assert wording.remedy(ClipWarning("of_no_table", "What?")) == ""
