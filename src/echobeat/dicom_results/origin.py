"""The source's header: the patient and study that the results belong to, and how they refer to the clip."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom import Dataset
from pydicom.config import RAISE
from pydicom.datadict import dictionary_VR
from pydicom.errors import InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.uid import UID
from pydicom.valuerep import DA, TM, validate_value

from echobeat.errors import InvalidClip, UnreadableFile, UnsupportedFile
from echobeat.records import Clip
from echobeat.sources.recording import quiet_libraries

UNKNOWN_DATE, UNKNOWN_TIME = "19000101", "000000"
"""Where the source has no date at all (it was de-identified, say), but the result needs one."""

PATIENT = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex")
STUDY = ("StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber")
"""Attributes of type 2 that every result has, empty where the source has none (PS3.3 C.7.1.1, C.7.2.1)."""

FURTHER = ("IssuerOfPatientID", "StudyDescription", "PatientAge", "PatientSize", "PatientWeight")
"""Attributes of type 3 that a result takes over where the source has them."""

SEVERAL = ("LossyImageCompressionRatio", "LossyImageCompressionMethod")
"""A value for each compression that the pixels went through, the first one first (PS3.3 C.7.6.1.1.5)."""

LOSSY = ("LossyImageCompression", *SEVERAL)
"""What was lost of the pixels before; results made from them say so, too."""

FACTS = (
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "Modality",
    "InstanceNumber",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BurnedInAnnotation",
    *LOSSY,
    "ContentDate",
    "ContentTime",
    "AcquisitionDate",
    "AcquisitionTime",
    "SeriesDate",
    "SeriesTime",
    "TimezoneOffsetFromUTC",
)
"""What the results say about the clip itself, or copy from it."""

NUMBERS = ("InstanceNumber", "NumberOfFrames", "Rows", "Columns")

_UIDS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")


@dataclass(frozen=True)
class Origin:
    """The DICOM instance that a clip was read from.

    Attributes
    ----------
    header : Dataset
        `PATIENT`, `STUDY` and the UIDs, always there; `FURTHER` and the rest of `FACTS` where the source has them.
        Text is Unicode.
    """

    header: Dataset

    @property
    def sop_class(self) -> str:
        """SOP Class UID of the clip."""
        return str(self.header.SOPClassUID)

    @property
    def sop_instance(self) -> str:
        """SOP Instance UID of the clip."""
        return str(self.header.SOPInstanceUID)

    @property
    def study(self) -> str:
        """Study Instance UID."""
        return str(self.header.StudyInstanceUID)

    @property
    def instance_number(self) -> int:
        """Of the clip in its series; 1 where the source has none."""
        return int(self.header.get("InstanceNumber") or 1)

    @property
    def compressions(self) -> tuple[tuple[str, str], ...]:
        """Ratio and method of each lossy compression that the source states, in order; none where the two disagree."""
        ratios, methods = (_texts(self.header.get(name)) for name in SEVERAL)
        return tuple(zip(ratios, methods, strict=True)) if len(ratios) == len(methods) else ()

    @property
    def date(self) -> str:
        """When the clip was recorded, ``YYYYMMDD``; the results carry it, so that a repeat is the same object."""
        return self._moment()[0]

    @property
    def time(self) -> str:
        """The time of `date`, ``HHMMSS``."""
        return self._moment()[1]

    def _moment(self) -> tuple[str, str]:
        for event in ("Acquisition", "Content", "Series", "Study"):
            date = str(self.header.get(f"{event}Date") or "")
            if date:
                return date, str(self.header.get(f"{event}Time") or UNKNOWN_TIME)
        return UNKNOWN_DATE, UNKNOWN_TIME

    def has_frames_of(self, clip: Clip) -> bool:
        """True where a frame of the clip and the source's frame of that number are the same.

        Not so where frames were lost on the way; the results then refer to the whole instance.
        """
        stated = int(self.header.get("NumberOfFrames") or 1)
        size = (int(self.header.get("Rows") or 0), int(self.header.get("Columns") or 0))
        return (stated, *size) == clip.frames.shape


def read_origin(path: Path, source: str) -> Origin:
    """Read a file's header.

    Parameters
    ----------
    path : Path
    source : str
        The file as the user named it, for errors.

    Raises
    ------
    UnsupportedFile
        It is no DICOM file: there is no study that the results could belong to.
    UnreadableFile
        Its header is damaged.
    InvalidClip
        It lacks a UID, or has one that is none.
    """
    try:
        with quiet_libraries(), path.open("rb") as file:
            read = pydicom.dcmread(file, stop_before_pixels=True, force=_lacks_preamble(path))
            header = _copied(read)
    except InvalidDicomError as error:
        raise UnsupportedFile(
            source, "it is no DICOM file, so there is no study that DICOM results could belong to", "Leave out --dicom"
        ) from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError, LookupError, NotImplementedError) as error:
        raise UnreadableFile(source, "its DICOM header is damaged", "Leave out --dicom, or export it again") from error
    for name in _UIDS:
        if not UID(str(header.get(name) or "")).is_valid:
            raise InvalidClip(
                source, f"its {name} is missing or not valid, so results cannot refer to it", "Leave out --dicom"
            )
    return Origin(header)


def _lacks_preamble(path: Path) -> bool:
    """True for the older form of DICOM files that begin with group 0002 or 0008, which pydicom reads by force."""
    with path.open("rb") as file:
        head = file.read(132)
    return head[128:132] != b"DICM" and head[:2] in (b"\x08\x00", b"\x02\x00", b"\x00\x08", b"\x00\x02")


def _copied(read: Dataset) -> Dataset:
    header = Dataset()
    for name in (*PATIENT, *STUDY, *FURTHER, *FACTS):
        texts = _texts(read.get(name))[: None if name in SEVERAL else 1]
        if texts and all(text and _valid(name, text) for text in texts):
            setattr(header, name, [int(text) if name in NUMBERS else text for text in texts])
        elif name in (*PATIENT, *STUDY):
            setattr(header, name, "")
    return header


def _texts(value: object) -> list[str]:
    """An attribute's values as text."""
    values = value if isinstance(value, MultiValue) else [] if value is None else [value]
    return [str(each).strip() for each in values]


def _valid(name: str, text: str) -> bool:
    """False for a date, time, number, age, sex or compression that is none: the result does not repeat it.

    Names and identifiers are repeated whatever they are: archives find the patient and the study by them.
    """
    if name in NUMBERS:
        return text.isdecimal() and 0 < int(text) < 2**31
    if name == "PatientSex":
        return text in ("M", "F", "O")
    if name == "LossyImageCompression":
        return text in ("00", "01")
    vr = dictionary_VR(name)
    try:
        if vr in ("DA", "TM"):
            return bool(DA(text) if vr == "DA" else TM(text))
        if vr in ("DS", "AS") or name in SEVERAL:
            validate_value(vr, text, RAISE)
    except ValueError:
        return False
    return vr != "DS" or math.isfinite(float(text))
