"""Premature beats are told from atrial fibrillation, and every frame has its phase."""

from dataclasses import replace

import numpy as np
import pytest
from made_hearts import clip_of, curve_of, fibrillation, made_beat, sinus, train

from echobeat.measurement import counted_beats, find_beats, index_beat, phases, rhythm, study_ef
from echobeat.measurement.ectopy import mark_ectopy


def phases_at_50_hz(volume, beats):
    return phases(np.arange(len(volume)) / 50, volume, beats)


def heart_with_ectopy(early=0.6, usual=0.85, beats=9, at=4):
    """Sinus rhythm with one premature beat (number `at`), weak, with a full pause after it and a strong next beat."""
    intervals = np.full(beats, usual)
    intervals[at - 1] *= early
    intervals[at] *= 2 - early
    efs, edvs = np.full(beats, 55.0), np.full(beats, 100.0)
    efs[at], edvs[at] = 30.0, 85.0
    efs[at + 1], edvs[at + 1] = 61.0, 104.0
    return train(intervals, efs, edvs)


@pytest.mark.parametrize("noise", [0.0, 0.008])
@pytest.mark.parametrize("at", [2, 4])
def test_a_premature_beat_and_the_next_are_marked_and_left_out(noise, at):
    """The early weak beat is ectopic, the one behind the pause post-ectopic; the mean is of the others."""
    heart = heart_with_ectopy(at=at)
    curve = clip_of(heart, 50, 0.0, heart[7].start_s, np.random.default_rng(5), white=noise, drawn_out=noise)
    beats = find_beats(curve)
    assert [beat.index for beat in beats if beat.ectopic] == [at]
    assert [beat.index for beat in beats if beat.post_ectopic] == [at + 1]
    assert study_ef(beats).value == pytest.approx(55.0, abs=2.0)
    found = rhythm(beats)
    assert found.irregular is False
    assert found.rr_cv < 0.1


def test_the_beat_after_a_gap_is_not_judged_by_the_one_before_it():
    """Cut off 0.2 s before a premature beat's pause ends, the clip goes on 2 s later: that beat follows no ectopic one.
    Nor does a short interval before the gap make it premature."""
    heart = heart_with_ectopy(beats=16)
    curve = clip_of(heart, 50, 0.0, heart[14].start_s)
    within = (curve.times_s > heart[5].start_s - 0.2) & (curve.times_s < heart[8].start_s - 0.1)
    seen = np.flatnonzero(~within)
    beats = find_beats(curve_of(curve.times_s[seen], curve.volume[seen]))
    ectopic = next(beat.index for beat in beats if beat.ectopic)
    assert seen[beats[ectopic].es_frame] < np.flatnonzero(within)[0] < seen[beats[ectopic + 1].es_frame]
    assert not any(beat.post_ectopic for beat in beats)
    early = [made_beat(i, ef=30.0 if i == 2 else 55.0, ed=ed, es=ed + 15, end=end) for i, (ed, end) in EARLY]
    times = np.arange(400) / 50
    assert [beat.index for beat in mark_ectopy(tuple(early), times) if beat.ectopic] == [2]
    assert not any(beat.ectopic for beat in mark_ectopy(tuple(early), times, after_gap={2}))


EARLY = tuple(enumerate(((0, 42), (42, 67), (67, 125), (125, 167), (167, 209), (209, 251))))
"""Frames of end-diastoles, at 50 a second: the third beat comes early and is followed by a pause."""


def test_fibrillation_is_irregular_and_hardly_ever_ectopic():
    """Of 20 fibrillating clips of nine beats at least 17 are irregular; at most 3 % of the beats are called ectopic."""
    irregular, marked, total = 0, 0, 0
    for seed in range(20):
        heart = fibrillation(np.random.default_rng(seed), beats=11)
        beats = find_beats(clip_of(heart, 50, 0.0, heart[-2].start_s))
        irregular += rhythm(beats).irregular
        marked += sum(beat.ectopic for beat in beats)
        total += len(beats)
    assert irregular >= 17
    assert marked <= 0.03 * total


@pytest.mark.parametrize("rate", [45, 75, 130])
def test_a_regular_rhythm_is_regular_with_its_rate(rate):
    """Sinus rhythm in noise: not irregular, nothing ectopic, rate to 3 %."""
    heart = sinus(rate, beats=14, start_s=-0.2)
    beats = find_beats(clip_of(heart, 50, 0.0, 6 * 60 / rate, np.random.default_rng(2), white=0.005, drawn_out=0.005))
    found = rhythm(beats)
    assert found.irregular is False
    assert found.heart_rate_bpm == pytest.approx(rate, rel=0.03)
    assert not any(beat.ectopic or beat.post_ectopic for beat in beats)


def test_rhythm_says_nothing_that_it_does_not_know():
    """No complete beat: None. One interval: no variation. Two: no verdict. Three: a verdict."""
    assert rhythm([]) is None
    assert rhythm([made_beat(complete=False, half_cycle=True)]) is None
    one, two, three = ([made_beat(i, rate=60 + i) for i in range(n)] for n in (1, 2, 3))
    assert (rhythm(one).rr_cv, rhythm(one).irregular) == (None, None)
    assert rhythm(two).rr_cv > 0
    assert rhythm(two).irregular is None
    assert rhythm(three).irregular is False
    wild = [made_beat(i, rate=rate) for i, rate in enumerate((50, 90, 70, 110))]
    assert rhythm(wild).irregular is True


def beats_of(*intervals, ef=range(40, 60), **marks):
    """Complete beats that follow each other after intervals in s; each with an EF of its own."""
    ends = np.cumsum([0, *(round(100 * interval) for interval in intervals)])
    return [
        made_beat(i, ef[i], ed=int(ed), es=int(ed) + 20, end=int(end), rate=60 / interval, **marks)
        for i, (ed, end, interval) in enumerate(zip(ends, ends[1:], intervals, strict=False))
    ]


@pytest.mark.parametrize(
    ("intervals", "index"),
    [
        ((0.80, 0.84, 0.60), 2),  # alike
        ((0.80, 0.90, 0.60), None),  # 100 ms apart
        ((0.46, 0.48, 0.60), None),  # alike, but too short
        ((0.80, 0.86, 0.60, 0.61, 0.90), 4),  # of two, the one after the more equal intervals
        ((0.80, 0.80), None),  # nothing follows
    ],
)
def test_the_index_beat_follows_two_long_intervals_that_are_alike(intervals, index):
    """At most 60 ms apart and both over 500 ms; its EF is that beat's."""
    found = index_beat(beats_of(*intervals))
    assert (found and found.beat) == index
    assert found is None or found.ef == 40 + index


@pytest.mark.parametrize("first", range(26, 60))
def test_intervals_that_differ_by_just_60_ms_are_alike_and_one_of_just_500_ms_is_short(first):
    """As read from frames at 50 a second, wherever in the clip they lie and however their differences are rounded."""

    def index(*steps):
        times = np.cumsum([0, *steps, 40]) / 50
        beats = [
            made_beat(i, ed=i, es=i, end=i + 1, rate=60 / (times[i + 1] - times[i])) for i in range(len(times) - 1)
        ]
        found = index_beat(beats)
        return found and found.beat

    assert index(first, first + 3) == 2
    assert index(first, first + 4) is None
    assert index(3, first, 25, 25) is None


def test_an_index_beat_counts_and_follows_without_a_gap():
    """A beat that is left out is none, nor one behind a stretch that was not seen."""
    beats = beats_of(0.80, 0.80, 0.60)
    assert index_beat(beats).beat == 2
    assert index_beat([*beats[:2], replace(beats[2], post_ectopic=True)]) is None
    assert index_beat([*beats[:2], replace(beats[2], ed_frame=beats[2].ed_frame + 5)]) is None
    assert index_beat([]) is None


def test_the_rate_is_sixty_over_the_mean_interval():
    """Intervals of 1.0 and 0.5 s make 80 a minute."""
    assert rhythm([made_beat(0, rate=60.0), made_beat(1, rate=120.0)]).heart_rate_bpm == pytest.approx(80.0)


def test_ectopic_intervals_do_not_make_a_rhythm_irregular():
    """The short interval and the pause are left out of the variation."""
    beats = [made_beat(i, rate=r) for i, r in enumerate((60, 61, 100, 43, 60, 60))]
    beats[3] = replace(beats[3], ectopic=True)
    assert rhythm(beats).irregular is False
    beats[3] = replace(beats[3], ectopic=False)
    assert rhythm(beats).irregular is True


def test_every_frame_has_its_phase():
    """ED and ES at their frames, systole and diastole between, and what lies before and after follows from them."""
    beats = [
        made_beat(0, ed=None, es=3, end=8),
        made_beat(1, ed=8, es=12, end=20),
        replace(made_beat(2, ed=20, es=None, ef=None, complete=False)),
    ]
    beats[0] = replace(beats[0], ed_frame=None)
    short = {"ED": "D", "ES": "S", "systole": "-", "diastole": "+"}
    assert "".join(short[phase] for phase in phases_at_50_hz(np.ones(23), beats)) == "---S++++D---S+++++++D--"
    assert phases_at_50_hz(np.ones(4), []) == ("", "", "", "")
    assert phases_at_50_hz(np.ones(5), [made_beat(0, ed=2, es=4, complete=False)])[:2] == (
        "diastole",
        "diastole",
    )


def test_where_no_ventricle_is_seen_there_is_no_phase():
    """A gap has none, and what comes after it follows from the next turn, not from the last one before."""
    volume = np.ones(20)
    volume[8:12] = np.nan
    beats = [made_beat(0, ed=2, es=5, complete=False), made_beat(1, ed=15, es=18, complete=False)]
    short = {"ED": "D", "ES": "S", "systole": "-", "diastole": "+", "": "."}
    assert "".join(short[phase] for phase in phases_at_50_hz(volume, beats)) == "++D--S++....+++D--S+"


def test_half_cycles_count_only_where_nothing_is_complete():
    """A complete beat puts half cycles out of the mean."""
    half, whole = made_beat(0, 40.0, complete=False, half_cycle=True), made_beat(1, 60.0)
    assert counted_beats([half, whole]) == (whole,)
    assert counted_beats([half]) == (half,)
    assert counted_beats([replace(whole, ectopic=True)]) == ()
