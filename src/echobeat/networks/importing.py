"""A checkpoint from elsewhere becomes one of the user's models: an ONNX file with a card."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from echobeat.errors import UsageError
from echobeat.models import Card, ClipSpec
from echobeat.models.cards import file_hash
from echobeat.models.library import add, free_name
from echobeat.networks.checkpoints import Checkpoint, network_of
from echobeat.networks.export import export_model
from echobeat.networks.light_unet import CLASSES
from echobeat.networks.preprocessing import PUBLISHED_MEAN, PUBLISHED_STD, Normalise
from echobeat.networks.registry import EF_OUTPUTS, RawGrey, Task, find

FRAMES, PERIOD, FPS = 32, 2, 50.0
"""Of the published EF network's clips: 32 frames, every second one of 50 a second (Ouyang et al. 2020,
doi:10.1038/s41586-020-2145-8)."""

SIZE = 112
"""Side in pixels of the published networks' frames."""


@dataclass(frozen=True)
class Told:
    """What a checkpoint does not say of itself; None takes the published models' value and says so on the card.

    Attributes
    ----------
    architecture : str
    task : "ef" or "segmentation"
    size : int or None
        Side of its frames in pixels.
    mean, std : float or None
        Grey levels of its training data.
    frames, period : int or None
        Of its clips; a checkpoint that holds them is believed.
    fps : float
        Frames a second of the videos that it learned from.
    licence : str
        Of the weights.
    """

    architecture: str
    task: Task
    size: int | None = None
    mean: float | None = None
    std: float | None = None
    frames: int | None = None
    period: int | None = None
    fps: float = FPS
    licence: str = "not stated"

    def __post_init__(self) -> None:
        positive = (self.std, self.size, self.frames, self.period, self.fps)
        if any(value is not None and not 0 < value < 1e6 for value in positive):
            raise UsageError("--std, --size, --frames, --period and --fps must be above 0.")
        if self.mean is not None and not 0 <= self.mean <= 255:
            raise UsageError(f"--mean {self.mean}: grey levels lie between 0 and 255.")


def import_checkpoint(path: Path, told: Told, name: str | None = None) -> Card:
    """Make a checkpoint one of the user's models.

    Parameters
    ----------
    path : Path
        A file that ``torch.save`` has written: a dict with a ``state_dict``, or a state dict alone.
    told : Told
    name : str, optional
        Of the model; default: the file's.

    Returns
    -------
    Card

    Raises
    ------
    ModelError
        It cannot be read safely, or is not of that architecture.
    UsageError
        The name is taken, or the architecture cannot take such an input.
    """
    name = free_name(path.stem if name is None else name)
    architecture = find(told.architecture, told.task)
    checkpoint = Checkpoint.read(path)
    size = told.size or (SIZE if SIZE in architecture.sizes else architecture.sizes[0])
    frames = told.frames or architecture.frames or checkpoint.numbers.get("frames", FRAMES)
    module = network_of(checkpoint, architecture, size=size, frames=frames, mean=told.mean, std=told.std)
    with tempfile.TemporaryDirectory(prefix="echobeat-") as folder:
        onnx = Path(folder) / "model.onnx"
        export_model(module, onnx, told.task, size, frames)
        card = _card(name, module, told, checkpoint, (size, frames), file_hash(onnx))
        add(card, onnx)
    return card


def _card(name: str, module: RawGrey, told: Told, checkpoint: Checkpoint, shape: tuple[int, int], sha256: str) -> Card:
    size, frames = shape
    clip = None
    if told.task == "ef":
        rate_hz = told.fps / (told.period or checkpoint.numbers.get("period", PERIOD))
        clip = ClipSpec(frames, rate_hz, module.architecture.whole_video, module.preprocessing.blank)
    return Card(
        name=name,
        version="imported",
        task=told.task,
        summary=f"{module.architecture.name}, imported from {checkpoint.path.name}.",
        licence=told.licence,
        data=("not stated by the checkpoint",),
        recipe="none: the weights come from elsewhere",
        parameters=sum(parameter.numel() for parameter in module.parameters()),
        size=size,
        classes=_classes(told.task, module.outputs),
        metrics=(),
        limits=_limits(module, told),
        measurement_error=None,
        sha256=sha256,
        architecture=module.architecture.name,
        preprocessing=module.preprocessing.in_words + _assumed(module, told),
        clip=clip,
        crop=False,
    )


def _classes(task: Task, outputs: int) -> tuple[str, ...]:
    if task == "ef":
        return EF_OUTPUTS[:outputs]
    return CLASSES if outputs == len(CLASSES) else ("left_ventricle",)


def _assumed(module: RawGrey, told: Told) -> str:
    guessed = [word for word, value in (("mean", told.mean), ("std", told.std)) if value is None]
    return f" ({' and '.join(guessed)} assumed)" if guessed and isinstance(module.preprocessing, Normalise) else ""


def _limits(module: RawGrey, told: Told) -> tuple[str, ...]:
    limits = [
        "Research only: not cleared for diagnosis or treatment.",
        "Nothing was measured here: echobeat evaluate measures it on data with known truth.",
    ]
    if isinstance(module.preprocessing, Normalise) and None in (told.mean, told.std):
        limits.append(
            f"The checkpoint does not hold the grey levels that it was trained with: {PUBLISHED_MEAN:g} and "
            f"{PUBLISHED_STD:g}, near those of the published models, were assumed where none were given."
        )
    return tuple(limits)
