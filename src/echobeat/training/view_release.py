"""A trained view network becomes a bundled model: its threshold, its figures, its card."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from echobeat.datasets.camus import read_camus
from echobeat.frames import FrameStack
from echobeat.measurement import Turn, turned_frames
from echobeat.models import Card, Metric, ViewReader, load_card, model_file, open_backend
from echobeat.models.library import add
from echobeat.phantom.examination import draw_patient
from echobeat.phantom.other_studies import frames_of, in_view, with_contrast
from echobeat.phantom.pictures import pictures, side_by_side
from echobeat.phantom.seeds import CALIBRATION_SEEDS, VALIDATION_SEEDS
from echobeat.phantom.views import VIEWS
from echobeat.training.release import CardText
from echobeat.training.shifts import SHIFTS
from echobeat.training.view import THRESHOLD

Image = NDArray[np.uint8]
FRAMES = 3
"""Of a phantom clip; a real patient's clip is its end-diastole and end-systole."""
ALLOWED = 0.02
"""Share of good clips that may be refused, of phantoms and of real patients each."""


def release_view(run: Path, name: str, camus: Path, out: Path, patients: int = 60) -> Card:
    """Write ``out/name.onnx`` and ``out/name.json`` from a finished run.

    The threshold is chosen on phantoms of validation seeds and on CAMUS ``valid``, as they are and in held-out
    appearances; the figures are of phantoms of calibration seeds and of CAMUS ``calibration``.

    Parameters
    ----------
    run : Path
        Folder of the training.
    name : str
        Of the model; its card text must exist.
    camus, out : Path
    patients : int
        Phantom patients of each kind.
    """
    source = model_file(run)
    draft = replace(load_card(run), name=name, **vars(CardText.load(name)), measurement_error=None, threshold=0.0)
    reader = ViewReader(draft, open_backend(source, "onnxruntime"))
    chosen = replace(draft, threshold=choose_threshold(reader, camus, patients))
    card = replace(chosen, metrics=tuple(figures(ViewReader(chosen, reader.backend), camus, patients)))
    add(card, source, out)
    return card


def choose_threshold(reader: ViewReader, camus: Path, patients: int) -> float:
    """The largest belief under which at most `ALLOWED` of good clips lie, in every group of them."""
    groups = [[reader.look(clip).four_chamber for clip in four_chamber(VALIDATION_SEEDS.start, patients)]]
    plain = list(real_clips(camus, "valid"))
    groups.append([reader.look(clip).four_chamber for clip in plain])
    groups.append(
        [reader.look(_changed(clip, change)).four_chamber for change in SHIFTS.values() for clip in plain[::3]]
    )
    return min(THRESHOLD, *(float(np.quantile(beliefs, ALLOWED, method="lower")) for beliefs in groups))


def figures(reader: ViewReader, camus: Path, patients: int) -> Iterator[Metric]:
    """What the gate does with patients and pictures that chose nothing."""
    first = CALIBRATION_SEEDS.start
    phantoms, real = list(four_chamber(first, patients)), list(real_clips(camus, "calibration"))
    made, camus_name = "phantoms, calibration seeds", "CAMUS calibration, end-diastole and end-systole"
    for clips, data in ((phantoms, made), (real, camus_name)):
        yield _share("good clips refused", [not reader.look(clip).accepted for clip in clips], data)
        for turn in get_args(Turn)[1:]:
            seen = [reader.look(turned_frames(clip, turn)) for clip in clips]
            yield _share(f"{turn}: recognised", [s.orientation == turn for s in seen], data)
            yield _share(f"{turn}: refused", [not s.accepted for s in seen], data)
        wrongly = [reader.look(clip).orientation != "four_chamber" for clip in clips]
        yield _share("usual display taken for another", wrongly, data)
    for kind, clips in negatives(first, patients // 2):
        yield _share(f"refused: {kind}", [not reader.look(clip).accepted for clip in clips], made)


def four_chamber(first: int, patients: int) -> Iterator[FrameStack]:
    """Clips of four-chamber phantoms."""
    return (FrameStack.from_array(frames_of(draw_patient(first + k), FRAMES)) for k in range(patients))


def real_clips(camus: Path, split: str) -> Iterator[FrameStack]:
    """End-diastole and end-systole of each patient, where both have one size."""
    images = [sample.image for sample in read_camus(camus, split)]
    for diastole, systole in zip(images[::2], images[1::2], strict=True):
        pair = [diastole, systole] if diastole.shape == systole.shape else [diastole]
        yield FrameStack.from_array(np.stack(pair))


def negatives(first: int, patients: int) -> Iterator[tuple[str, list[FrameStack]]]:
    """Clips to refuse, by kind; the great vessels were never learned."""
    seeds = range(first + 1000, first + 1000 + patients)
    for view in VIEWS[1:]:
        yield view, [FrameStack.from_array(frames_of(in_view(draw_patient(s), view), FRAMES)) for s in seeds]
    contrast = [FrameStack.from_array(frames_of(with_contrast(draw_patient(s)), FRAMES)) for s in seeds]
    yield "contrast", contrast
    pairs = [(frames_of(draw_patient(s), 1)[0], frames_of(draw_patient(s + patients), 1)[0]) for s in seeds]
    yield "split screen", [FrameStack.from_array(side_by_side(*pair)[None]) for pair in pairs]
    yield (
        "photographs, slices, spectra, M-mode, noise, text",
        [FrameStack.from_array(picture[None]) for picture in pictures(first, 4 * patients)],
    )


def _changed(clip: FrameStack, change: Callable[[Image], Image]) -> FrameStack:
    return FrameStack.from_array(np.stack([change(frame) for frame in clip]))


def _share(name: str, right: Sequence[bool], data: str) -> Metric:
    """A share with its 95 % interval (Wilson 1927, doi:10.1080/01621459.1927.10502953)."""
    n, share, z = len(right), float(np.mean(right)), 1.96
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * float(np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)))
    return Metric(name, share, n, max(0.0, centre - half), min(1.0, centre + half), data)
