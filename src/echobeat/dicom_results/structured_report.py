"""The measurements as a structured report: TID 1500 in a Comprehensive SR (PS3.16, PS3.3 A.35.3).

A group for each beat that has an EF, and one for the mean of those that count. Nothing is claimed of a clip that
the product will not judge: there is no report about it.

Numbers are rounded to `DECIMALS`, so that viewers show them readably; a beat's EF still is what its volumes give.
The report is PRELIMINARY and UNVERIFIED: a person signs, not the program.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import highdicom as hd
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    ComprehensiveSR,
    FindingSite,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    NumContentItem,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurement,
    SourceImageForMeasurementGroup,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom.sr.coding import Code

from echobeat import __version__
from echobeat.dicom_results import concepts
from echobeat.dicom_results.identity import MANUFACTURER, Kind, Reported, identify, tracking_uid
from echobeat.dicom_results.reports import DECIMALS, mean_known, new_report, observation_context
from echobeat.errors import InvalidClip
from echobeat.measurement.ejection_fraction import counted_beats
from echobeat.records import NOTICE, Beat, Estimate
from echobeat.report import wording


def structured_report(clips: Sequence[Reported]) -> ComprehensiveSR:
    """Report some clips of one study, in the order given.

    Parameters
    ----------
    clips : sequence of Reported
        At least one; all judged, all of one study.

    Raises
    ------
    InvalidClip
        A clip was refused an EF, or is of another study than the first.
    """
    for clip in clips:
        _check(clip, clips[0])
    return new_report(clips, _content(clips)[0], identify(Kind.REPORT, clips))


def _check(clip: Reported, first: Reported) -> None:
    if not wording.is_judged(clip.result):
        raise InvalidClip(
            clip.result.source, "it was refused an EF, so there is nothing to report", "Send another clip"
        )
    if clip.origin.study != first.origin.study:
        raise InvalidClip(clip.result.source, "it is of another study", "Report each study for itself")


def _content(clips: Sequence[Reported]) -> MeasurementReport:
    groups = []
    for number, clip in enumerate(clips, start=1):
        name = f"Clip {number}, " if len(clips) > 1 else ""
        groups += [_beat_group(clip, beat, name) for beat in clip.result.beats if beat.ef is not None]
        groups.append(_mean_group(clip, name))
    return MeasurementReport(
        observation_context=observation_context(clips[0].result),
        procedure_reported=concepts.PROCEDURE,
        imaging_measurements=groups,
        title=concepts.TITLE,
        referenced_images=None,
    )


def _beat_group(clip: Reported, beat: Beat, prefix: str) -> MeasurementsAndQualitativeEvaluations:
    diastole, systole = wording.extremes(beat) or (None, None)
    measurements = [
        _measurement(clip, concepts.EDV_SINGLE_PLANE, beat.edv_ml, concepts.MILLILITRE, frames=[diastole]),
        _measurement(clip, concepts.ESV_SINGLE_PLANE, beat.esv_ml, concepts.MILLILITRE, frames=[systole]),
        *_beat_efs(clip, beat, [diastole, systole]),
        _measurement(clip, concepts.HEART_RATE, beat.heart_rate_bpm, concepts.PER_MINUTE),
    ]
    group = _group(clip, f"{prefix}Beat {beat.index + 1}", measurements)
    _append(group, _number(concepts.BEAT_NUMBER, beat.index + 1, concepts.NO_UNITS))
    _append(group, _comment(_about_beat(clip, beat)))
    return group


def _beat_efs(clip: Reported, beat: Beat, frames: Sequence[int | None]) -> Iterator[Measurement | None]:
    """The EF that the beat's volumes give, and before it the one in which the video has a weight, in generic code."""
    study = clip.result.ef
    if beat.ef is None or study is None:
        return
    read = beat.ef_geometric is not None and study.method != "geometric"
    name = concepts.ejection_fraction(study.method if read else "geometric")
    first = _measurement(clip, name, beat.ef, concepts.PERCENT, frames=frames)
    _add_interval(first, Estimate(beat.ef, beat.ef_low, beat.ef_high))
    yield first
    if read:
        yield _measurement(clip, concepts.EF_SINGLE_PLANE, beat.ef_geometric, concepts.PERCENT, frames=frames)


def _about_beat(clip: Reported, beat: Beat) -> str:
    said = []
    extremes = wording.extremes(beat)
    if clip.frames_agree and extremes:
        said.append(
            f"End-diastole in frame {extremes[0] + 1}, end-systole in frame {extremes[1] + 1}, the first being 1."
        )
    note = wording.beat_note(beat)
    counts = beat in counted_beats(clip.result.beats)
    if note or not counts:
        said.append(f"{note or 'not counted'}.".capitalize())
    return " ".join(said)


def _mean_group(clip: Reported, prefix: str) -> MeasurementsAndQualitativeEvaluations:
    result = clip.result
    counted = counted_beats(result.beats)
    rate = result.rhythm.heart_rate_bpm if result.rhythm else None
    measurements = [
        _mean(clip, concepts.EDV_SINGLE_PLANE, [beat.edv_ml for beat in counted]),
        _mean(clip, concepts.ESV_SINGLE_PLANE, [beat.esv_ml for beat in counted]),
        *_efs(clip),
        _measurement(clip, concepts.HEART_RATE, rate, concepts.PER_MINUTE, mean=True),
    ]
    group = _group(clip, f"{prefix}Mean", measurements)
    _append(group, _comment(_about_mean(clip)))
    return group


def _efs(clip: Reported) -> Iterator[Measurement | None]:
    """The study's EF, and the one from the contours where that is another."""
    ef, geometric = clip.result.ef, clip.result.ef_geometric
    if ef is None:
        return
    study = _measurement(clip, concepts.ejection_fraction(ef.method), ef.value, concepts.PERCENT, mean=True)
    _add_interval(study, ef)
    _add_property(study, concepts.STANDARD_DEVIATION, clip.result.ef_spread)
    yield study
    if ef.method != "geometric" and geometric is not None:
        other = _measurement(clip, concepts.EF_SINGLE_PLANE, geometric.value, concepts.PERCENT, mean=True)
        _add_interval(other, geometric)
        yield other


def _about_mean(clip: Reported) -> str:
    result = clip.result
    counted = counted_beats(result.beats)
    beats = ", ".join(str(beat.index + 1) for beat in counted)
    said = [
        f"Over beat{'s' if len(counted) != 1 else ''} {beats}."
        " The EF is the robust mean of the beats' EF (Huber), not the EF of the mean volumes."
    ]
    if result.ef is not None and result.ef.low is not None:
        said.append("Uncertainties of EF: 90 % interval.")
    if result.ef is not None and result.ef.method != "geometric":
        said.append(f"Method of the EF in general code: {result.ef.method}.")
    if result.ef_spread is not None:
        said.append("Standard deviation of EF: between these beats.")
    if result.rhythm is not None and result.rhythm.irregular:
        index = str(result.index_beat.beat + 1) if result.index_beat else "none"
        said.append(f"Irregular rhythm, index beat (after two R-R intervals that are alike): {index}.")
    said.append(f"Quality {result.quality.score:.2f} of 1.")
    said += [f"{warning.code}: {warning.message}" for warning in result.quality.warnings]
    return " ".join([*said, NOTICE])


def _mean(clip: Reported, name: Code, volumes_ml: Sequence[float | None]) -> Measurement | None:
    return _measurement(clip, name, mean_known(volumes_ml), concepts.MILLILITRE, mean=True)


def _measurement(
    clip: Reported,
    name: Code,
    value: float | None,
    unit: Code,
    *,
    frames: Sequence[int | None] = (),
    mean: bool = False,
) -> Measurement | None:
    """A number with the frames that it was read in; None where the number is not known."""
    if value is None:
        return None
    known = [frame for frame in frames if frame is not None] if clip.frames_agree else []
    images = [
        SourceImageForMeasurement(clip.origin.sop_class, clip.origin.sop_instance, referenced_frame_numbers=[frame + 1])
        for frame in known
    ]
    return Measurement(
        name=name,
        value=round(float(value), DECIMALS),
        unit=unit,
        derivation=concepts.MEAN if mean else None,
        referenced_images=images or None,
    )


def _group(
    clip: Reported, name: str, measurements: Sequence[Measurement | None]
) -> MeasurementsAndQualitativeEvaluations:
    used = clip.result.models
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=tracking_uid(clip, name), identifier=name),
        algorithm_id=AlgorithmIdentification(
            name=MANUFACTURER,
            version=__version__,
            parameters=[f"model {model.name} {model.version}, SHA-256 {model.hash}" for model in used],
        ),
        finding_sites=[FindingSite(concepts.LEFT_VENTRICLE)],
        measurements=[measurement for measurement in measurements if measurement is not None],
        qualitative_evaluations=[QualitativeEvaluation(concepts.IMAGE_VIEW, concepts.APICAL_FOUR_CHAMBER)],
        source_images=[SourceImageForMeasurementGroup(clip.origin.sop_class, clip.origin.sop_instance)],
    )


def _add_interval(measurement: Measurement | None, ef: Estimate) -> None:
    """How far the interval reaches above and below the value, in percent EF (PS3.16 TID 310, CID 225)."""
    if ef.low is not None and ef.high is not None:
        _add_property(measurement, concepts.UPPER_UNCERTAINTY, ef.high - ef.value)
        _add_property(measurement, concepts.LOWER_UNCERTAINTY, ef.value - ef.low)


def _add_property(measurement: Measurement | None, name: Code, points: float | None) -> None:
    """What is said of an EF, in percent EF, below its number and not beside it: nobody can take it for another EF."""
    if measurement is None or points is None:
        return
    number = measurement[0]
    if "ContentSequence" not in number:
        number.ContentSequence = hd.sr.ContentSequence()
    number.ContentSequence.append(
        _number(name, round(points, DECIMALS), concepts.PERCENT, RelationshipTypeValues.HAS_PROPERTIES)
    )


def _number(
    name: Code, value: float, unit: Code, relation: RelationshipTypeValues = RelationshipTypeValues.CONTAINS
) -> NumContentItem:
    return NumContentItem(CodedConcept.from_code(name), value, CodedConcept.from_code(unit), relationship_type=relation)


def _comment(text: str) -> TextContentItem | None:
    return TextContentItem(concepts.COMMENT, text, RelationshipTypeValues.CONTAINS) if text else None


def _append(group: MeasurementsAndQualitativeEvaluations, item: hd.sr.ContentItem | None) -> None:
    if item is not None:
        group[0].ContentSequence.append(item)
