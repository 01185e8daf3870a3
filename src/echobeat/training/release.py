"""A finished run becomes a bundled model: ONNX file and card, measured on data that chose nothing."""

from __future__ import annotations

import json
import os
import shutil
import tomllib
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import torch

from echobeat.datasets.camus import read_camus
from echobeat.errors import ModelError, UsageError
from echobeat.evaluation.calibration import with_calibration
from echobeat.evaluation.camus import evaluate_camus
from echobeat.evaluation.phantoms import known_studies, score_phantoms, summarise
from echobeat.models import Card, Metric, Segmenter, open_backend
from echobeat.models.cards import CARD, file_hash
from echobeat.networks.export import SegmentationModel
from echobeat.networks.light_unet import CLASSES, LightUNet
from echobeat.pipeline import Models

PARITY = 1e-4
"""Largest difference allowed between torch's and ONNX Runtime's probabilities."""


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

    Raises
    ------
    ModelError
        The exported file does not answer as the network does.
    """
    text = CardText.load(name)
    config = json.loads((run / "config.json").read_text())
    check_parity(run, config)
    exported = run / "best.onnx"
    draft = Card(
        name=name,
        version=text.version,
        task="segmentation",
        summary=text.summary,
        licence=text.licence,
        data=text.data,
        recipe=text.recipe,
        parameters=sum(parameter.numel() for parameter in LightUNet(tuple(config["widths"])).parameters()),
        size=config["size"],
        classes=CLASSES,
        metrics=(),
        limits=text.limits,
        measurement_error=None,
        sha256=file_hash(exported),
    )
    segmenter = Segmenter(draft, open_backend(exported, "onnxruntime"))
    metrics: list[Metric] = []
    for split, what in (("valid", "CAMUS valid (chose the weights)"), ("calibration", "CAMUS calibration (unseen)")):
        metrics += evaluate_camus(segmenter, read_camus(camus, split), what)
    scores = score_phantoms(phantoms, Models(segmenter))
    metrics += summarise(scores, "phantoms, calibration seeds (gave the intervals)")
    measured = replace(draft, metrics=tuple(metrics))
    card = with_calibration(measured, None, known_studies(scores), f"{len(scores)} phantoms of calibration seeds")
    shutil.copy(exported, out / f"{name}.onnx.part")
    os.replace(out / f"{name}.onnx.part", out / f"{name}.onnx")
    write_card(card, out)
    return card


def write_card(card: Card, out: Path) -> None:
    """Write ``out/name.json``, whole or not at all."""
    beside = out / f"{card.name}.json.part"
    beside.write_bytes(CARD.dump_json(card, indent=1) + b"\n")
    os.replace(beside, out / f"{card.name}.json")


def check_parity(run: Path, config: dict[str, Any]) -> None:
    """Compare the exported file with the network on noise and on flat frames.

    Raises
    ------
    ModelError
        They differ by more than `PARITY`.
    """
    network = LightUNet(tuple(config["widths"])).eval()
    network.load_state_dict(torch.load(run / "best.pt", map_location="cpu", weights_only=True)["network"])
    size = config["size"]
    frames = np.random.default_rng(0).uniform(0, 255, (4, 1, size, size)).astype(np.float32)
    frames[2:] = np.array([0, 200], np.float32)[:, None, None, None]
    with torch.no_grad():
        expected = SegmentationModel(network)(torch.as_tensor(frames)).numpy()
    worst = float(np.abs(open_backend(run / "best.onnx", "onnxruntime").run(frames) - expected).max())
    if worst > PARITY:
        raise ModelError(f"{run / 'best.onnx'} differs from its network by {worst:.1e}: export it again.")
