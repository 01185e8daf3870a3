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
from highdicom.sr import (
    CodeContentItem,
    CodedConcept,
    ComprehensiveSR,
    ContainerContentItem,
    ImageContentItem,
    LanguageOfContentItemAndDescendants,
    NumContentItem,
    RelationshipTypeValues,
)
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import SimplifiedAdultEchoSRStorage

from echobeat.dicom_results import concepts
from echobeat.dicom_results.identity import Kind, Reported, identify
from echobeat.dicom_results.reports import DECIMALS, mean_known, new_report, observation_context
from echobeat.measurement.ejection_fraction import counted_beats
from echobeat.report import wording

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
    made = new_report([clip], _root(clip), identify(Kind.ECHO_REPORT, [clip]))
    made.SOPClassUID = SimplifiedAdultEchoSRStorage
    zone = str(clip.origin.header.get("TimezoneOffsetFromUTC", ""))
    made.TimezoneOffsetFromUTC = zone if re.fullmatch(r"[+-]\d{4}", zone) else UNKNOWN_ZONE
    return made


def _root(clip: Reported) -> ContainerContentItem:
    measured = _container(codes.DCM.PreCoordinatedMeasurements, RelationshipTypeValues.CONTAINS)
    measured.ContentSequence = hd.sr.ContentSequence([*_of_beats(clip), *_means(clip)])
    root = _container(codes.DCM.AdultEchocardiographyProcedureReport, None, TEMPLATE)
    root.ContentSequence = hd.sr.ContentSequence(
        [
            *LanguageOfContentItemAndDescendants(LANGUAGE),
            *observation_context(clip.result),
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
    chosen = [
        CodeContentItem(codes.DCM.SelectionStatus, codes.DCM.MeanValueChosen, RelationshipTypeValues.HAS_PROPERTIES),
        CodeContentItem(codes.DCM.Derivation, concepts.MEAN, RelationshipTypeValues.HAS_CONCEPT_MOD),
    ]
    yield from _number(concepts.EDV_SINGLE_PLANE, mean_known([b.edv_ml for b in counted]), concepts.MILLILITRE, chosen)
    yield from _number(concepts.ESV_SINGLE_PLANE, mean_known([b.esv_ml for b in counted]), concepts.MILLILITRE, chosen)
    ef = clip.result.ef_geometric.value if clip.result.ef_geometric else None
    yield from _number(concepts.EF_SINGLE_PLANE, ef, concepts.PERCENT, chosen)


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
