"""Model cards: what a model is, learned from, may be used for, and how well it measured. Data only."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_data_path
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from echobeat.errors import ModelError
from echobeat.records import ModelUsed
from echobeat.whole import write_file

ModelTask = Literal["segmentation", "ef", "view", "beats"]
"""What a model is for."""


@dataclass(frozen=True)
class Metric:
    """One measured figure: never without its n and its data; with its interval, where it has one."""

    name: str
    value: float
    n: Annotated[int, Field(description="patients")]
    low: Annotated[
        float | None,
        Field(
            description="lower end of the 95 % interval: bootstrap over patients, Wilson's on cards of view networks"
        ),
    ]
    high: Annotated[float | None, Field(description="upper end")]
    data: str


@dataclass(frozen=True)
class ClipSpec:
    """The clips that an EF network reads.

    Attributes
    ----------
    frames : int
        Of a clip.
    rate_hz : float
        Frames a second of the clip as the network sees it, whatever the video's rate: the published networks
        take every second frame of 50 a second, 25.
    whole_video : bool
        It can also read a video of any length.
    blank : float
        Grey level that the network sees as 0: fills a clip where the video ends before it.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    frames: Annotated[int, Field(ge=1)]
    rate_hz: Annotated[float, Field(gt=0)]
    whole_video: bool = False
    blank: Annotated[float, Field(ge=0, le=255)] = 0.0


BEAT_OUTPUTS = "ef_correction", "log_sd"
"""Outputs of a reader of beats: points to add to the EF of the contours, and the logarithm of the deviation that it
gives for the sum."""


@dataclass(frozen=True)
class Card:
    """Everything about a model but its weights; one JSON file beside the ONNX file of the same name.

    Attributes
    ----------
    size : int
        Side in pixels of the square that the network reads.
    classes : tuple of str
        Names of the output channels: ``left_ventricle`` is among those of a segmentation, ``ef`` is the first of
        an EF network's. A reader of beats has `BEAT_OUTPUTS`.
    measurement_error : dict or None
        Numbers of `measurement.MeasurementError` (segmentation) or `measurement.VideoCalibration` (beats), calibrated
        for this model; None gives no intervals.
    sha256 : str
        Of the ONNX file.
    architecture : str
        Name in the registry of networks.
    preprocessing : str
        What happens to grey levels inside the model file, in words.
    clip : ClipSpec or None
        Of an EF network.
    crop : bool
        Black borders are cut off frames of the network's own size, too, as they always are off frames of other
        sizes; False: frames of its own size are read as they are.
    threshold : float or None
        Of a view network: belief in a four-chamber view under which a clip is refused.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    name: str
    version: str
    task: ModelTask
    summary: str
    licence: str
    data: tuple[str, ...]
    recipe: str
    parameters: int
    size: int
    classes: tuple[str, ...]
    metrics: tuple[Metric, ...]
    limits: tuple[str, ...]
    measurement_error: dict[str, Any] | None
    sha256: str
    architecture: str = ""
    preprocessing: str = ""
    clip: ClipSpec | None = None
    crop: bool = True
    threshold: float | None = None

    def __post_init__(self) -> None:
        if self.task == "segmentation" and "left_ventricle" not in self.classes:
            raise ValueError("a segmentation model names one of its classes left_ventricle")
        if self.task == "ef" and (self.clip is None or self.classes[:1] != ("ef",)):
            raise ValueError("an EF model has a clip, and the first of its classes is ef")
        if self.task == "beats" and self.classes != BEAT_OUTPUTS:
            raise ValueError(f"a reader of beats gives {' and '.join(BEAT_OUTPUTS)}")

    @property
    def used(self) -> ModelUsed:
        """The line about this model in a result."""
        return ModelUsed(self.name, self.version, self.sha256, self.licence)

    def used_beside(self, segmentation: Card) -> ModelUsed:
        """The same, with what its intervals come from where it works beside a segmentation model."""
        numbers = self.calibration_beside(segmentation)
        if numbers is None:
            return self.used
        said = json.dumps(numbers, sort_keys=True).encode()
        return replace(self.used, calibration=hashlib.sha256(said).hexdigest())

    def calibration_beside(self, segmentation: Card) -> dict[str, Any] | None:
        """The numbers of `measurement_error` that hold beside a segmentation model, or for this one itself.

        A video network's belong to one segmentation model: those of the user's own for this very pair, else those of
        its card where they are for it, else none.

        Raises
        ------
        ModelError
            The user's own file is damaged.
        """
        if self.sha256 == segmentation.sha256:
            return self.measurement_error
        own = calibration_file(self, segmentation)
        if own.is_file():
            return _own_numbers(own)
        numbers = self.measurement_error or {}
        return numbers if numbers.get("segmentation") == segmentation.sha256 else None


FREE = "Apache-2.0"
"""Licence of the code, and of the models that may be used as freely."""

CARD = TypeAdapter(Card)
_NUMBERS = TypeAdapter(dict[str, Any])


def weights_folder() -> Path:
    """Where the bundled models lie."""
    return Path(str(resources.files("echobeat.models") / "weights"))


def own_folder() -> Path:
    """Where the user's own models lie: ECHOBEAT_MODELS, otherwise below the system's folder for a user's data."""
    named = os.environ.get("ECHOBEAT_MODELS")
    return Path(named) if named else user_data_path("echobeat", appauthor=False) / "models"


def bundled_cards() -> tuple[Card, ...]:
    """The cards of the models that come with echobeat, by name."""
    return _cards_in(weights_folder())


def list_cards() -> tuple[Card, ...]:
    """The cards of all models at hand, the bundled ones first, then the user's own, each by name."""
    return bundled_cards() + _cards_in(own_folder())


def _cards_in(folder: Path) -> tuple[Card, ...]:
    return tuple(read_card(path) for path in sorted(folder.glob("*.json")))


def load_card(name: str | Path) -> Card:
    """The card of a model.

    Parameters
    ----------
    name : str or Path
        A bundled model, one of the user's own, the folder of a training run, or a card's file.

    Raises
    ------
    ModelError
        There is no such model, or its card does not say what a card must say.
    """
    return read_card(card_file(name))


def card_file(name: str | Path) -> Path:
    """Where a model's card lies; see `load_card`."""
    path, folders = Path(name), (weights_folder(), own_folder())
    if len(path.parts) == 1:
        for folder in folders:
            if (folder / f"{name}.json").is_file():
                return folder / f"{name}.json"
    if path.is_dir():
        if not (path / "model.json").is_file():
            raise ModelError(f"The folder {path} holds no model.json: its training has not ended, or it is no run.")
        return path / "model.json"
    if path.suffix in (".json", ".onnx") and path.with_suffix(".json").is_file():
        return path.with_suffix(".json")
    known = ", ".join(sorted({other.stem for folder in folders for other in folder.glob("*.json")}))
    raise ModelError(f"There is no model named {name}. There are: {known}.")


def read_card(path: Path) -> Card:
    """Read a card's file; a segmentation model's calibration of the user's own stands in the place of the card's.

    Raises
    ------
    ModelError
        It does not say what a card must say.
    """
    try:
        card = CARD.validate_json(path.read_bytes())
    except ValidationError as error:
        raise ModelError(
            f"The card {path} is damaged: {error.error_count()} entries are wrong. Reinstall it."
        ) from error
    own = calibration_file(card)
    return replace(card, measurement_error=_own_numbers(own)) if own.is_file() else card


def calibration_file(card: Card, beside: Card | None = None) -> Path:
    """Where the user's own calibration of a model lies, a video network's for each segmentation model beside it.

    It belongs to the weights, whatever the models are called.
    """
    pair = "" if beside is None else f"-{beside.sha256[:32]}"
    return own_folder() / "calibration" / f"{card.sha256[:32]}{pair}.json"


def _own_numbers(path: Path) -> dict[str, Any]:
    try:
        return _NUMBERS.validate_json(path.read_bytes())
    except ValidationError as error:
        raise ModelError(f"The calibration {path} is damaged. Remove it, and calibrate the model again.") from error


def write_calibration(card: Card, numbers: Mapping[str, Any], beside: Card | None = None) -> Path:
    """Keep a calibration of the user's own for a model, whole or not at all; see `Card.measurement_error`.

    `beside` is the segmentation model that a video network was calibrated with.

    Raises
    ------
    OutputError
        The folder cannot be written.
    """
    path = calibration_file(card, beside)
    text = json.dumps(dict(numbers), indent=1) + "\n"
    write_file(path, text, otherwise="or name another folder by ECHOBEAT_MODELS")
    return path


def write_card(card: Card, path: Path) -> None:
    """Write a card's file, whole or not at all.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    write_file(path, CARD.dump_json(card, indent=1) + b"\n")


def model_file(name: str | Path) -> Path:
    """The ONNX file of a model, beside its card, its hash checked; `name` as for `load_card`.

    Raises
    ------
    ModelError
        The file is missing, or is not the one that the card was written for.
    """
    card_path = card_file(name)
    path = card_path.with_suffix(".onnx")
    if not path.is_file():
        raise ModelError(f"The weights {path} are missing. Install the model again.")
    if file_hash(path) != read_card(card_path).sha256:
        raise ModelError(f"The weights {path} are not those of their card (SHA-256 differs). Install the model again.")
    return path


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
