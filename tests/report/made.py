"""Made assessments: a moving ellipse as ventricle, with beats of known volumes, from the records alone."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from echobeat.frames import FrameStack
from echobeat.records import (
    Assessment,
    Beat,
    Clip,
    ClipFacts,
    ClipWarning,
    Estimate,
    LVMasks,
    ModelUsed,
    Phase,
    Quality,
    Result,
    Rhythm,
    StudyEstimate,
    VolumeCurve,
)

MODEL = ModelUsed("lv", "1", "ab" * 32, "CC-BY-NC-SA-4.0")
REFUSAL = ClipWarning("no_left_ventricle", "A left ventricle is seen in none of the frames.")


def made_assessment(
    *,
    frames: int = 60,
    fps: float = 50.0,
    size: tuple[int, int] = (112, 112),
    spacing_mm: tuple[float, float] | None = None,
    beat_frames: int = 25,
    source: str = "patient.avi",
    refused: bool = False,
    **result: Any,
) -> Assessment:
    """A clip of an ellipse that beats once in `beat_frames` frames, assessed as if by the pipeline."""
    height, width = size
    times = np.arange(frames) / fps
    phase = (np.arange(frames) % beat_frames) / beat_frames
    squeeze = 1 - 0.22 * np.sin(np.pi * np.minimum(phase / 0.4, 1.0) / 2) * np.where(phase < 0.4, 1, (1 - phase) / 0.6)
    images, masks = _pictures(squeeze, height, width)
    areas = np.asarray(masks[:].reshape(frames, -1).sum(axis=1), dtype=float)
    pixel_mm = np.sqrt(np.prod(spacing_mm)) if spacing_mm else 1.0
    long_axis = 0.5 * height * squeeze * pixel_mm
    volume = 8 * (areas * pixel_mm**2) ** 2 / (3 * np.pi * long_axis) / (1000 if spacing_mm else 1)
    curve = VolumeCurve(
        times_s=times,
        area_px=areas,
        area_cm2=areas * pixel_mm**2 / 100 if spacing_mm else None,
        apex_px=np.stack([height * (0.5 - 0.25 * squeeze), np.full(frames, width / 2)], axis=1),
        base_px=np.stack([height * (0.5 + 0.25 * squeeze), np.full(frames, width / 2)], axis=1),
        long_axis=long_axis,
        volume=volume * (1 + 0.01 * np.cos(np.arange(frames) * 2.1)),
        volume_smoothed=volume,
        spacing_mm=spacing_mm,
    )
    beats = () if refused else _beats(curve, beat_frames, fps)
    values = [beat.ef for beat in beats if beat.counts]
    study = StudyEstimate(float(np.mean(values)), None, None, "geometric") if values else None
    made = Result(
        source=source,
        models=(MODEL,),
        clip=ClipFacts(frames, fps if frames > 1 else None, height, width, spacing_mm),
        beats=beats,
        ef=study,
        ef_geometric=Estimate(study.value, None, None) if study else None,
        ef_video=None,
        ef_category=None if study is None else "mildly reduced" if 40 < study.value < 50 else "not reduced",
        probability_below=None,
        rhythm=Rhythm(60 * fps / beat_frames, 0.02, False) if values else None,
        quality=Quality(0.0 if refused else 0.83, not refused, (REFUSAL,) if refused else ()),
    )
    return Assessment(
        result=dataclasses.replace(made, **result),
        clip=Clip(images, times, spacing_mm, source),
        masks=LVMasks(masks, np.full(frames, 0.9)),
        curve=curve,
        phases=_phases(beats, frames),
    )


def _pictures(squeeze: np.ndarray, height: int, width: int) -> tuple[FrameStack, FrameStack]:
    images, masks = FrameStack(height, width), FrameStack(height, width, bool)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    speckle = np.random.default_rng(1).rayleigh(45.0, (height, width)).astype(np.float32)
    for scale in squeeze:
        radius = ((rows - height / 2) / (0.25 * height * scale)) ** 2 + (
            (columns - width / 2) / (0.16 * width * scale)
        ) ** 2
        wall = np.exp(-((np.sqrt(radius) - 1.25) ** 2) * 8)
        images.append(np.clip(speckle * (0.15 + 1.6 * wall), 0, 255).astype(np.uint8))
        masks.append(radius < 1)
    return images, masks


def _beats(curve: VolumeCurve, beat_frames: int, fps: float) -> tuple[Beat, ...]:
    """A beat starts on every multiple of `beat_frames`; the last one may be cut off."""
    frames = len(curve.times_s)
    beats = []
    for index, ed in enumerate(range(0, frames, beat_frames)):
        es, end = ed + round(0.4 * beat_frames), ed + beat_frames
        complete = end < frames
        edv, esv = curve.volume_smoothed[ed], curve.volume_smoothed[min(es, frames - 1)]
        volumes = (float(edv), float(esv))
        beats.append(
            Beat(
                index=index,
                ed_frame=ed,
                es_frame=es if es < frames else None,
                end_frame=end if complete else None,
                complete=complete,
                half_cycle=False,
                ectopic=False,
                post_ectopic=False,
                heart_rate_bpm=60 * fps / beat_frames if complete else None,
                edv_ml=volumes[0] if curve.calibrated else None,
                esv_ml=volumes[1] if curve.calibrated and es < frames else None,
                edv_px3=volumes[0],
                esv_px3=volumes[1] if es < frames else None,
                ef=100 * (1 - volumes[1] / volumes[0]) if complete else None,
                ef_low=None,
                ef_high=None,
            )
        )
    return tuple(beats)


def _phases(beats: tuple[Beat, ...], frames: int) -> tuple[Phase, ...]:
    phases: list[Phase] = [""] * frames
    for beat in beats:
        es = frames if beat.es_frame is None else beat.es_frame
        end = frames if beat.end_frame is None else beat.end_frame
        for frame in range(beat.ed_frame or 0, end):
            phases[frame] = "systole" if frame < es else "diastole"
        if beat.ed_frame is not None:
            phases[beat.ed_frame] = "ED"
        if beat.es_frame is not None:
            phases[beat.es_frame] = "ES"
    return tuple(phases)
