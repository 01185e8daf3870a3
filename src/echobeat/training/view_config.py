"""A recipe of the view network, checked on construction."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from importlib import resources
from pathlib import Path

from echobeat.errors import UsageError


@dataclass(frozen=True)
class ViewConfig:
    """A recipe; the named ones are ``recipes/view*.toml``.

    Attributes
    ----------
    images : four-chamber phantom frames made before training.
    others : pictures of other kinds, multiplied by `PORTIONS`.
    smoothing : of the labels, so that the network does not grow surer than it can know.
    ema : of the moving average of the weights, which is what is exported.
    """

    name: str
    camus: bool
    images: int = 24000
    others: int = 500
    size: int = 112
    widths: tuple[int, ...] = (16, 32, 64)
    batch: int = 48
    steps: int = 4000
    learning_rate: float = 3e-3
    weight_decay: float = 2e-2
    warmup_steps: int = 150
    smoothing: float = 0.03
    ema: float = 0.998
    seed: int = 6
    log_every: int = 100
    notes: str = field(default="", compare=False)

    @classmethod
    def load(cls, name: str) -> ViewConfig:
        """Read a recipe by name (bundled) or by path to a TOML file."""
        bundled = resources.files("echobeat.training") / "recipes" / f"{name}.toml"
        try:
            text = bundled.read_text() if bundled.is_file() else Path(name).read_text()
        except OSError as error:
            raise UsageError(f"There is no recipe {name}: neither bundled nor a file.") from error
        values = tomllib.loads(text)
        unknown = set(values) - {known.name for known in fields(cls)}
        if unknown:
            raise UsageError(f"The recipe {name} has entries that are not known: {', '.join(sorted(unknown))}.")
        values["widths"] = tuple(values.get("widths", cls.widths))
        return cls(**values)
