"""What the tables alone tell to be wrong: labels out of range or at odds with each other, tracings that are missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from echobeat.datasets.problems import problem
from echobeat.datasets.study import EF_RANGE, LARGEST_FRACTION, FloatArray, LabelledStudy, Problem
from echobeat.phantom.outlines import polygon_area, polygon_mask
from echobeat.sources.times import PLAUSIBLE_FPS

LARGEST_ML = 1000.0
"""No ventricle holds more."""

EF_TOLERANCE = 5.0
"""Points between EF and what EDV and ESV give. Rounding explains one; the mean of several beats' EF differs by a few
from the EF of their mean volumes."""

AREA_TOLERANCE = 1 / 3
"""Of the area by the outline's corners or of the filled one, whichever is larger: what both differ by where an outline
crosses itself by far. A simple outline differs by its border's rounding, a few percent."""

_GRID = 128
"""Pixels of the square that an outline is filled in, whatever its size."""


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
    yield from _fractions(studies)
    for study in studies:
        yield from _ranges(study)
        yield from _volumes(study)
        if len(study.tracings) == 1:
            yield problem("tracing-single", f"Only frame {study.tracings[0].frame} is traced.", study.name)
        yield from _outlines(study)


def _fractions(studies: Sequence[LabelledStudy]) -> Iterator[Problem]:
    """EFs that are no percentages: said once where most are none."""
    small = [study for study in studies if study.ef is not None and 0 < study.ef <= LARGEST_FRACTION]
    known = sum(study.ef is not None for study in studies)
    if 2 * len(small) > known:
        yield problem("ef-as-fraction", f"{len(small)} of {known} EFs are {LARGEST_FRACTION:g} or less.")
    else:
        yield from (problem("ef-perhaps-fraction", f"EF is {study.ef:g}.", study.name) for study in small)


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


def _outlines(study: LabelledStudy) -> Iterator[Problem]:
    for tracing in study.tracings:
        if tracing.polygon_px is not None and _crosses_itself(tracing.polygon_px):
            told = f"The outline in frame {tracing.frame} crosses itself: its mask has far less or more than its area."
            yield problem("tracing-crosses-itself", told, study.name)


def _crosses_itself(polygon_px: FloatArray) -> bool:
    """Whether the mask of an outline, (points, 2), is far from what is traced; slight crossings are let pass."""
    low = polygon_px.min(axis=0)
    points = (polygon_px - low) * (_GRID / np.maximum(np.ptp(polygon_px, axis=0), 1e-9)) - 0.5
    area, filled = polygon_area(points), float(polygon_mask(points, _GRID, _GRID).sum())
    return abs(area - filled) > AREA_TOLERANCE * max(area, filled)
