"""A finished run becomes a bundled model: ONNX file and card, measured on data that chose nothing."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

from echobeat.datasets.camus import read_camus
from echobeat.errors import UsageError
from echobeat.evaluation.calibration import held_out, held_out_metrics, with_calibration
from echobeat.evaluation.camus import evaluate_camus
from echobeat.evaluation.phantoms import known_studies, score_phantoms, summarise
from echobeat.models import (
    Card,
    Metric,
    Segmenter,
    ViewReader,
    bundled_view,
    load_card,
    load_view_reader,
    model_file,
    open_backend,
)
from echobeat.models.library import add
from echobeat.pipeline import Models


@dataclass(frozen=True)
class CardText:
    """What a person writes on a card; the rest is measured. From ``recipes/cards.toml``."""

    version: str
    summary: str
    licence: str
    data: tuple[str, ...]
    limits: tuple[str, ...]
    recipe: str

    @classmethod
    def load(cls, name: str) -> CardText:
        """The text for the model `name`."""
        texts = tomllib.loads((resources.files("echobeat.training") / "recipes" / "cards.toml").read_text())
        if name not in texts:
            raise UsageError(f"There is no card text for {name} in recipes/cards.toml. Write one first.")
        values: Any = {key: tuple(v) if isinstance(v, list) else v for key, v in texts[name].items()}
        return cls(**values)


def gate_beside(card: Card) -> ViewReader | None:
    """The bundled view network that an analysis with this model begins with, if there is one."""
    name = bundled_view(card.licence)
    return load_view_reader(name) if name else None


def release(run: Path, name: str, camus: Path, phantoms: Path, out: Path) -> Card:
    """Write ``out/name.onnx`` and ``out/name.json`` from the best weights of a run.

    Parameters
    ----------
    run : Path
        Folder of a finished training.
    name : str
        Of the model; its card text must exist.
    camus : Path
        CAMUS: Dice and EF are measured on ``valid`` (which chose the weights, and the card says so) and on
        ``calibration`` (which did not).
    phantoms : Path
        Phantom studies of the calibration seeds: they give the intervals.
    out : Path
        Folder of the bundled weights.
    """
    exported = model_file(run)
    draft = replace(load_card(run), name=name, **vars(CardText.load(name)), measurement_error=None)
    segmenter = Segmenter(draft, open_backend(exported, "onnxruntime"))
    metrics: list[Metric] = []
    for split, what in (("valid", "CAMUS valid (chose the weights)"), ("calibration", "CAMUS calibration (unseen)")):
        metrics += evaluate_camus(segmenter, read_camus(camus, split), what)
    scores = score_phantoms(phantoms, Models(segmenter, view=gate_beside(draft)))
    metrics += summarise(scores, "phantoms, calibration seeds (gave the intervals)")
    measured = replace(draft, metrics=tuple(metrics))
    known, those = known_studies(scores), f"{len(scores)} synthetic patients, no real ones"
    card = with_calibration(measured, None, known, those)
    card = replace(card, metrics=(*card.metrics, *held_out_metrics(held_out(known, card, None), those)))
    add(card, exported, out)
    return card
