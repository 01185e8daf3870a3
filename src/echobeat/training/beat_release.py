"""A finished run of a reader of beats becomes a bundled model: measured, calibrated, with its card."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from echobeat.datasets.camus import read_camus
from echobeat.evaluation.bootstrap import mean_metric
from echobeat.evaluation.calibration import with_calibration
from echobeat.evaluation.phantoms import known_studies, score_phantoms, summarise
from echobeat.models import BeatReader, Card, Metric, Segmenter, load_card, load_segmenter, model_file, open_backend
from echobeat.models.library import add
from echobeat.pipeline import Models
from echobeat.training.beat_material import Animator
from echobeat.training.beat_run import BeatConfig
from echobeat.training.release import CardText


def release_beats(run: Path, name: str, camus: Path | None, phantoms: Path, out: Path) -> Card:
    """Write ``out/name.onnx`` and ``out/name.json`` from a run.

    Parameters
    ----------
    run : Path
        Folder of a finished training of a reader of beats.
    name : str
        Of the model; its text stands in ``recipes/cards.toml``.
    camus : Path or None
        CAMUS: pairs of ``calibration`` are measured, which chose nothing.
    phantoms : Path
        Phantom studies of the calibration seeds: they give the intervals.
    out : Path
        Folder of the bundled weights.
    """
    source = model_file(run)
    segmenter = load_segmenter(BeatConfig.load(str(run / "config.toml")).segmentation)
    draft = replace(load_card(run), name=name, **vars(CardText.load(name)), measurement_error=None)
    reader = BeatReader(draft, open_backend(source, "onnxruntime"))
    scores = score_phantoms(phantoms, Models(segmenter, reader))
    what = f"{len(scores)} synthetic patients, no real ones"
    metrics = list(summarise(scores, f"{what} (gave the intervals)"))
    if camus is not None:
        metrics += pairs(camus, segmenter, reader)
    measured = replace(draft, metrics=tuple(metrics))
    card = with_calibration(segmenter.card, measured, known_studies(scores), what)
    add(card, source, out)
    return card


def pairs(camus: Path, segmenter: Segmenter, reader: BeatReader) -> list[Metric]:
    """EF of CAMUS pairs against the EF of the experts' contours of the same pair, from contours and from the reader.

    The frames between the two images are animated: no more is there to read.
    """
    beats = Animator(segmenter, 0, 0, plain=True).fresh(read_camus(camus, "calibration"))
    clips = beats.clips[:, :2].astype(np.float32)
    clips[:, 1] /= 255
    corrections = np.concatenate([reader.answers(clips[k : k + 8])[:, 0] for k in range(0, len(clips), 8)])
    what = "CAMUS calibration pairs (unseen)"
    return [
        mean_metric(f"EF of pairs from {way}, {figure}", values, what)
        for way, gap in (
            ("our masks", beats.contours_ef - beats.ef),
            ("video", beats.contours_ef + corrections - beats.ef),
        )
        for figure, values in (("MAE", np.abs(gap)), ("bias", gap))
    ]
