"""All DICOM results of a clip, into a folder."""

from __future__ import annotations

from pathlib import Path

from pydicom.uid import JPEGBaseline8Bit

from echobeat.dicom_results.capture import capture
from echobeat.dicom_results.document import document
from echobeat.dicom_results.echo_report import echo_report as simplified_report
from echobeat.dicom_results.identity import Kind, Reported
from echobeat.dicom_results.objects import write_object
from echobeat.dicom_results.origin import Origin
from echobeat.dicom_results.segmentation import segmentation
from echobeat.dicom_results.structured_report import structured_report
from echobeat.records import Assessment
from echobeat.report import wording
from echobeat.sources.recording import quiet_libraries


def reported(origin: Origin, assessment: Assessment) -> Reported:
    """A clip and its result, as the objects need them."""
    return Reported(origin, assessment.result, origin.has_frames_of(assessment.clip))


@quiet_libraries()
def write_dicom_results(
    origin: Origin, assessment: Assessment, folder: Path, echo_report: bool = False
) -> tuple[Path, ...]:
    """Write report, segmentation, overlay and page of a clip as DICOM.

    Parameters
    ----------
    origin : Origin
        The header of the file that the clip was read from.
    assessment : Assessment
    folder : Path
        Is made if need be.
    echo_report : bool
        Write a Simplified Adult Echo report (TID 5300), too.

    Returns
    -------
    tuple of Path
        What was written: nothing about a clip that was refused an EF, no segmentation where frames were lost.
    """
    if not wording.is_judged(assessment.result):
        return ()
    folder.mkdir(parents=True, exist_ok=True)
    report = folder / f"{Kind.REPORT.file_name}.dcm"
    clip = reported(origin, assessment)
    write_object(structured_report([clip]), report)
    written = (report, *write_pictures(origin, assessment, folder))
    if not echo_report:
        return written
    simplified = folder / f"{Kind.ECHO_REPORT.file_name}.dcm"
    write_object(simplified_report(clip), simplified)
    return (*written, simplified)


@quiet_libraries()
def write_pictures(origin: Origin, assessment: Assessment, folder: Path, place: int = 1) -> tuple[Path, ...]:
    """Write what belongs to one clip alone: segmentation, overlay and page.

    Parameters
    ----------
    place : int
        Of the clip among those of its study; part of the files' names from 2 on, and of nothing in them.
    """
    clip = reported(origin, assessment)
    suffix = f"-{place}" if place > 1 else ""
    paths = {kind: folder / f"{kind.file_name}{suffix}.dcm" for kind in Kind}
    written = []
    if (made := segmentation(clip, assessment.masks)) is not None:
        write_object(made, paths[Kind.SEGMENTATION])
        written.append(paths[Kind.SEGMENTATION])
    write_object(capture(clip, assessment), paths[Kind.CAPTURE], JPEGBaseline8Bit)
    write_object(document(clip, assessment), paths[Kind.DOCUMENT])
    return (*written, paths[Kind.CAPTURE], paths[Kind.DOCUMENT])
