"""The records that travel between the stages: frozen, and valid once constructed.

::

    Clip  ->  LVMasks  ->  VolumeCurve  ->  tuple[Beat, ...]  ->  Result
    (sources)  (models)     (measure)        (measure)            (pipeline)

`Result` and what it holds is what ``result.json`` says, field by field; the JSON Schema is made from
the classes here. Frames count from 0, times are seconds from the first frame, EF is in percent, a value
that is not known is ``None``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from echobeat.errors import InvalidClip
from echobeat.frames import FrameStack

SCHEMA_VERSION = "1.3"

MIN_SIDE_PX = 16
"""A frame smaller than this holds no ventricle; decoders also misbehave on such sizes."""

Spacing = tuple[float, float]
"""Pixel spacing in mm: (row: distance between rows, column: distance between columns)."""

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ClipWarning:
    """Something the reader of a result must know. `code` is stable; the docs list all codes."""

    code: Annotated[str, Field(description="stable, machine-readable; listed in the docs")]
    message: Annotated[str, Field(description="one sentence for a person")]


@dataclass(frozen=True)
class Clip:
    """An ultrasound clip: what every source is turned into.

    Attributes
    ----------
    frames : FrameStack
        (frames, height, width), uint8, grey, 0-255, row 0 on top.
    times_s : ndarray
        (frames,), float64, seconds from the first frame, strictly increasing.
    spacing_mm : (row, column) or None
        Pixel spacing in mm; None where the source is not calibrated.
    source : str
        The source as the user named it.
    colour_fraction : float
        Mean fraction of pixels that are clearly coloured (0-1): high in colour Doppler.
    warnings : tuple of ClipWarning
        What the reader of the file found worth saying.

    Raises
    ------
    InvalidClip
        No frames, frames under 16 x 16, times not increasing, spacing not positive.
    """

    frames: FrameStack
    times_s: FloatArray
    spacing_mm: Spacing | None
    source: str
    colour_fraction: float = 0.0
    warnings: tuple[ClipWarning, ...] = ()

    def __post_init__(self) -> None:
        count, height, width = self.frames.shape
        if count == 0:
            raise InvalidClip(self.source, "it holds no frames", "Check the recording", "no_frames")
        if min(height, width) < MIN_SIDE_PX:
            raise InvalidClip(
                self.source,
                f"its frames are {height} x {width} pixels",
                f"At least {MIN_SIDE_PX} x {MIN_SIDE_PX} are needed",
                "size",
            )
        if self.times_s.shape != (count,) or not np.all(np.isfinite(self.times_s)):
            raise InvalidClip(
                self.source, "its frame times do not fit its frames", "Give the frame rate (--fps, or fps=)"
            )
        if count > 1 and not np.all(np.diff(self.times_s) > 0):
            raise InvalidClip(self.source, "its frame times do not increase", "Give the frame rate (--fps, or fps=)")
        if self.spacing_mm is not None and not all(np.isfinite(s) and s > 0 for s in self.spacing_mm):
            raise InvalidClip(
                self.source,
                f"its pixel spacing {self.spacing_mm} is not positive",
                "Give it (--spacing-mm, or spacing_mm=)",
            )

    @property
    def fps(self) -> float | None:
        """Frames a second: the median rate; None for a single frame."""
        return 1.0 / float(np.median(np.diff(self.times_s))) if len(self.times_s) > 1 else None


@dataclass(frozen=True)
class LVMasks:
    """The left ventricle's cavity in every frame.

    Attributes
    ----------
    lv : FrameStack
        (frames, height, width), bool, at the source's size.
    confidence : ndarray
        (frames,), float64, 0-1: Dice overlap of the network's probabilities with the mask made of them:
        1 where it is decided everywhere, 0 where it sees no ventricle.
    """

    lv: FrameStack
    confidence: FloatArray


@dataclass(frozen=True)
class VolumeCurve:
    """What is measured on every frame; all arrays (frames,) float64, NaN where no ventricle is seen.

    Attributes
    ----------
    times_s : seconds from the first frame.
    area_px : LV cavity area in pixels.
    area_cm2 : the same in cm2; None where uncalibrated.
    apex_px, base_px : (frames, 2), (row, column) of the apex and of the middle of the mitral plane.
    long_axis : apex to the middle of the mitral plane, in mm where calibrated, otherwise in pixels.
    volume : single-plane method of disks, in ml where calibrated, otherwise in cubic pixels.
    volume_smoothed : the same, smoothed in time; beats are found and volumes are read on it.
    spacing_mm : as in `Clip`.
    """

    times_s: FloatArray
    area_px: FloatArray
    area_cm2: FloatArray | None
    apex_px: FloatArray
    base_px: FloatArray
    long_axis: FloatArray
    volume: FloatArray
    volume_smoothed: FloatArray
    spacing_mm: Spacing | None

    @property
    def calibrated(self) -> bool:
        """True where volumes are in ml."""
        return self.spacing_mm is not None


Phase = Literal["ED", "ES", "systole", "diastole", ""]


@dataclass(frozen=True)
class Beat:
    """One heartbeat, from end-diastole over end-systole to the next end-diastole."""

    index: Annotated[int, Field(description="counts from 0, in order of time")]
    ed_frame: Annotated[int | None, Field(description="end-diastole: last frame before ejection")]
    es_frame: Annotated[int | None, Field(description="end-systole: the smallest volume, or one within noise of it")]
    end_frame: Annotated[int | None, Field(description="the next end-diastole, where the beat ends")]
    complete: Annotated[bool, Field(description="both end-diastoles and the end-systole were seen")]
    half_cycle: Annotated[bool, Field(description="only the ejection was recorded, or only the filling")]
    ectopic: Annotated[bool, Field(description="premature beat; left out of the mean")]
    post_ectopic: Annotated[bool, Field(description="the beat after a premature one; left out of the mean")]
    heart_rate_bpm: Annotated[float | None, Field(description="60 / duration of the beat in s")]
    edv_ml: Annotated[float | None, Field(description="end-diastolic volume; null where uncalibrated")]
    esv_ml: Annotated[float | None, Field(description="end-systolic volume; null where uncalibrated")]
    edv_px3: Annotated[float | None, Field(description="end-diastolic volume in cubic pixels")]
    esv_px3: Annotated[float | None, Field(description="end-systolic volume in cubic pixels")]
    ef: Annotated[float | None, Field(description="ejection fraction in percent, unrounded")]
    ef_low: Annotated[float | None, Field(description="lower end of the 90 % interval; null: none, or refused")]
    ef_high: Annotated[float | None, Field(description="upper end of the 90 % interval; null: none, or refused")]
    ef_geometric: Annotated[
        float | None, Field(description="EF of edv and esv, where a calibrated network reads the video, too; else null")
    ] = None
    ef_video: Annotated[float | None, Field(description="what a video network reads; null without one")] = None

    @property
    def counts(self) -> bool:
        """True where the beat enters the study's EF."""
        usable = self.complete or self.half_cycle
        return usable and self.ef is not None and not (self.ectopic or self.post_ectopic)

    @property
    def contours_ef(self) -> float | None:
        """EF from the contours, whether or not `ef` combines it with the video's."""
        return self.ef if self.ef_geometric is None else self.ef_geometric


@dataclass(frozen=True)
class Reading:
    """What a video network says of one beat.

    Attributes
    ----------
    ef : float
        Percent.
    sd : float or None
        Deviation that the network gives for it, in points of EF; None where it gives none.
    """

    ef: float
    sd: float | None = None


@dataclass(frozen=True)
class Estimate:
    """An EF with its interval."""

    value: Annotated[float, Field(description="percent, unrounded")]
    low: Annotated[float | None, Field(description="lower end of the 90 % interval; null: none, or refused")]
    high: Annotated[float | None, Field(description="upper end of the 90 % interval; null: none, or refused")]


Method = Literal["geometric", "video", "combined"]


@dataclass(frozen=True)
class StudyEstimate(Estimate):
    """The study's EF and how it was obtained."""

    method: Annotated[
        Method,
        Field(
            description='"geometric": of the volumes; "video": what a network reads; "combined": beat by beat a mean '
            "of both"
        ),
    ]
    calibrated_on: Annotated[
        str | None, Field(description="what the interval was calibrated on; null: not calibrated, or not known")
    ] = None
    video_weight: Annotated[
        float | None,
        Field(description="0-1, weight of the video in each beat's EF, the volumes have the rest; null: none was set"),
    ] = None


@dataclass(frozen=True)
class IndexBeat:
    """The one beat that stands for the average of an irregular rhythm."""

    beat: Annotated[int, Field(description="its `index` among `beats`")]
    ef: Annotated[float, Field(description="its EF in percent, unrounded")]


Category = Literal["reduced", "mildly reduced", "not reduced"]


@dataclass(frozen=True)
class Rhythm:
    """Rate and regularity over the complete beats."""

    heart_rate_bpm: Annotated[float, Field(description="60 / mean R-R interval in s")]
    rr_cv: Annotated[float | None, Field(description="standard deviation / mean of the R-R intervals")]
    irregular: Annotated[bool | None, Field(description="null with fewer than three intervals")]


@dataclass(frozen=True)
class Quality:
    """How far the clip can be trusted."""

    score: Annotated[float, Field(ge=0, le=1, description="0 worst, 1 best")]
    accepted: Annotated[bool, Field(description="false: the product will not give an EF for this clip")]
    warnings: Annotated[tuple[ClipWarning, ...], Field(description="refusals first")]


@dataclass(frozen=True)
class ModelUsed:
    """A model that took part in the result."""

    name: Annotated[str, Field(description="as in the list of models, or of a training run")]
    version: Annotated[str, Field(description="of its weights, as on its card")]
    hash: Annotated[str, Field(description="SHA-256 of the model file")]
    licence: Annotated[str, Field(description="of its weights, as on its card; other than the code's for some")]
    calibration: Annotated[
        str | None, Field(description="SHA-256 of the calibration that its intervals come from; null: it gives none")
    ] = None


@dataclass(frozen=True)
class ClipFacts:
    """The clip in numbers."""

    frames: Annotated[int, Field(description="number of frames that were read")]
    fps: Annotated[float | None, Field(description="median frame rate in 1/s; null for a single frame")]
    height: Annotated[int, Field(description="pixels, of the source")]
    width: Annotated[int, Field(description="pixels, of the source")]
    spacing_mm: Annotated[Spacing | None, Field(description="[row, column] of a pixel in mm; null where uncalibrated")]


NOTICE = "Research software, not a medical device. Not for diagnosis or treatment."


@dataclass(frozen=True)
class Result:
    """Everything ``result.json`` says about one clip."""

    source: Annotated[str, Field(description="the input as named by the user")]
    models: Annotated[tuple[ModelUsed, ...], Field(description="all that took part: contours, video, view")]
    clip: Annotated[ClipFacts, Field(description="the clip in numbers")]
    beats: Annotated[tuple[Beat, ...], Field(description="every beat that was found, in order of time")]
    ef: Annotated[StudyEstimate | None, Field(description="null where the product will not judge")]
    ef_geometric: Annotated[
        Estimate | None, Field(description="the study's EF from the beats' volumes alone; null where no beat counts")
    ]
    ef_video: Annotated[
        Estimate | None, Field(description="the study's EF as a network reads the video alone; null without one")
    ]
    ef_category: Annotated[
        Category | None, Field(description="<= 40 reduced, > 40 and < 50 mildly reduced, >= 50 not reduced")
    ]
    probability_below: Annotated[
        dict[Literal["35", "40", "50"], float] | None,
        Field(description="0-1, that the true EF lies below; not measured beyond 0.01 and 0.99; null: not calibrated"),
    ]
    rhythm: Annotated[
        Rhythm | None, Field(description="null where no beat is complete, and for a clip that is refused an EF")
    ]
    quality: Annotated[Quality, Field(description="how far the clip can be trusted")]
    ef_spread: Annotated[
        float | None,
        Field(description="standard deviation of the counted beats' EF, in points; null with fewer than two"),
    ] = None
    index_beat: Annotated[
        IndexBeat | None,
        Field(description="in an irregular rhythm, the beat after two R-R intervals that are alike; null without one"),
    ] = None
    schema_version: Annotated[str, Field(description="of these fields; changes with a field's name or meaning")] = (
        SCHEMA_VERSION
    )
    notice: Annotated[str, Field(description="what the result is not for; to be shown with it")] = NOTICE


@dataclass(frozen=True)
class Assessment:
    """A `Result` with the arrays behind it: what `echobeat.analyze` returns.

    The fields of the result are also at hand directly, e.g. ``assessment.ef``.
    """

    result: Result
    clip: Clip
    masks: LVMasks
    curve: VolumeCurve
    phases: tuple[Phase, ...] = field(repr=False)
    readings: tuple[Reading | None, ...] = field(default=(), repr=False)
    """What the video network said of each beat; empty without one."""

    @property
    def ef(self) -> StudyEstimate | None:
        """The study's EF; None where the product will not judge."""
        return self.result.ef

    @property
    def beats(self) -> tuple[Beat, ...]:
        """All beats, in order of time."""
        return self.result.beats

    @property
    def quality(self) -> Quality:
        """Score, verdict and warnings."""
        return self.result.quality
