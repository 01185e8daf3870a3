"""UIDs and places of the results: they follow from the source's UIDs and from what made the result.

The same clip, analysed again by the same version, models, frame rate and spacing, gives objects of the same UIDs and
bytes, whatever other clips are analysed with it, so that a result sent twice is one object in the archive. Another
version, model, rate or spacing gives other UIDs (PS3.5, 9).

What runs the networks is not told apart: ONNX Runtime and OpenVINO agree to the last digits but not in all bits,
OpenVINO in bfloat16 less so. Results that share an archive should come from one of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from pydicom.uid import UID, generate_uid

from echobeat import __version__
from echobeat.dicom_results.origin import Origin
from echobeat.records import Result

MANUFACTURER = "echobeat"


class Kind(Enum):
    """The kinds of result: name of the file, series description, and offset of the series number."""

    REPORT = ("report", "echobeat LV measurements", 0)
    SEGMENTATION = ("segmentation", "echobeat LV segmentation", 1)
    CAPTURE = ("overlay", "echobeat overlay", 2)
    DOCUMENT = ("page", "echobeat page", 3)
    ECHO_REPORT = ("echo-report", "echobeat LV measurements, simplified", 4)

    @property
    def file_name(self) -> str:
        """Stem of the file's name."""
        return self.value[0]

    @property
    def series_description(self) -> str:
        """Says what it is, and that it is for research."""
        return f"{self.value[1]} (research only)"

    @property
    def series_number(self) -> int:
        """Series numbers far above those that scanners give."""
        return 9100 + self.value[2]


@dataclass(frozen=True)
class Reported:
    """One clip with its result: what a report is made of.

    Attributes
    ----------
    origin : Origin
    result : Result
    frames_agree : bool
        The clip's frames are the source's, so that frame numbers may be given.
    """

    origin: Origin
    result: Result
    frames_agree: bool


@dataclass(frozen=True)
class Identity:
    """The UIDs of one result.

    Attributes
    ----------
    series, instance : UID
    kind : Kind
    instance_number : int
        Place within its series.
    """

    series: UID
    instance: UID
    kind: Kind
    instance_number: int


def identify(kind: Kind, clips: Sequence[Reported]) -> Identity:
    """Identity of the result of a kind about some clips of one study; each kind has a series of its own a study.

    What belongs to one clip has the clip's instance number: a place among other clips would make it another content.
    """
    made_by = [made_of(clip) for clip in clips]
    study = clips[0].origin.study
    return Identity(
        series=_uid("series", kind.name, study, __version__),
        instance=_uid("instance", kind.name, *made_by),
        kind=kind,
        instance_number=1 if kind is Kind.REPORT else clips[0].origin.instance_number,
    )


def tracking_uid(clip: Reported, what: str) -> UID:
    """The UID under which a group of measurements is tracked."""
    return _uid("tracking", what, made_of(clip))


def device_uid(result: Result) -> UID:
    """The UID of the observer: this version with these models."""
    return _uid("device", __version__, *(model.hash for model in result.models))


def made_of(clip: Reported) -> str:
    """Everything that the content of a result follows from, as text."""
    result = clip.result
    return json.dumps(
        {
            "source": clip.origin.sop_instance,
            "echobeat": __version__,
            "frames": result.clip.frames,
            "models": [(model.name, model.hash, model.calibration) for model in result.models],
            "fps": None if result.clip.fps is None else round(result.clip.fps, 6),
            "spacing_mm": result.clip.spacing_mm,
        },
        sort_keys=True,
    )


def _uid(*parts: str) -> UID:
    return UID(generate_uid(entropy_srcs=list(parts)))
