"""Studies of known EF, analysed: what a calibration is made from."""

from __future__ import annotations

from echobeat.datasets import LabelledDataset, LabelledStudy
from echobeat.errors import InvalidClip
from echobeat.evaluation.calibration import KnownStudy, known_study
from echobeat.evaluation.phantoms import score_phantom
from echobeat.given import possible_fps
from echobeat.pipeline import Models, analyze_clip
from echobeat.records import Clip
from echobeat.sources import open_clip


def known_of(study: LabelledStudy, dataset: LabelledDataset, models: Models) -> KnownStudy | None:
    """Analyse a study of a data set; None where no beat counts.

    Phantoms know the EF of every beat, other data sets that of the study.

    Raises
    ------
    EchobeatError
        It cannot be read.
    """
    if (dataset.root / "Truth" / f"{study.name}.json").is_file():
        return score_phantom(dataset.root, study.name, models).known
    if study.ef is None:
        return None
    return known_study(analyze_clip(clip_of(study), models), study.ef, patient=study.patient)


def clip_of(study: LabelledStudy) -> Clip:
    """Open a study's video; the data set's table stands in for a rate or a spacing that the file does not have.

    Raises
    ------
    InvalidClip
        It is single images, or its frame rate is not known.
    """
    if len(study.files) != 1:
        raise InvalidClip(study.name, "it is single images, not a video", "Beats need a video")
    try:
        return open_clip(study.files[0], spacing_mm=study.spacing_mm)
    except InvalidClip:
        if not possible_fps(study.fps):
            raise
        return open_clip(study.files[0], fps=study.fps, spacing_mm=study.spacing_mm)
