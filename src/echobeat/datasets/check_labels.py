"""What the tables alone tell to be wrong: labels out of range or at odds with each other, tracings that are missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from echobeat.datasets.problems import problem
from echobeat.datasets.study import LabelledStudy, Problem
from echobeat.sources.times import PLAUSIBLE_FPS

EF_RANGE = (0.0, 100.0)
"""Percent; both ends excluded."""

LARGEST_ML = 1000.0
"""No ventricle holds more."""

EF_TOLERANCE = 5.0
"""Points between EF and what EDV and ESV give. Rounding explains one; the mean of several beats' EF differs by a few
from the EF of their mean volumes."""


def label_problems(studies: Sequence[LabelledStudy]) -> Iterator[Problem]:
    """Look at labels and tracings; what no study has is said once."""
    if studies and all(study.ef is None for study in studies):
        yield problem("label-missing", "No study has an EF.")
    else:
        yield from (problem("label-missing", "It has no EF.", s.name) for s in studies if s.ef is None)
    if studies and not any(study.tracings for study in studies):
        yield problem("tracing-missing", "No study has a tracing.")
    else:
        yield from (problem("tracing-missing", "It has no tracing.", s.name) for s in studies if not s.tracings)
    for study in studies:
        yield from _ranges(study)
        yield from _volumes(study)
        if len(study.tracings) == 1:
            yield problem("tracing-single", f"Only frame {study.tracings[0].frame} is traced.", study.name)


def _ranges(study: LabelledStudy) -> Iterator[Problem]:
    checks = (
        ("EF", study.ef, *EF_RANGE, "%"),
        ("EDV", study.edv_ml, 0.0, LARGEST_ML, "ml"),
        ("ESV", study.esv_ml, 0.0, LARGEST_ML, "ml"),
    )
    for name, value, low, high, unit in checks:
        if value is not None and not low < value < high:
            yield problem("label-out-of-range", f"{name} is {value:g} {unit}.", study.name)
    if study.fps is not None and not PLAUSIBLE_FPS[0] <= study.fps <= PLAUSIBLE_FPS[1]:
        yield problem("label-out-of-range", f"The frame rate is {study.fps:g} a second.", study.name)


def _volumes(study: LabelledStudy) -> Iterator[Problem]:
    edv, esv = study.edv_ml, study.esv_ml
    if edv is None or esv is None or edv <= 0:
        return
    if esv >= edv:
        yield problem("volumes-reversed", f"EDV is {edv:g} ml and ESV {esv:g} ml.", study.name)
    elif study.ef is not None and abs(study.ef - 100 * (edv - esv) / edv) > EF_TOLERANCE:
        told = f"EF is {study.ef:.1f} %; EDV and ESV give {100 * (edv - esv) / edv:.1f} %."
        yield problem("ef-does-not-fit-volumes", told, study.name)
