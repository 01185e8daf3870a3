"""A study's files to its results: every clip is looked at, the accepted ones are reported together, best first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pydicom

from echobeat.dicom_results.identity import Kind, Reported
from echobeat.dicom_results.objects import write_object
from echobeat.dicom_results.origin import read_origin
from echobeat.dicom_results.structured_report import structured_report
from echobeat.dicom_results.writing import reported, write_pictures
from echobeat.errors import InputError, NoRoom, OutputError, passing_fault
from echobeat.node.outcome import Outcome
from echobeat.node.queue import Verdict
from echobeat.pipeline import Models, analyze_clip, read
from echobeat.report import wording
from echobeat.sources.dicom.header import stated_view
from echobeat.whole import writing

Told = Callable[[str], None]
"""Told the UID of the instance that is begun."""

_RESULTS = "The study's results"


class Analysis:
    """The product's own analysis.

    A still, a clip of another view, one that cannot be read or that the product will not judge is refused with its
    reason's code; one that the machine cannot read now, or whose frames have no room, has failed. None of them keeps
    the others from being reported.
    """

    def __init__(self, models: Models) -> None:
        self._models = models

    def __call__(self, files: Mapping[str, Path], folder: Path, begun: Told | None = None) -> Outcome:
        """See `StudyAnalysis`."""
        verdicts: dict[str, Verdict] = {}
        accepted: list[Reported] = []
        results: list[Path] = []
        for uid, path in files.items():
            if begun:
                begun(uid)
            place = len(accepted) + 1
            clip, verdict, written = self._one(path, folder, place)
            verdicts[uid] = verdict
            if clip is not None:
                accepted.append(clip)
                results += written
        if accepted:
            results.append(write_report(accepted, folder))
        return Outcome(verdicts, {instance_uid(path): path for path in results})

    def _one(self, path: Path, folder: Path, place: int) -> tuple[Reported | None, Verdict, Sequence[Path]]:
        try:
            return self._judged(path, folder, place)
        except NoRoom:  # its sender was told "success": it is kept for `echobeat node retry`, and the others go on
            return None, Verdict("failed", "no_room"), ()
        except OutputError:
            raise
        except InputError as error:
            if (fault := passing_fault(error)) is not None:
                return None, Verdict("failed", type(fault).__name__), ()
            return None, Verdict("refused", type(error).__name__), ()
        except Exception as error:  # noqa: BLE001  a fault of ours on one clip must not cost the study its others
            return None, Verdict("failed", type(error).__name__), ()

    def _judged(self, path: Path, folder: Path, place: int) -> tuple[Reported | None, Verdict, Sequence[Path]]:
        origin = read_origin(path, path.name)
        if reason := stated_otherwise(path):
            return None, Verdict("refused", reason), ()
        assessment = analyze_clip(read(path), self._models)
        if not wording.is_judged(assessment.result):
            warnings = assessment.quality.warnings
            return None, Verdict("refused", warnings[0].code if warnings else "no_beat"), ()
        with writing(_RESULTS):
            written = write_pictures(origin, assessment, folder, place)
        return reported(origin, assessment), Verdict("reported"), written


def write_report(clips: Sequence[Reported], folder: Path) -> Path:
    """Write the report about a study's accepted clips, the best first.

    Raises
    ------
    OutputError
        It cannot be written now.
    """
    best_first = sorted(clips, key=lambda clip: (-clip.result.quality.score, clip.origin.sop_instance))
    path = folder / f"{Kind.REPORT.file_name}.dcm"
    made = structured_report(best_first)
    with writing(_RESULTS):
        write_object(made, path)
    return path


def stated_otherwise(path: Path) -> str | None:
    """Why the header alone says that a clip is none of ours: another view is stated; None where it does not."""
    header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["ViewCodeSequence"], force=True)
    return None if stated_view(header) in ("A4C", "") else "another_view"


def instance_uid(path: Path) -> str:
    """SOP Instance UID of a file that we wrote."""
    return str(pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPInstanceUID"]).SOPInstanceUID)
