"""Train the bundled segmentation network: pools of labelled images -> batches -> network -> best weights -> ONNX."""

from __future__ import annotations

import copy
import csv
import json
import math
import os
import time
import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset

from echobeat.datasets.camus import CamusImage, read_camus
from echobeat.datasets.phantom_frames import FrameMaker
from echobeat.errors import UsageError
from echobeat.networks.export import export_segmentation, standardise
from echobeat.networks.light_unet import LightUNet
from echobeat.training.augment import Augmentation
from echobeat.training.loaders import cores_here
from echobeat.training.losses import dice_cross_entropy
from echobeat.training.samples import Batches, Labelled, Pool
from echobeat.training.validation import camus_dice, shifted


@dataclass(frozen=True)
class PoolConfig:
    """One kind of training image.

    Attributes
    ----------
    kind : "camus", "phantom" or "negatives"
    share : float
        Part of every batch, relative to the other pools.
    images : int
        How many frames are made before training (phantom and negatives).
    strength : float
        Of the appearance augmentation, see `Augmentation`.
    """

    kind: str
    share: float
    images: int = 0
    strength: float = 1.0


@dataclass(frozen=True)
class SegmentationConfig:
    """A recipe. The named ones are the TOML files beside this module.

    `each` and `area` shape the loss, see `dice_cross_entropy`.
    """

    name: str
    pools: tuple[PoolConfig, ...]
    size: int = 112
    widths: tuple[int, ...] = (16, 32, 64, 128, 192)
    batch: int = 32
    steps: int = 4000
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    warmup_steps: int = 200
    ema: float = 0.998
    each: bool = False
    area: float = 0.0
    seed: int = 1
    valid_every: int = 250
    checkpoint_every: int = 125
    notes: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not self.pools:
            raise UsageError(f"The recipe {self.name} names no pool of images to learn from.")
        if min(self.batch, self.steps, self.valid_every, self.checkpoint_every) < 1:
            raise UsageError(f"The recipe {self.name} needs batch, steps and intervals of at least 1.")

    @classmethod
    def load(cls, name: str) -> SegmentationConfig:
        """Read a recipe by name (bundled) or by path to a TOML file."""
        bundled = resources.files("echobeat.training") / "recipes" / f"{name}.toml"
        try:
            text = bundled.read_text() if bundled.is_file() else Path(name).read_text()
        except OSError as error:
            raise UsageError(f"There is no recipe {name}: neither bundled nor a file.") from error
        values: dict[str, Any] = tomllib.loads(text)
        unknown = set(values) - {known.name for known in fields(cls)}
        if unknown:
            raise UsageError(f"The recipe {name} has entries that are not known: {', '.join(sorted(unknown))}.")
        values["pools"] = tuple(PoolConfig(**pool) for pool in values.pop("pools"))
        values["widths"] = tuple(values.get("widths", cls.widths))
        return cls(**values)


def train_segmentation(
    config: SegmentationConfig,
    camus: Path | None,
    out: Path,
    start: Path | None = None,
    log: Callable[[str], None] = print,
    device: str = "auto",
) -> Path:
    """Run a recipe from start, or on from the last checkpoint in `out`.

    Parameters
    ----------
    config : SegmentationConfig
    camus : Path or None
        Folder of CAMUS, for the pools and for validation on its ``valid`` split.
    out : Path
        Gets config.json, log.csv, last.pt, best.pt and best.onnx.
    start : Path or None
        Weights to begin with (a ``best.pt``).
    log : callable
        Takes each line of progress.
    device : str
        "cpu", "cuda", or "auto": a GPU where there is one.

    Returns
    -------
    Path
        The exported ONNX model with the best validation score.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps(asdict(config), indent=1))
    maker = FrameMaker(out, config.size, config.seed, log)
    validate = _validation(config, camus, maker)
    batches = Batches(_pools(config, camus, maker), config.batch, config.size, config.seed)
    run = _Run(config, out, start, _device(device))
    log(f"{config.name}: {run.parameters / 1e6:.2f} M parameters, step {run.step} of {config.steps} on {run.device}")
    began, first = time.monotonic(), run.step
    for images, labels in _loader(batches, run.step, config.steps, run.device):
        run.learn(images, labels)
        if run.step % config.valid_every == 0 or run.step == config.steps:
            scores = validate(run.predict)
            run.judge(scores)
            speed = (run.step - first) * config.batch / (time.monotonic() - began)
            figures = " ".join(f"{name} {value:.4f}" for name, value in scores.items())
            log(f"{run.step} loss {float(run.loss):.3f} {figures} {speed:.0f}/s")
        if run.step % config.checkpoint_every == 0 or run.step == config.steps:
            run.save()
    run.load_best()
    export_segmentation(run.average.cpu(), out / "best.onnx", config.size)
    return out / "best.onnx"


def _pools(config: SegmentationConfig, camus: Path | None, maker: FrameMaker) -> list[Pool]:
    makers: dict[str, Callable[[PoolConfig], list[Labelled]]] = {
        "camus": lambda pool: [(s.image, s.labels) for s in read_camus(_needed(camus), "train")],
        "phantom": lambda pool: maker.phantoms(pool.images),
        "negatives": lambda pool: maker.negatives(pool.images),
    }
    pools = []
    for pool in config.pools:
        if pool.kind not in makers:
            raise UsageError(f"There is no pool of the kind {pool.kind}; there are {', '.join(makers)}.")
        pools.append(Pool(makers[pool.kind](pool), pool.share, Augmentation(strength=pool.strength)))
    return pools


def _needed(camus: Path | None) -> Path:
    if camus is None:
        raise UsageError("This recipe learns from CAMUS: name its folder.")
    return camus


def _validation(
    config: SegmentationConfig, camus: Path | None, maker: FrameMaker
) -> Callable[[Callable[[NDArray[np.float32]], NDArray[np.float32]]], dict[str, float]]:
    """Mean Dice on CAMUS `valid`, on its held-out appearances, and on phantoms never seen where the recipe learns from
    phantoms: a third each chooses the weights. Where CAMUS is not at hand, phantoms alone do."""
    unseen = replace(maker, seed=config.seed + 1_000_003).phantoms(200)
    learns_phantoms = any(pool.kind == "phantom" for pool in config.pools)
    phantoms = [CamusImage(str(i), "ED", image, labels, (1.0, 1.0)) for i, (image, labels) in enumerate(unseen)]
    if camus is None:
        return lambda predict: {"score": float(np.mean(camus_dice(predict, phantoms, config.size)))}
    valid = list(read_camus(camus, "valid"))
    looks = shifted(valid[::2] + valid[1::4])

    def validate(predict: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> dict[str, float]:
        dice = partial(camus_dice, predict, size=config.size)
        plain = float(np.mean(dice(images=valid)))
        shifts = {name: float(np.mean(dice(images=images))) for name, images in looks.items()}
        made = float(np.mean(dice(images=phantoms)))
        judged = [plain, float(np.mean(list(shifts.values()))), *([made] if learns_phantoms else [])]
        return {"score": float(np.mean(judged)), "camus": plain, **shifts, "phantoms": made}

    return validate


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"Nothing can be trained on {name} here ({error}). Leave --device away.") from error
    return torch.device(name)


def _loader(batches: Batches, first: int, last: int, device: torch.device) -> DataLoader[Any]:
    """Batches `first`..`last`. One worker keeps up with two cores of training; a GPU takes all that the cores make."""
    gpu = device.type == "cuda"
    return DataLoader(
        Subset(batches, range(first, last)),
        batch_size=None,
        num_workers=max(1, cores_here() - 1) if gpu else 1,
        prefetch_factor=8,
        pin_memory=gpu,
    )


class _Run:
    """The state of a training: network, its moving average, optimiser, step, best score."""

    def __init__(self, config: SegmentationConfig, out: Path, start: Path | None, device: torch.device) -> None:
        torch.manual_seed(config.seed)
        self.config, self.out, self.device = config, out, device
        self.network = LightUNet(config.widths).to(device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing from torch's stub
        self.average = copy.deepcopy(self.network).eval()
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), config.learning_rate, weight_decay=config.weight_decay
        )
        self.step, self.best, self.loss = 0, -1.0, torch.zeros((), device=device)
        if (out / "last.pt").exists():
            self._resume(torch.load(out / "last.pt", map_location="cpu", weights_only=True))
        elif start is not None:
            weights = torch.load(start, map_location="cpu", weights_only=True)["network"]
            self.network.load_state_dict(weights)
            self.average.load_state_dict(weights)

    @property
    def parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.network.parameters())

    def learn(self, images: Tensor, labels: Tensor) -> None:
        """One step, with (batch, size, size) uint8 grey and labels; `loss` becomes the smoothed loss."""
        config = self.config
        warm = min(1.0, (self.step + 1) / config.warmup_steps)
        rate = config.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * self.step / config.steps))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        grey = images.to(self.device, non_blocking=True)[:, None].float()
        x = standardise(grey).contiguous(memory_format=torch.channels_last)
        truth = labels.to(self.device, non_blocking=True).long()
        with torch.autocast(self.device.type, torch.bfloat16):
            logits = self.network.train()(x)
        loss = dice_cross_entropy(logits.float(), truth, config.each, config.area)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # untyped in torch
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        self._update_average()
        self.loss = loss.detach() if self.step == 1 else 0.98 * self.loss + 0.02 * loss.detach()

    @torch.no_grad()
    def _update_average(self) -> None:
        keep = min(self.config.ema, (1 + self.step) / (10 + self.step))
        pairs = list(zip(self.average.state_dict().values(), self.network.state_dict().values(), strict=True))
        moving = [pair for pair in pairs if pair[0].dtype.is_floating_point]
        torch._foreach_lerp_([mine for mine, _ in moving], [new for _, new in moving], 1 - keep)
        for mine, new in pairs:
            if not mine.dtype.is_floating_point:
                mine.copy_(new)

    @torch.no_grad()
    def predict(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        grey = torch.as_tensor(frames, device=self.device)[:, None]
        x = standardise(grey).contiguous(memory_format=torch.channels_last)
        return self.average(x).softmax(dim=1)[:, 1].cpu().numpy()  # type: ignore[no-any-return]  # untyped nn.Module

    def judge(self, scores: dict[str, float]) -> None:
        """Log the scores; keep the averaged weights if they are the best so far."""
        path = self.out / "log.csv"
        row = {"step": self.step, "loss": float(self.loss), **scores}
        fresh = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            if fresh:
                writer.writeheader()
            writer.writerow(row)
        if scores["score"] > self.best:
            self.best = scores["score"]
            _save({"network": self.average.state_dict(), "step": self.step, **scores}, self.out / "best.pt")

    def save(self) -> None:
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "best": self.best,
            "loss": self.loss,
        }
        _save(state, self.out / "last.pt")

    def _resume(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.best, self.loss = state["step"], state["best"], state["loss"].to(self.device)

    def load_best(self) -> None:
        """Put the best averaged weights in place of the last."""
        best = torch.load(self.out / "best.pt", map_location="cpu", weights_only=True)
        self.average.load_state_dict(best["network"])


def _save(state: dict[str, Any], path: Path) -> None:
    """Whole or not at all: a killed save never destroys the previous one."""
    beside = path.with_name(path.name + ".part")
    torch.save(state, beside)
    os.replace(beside, path)
