"""Hearts with known answers: masks of simple shapes, and volume curves with known beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from echobeat.measurement.curve import smooth_volume
from echobeat.records import Beat, VolumeCurve


def bullet_mask(size, base, length, width, tilt_deg=0.0, oblique_deg=0.0, kind="half ellipsoid"):
    """Mask (size, size) of a ventricle with the apex up; returns it with its apex (row, column)."""
    rows, columns = np.mgrid[0:size, 0:size].astype(float)
    tilt = np.deg2rad(tilt_deg)
    row, column = rows - base[0], columns - base[1]
    up = -(row * np.cos(tilt) + column * np.sin(tilt))
    across = -row * np.sin(tilt) + column * np.cos(tilt)
    x = up / length
    if kind == "ellipsoid":
        half = width / 2 * np.sqrt(np.clip(1 - (2 * x - 1) ** 2, 0, None))
        mask = np.abs(across) < half
    else:
        half = width / 2 * np.sqrt(np.clip(1 - np.clip(x, 0, None) ** 2, 0, None))
        mask = (np.abs(across) < half) & (up >= np.tan(np.deg2rad(oblique_deg)) * across)
    return mask, np.array(base) + length * np.array([-np.cos(tilt), -np.sin(tilt)])


@dataclass(frozen=True)
class TrueBeat:
    """From `start_s` (the R wave) for `rr_s` seconds; ejection lasts from `ejection_s` to `es_s`."""

    start_s: float
    rr_s: float
    edv: float
    ef: float
    kick: float = 0.22
    ectopic: bool = False

    @property
    def esv(self):
        return self.edv * (1 - self.ef / 100)

    @property
    def ejection_s(self):
        return self.start_s + 0.04 * min(1.0, self.rr_s)

    @property
    def es_s(self):
        return self.ejection_s + min(0.29, 0.42 * self.rr_s)


def train(intervals: Sequence[float], efs: Sequence[float], edvs: Sequence[float], start_s=0.0, kick=0.22):
    """Beats one after the other, with the same number of intervals, EFs and EDVs."""
    starts = start_s + np.concatenate([[0.0], np.cumsum(intervals)])
    return [
        TrueBeat(float(s), float(rr), float(edv), float(ef), kick)
        for s, rr, ef, edv in zip(starts, intervals, efs, edvs, strict=False)
    ]


def sinus(rate=70.0, ef=55.0, beats=8, start_s=0.0, edv=100.0):
    return train([60.0 / rate] * beats, [ef] * beats, [edv] * beats, start_s)


def fibrillation(rng, rate=90.0, ef=50.0, beats=10, start_s=0.0):
    intervals = np.clip(60.0 / rate * rng.gamma(18, 1 / 18, beats), 0.4, 1.8)
    filled = np.clip(1.05 - 0.5 * np.exp(-(np.roll(intervals, 1) - 0.3) / 0.25), 0.6, 1.05)
    return train(intervals, ef * (0.6 + 0.4 * filled), 100 * (1 - ef / 100) + ef * filled, start_s, kick=0.0)


def volume_at(beats, times_s):
    """Volume at times within the beats but the last: isovolumic, ejection, rapid filling, diastasis, atrial kick."""
    volume = np.full(len(times_s), np.nan)
    for beat, following in pairwise(beats):
        inside = (times_s >= beat.start_s) & (times_s < following.start_s)
        t = times_s[inside]
        opening = beat.es_s + min(0.06, 0.2 * (following.start_s - beat.es_s))
        diastole = following.start_s - opening
        late = min(0.12, 0.35 * diastole)
        early = min(0.2, diastole - late)
        ejected = _smoothstep((t - beat.ejection_s) / (beat.es_s - beat.ejection_s))
        passive = 0.93 * _smoothstep((t - opening) / early) + 0.07 * np.clip((t - opening) / diastole, 0, 1)
        filled = (1 - beat.kick) * passive + beat.kick * _smoothstep((t - following.start_s + late) / late)
        volume[inside] = np.where(
            t <= beat.es_s,
            beat.edv - (beat.edv - beat.esv) * ejected,
            beat.esv + (following.edv - beat.esv) * filled,
        )
    return volume


def _smoothstep(x):
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def noisy(volume, fps, rng, white=0.01, drawn_out=0.01):
    """Add noise as segmentation makes it: independent, and drawn out over 0.08 s; fractions of the largest volume."""
    kept = np.exp(-1 / (fps * 0.08))
    slow = np.zeros(len(volume))
    for k, step in enumerate(rng.normal(size=len(volume))):
        slow[k] = kept * slow[k - 1] + np.sqrt(1 - kept**2) * step if k else step
    return volume + volume.max() * (white * rng.normal(size=len(volume)) + drawn_out * slow)


def curve_of(times_s, volume, spacing_mm=None):
    """A VolumeCurve with this volume."""
    points = np.zeros((len(times_s), 2))
    return VolumeCurve(
        times_s=times_s - times_s[0],
        area_px=volume ** (2 / 3),
        area_cm2=None if spacing_mm is None else volume ** (2 / 3) / 100,
        apex_px=points,
        base_px=points + np.array([40.0, 0.0]),
        long_axis=np.full(len(times_s), 40.0),
        volume=volume,
        volume_smoothed=smooth_volume(times_s - times_s[0], volume),
        spacing_mm=spacing_mm,
    )


def clip_of(beats, fps, start_s, stop_s, rng=None, **noise):
    """The curve of a clip from `start_s` to `stop_s` of the beats' time."""
    times = np.arange(start_s, stop_s + 1e-6, 1 / fps)
    volume = volume_at(beats, times)
    return curve_of(times, volume if rng is None else noisy(volume, fps, rng, **noise))


def made_beat(index=0, ef=55.0, *, ed=0, es=20, end=50, rate=60.0, complete=True, half_cycle=False, **marks):
    """A Beat as the measurement would give it."""
    return Beat(
        index=index,
        ed_frame=ed,
        es_frame=es,
        end_frame=end if complete else None,
        complete=complete,
        half_cycle=half_cycle,
        ectopic=marks.get("ectopic", False),
        post_ectopic=marks.get("post_ectopic", False),
        heart_rate_bpm=rate if complete else None,
        edv_ml=None,
        esv_ml=None,
        edv_px3=1000.0,
        esv_px3=None if ef is None else 1000.0 * (1 - ef / 100),
        ef=ef,
        ef_low=None,
        ef_high=None,
    )
