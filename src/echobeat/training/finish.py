"""From the best weights of a run to a model that `analyze` runs: ONNX file, compared with the network, and its card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from echobeat.datasets import LabelledStudy
from echobeat.errors import InvalidClip
from echobeat.evaluation.bootstrap import bootstrap, ratio
from echobeat.models import Card, Metric
from echobeat.models.cards import ClipSpec, file_hash, write_card
from echobeat.networks.export import export_model
from echobeat.networks.registry import EF_OUTPUTS, RawGrey
from echobeat.training.config import Config, EFConfig
from echobeat.training.material import Material
from echobeat.training.run_folder import RunFolder

COMMON_RATE_HZ = 50.0
"""Of a data set that gives none: most of EchoNet-Dynamic's videos."""

LIMITS = (
    "Research only: not cleared for diagnosis or treatment.",
    "Its figures were measured on the studies that chose its weights: they flatter it. Evaluate it on a test split.",
    "Images unlike those that it learned from were not seen.",
)


def finish(
    folder: RunFolder,
    network: RawGrey,
    config: Config,
    material: Material,
    figures: Mapping[str, NDArray[np.float64]],
    epochs: int,
) -> Path:
    """Write model.onnx and model.json.

    Parameters
    ----------
    folder : RunFolder
    network : RawGrey
        With the best weights, on the CPU.
    config : Config
    material : Material
    figures : mapping
        Name of a figure to one value a validation study.
    epochs : int
        That were trained.

    Returns
    -------
    Path
        model.onnx.

    Raises
    ------
    ModelError
        The exported file does not answer as the network does.
    """
    size = config.network.size
    frames = config.clips.frames if isinstance(config, EFConfig) else 1
    export_model(network, folder.model, network.architecture.task, size, frames)
    clip = clip_of(config, network, material) if isinstance(config, EFConfig) else None
    card = Card(
        name=folder.path.resolve().name,
        version="0",
        task="ef" if clip else "segmentation",
        summary=f"{network.architecture.name}, {'the EF' if clip else 'the left ventricle'}, trained on own data.",
        licence=config.licence,
        data=(described(material),),
        recipe=f"config.toml of the run; {epochs} epochs",
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        size=size,
        classes=EF_OUTPUTS[: network.outputs] if clip else ("left_ventricle",),
        metrics=tuple(measured(figures, material.val)),
        limits=LIMITS,
        measurement_error=None,
        sha256=file_hash(folder.model),
        architecture=network.architecture.name,
        preprocessing=network.preprocessing.in_words,
        clip=clip,
        crop=not any(material.frames.as_stored(study) for study in material.train),
    )
    write_card(card, folder.model.with_suffix(".json"))
    return folder.model


def described(material: Material) -> str:
    """The data in a sentence, without a folder or a name."""
    patients = len({study.patient for study in material.train})
    return (
        f"{material.kind}: {len(material.train)} studies of {patients} patients learned from, {len(material.val)} "
        f"studies chose the weights; fingerprint {material.fingerprint[:16]}"
    )


def measured(figures: Mapping[str, NDArray[np.float64]], studies: tuple[LabelledStudy, ...]) -> list[Metric]:
    """Means over the validation studies with 95 % intervals by patient."""
    patients = [study.patient for study in studies]
    spreads = bootstrap({name: ratio(values) for name, values in figures.items()}, patients)
    data = "validation studies (chose the weights)"
    return [Metric(name, s.value, len(set(patients)), s.low, s.high, data) for name, s in spreads.items()]


def clip_of(config: EFConfig, network: RawGrey, material: Material) -> ClipSpec:
    """The clips that the network learned from, in time: what the card tells `analyze`."""
    rate = config.clips.rate_hz or common_rate(material) / config.clips.period
    return ClipSpec(config.clips.frames, rate, network.architecture.whole_video, network.preprocessing.blank)


def common_rate(material: Material) -> float:
    """Median frame rate of the training videos that have one."""
    rates = []
    for study in material.train:
        try:
            rates.append(material.frames.fps(study))
        except InvalidClip:  # neither the video nor the table gives a rate
            continue
    return float(np.median(rates)) if rates else COMMON_RATE_HZ
