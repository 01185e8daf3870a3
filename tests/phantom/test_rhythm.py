"""Beats: their intervals, their volumes, their order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echobeat.phantom.rhythm import RHYTHM_KINDS, RhythmKind, cycle_at, draw_rhythm, plan_beats

cases = st.tuples(st.integers(0, 2**32), st.sampled_from(RHYTHM_KINDS), st.floats(10, 80))


def _plan(seed: int, kind: RhythmKind, ef: float = 55.0, seconds: float = 8.0):  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(seed)
    rhythm = draw_rhythm(rng, kind)
    return rhythm, plan_beats(rhythm, 120.0, ef, seconds, rng)


@settings(max_examples=60)
@given(cases)
def test_volume_is_largest_before_ejection_and_smallest_at_end_systole(case: tuple[int, RhythmKind, float]) -> None:
    """At each beat's own moments the curve takes the beat's EDV and ESV, and stays between them in systole."""
    rhythm, beats = _plan(*case)
    for beat in beats[1:-2]:
        times = np.linspace(beat.onset_s + 1e-6, beat.es_s, 50)
        volume = cycle_at(beats, times, rhythm.ivr_s).volume_ml
        assert volume[0] == pytest.approx(beat.edv_ml, rel=1e-6)
        assert volume[-1] == pytest.approx(beat.esv_ml, rel=1e-6)
        assert np.all(np.diff(volume) <= 1e-9)


@settings(max_examples=60)
@given(cases)
def test_volume_has_no_jumps(case: tuple[int, RhythmKind, float]) -> None:
    """Within a millisecond the volume changes by less than 2 % of the EDV, across beats too."""
    rhythm, beats = _plan(*case)
    volume = cycle_at(beats, np.arange(0, 8, 0.001), rhythm.ivr_s).volume_ml
    assert np.abs(np.diff(volume)).max() < 0.02 * 130


@pytest.mark.parametrize("kind", RHYTHM_KINDS)
def test_plan_covers_the_clip(kind: RhythmKind) -> None:
    """Some beats lie before time 0 and some behind the end, whatever the rhythm."""
    for seed in range(30):
        _, beats = _plan(seed, kind, seconds=10.0)
        assert beats[1].onset_s < 0
        assert beats[-2].onset_s > 10.0


def test_fibrillation_is_irregular_and_has_no_kick() -> None:
    """R-R variation of 15 to 35 % on average, no atrial contribution, EF differs from beat to beat."""
    variation, spread = [], []
    for seed in range(40):
        _, beats = _plan(seed, "atrial fibrillation", seconds=30.0)
        intervals = np.array([b.rr_s for b in beats])
        variation.append(intervals.std() / intervals.mean())
        spread.append(np.std([b.ef for b in beats]))
        assert all(b.kick == 0 for b in beats)
    assert 0.15 < np.mean(variation) < 0.35
    assert np.mean(spread) > 2


def test_ectopic_beats_are_premature_weak_and_followed_by_a_strong_one() -> None:
    """Short interval before, long after; EF below the usual, the next one above it."""
    for seed in range(30):
        rhythm, beats = _plan(seed, "ectopy", ef=50.0, seconds=12.0)
        usual = 60 / rhythm.heart_rate_bpm
        ectopic = [k for k, b in enumerate(beats[:-1]) if b.ectopic]
        assert ectopic
        for k in ectopic:
            assert beats[k - 1].rr_s < 0.85 * usual or beats[k - 1].rr_s <= 0.33
            assert beats[k].ef < 45
            assert beats[k + 1].post_ectopic
            assert beats[k + 1].ef > beats[k].ef


def test_systole_shortens_less_than_diastole() -> None:
    """From 50 to 120 beats a minute systole loses a smaller share than diastole."""
    rng = np.random.default_rng(0)
    shares = {}
    for rate in (50.0, 120.0):
        rhythm = replace(draw_rhythm(rng, "sinus"), heart_rate_bpm=rate, ivc_s=0.05, systole_scale=1.0)
        beat = plan_beats(rhythm, 120, 55, 5, rng)[3]
        shares[rate] = (beat.es_s - beat.onset_s, beat.end_s - beat.es_s)
    systole, diastole = (shares[120.0][k] / shares[50.0][k] for k in (0, 1))
    assert systole > 1.3 * diastole
