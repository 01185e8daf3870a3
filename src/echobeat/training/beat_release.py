"""A finished run of a reader of beats becomes a bundled model: measured, calibrated, with its card."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np

from echobeat.datasets.camus import read_camus
from echobeat.evaluation.bootstrap import mean_metric
from echobeat.evaluation.calibration import held_out, held_out_metrics, with_calibration
from echobeat.evaluation.phantoms import known_studies, score_phantoms, summarise
from echobeat.models import BeatReader, Card, Metric, Segmenter, load_card, load_segmenter, model_file, open_backend
from echobeat.models.library import add
from echobeat.pipeline import Models, analyze_clip
from echobeat.sources import clip_from_array
from echobeat.training.beat_material import Animator, still_beat
from echobeat.training.beat_run import BeatConfig
from echobeat.training.release import CardText, gate_beside

UNSEEN_PAIRS = "CAMUS calibration pairs (unseen)"
LOOPS, LOOP_FPS = 3, 24.0
"""A pair of stills that is animated is played so often, at a rate that no warning is given of: 90 beats a minute."""


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
    segmenter.card = replace(segmenter.card, measurement_error=None)  # intervals of the contours are not the reader's
    draft = replace(load_card(run), name=name, **vars(CardText.load(name)), measurement_error=None)
    backend = open_backend(source, "onnxruntime")
    reader = BeatReader(draft, backend)
    scores = score_phantoms(phantoms, Models(segmenter, reader, gate_beside(segmenter.card)))
    what = f"{len(scores)} synthetic patients, no real ones"
    metrics = list(summarise(scores, f"{what} (gave the intervals)"))
    if camus is not None:
        metrics += pairs(camus, segmenter, reader)
    measured = replace(draft, metrics=tuple(metrics))
    known = known_studies(scores)
    card = with_calibration(segmenter.card, measured, known, what)
    card = replace(card, metrics=(*card.metrics, *held_out_metrics(held_out(known, segmenter.card, card), what)))
    if camus is not None:
        calibrated = Models(segmenter, BeatReader(card, backend))
        card = replace(card, metrics=(*card.metrics, *covered_pairs(camus, calibrated)))
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
    return [
        mean_metric(f"EF of pairs from {way}, {figure}", values, UNSEEN_PAIRS)
        for way, gap in (
            ("our masks", beats.contours_ef - beats.ef),
            ("video", beats.contours_ef + corrections - beats.ef),
        )
        for figure, values in (("MAE", np.abs(gap)), ("bias", gap))
    ]


def covered_pairs(camus: Path, models: Models) -> list[Metric]:
    """Whether the intervals that are shown hold the EF of the experts' contours, and how wide they are.

    Each pair is animated into a short clip and analysed as any other. The movement is made, and the beats of a clip are
    one and the same: this says whether real texture breaks the intervals, and no more.
    """
    held, widths = [], []
    for number, (_, pair) in enumerate(groupby(read_camus(camus, "calibration"), key=lambda image: image.patient)):
        ed, es = pair
        beat = still_beat(ed, es, np.random.default_rng(number))
        if beat is None:
            continue
        frames, true_ef = beat
        ef = analyze_clip(clip_from_array(np.tile(frames, (LOOPS, 1, 1)), LOOP_FPS), models).result.ef
        if ef is not None and ef.low is not None and ef.high is not None:
            held.append(float(ef.low <= true_ef <= ef.high))
            widths.append(ef.high - ef.low)
    if not held:
        return []
    return [
        mean_metric("EF of animated pairs, coverage of the 90 % interval", np.array(held), UNSEEN_PAIRS),
        mean_metric("EF of animated pairs, width of the 90 % interval", np.array(widths), UNSEEN_PAIRS),
    ]
