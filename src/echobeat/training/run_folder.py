"""The folder of a run: what stands in it, when it may be begun or gone on with, and what it says of itself."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from echobeat import __version__
from echobeat.errors import UsageError
from echobeat.training.config import Machine
from echobeat.training.recipe_files import load_recipe, to_toml
from echobeat.whole import PREFIX, write_file

PACKAGES = ("torch", "torchvision", "lightning", "monai", "numpy", "onnxruntime")


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run.

    ::

        RUN/config.toml              the recipe as it runs, every entry
        RUN/manifest.json            versions, data, device, the times it was begun and gone on with
        RUN/log.csv                  a row for each validation
        RUN/tensorboard/
        RUN/checkpoints/last.ckpt    what it goes on from
        RUN/checkpoints/best.ckpt    the best weights so far
        RUN/validation.csv           what the best weights said of each validation study
        RUN/curves.png, curves.pdf
        RUN/model.onnx, model.json   the model and its card
        RUN/material/                what a bundled model learns from, where it was made
        RUN/first/                   the run whose best weights it begins with, where its recipe names one
    """

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.toml"

    @property
    def manifest(self) -> Path:
        return self.path / "manifest.json"

    @property
    def last(self) -> Path:
        return self.path / "checkpoints" / "last.ckpt"

    @property
    def best(self) -> Path:
        return self.path / "checkpoints" / "best.ckpt"

    @property
    def validation(self) -> Path:
        return self.path / "validation.csv"

    @property
    def model(self) -> Path:
        return self.path / "model.onnx"

    @property
    def material(self) -> Path:
        return self.path / "material"

    @property
    def first(self) -> Path:
        return self.path / "first"

    @property
    def begun(self) -> bool:
        """True where anything was learned or made; a recipe whose data could not be read is no run yet."""
        return any(path.exists() for path in (self.manifest, self.last, self.best, self.material, self.first))

    @property
    def finished(self) -> bool:
        """True where the model's card is, which is written last."""
        return self.model.with_suffix(".json").exists()

    def begin(self, config: Any, resume: bool) -> None:
        """Make the folder; or see that what is in it is the run to go on with.

        Parameters
        ----------
        config : dataclass
            A recipe with an entry `machine`.
        resume : bool
            Go on with what is there.

        Raises
        ------
        UsageError
            It holds a run already and `resume` is False, or a run of another recipe.
        OutputError
            It cannot be written.
        """
        if self.config.exists() and self.begun:
            if not resume:
                raise UsageError(f"{self.path} holds a run. Go on with it by --resume, or name another folder.")
            self.check_recipe(config)
        elif self.last.exists() or self.best.exists():
            raise UsageError(f"{self.path} holds checkpoints, but no config.toml. Name another folder, or empty it.")
        write_file(self.config, to_toml(config))
        for left in self.last.parent.glob(f"{PREFIX}*"):
            left.unlink(missing_ok=True)  # what a run was saving when it was killed: large, and of no use

    def note(self, entries: dict[str, Any]) -> None:
        """Add to the manifest; each start of the run is kept with its time.

        Raises
        ------
        UsageError
            The run goes on with other data than it began with.
        """
        kept = self._noted()
        self.check_data(entries["data"])
        starts = [*kept.get("starts", []), datetime.now(UTC).isoformat(timespec="seconds")]
        write_file(self.manifest, json.dumps({**entries, "versions": versions(), "starts": starts}, indent=1) + "\n")

    def check_recipe(self, config: Any) -> None:
        """Refuse another recipe than the run's.

        Raises
        ------
        UsageError
        """
        if _learned(load_recipe(type(config), "", str(self.config))) != _learned(config):
            raise UsageError(
                f"{self.path} is a run of another recipe: see {self.config}. Only the entries of [machine] may "
                "change when a run goes on; give the same recipe and overrides, or name another folder."
            )

    def check_data(self, data: Mapping[str, Any]) -> None:
        """Refuse other data than the run began with; what an earlier version did not note is not compared.

        Raises
        ------
        UsageError
        """
        noted = self._noted().get("data", {})
        if any(noted.get(name) not in (None, data.get(name)) for name in ("fingerprint", "outlines")):
            raise UsageError(
                f"{self.path} began with other studies or labels than are given now. Give the same, or another folder."
            )

    def _noted(self) -> dict[str, Any]:
        noted: dict[str, Any] = json.loads(self.manifest.read_text("utf-8")) if self.manifest.exists() else {}
        return noted


def _learned(config: Any) -> Any:
    """The configuration without what may change when a run goes on."""
    return replace(config, machine=Machine())


def versions() -> dict[str, str]:
    """Of what the weights depend on."""
    return {
        "echobeat": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        **{name: version(name) for name in PACKAGES},
    }
