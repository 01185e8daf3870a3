"""The verdict on a clip: can its EF be trusted, and what must its reader know.

Each thing that speaks against a clip has a code (`codes.CODES`). A refusal withholds the EF. The score is
the chance that the EF is nearly right (`score`), times a factor between 0 and 1 for each thing that spoils a clip.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echobeat.frames import FrameStack
from echobeat.measurement.codes import refused, warn
from echobeat.measurement.ejection_fraction import counted_beats, study_ef
from echobeat.measurement.evidence import EMPTY_GREY, ClipEvidence
from echobeat.measurement.score import chance, wall_contrast
from echobeat.measurement.smoothing import gaps
from echobeat.measurement.view import ViewEvidence, view_warnings
from echobeat.measurement.writing import DARK, Box, picture_box, screen
from echobeat.records import Beat, Clip, ClipWarning, FloatArray, LVMasks, Quality, Rhythm, VolumeCurve

STILL_CLIP, PARTLY_FROZEN_SHARE, FROZEN_SHARE = 0.97, 0.15, 0.6
"""Share of a clip in which the picture stands still, above which it is a still image, partly frozen, frozen."""
COLOUR_PRESENT, COLOUR_REFUSED = 0.01, 0.015
"""Share of clearly coloured, moving pixels: an ECG trace stays below the first, a Doppler box exceeds the second."""

DISORDER, ORDERED_FPS, ORDERED_S = 0.72, 20.0, 0.8
"""Disorder above which frames come in no order; asked of clips whose rate and length let it be told. Of 67 phantoms the
highest was 0.53, at half their rate 0.68 (25 a second); with shuffled frames the lowest was 0.80."""
STILL_MOVED = 0.006
"""Frames in no order that differ by less, their grain left out, are one picture under noise. On 40 phantoms, 16 of EF 8
to 15, the lowest shuffled one is at 0.0080; one frame of each under noise of 3 grey levels at most at 0.0032."""

MIN_SMOOTHNESS, MIN_COHERENCE, MAX_PAPER = 0.6, 0.25, 0.45
SURROUNDED = 0.05
"""From this share of even background on, the picture counts as a scanning sector."""
MIN_GRAIN_SECTOR, MIN_GRAIN_FULL, SURE_GRAIN_FULL = 0.12, 0.33, 0.42
"""Speckle asked of a sector, and of a picture that fills the frame as photographs do."""

SEEN_REFUSED, SEEN_WARNED = 0.3, 0.95
CONFIDENCE_REFUSED, CONFIDENCE_WARNED = 0.85, 0.92
"""Median confidence; on CAMUS it is above 0.95 in 95 of 100 images, on photographs and noise mostly below 0.9."""

SIZE_RANGE = (0.015, 0.5)
"""Plausible share of the picture that the ventricle covers; a third of it in clips zoomed into the ventricle."""
VOLUME_RANGE_ML = (15.0, 600.0)
EF_RANGE = (5.0, 85.0)
RATE_RANGE_BPM = (30.0, 200.0)
ROUGH, VERY_ROUGH = 0.05, 0.15
"""Robust spread of the volume about its smoothed curve, as a fraction of the median volume."""
JUMP, JUMPS_WARNED = 0.15, 0.05
"""A jump of the contour's middle by this fraction of its length within a frame; share of frames that may."""
BORDER_WARNED = 0.3
STRAIGHT = 0.5
"""Share of a picture's side that is lit at its very edge, above which a black bar bounds it, and no sector's arc."""
LOW_FPS, MIN_FPS = 24.0, 10.0
"""For EF, 50 ms a frame suffice at rest and 40 ms in exercise (Bacharach et al. 1979, J Nucl Med 20:189-193): from 24 a
second down a clip is warned of. Taken from the true volume curves of 120 phantoms, EF is too small by 0.1 points at 20
frames a second, 0.4 at 10 (1.4 in one beat of 20), 0.8 at 8 and 2.7 at 5 (8.1): below 10 a clip is refused."""
RATE_TOLERANCE = 0.01
"""A rate that is lower by no more than this share is the rate: 24 frames a second are 41.67 ms a frame in a header, 42
where a container counts in whole ones, and 23.976 a second on film."""
MIN_DURATION_S = 0.2
"""From the Q wave to the end of ejection a heart at 160 a minute takes 0.21 s (Weissler et al. 1968, Circulation
37:149-159, doi:10.1161/01.CIR.37.2.149)."""
LOST_STEPS = 1.5
"""A longer step between two frames than so many usual ones leaves room for one that was lost."""
FEW_IRREGULAR_BEATS = 5
BEAT_SPREAD, IRREGULAR_BEAT_SPREAD = 15.0, 30.0
"""Points of EF by which the counted beats may differ; in atrial fibrillation they truly do."""
MIN_SCORE = 0.15
POOR_CONTRAST = 0.8
"""Below it lie 4 of 100 phantom studies (n = 258, training seeds) and 7 of 100 CAMUS patients (n = 106), whatever
their grade."""
FORESHORTENED = 0.32
"""A true apex hardly moves, and is pointed; a slice that misses it shows a place of the wall that moves inward as the
rest does. On the true contours of 160 phantoms of training seeds, 5 of 100 slices that pass the apex within a tenth of
the ventricle's length lie above, and 47 of 100 (n = 19) that miss it by more."""


def judge(
    clip: Clip,
    evidence: ClipEvidence,
    masks: LVMasks,
    curve: VolumeCurve,
    beats: Sequence[Beat],
    rhythm: Rhythm | None,
    view: ViewEvidence | None = None,
) -> Quality:
    """Judge a clip from its images, masks, curve and beats, and the view that a network saw in it, if one looked.

    Returns
    -------
    Quality
        `score` 0-1; `accepted` False where a warning is a refusal; `warnings` with refusals first, then those of
        the clip's reader, then the rest.
    """
    found = [*image_warnings(evidence)]
    if view is not None and not refused(tuple(found)):
        found += view_warnings(view)
    contours = None
    if not refused(tuple(found)):
        contours = Contours.of(clip, evidence, masks, curve)
        found += _of_ventricle(contours, curve.calibrated)
    if not refused(tuple(found)):
        found += _of_beats(clip, beats, rhythm)
    score = 0.0
    if contours is not None and not refused(tuple(found)):
        contrast = wall_contrast(clip.frames, masks.lv, beats)
        found += _of_shape(curve, beats, contrast)
        score = chance(masks, beats, contrast) * _soundness(contours, clip, evidence, beats)
    if not refused(tuple(found)) and score < MIN_SCORE:
        found.append(warn("low_quality", score=score))
    warnings = tuple(sorted([*clip.warnings, *found], key=lambda warning: not refused((warning,))))
    return Quality(score=score, accepted=not refused(warnings), warnings=warnings)


def image_warnings(evidence: ClipEvidence) -> Iterator[ClipWarning]:
    """Warnings and refusals that the images alone give."""
    if evidence.contrast < EMPTY_GREY:
        yield warn("blank")
        return
    rate = evidence.mean_fps
    if evidence.frames == 1 or evidence.still_fraction > STILL_CLIP:
        yield warn("still_image")
    elif _slower(rate, MIN_FPS):
        yield warn("frame_rate_too_low", fps=rate)
    elif evidence.duration_s < MIN_DURATION_S:
        yield warn("too_short", duration=evidence.duration_s)
    elif evidence.still_fraction > FROZEN_SHARE:
        yield warn("frozen", share=evidence.still_fraction)
    elif evidence.still_fraction > PARTLY_FROZEN_SHARE:
        yield warn("partly_frozen", share=evidence.still_fraction)
    elif rate >= ORDERED_FPS and evidence.duration_s >= ORDERED_S and evidence.disorder > DISORDER:
        still = evidence.moved < STILL_MOVED
        yield warn("still_image") if still else warn("frames_out_of_order", share=evidence.disorder)
    reason = _unlike_ultrasound(evidence)
    if reason:
        yield warn("not_ultrasound", reason=reason)
    elif evidence.surroundings < SURROUNDED:
        doubt = "there is little speckle" if evidence.grain < SURE_GRAIN_FULL else "there is speckle up to the edges"
        yield warn("unusual_image", reason=doubt)
    if evidence.colour_fraction > COLOUR_REFUSED:
        yield warn("colour_doppler", share=evidence.colour_fraction)
    elif evidence.colour_fraction > COLOUR_PRESENT:
        yield warn("colour_present", share=evidence.colour_fraction)


def _slower(fps: float, limit: float) -> bool:
    return fps < limit * (1 - RATE_TOLERANCE)


def _unlike_ultrasound(evidence: ClipEvidence) -> str | None:
    """Why the images cannot be ultrasound; None where they can."""
    if evidence.smoothness < MIN_SMOOTHNESS:
        return "neighbouring pixels have nothing to do with each other, as in noise or text"
    if evidence.coherence < MIN_COHERENCE:
        return "a frame has nothing to do with the next one"
    if evidence.paper > MAX_PAPER:
        return "most of it is one light grey, as on a page"
    sector = evidence.surroundings >= SURROUNDED
    if evidence.grain < (MIN_GRAIN_SECTOR if sector else MIN_GRAIN_FULL):
        return "there is no speckle, as in a photograph or a drawing"
    return None


@dataclass(frozen=True)
class Contours:
    """What the contours of a clip are like: each gives a warning, and a factor of the score.

    Attributes
    ----------
    seen : share (0-1) of frames with a ventricle; where it is below `SEEN_REFUSED`, the rest is not looked at.
    confidence : median over these.
    size : share (0-1) of the picture that the ventricle covers, median.
    rough, jumps, border : see `roughness`, `jump_share`, `border_share`.
    """

    seen: float
    confidence: float = 0.0
    size: float = 0.0
    rough: float = 0.0
    jumps: float = 0.0
    border: float = 0.0

    @classmethod
    def of(cls, clip: Clip, evidence: ClipEvidence, masks: LVMasks, curve: VolumeCurve) -> Contours:
        """Look at them once."""
        seen = np.isfinite(curve.volume)
        if seen.mean() < SEEN_REFUSED:
            return cls(float(seen.mean()))
        return cls(
            seen=float(seen.mean()),
            confidence=float(np.median(masks.confidence[seen])),
            size=_size(clip, evidence, curve),
            rough=roughness(curve),
            jumps=jump_share(curve),
            border=border_share(masks.lv, picture_edges(*screen(clip.frames))),
        )

    @property
    def plausible_size(self) -> bool:
        return SIZE_RANGE[0] <= self.size <= SIZE_RANGE[1]


def _of_ventricle(contours: Contours, calibrated: bool) -> Iterator[ClipWarning]:
    """What the contours say."""
    if contours.seen < SEEN_REFUSED:
        yield warn("no_left_ventricle", share=contours.seen)
        return
    if contours.seen < SEEN_WARNED:
        yield warn("missing_frames", share=1 - contours.seen)
    if contours.confidence < CONFIDENCE_REFUSED:
        yield warn("low_confidence", confidence=contours.confidence)
    elif contours.confidence < CONFIDENCE_WARNED:
        yield warn("uncertain_contour", confidence=contours.confidence)
    if not contours.plausible_size:
        yield warn("implausible_size", share=contours.size)
    if contours.rough > ROUGH:
        yield warn("unsteady_contour", share=contours.rough)
    if contours.jumps > JUMPS_WARNED:
        yield warn("ventricle_jumps", share=contours.jumps)
    if contours.border > BORDER_WARNED:
        yield warn("at_border", share=contours.border)
    if not calibrated:
        yield warn("uncalibrated")


def _of_beats(clip: Clip, beats: Sequence[Beat], rhythm: Rhythm | None) -> Iterator[ClipWarning]:
    """What the beats say, and the times in which they would be."""
    steps = np.diff(clip.times_s)
    if (gaps(clip.times_s) & (steps > LOST_STEPS * np.median(steps))).any():
        yield warn("lost_frames", gap=float(steps.max()))
    counted, estimate = counted_beats(beats), study_ef(beats)
    left_out = [beat for beat in beats if beat.ectopic or beat.post_ectopic]
    if estimate is None:
        whole = any(beat.complete or beat.half_cycle for beat in left_out)
        yield warn("no_usable_beat") if whole else warn("less_than_half_cycle")
        return
    if not any(beat.complete for beat in counted):
        yield warn("half_cycle")
    elif len(counted) == 1:
        yield warn("single_beat")
    if rhythm and rhythm.irregular and len(counted) < FEW_IRREGULAR_BEATS:
        yield warn("irregular_few_beats", beats=len(counted))
    if left_out:
        yield warn("ectopy", beats=len(left_out))
    partial = [beat for beat in beats if not beat.complete and beat not in counted]
    if partial:
        yield warn("incomplete_beats", beats=len(partial))
    spread = beat_spread(beats)
    if spread > (IRREGULAR_BEAT_SPREAD if rhythm and rhythm.irregular else BEAT_SPREAD):
        yield warn("beats_disagree", spread=spread)
    if not EF_RANGE[0] <= estimate.value <= EF_RANGE[1]:
        yield warn("implausible_ef", ef=estimate.value)
    if rhythm and not RATE_RANGE_BPM[0] <= rhythm.heart_rate_bpm <= RATE_RANGE_BPM[1]:
        yield warn("implausible_rate", rate=rhythm.heart_rate_bpm)
    if clip.fps and _slower(clip.fps, LOW_FPS):
        yield warn("low_frame_rate", fps=clip.fps)
    volumes = [beat.edv_ml for beat in counted if beat.edv_ml is not None]
    if volumes and not VOLUME_RANGE_ML[0] <= float(np.median(volumes)) <= VOLUME_RANGE_ML[1]:
        yield warn("implausible_volume", volume=float(np.median(volumes)))


def _of_shape(curve: VolumeCurve, beats: Sequence[Beat], contrast: float | None) -> Iterator[ClipWarning]:
    """What wall and apex say."""
    if contrast is not None and contrast < POOR_CONTRAST:
        yield warn("poor_wall", contrast=contrast)
    short = foreshortening(curve, beats)
    if short is not None and short > FORESHORTENED:
        yield warn("foreshortened", index=short)


def _soundness(contours: Contours, clip: Clip, evidence: ClipEvidence, beats: Sequence[Beat]) -> float:
    """Product of one factor (0-1) for each thing that phantoms hardly show, and that spoils a clip."""
    estimate = study_ef(beats)
    plausible = estimate is not None and EF_RANGE[0] <= estimate.value <= EF_RANGE[1]
    factors = (
        _ramp(contours.confidence, CONFIDENCE_REFUSED - 0.05, CONFIDENCE_WARNED),
        _ramp(contours.seen, 0.0, SEEN_WARNED),
        1 - 0.9 * _ramp(contours.rough, 0.5 * ROUGH, VERY_ROUGH),
        1 - 0.7 * _ramp(contours.jumps, 0.0, 4 * JUMPS_WARNED),
        1 - 0.5 * contours.border,
        1.0 if contours.plausible_size else 0.4,
        1.0 if plausible else 0.3,
        1 - _ramp(evidence.still_fraction, PARTLY_FROZEN_SHARE, 1.0),
        0.8 if evidence.surroundings < SURROUNDED else 1.0,
        0.8 + 0.2 * _ramp(clip.fps or 0.0, MIN_FPS, LOW_FPS + 6),
    )
    return float(np.prod(factors))


def foreshortening(curve: VolumeCurve, beats: Sequence[Beat]) -> float | None:
    """How far the apex moves towards the base from ED to ES, plus half the roundness at ED; median over beats.

    Both relative to the long axis at ED: the motion by its length, the area by its square. None without a beat whose
    contours at ED and ES were both seen, and not only bridged.
    """
    scale = np.array(curve.spacing_mm or (1.0, 1.0))
    apex, base = curve.apex_px * scale, curve.base_px * scale
    found = []
    for beat in counted_beats(beats):
        if beat.ed_frame is None or beat.es_frame is None:
            continue
        axis = base[beat.ed_frame] - apex[beat.ed_frame]
        square = float(axis @ axis)
        if square > 0:
            motion = float((apex[beat.es_frame] - apex[beat.ed_frame]) @ axis) / square
            found.append(motion + 0.5 * float(curve.area_px[beat.ed_frame] * scale.prod()) / square)
    seen = [index for index in found if np.isfinite(index)]
    return float(np.median(seen)) if seen else None


def _ramp(value: float, low: float, high: float) -> float:
    """0 below `low`, 1 above `high`, straight in between."""
    return float(np.clip((value - low) / (high - low), 0.0, 1.0))


def _size(clip: Clip, evidence: ClipEvidence, curve: VolumeCurve) -> float:
    """Share of the picture's bounding box that the ventricle covers, median over frames."""
    _, height, width = clip.frames.shape
    return float(np.nanmedian(curve.area_px)) / max(1.0, evidence.picture * height * width)


def roughness(curve: VolumeCurve) -> float:
    """Robust spread of the volume about its smoothed curve, as a fraction of the median volume."""
    rest = np.abs(curve.volume - curve.volume_smoothed)
    if not np.isfinite(rest).any():
        return 0.0
    return 1.4826 * float(np.nanmedian(rest)) / float(np.nanmedian(curve.volume))


def beat_spread(beats: Sequence[Beat]) -> float:
    """Largest minus smallest EF of the beats that count, in points."""
    efs = [beat.ef for beat in counted_beats(beats) if beat.ef is not None]
    return max(efs) - min(efs) if efs else 0.0


def jump_share(curve: VolumeCurve) -> float:
    """Share of frames in which the contour's middle jumps by more than `JUMP` of its length."""
    rows, columns = curve.spacing_mm or (1.0, 1.0)
    middle: FloatArray = 0.5 * (curve.apex_px + curve.base_px) * np.array([rows, columns])
    steps = np.hypot(*np.diff(middle, axis=0).T) / np.nanmedian(curve.long_axis)
    steps = steps[np.isfinite(steps)]
    return float(np.mean(steps > JUMP)) if len(steps) else 0.0


def picture_edges(brightest: NDArray[np.uint8], writing: NDArray[np.bool_] | None) -> Box:
    """The frame's edges, and in their place those of a picture between black bars that are cut off for the networks.

    A bar leaves a straight edge; beside a sector, which is bounded by an arc, the frame's edge is asked.
    """
    frame: Box = (0, 0, *brightest.shape)
    top, left, bottom, right = box = picture_box(brightest, writing)
    lit = brightest[top:bottom, left:right] > DARK
    straight = (share > STRAIGHT for share in (lit[0].mean(), lit[:, 0].mean(), lit[-1].mean(), lit[:, -1].mean()))
    top, left, bottom, right = (
        edge if barred else outer for edge, outer, barred in zip(box, frame, straight, strict=True)
    )
    return top, left, bottom, right


def border_share(masks: FrameStack, edges: Box) -> float:
    """Share of frames in which the mask touches an edge of the picture, (top, left, bottom, right)."""
    top, left, bottom, right = edges
    touching = 0
    for _, block in masks.blocks():
        rows = block[:, : top + 1].any(axis=(1, 2)) | block[:, bottom - 1 :].any(axis=(1, 2))
        columns = block[:, :, : left + 1].any(axis=(1, 2)) | block[:, :, right - 1 :].any(axis=(1, 2))
        touching += int(np.count_nonzero(rows | columns))
    return touching / max(1, len(masks))
