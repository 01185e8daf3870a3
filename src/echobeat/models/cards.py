"""Model cards: what a model is, learned from, may be used for, and how well it measured. Data only."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from echobeat.errors import ModelError
from echobeat.records import ModelUsed


@dataclass(frozen=True)
class Metric:
    """One measured figure: never without its n, its interval and its data."""

    name: str
    value: float
    n: Annotated[int, Field(description="patients")]
    low: Annotated[float | None, Field(description="lower end of the 95 % bootstrap interval over patients")]
    high: Annotated[float | None, Field(description="upper end")]
    data: str


@dataclass(frozen=True)
class Card:
    """Everything about a model but its weights; one JSON file beside the ONNX file of the same name.

    Attributes
    ----------
    size : int
        Side in pixels of the square that the network reads.
    classes : tuple of str
        Names of the output channels; ``left_ventricle`` is among them.
    measurement_error : dict or None
        Numbers of `measure.MeasurementError`, calibrated for this model; None gives no intervals.
    sha256 : str
        Of the ONNX file.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    name: str
    version: str
    task: Literal["segmentation", "ef"]
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

    @property
    def used(self) -> ModelUsed:
        """The line about this model in a result."""
        return ModelUsed(self.name, self.version, self.sha256, self.licence)


CARD = TypeAdapter(Card)


def weights_folder() -> Path:
    """Where the bundled models lie."""
    return Path(str(resources.files("echobeat.models") / "weights"))


def list_cards() -> tuple[Card, ...]:
    """The cards of all models at hand, by name."""
    return tuple(load_card(path.stem) for path in sorted(weights_folder().glob("*.json")))


@lru_cache
def load_card(name: str) -> Card:
    """The card of one model.

    Raises
    ------
    ModelError
        There is no model of that name, or its card does not say what a card must say.
    """
    path = weights_folder() / f"{name}.json"
    if not path.is_file():
        known = ", ".join(sorted(other.stem for other in weights_folder().glob("*.json")))
        raise ModelError(f"There is no model named {name}. There are: {known}.")
    try:
        return CARD.validate_json(path.read_bytes())
    except ValidationError as error:
        raise ModelError(
            f"The card {path} is damaged: {error.error_count()} entries are wrong. Reinstall it."
        ) from error


def model_file(card: Card) -> Path:
    """The ONNX file of a card, its hash checked.

    Raises
    ------
    ModelError
        The file is missing, or is not the one that the card was written for.
    """
    path = weights_folder() / f"{card.name}.onnx"
    if not path.is_file():
        raise ModelError(f"The weights {path} are missing. Reinstall echobeat.")
    if file_hash(path) != card.sha256:
        raise ModelError(f"The weights {path} are not those of their card (SHA-256 differs). Reinstall echobeat.")
    return path


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
