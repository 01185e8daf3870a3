"""The attributes that survive, and in which form. Whatever is not here is gone, at every depth.

No text passes: a value is a number within bounds, a word out of a fixed list, a code out of pydicom's dictionaries,
or made by us. So nothing that somebody typed can come through, whatever attribute it was typed into.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pydicom import Dataset
from pydicom.multival import MultiValue
from pydicom.sr.codedict import codes

from echobeat.deidentification.pseudonyms import Pseudonyms
from echobeat.sources.dicom.header import ULTRASOUND_CLASSES


class Rule(Protocol):
    """What becomes of a value."""

    def __call__(self, value: Any, pseudonyms: Pseudonyms) -> Any:
        """The value as it may be written; None removes the attribute."""
        ...


def _items(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (MultiValue, list, tuple)) else [value]


@dataclass(frozen=True)
class Numbers:
    """A number within bounds; one that is none or lies outside, or several, remove the attribute."""

    low: float
    high: float
    whole: bool = False

    def __call__(self, value: Any, pseudonyms: Pseudonyms) -> Any:
        try:
            (number,) = (float(item) for item in _items(value))
        except (TypeError, ValueError):
            return None
        if not self.low <= number <= self.high or (self.whole and not number.is_integer()):
            return None
        return int(number) if self.whole else _short(number)


def _short(number: float) -> float:
    """At most 16 characters as a decimal string; no hidden digits."""
    return 0.0 if number == 0 else round(number, max(0, 9 - math.floor(math.log10(abs(number)))))


@dataclass(frozen=True)
class Words:
    """Words of a fixed list; the others are left out."""

    words: frozenset[str]

    def __call__(self, value: Any, pseudonyms: Pseudonyms) -> Any:
        kept = [word for word in (str(item).strip().upper() for item in _items(value)) if word in self.words]
        return kept or None


@dataclass(frozen=True)
class Known:
    """A text that names something known is replaced by that thing's name; anything else is removed."""

    names: tuple[str, ...]

    def __call__(self, value: Any, pseudonyms: Pseudonyms) -> Any:
        text = str(value).casefold()
        return next((name for name in self.names if re.search(rf"\b{re.escape(name.casefold())}\b", text)), None)


@dataclass(frozen=True)
class NewUid:
    """A UID becomes its pseudonym."""

    def __call__(self, value: Any, pseudonyms: Pseudonyms) -> Any:
        return pseudonyms.uid(str(value)) if str(value).strip() else None


@dataclass(frozen=True)
class Age:
    """An age in years, months, weeks or days; 90 and more are one group (45 CFR 164.514(b)(2)(i)(C))."""

    def __call__(self, value: Any, pseudonyms: Pseudonyms) -> Any:
        found = re.fullmatch(r"(\d{3})([DWMY])", str(value).strip())
        if not found:
            return None
        return "090Y" if found[2] == "Y" and int(found[1]) >= 90 else found[0]


@dataclass(frozen=True)
class Items:
    """A sequence whose items keep the attributes named."""

    rules: Mapping[str, Rule]

    def __call__(self, value: Any, pseudonyms: Pseudonyms) -> Any:
        items = [filtered(item, self.rules, pseudonyms) for item in value if isinstance(item, Dataset)]
        return [item for item in items if len(item)] or None


@dataclass(frozen=True)
class Codes:
    """A code sequence: only codes that a dictionary knows, with the dictionary's meaning."""

    meanings: Mapping[tuple[str, str], str]

    def __call__(self, value: Any, pseudonyms: Pseudonyms) -> Any:
        items = []
        for item in value:
            key = str(item.get("CodingSchemeDesignator", "")), str(item.get("CodeValue", ""))
            if key in self.meanings:
                items.append(code_item(key[1], key[0], self.meanings[key]))
        return items or None


def code_item(value: str, scheme: str, meaning: str) -> Dataset:
    """An item of a code sequence (PS3.3, 8.8)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def filtered(source: Dataset, rules: Mapping[str, Rule], pseudonyms: Pseudonyms) -> Dataset:
    """A data set with what the rules leave of `source`; one that cannot be read is not there."""
    kept = Dataset()
    for keyword, rule in rules.items():
        try:
            value = source.get(keyword)
            new = None if value is None or value == "" else rule(value, pseudonyms)
        except Exception:  # noqa: BLE001  pydicom parses values late, and raises what it likes on damaged ones
            new = None
        if new is not None:
            setattr(kept, keyword, new)
    return kept


VENDORS = (
    *("GE", "Philips", "Siemens", "Canon", "Toshiba", "Samsung", "Mindray", "Fujifilm", "Hitachi", "Aloka", "Esaote"),
    *("SonoSite", "Acuson", "Agilent", "Hewlett-Packard", "Butterfly", "Clarius", "Medison", "Sonoscape", "TomTec"),
    *("Terason", "Zonare", "Chison", "Edan", "echobeat phantom"),
)
MODELS = (
    *(
        "Vivid E95",
        "Vivid E90",
        "Vivid E80",
        "Vivid E9",
        "Vivid S70N",
        "Vivid S70",
        "Vivid S60",
        "Vivid T8",
        "Vivid iq",
    ),
    *(
        "Vivid q",
        "Vivid i",
        "Vivid 7",
        "Vivid 3",
        "Vscan",
        "EPIQ 7C",
        "EPIQ 7G",
        "EPIQ 7",
        "EPIQ 5",
        "EPIQ CVx",
        "iE33",
    ),
    *("CX50", "Affiniti 70", "Affiniti 50", "Sparq", "Lumify", "HD15", "HD11", "SONOS 7500", "SONOS 5500"),
    *(
        "ACUSON SC2000",
        "SC2000",
        "Sequoia",
        "Aplio i900",
        "Artida",
        "Xario",
        "Lisendo 880",
        "MyLab",
        "Resona",
        "phantom",
    ),
)
VIEWS = {(code.scheme_designator, code.value): code.meaning for code in codes.CID12226.concepts.values()}
"""Echocardiography image views (PS3.16, CID 12226): scheme and value to meaning."""

_PLACE = Numbers(-65535, 65535, whole=True)
_DELTA = Numbers(-100, 100)
_UNITS = Numbers(0, 12, whole=True)
REGION: dict[str, Rule] = {
    "RegionSpatialFormat": Numbers(0, 5, whole=True),
    "RegionDataType": Numbers(0, 18, whole=True),
    "RegionFlags": Numbers(0, 31, whole=True),
    **{f"RegionLocation{corner}": Numbers(0, 65535, whole=True) for corner in ("MinX0", "MinY0", "MaxX1", "MaxY1")},
    **{f"ReferencePixel{axis}0": _PLACE for axis in "XY"},
    **{f"PhysicalUnits{axis}Direction": _UNITS for axis in "XY"},
    **{f"ReferencePixelPhysicalValue{axis}": _DELTA for axis in "XY"},
    **{f"PhysicalDelta{axis}": _DELTA for axis in "XY"},
    "TransducerFrequency": Numbers(0, 100_000, whole=True),
    "PulseRepetitionFrequency": Numbers(0, 100_000, whole=True),
}

ATTRIBUTES: dict[str, Rule] = {
    "SOPInstanceUID": NewUid(),
    "StudyInstanceUID": NewUid(),
    "SeriesInstanceUID": NewUid(),
    "SOPClassUID": Words(ULTRASOUND_CLASSES),
    "Modality": Words(frozenset({"US", "IVUS", "EC"})),
    "Manufacturer": Known(VENDORS),
    "ManufacturerModelName": Known(MODELS),
    "SeriesNumber": Numbers(0, 9999, whole=True),
    "InstanceNumber": Numbers(0, 99_999, whole=True),
    "BodyPartExamined": Words(frozenset({"HEART"})),
    "NumberOfFrames": Numbers(1, 100_000, whole=True),
    "CineRate": Numbers(0, 2000, whole=True),
    "RecommendedDisplayFrameRate": Numbers(0, 2000, whole=True),
    "StartTrim": Numbers(1, 100_000, whole=True),
    "StopTrim": Numbers(1, 100_000, whole=True),
    "EffectiveDuration": Numbers(0, 3600),
    "HeartRate": Numbers(20, 300, whole=True),
    "MechanicalIndex": Numbers(0, 3),
    "BoneThermalIndex": Numbers(0, 10),
    "CranialThermalIndex": Numbers(0, 10),
    "SoftTissueThermalIndex": Numbers(0, 10),
    "DepthOfScanField": Numbers(1, 500, whole=True),
    "UltrasoundColorDataPresent": Numbers(0, 1, whole=True),
    "LossyImageCompression": Words(frozenset({"00", "01"})),
    "LossyImageCompressionRatio": Numbers(1, 1000),
    "LossyImageCompressionMethod": Words(frozenset({"ISO_10918_1", "ISO_14495_1", "ISO_15444_1", "ISO_13818_2"})),
    "SequenceOfUltrasoundRegions": Items(REGION),
    "ViewCodeSequence": Codes(VIEWS),
}
"""By keyword. What identifies, dates, times and pixels need besides is written by `header`, `instance` and `pixels`."""

CHARACTERISTICS: dict[str, Rule] = {
    "PatientSex": Words(frozenset({"M", "F", "O"})),
    "PatientAge": Age(),
    "PatientSize": Numbers(0.2, 2.6),
    "PatientWeight": Numbers(0.2, 400),
}
"""Kept besides under the Retain Patient Characteristics Option (PS3.15, E.3.7)."""
