"""The contours' measurements once more, as a Simplified Adult Echo report: TID 5300 (PS3.16), PS3.3 A.35.17.

Reporting systems that import measurements of ultrasound scanners look for this template. It takes numbers whose code
says all there is to say of them (TID 5301, CID 12300): end-diastolic and end-systolic volume and ejection fraction by
the method of disks in the four-chamber view, of each beat and as means. An ejection fraction that a network took part
in has no such code, and stands in the structured report alone.

No reader of this template was at hand: see docs/decisions/0014-result-objects.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import highdicom as hd
import numpy as np
from highdicom.sr import (
    CodeContentItem,
    CodedConcept,
    ComprehensiveSR,
    ContainerContentItem,
    DeviceObserverIdentifyingAttributes,
    ImageContentItem,
    LanguageOfContentItemAndDescendants,
    NumContentItem,
    ObservationContext,
    ObserverContext,
    RelationshipTypeValues,
)
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import SimplifiedAdultEchoSRStorage

from echobeat import __version__
from echobeat.dicom_results import concepts
from echobeat.dicom_results.identity import MANUFACTURER, Kind, Reported, device_uid, identify
from echobeat.dicom_results.objects import without_writing_time
from echobeat.measurement.ejection_fraction import counted_beats
from echobeat.report import wording

DECIMALS = 2
TEMPLATE = "5300"
UNKNOWN_ZONE = "+0000"
"""Where the source states no time zone: this object, unlike others, has to have one."""
LANGUAGE = CodedConcept("en-US", "RFC5646", "English (United States)")


def echo_report(clip: Reported) -> ComprehensiveSR:
    """Report a judged clip; PRELIMINARY and UNVERIFIED.

    Parameters
    ----------
    clip : Reported
        Was given an EF.

    Returns
    -------
    ComprehensiveSR
        Of the SOP class Simplified Adult Echo SR Storage, whose objects have the same modules.
    """
    identity = identify(Kind.ECHO_REPORT, [clip])
    made = ComprehensiveSR(
        evidence=[clip.origin.header],
        content=_root(clip),
        series_instance_uid=identity.series,
        series_number=identity.kind.series_number,
        sop_instance_uid=identity.instance,
        instance_number=identity.instance_number,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER,
        software_versions=__version__,
        device_serial_number="0",
        series_description=identity.kind.series_description,
        is_complete=True,
        is_final=False,
        is_verified=False,
        content_date=clip.origin.date,
        content_time=clip.origin.time,
        specific_character_set="ISO_IR 192",
    )
    made.SOPClassUID = SimplifiedAdultEchoSRStorage
    zone = str(clip.origin.header.get("TimezoneOffsetFromUTC", ""))
    made.TimezoneOffsetFromUTC = zone if re.fullmatch(r"[+-]\d{4}", zone) else UNKNOWN_ZONE
    without_writing_time(made)
    return made


def _root(clip: Reported) -> ContainerContentItem:
    device = DeviceObserverIdentifyingAttributes(
        uid=device_uid(clip.result), name=MANUFACTURER, manufacturer_name=MANUFACTURER, model_name=MANUFACTURER
    )
    observer = ObserverContext(codes.DCM.Device, observer_identifying_attributes=device)
    measured = _container(codes.DCM.PreCoordinatedMeasurements, RelationshipTypeValues.CONTAINS)
    measured.ContentSequence = hd.sr.ContentSequence([*_of_beats(clip), *_means(clip)])
    root = _container(codes.DCM.AdultEchocardiographyProcedureReport, None, TEMPLATE)
    root.ContentSequence = hd.sr.ContentSequence(
        [
            *LanguageOfContentItemAndDescendants(LANGUAGE),
            *ObservationContext(observer_device_context=observer),
            measured,
        ]
    )
    return root


def _container(
    name: Code, relation: RelationshipTypeValues | None, template: str | None = None
) -> ContainerContentItem:
    return ContainerContentItem(name, is_content_continuous=False, template_id=template, relationship_type=relation)


def _of_beats(clip: Reported) -> Iterator[NumContentItem]:
    for beat in clip.result.beats:
        diastole, systole = wording.extremes(beat) or (None, None)
        if beat.contours_ef is None:
            continue
        yield from _number(concepts.EDV_SINGLE_PLANE, beat.edv_ml, concepts.MILLILITRE, _images(clip, [diastole]))
        yield from _number(concepts.ESV_SINGLE_PLANE, beat.esv_ml, concepts.MILLILITRE, _images(clip, [systole]))
        both = _images(clip, [diastole, systole])
        yield from _number(concepts.EF_SINGLE_PLANE, beat.contours_ef, concepts.PERCENT, both)


def _means(clip: Reported) -> Iterator[NumContentItem]:
    """The means over the beats that count, each chosen among the values of its name; the EF is the robust mean."""
    counted = counted_beats(clip.result.beats)
    chosen = [_code(codes.DCM.SelectionStatus, codes.DCM.MeanValueChosen, RelationshipTypeValues.HAS_PROPERTIES),
              _code(codes.DCM.Derivation, concepts.MEAN, RelationshipTypeValues.HAS_CONCEPT_MOD)]  # fmt: skip
    yield from _number(concepts.EDV_SINGLE_PLANE, _mean([b.edv_ml for b in counted]), concepts.MILLILITRE, chosen)
    yield from _number(concepts.ESV_SINGLE_PLANE, _mean([b.esv_ml for b in counted]), concepts.MILLILITRE, chosen)
    ef = clip.result.ef_geometric.value if clip.result.ef_geometric else None
    yield from _number(concepts.EF_SINGLE_PLANE, ef, concepts.PERCENT, chosen)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _number(
    name: Code, value: float | None, unit: Code, below: Sequence[hd.sr.ContentItem]
) -> Iterator[NumContentItem]:
    if value is None:
        return
    item = NumContentItem(
        CodedConcept.from_code(name),
        round(float(value), DECIMALS),
        CodedConcept.from_code(unit),
        relationship_type=RelationshipTypeValues.CONTAINS,
    )
    if below:
        item.ContentSequence = hd.sr.ContentSequence(below)
    yield item


def _images(clip: Reported, frames: Sequence[int | None]) -> list[hd.sr.ContentItem]:
    """Where a number was read, by value, as the template asks (TID 320)."""
    known = [frame for frame in frames if frame is not None] if clip.frames_agree else []
    return [
        ImageContentItem(
            codes.DCM.SourceOfMeasurement,
            clip.origin.sop_class,
            clip.origin.sop_instance,
            referenced_frame_numbers=[frame + 1],
            relationship_type=RelationshipTypeValues.INFERRED_FROM,
        )
        for frame in known
    ]


def _code(name: Code, value: Code, relation: RelationshipTypeValues) -> CodeContentItem:
    return CodeContentItem(name, value, relationship_type=relation)
