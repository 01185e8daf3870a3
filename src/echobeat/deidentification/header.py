"""A header without its patient: allowed attributes, pseudonyms, moved or empty dates, and what was done to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes
from pydicom.uid import UltrasoundMultiFrameImageStorage

from echobeat import __version__
from echobeat.deidentification.allow_list import ATTRIBUTES, CHARACTERISTICS, REGION, code_item, filtered
from echobeat.deidentification.pseudonyms import Pseudonyms

Dates = Literal["remove", "shift"]
DATES: tuple[Dates, ...] = get_args(Dates)

MOMENTS = ("Study", "Series", "Acquisition", "Content")
"""Each has a date and a time; they are moved together."""

_IDENTITY = ("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "StudyInstanceUID", "SOPInstanceUID")
READ = (
    *(*ATTRIBUTES, *CHARACTERISTICS, *_IDENTITY),
    *(f"{moment}{part}" for moment in MOMENTS for part in ("Date", "Time")),
)
"""What is parsed of a source; the rest is passed over unread."""

LONGEST = 1024
"""Characters of an identifier that the mapping holds at most; DICOM allows 64 (PS3.5, 6.2), damaged files hold more."""

_EMPTY = ("AccessionNumber", "ReferringPhysicianName", "StudyID", "PatientBirthDate", "PatientOrientation")
"""Attributes of type 2 of the ultrasound objects (PS3.3, A.6.3 and A.7.3): present, but empty."""

WRITTEN = frozenset(
    {
        *(*ATTRIBUTES, *CHARACTERISTICS, *REGION, *_EMPTY),
        *("PatientID", "PatientName", "PatientIdentityRemoved", "DeidentificationMethod"),
        *("DeidentificationMethodCodeSequence", "LongitudinalTemporalInformationModified"),
        *("CodeValue", "CodingSchemeDesignator", "CodeMeaning"),
        *(f"{moment}{part}" for moment in MOMENTS for part in ("Date", "Time")),
        *("FrameTime", "FrameTimeVector", "FrameIncrementPointer"),
        *("ImageType", "BurnedInAnnotation", "PixelData", "Rows", "Columns", "BitsAllocated"),
        *("BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel", "PlanarConfiguration"),
        "PhotometricInterpretation",
    }
)
"""Every attribute that may stand in an output, at any depth."""


@dataclass(frozen=True)
class Policy:
    """What the user chose.

    Attributes
    ----------
    dates : "remove" empties them; "shift" moves all of a patient's by the same secret time, which keeps intervals.
    characteristics : keep sex, age, size and weight.
    """

    dates: Dates = "remove"
    characteristics: bool = False


@dataclass(frozen=True)
class Identity:
    """Pseudonyms of one instance, and what they stand for.

    Attributes
    ----------
    patient, study, instance : pseudonyms.
    originals : what they stand for, in that order; for the user's mapping only.
    """

    patient: str
    study: str
    instance: str
    originals: tuple[str, str, str]

    def mapping(self) -> Iterator[tuple[str, str, str]]:
        """Rows for the user's mapping: kind, original, pseudonym."""
        pairs = zip(
            ("patient", "study", "instance"), self.originals, (self.patient, self.study, self.instance), strict=True
        )
        return ((kind, original, pseudonym) for kind, original, pseudonym in pairs)


def identify(source: Dataset, source_hash: str, pseudonyms: Pseudonyms) -> Identity:
    """Name an instance. The patient is who has the same Patient ID and issuer, else the same name and birth date.

    Where there is neither, each study is a patient of its own; `source_hash` stands in for missing UIDs, and a keyed
    hash for what is longer than `LONGEST`.
    """
    patient_id, issuer, name, birth, study, instance = (
        _held(_text(source, keyword), pseudonyms) for keyword in _IDENTITY
    )
    study = study or f"study of {source_hash}"
    instance = instance or source_hash
    if patient_id:
        patient = f"{issuer}|{patient_id}" if issuer else patient_id
    else:
        patient = f"{name}|{birth}" if name else study
    return Identity(
        pseudonyms.name("patient", patient),
        pseudonyms.name("study", study),
        pseudonyms.name("instance", f"{instance}|{source_hash}"),  # files that share a UID keep apart
        (patient, study, instance),
    )


def _held(text: str, pseudonyms: Pseudonyms) -> str:
    return text if len(text) <= LONGEST else pseudonyms.source_hash([text.encode("utf-8", "surrogateescape")])


def _text(source: Dataset, keyword: str) -> str:
    try:
        return str(source.get(keyword) or "").strip("\0 ")
    except Exception:  # noqa: BLE001  pydicom parses values late, and raises what it likes on damaged ones
        return ""


def clean_header(source: Dataset, identity: Identity, pseudonyms: Pseudonyms, policy: Policy) -> Dataset:
    """Make the header of the output, without pixels, frame times and the word on burnt-in text.

    Parameters
    ----------
    source : Dataset
        Left as it is.
    identity : Identity
        From `identify`.
    pseudonyms : Pseudonyms
    policy : Policy

    Returns
    -------
    Dataset
        Only ASCII; every attribute is one of `WRITTEN`.
    """
    made = filtered(source, ATTRIBUTES | (CHARACTERISTICS if policy.characteristics else {}), pseudonyms)
    for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        if keyword not in made:
            setattr(made, keyword, pseudonyms.uid(f"{keyword} of {identity.originals[1]} {identity.originals[2]}"))
    made.SOPClassUID = made.get("SOPClassUID") or UltrasoundMultiFrameImageStorage
    made.Modality = made.get("Modality") or "US"
    made.PatientID = made.PatientName = identity.patient
    for keyword in (*_EMPTY, "PatientSex"):
        if keyword not in made:
            setattr(made, keyword, "")
    for keyword in ("Manufacturer", "SeriesNumber", "InstanceNumber"):
        if keyword not in made:
            setattr(made, keyword, None)
    shift = timedelta(seconds=pseudonyms.shift_s(identity.originals[0])) if policy.dates == "shift" else None
    _date(made, source, shift)
    made.ImageType = ["DERIVED", "PRIMARY"]
    made.PatientIdentityRemoved = "YES"
    made.DeidentificationMethod = [f"echobeat {__version__}", "allow-list of attributes, PS3.15 2026c"]
    return made


def _date(made: Dataset, source: Dataset, shift: timedelta | None) -> None:
    made.StudyDate = made.StudyTime = ""
    made.LongitudinalTemporalInformationModified = "MODIFIED" if shift else "REMOVED"
    for moment in MOMENTS:
        stated = _moment(_text(source, f"{moment}Date"), _text(source, f"{moment}Time")) if shift else None
        if stated is None or shift is None:
            continue
        try:
            moved = stated - shift
        except OverflowError:
            continue
        setattr(made, f"{moment}Date", moved.strftime("%Y%m%d"))
        setattr(made, f"{moment}Time", moved.strftime("%H%M%S"))


def _moment(date: str, time: str) -> datetime | None:
    """A date and a time of DICOM (PS3.5, 6.2); midnight where the time is missing, None where the date is."""
    try:
        return datetime.strptime(date + (time.split(".")[0] + "000000")[:6], "%Y%m%d%H%M%S")
    except ValueError:
        return None


def declare(made: Dataset, policy: Policy, *, pixels_verified: bool) -> None:
    """Say in the file what was done (PS3.15, E.1.1 and CID 7050), and whether text is burnt in.

    ``BurnedInAnnotation`` is NO, and the Clean Pixel Data Option claimed, only where `pixels_verified`.
    """
    done = [codes.DCM.BasicApplicationConfidentialityProfile]
    if pixels_verified:
        done.append(codes.DCM.CleanPixelDataOption)
    if policy.dates == "shift":
        done.append(codes.DCM.RetainLongitudinalTemporalInformationModifiedDatesOption)
    if policy.characteristics:
        done.append(codes.DCM.RetainPatientCharacteristicsOption)
    items = [code_item(code.value, code.scheme_designator, code.meaning) for code in done]
    made.DeidentificationMethodCodeSequence = Sequence(items)
    made.BurnedInAnnotation = "NO" if pixels_verified else "YES"


def strangers(written: Dataset) -> list[str]:
    """The attributes of an output, at any depth, that have no business there; for checking what was written."""
    return [str(element.tag) for element in _walk(written) if element.keyword not in WRITTEN]


def _walk(data: Dataset) -> Iterator[Any]:
    for element in data:
        yield element
        if element.VR == "SQ":
            items: Iterable[Dataset] = element.value
            for item in items:
                yield from _walk(item)
