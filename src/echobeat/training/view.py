"""Train the bundled view network: pools of pictures -> batches -> network -> ONNX."""

from __future__ import annotations

import copy
import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader, Subset

from echobeat.errors import UsageError
from echobeat.networks.export import export_segmentation, standardise
from echobeat.networks.light_classifier import LightClassifier
from echobeat.training.view_config import ViewConfig
from echobeat.training.view_pools import ViewBatches, make_pools


def train_view(config: ViewConfig, camus: Path | None, out: Path, log: Callable[[str], None] = print) -> Path:
    """Run a recipe from start, or on from the last checkpoint in `out`.

    Parameters
    ----------
    config : ViewConfig
    camus : Path or None
        Folder of CAMUS, for recipes that learn from it.
    out : Path
        Gets config.json, the made pictures, last.pt and best.onnx.
    log : callable
        Takes each line of progress.

    Returns
    -------
    Path
        The exported ONNX model.
    """
    if config.camus and camus is None:
        raise UsageError("This recipe learns from CAMUS: name its folder.")
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps(asdict(config), indent=1))
    pools = make_pools(out, config, camus if config.camus else None, log)
    run = _Run(config, out)
    log(f"{config.name}: {run.parameters / 1e3:.0f} k parameters, step {run.step} of {config.steps}")
    batches = ViewBatches(pools, config.batch, config.size, config.seed)
    ahead = Subset(batches, range(run.step, config.steps))
    began, first = time.monotonic(), run.step
    for images, classes in DataLoader(ahead, batch_size=None, num_workers=1, prefetch_factor=8):
        loss, right = run.learn(images, classes)
        if run.step % config.log_every == 0 or run.step == config.steps:
            run.save()
            speed = (run.step - first) * config.batch / (time.monotonic() - began)
            log(f"{run.step} loss {loss:.3f} right {right:.3f} {speed:.0f}/s")
    export_segmentation(run.average, out / "best.onnx", config.size)
    return out / "best.onnx"


class _Run:
    """The state of a training."""

    def __init__(self, config: ViewConfig, out: Path) -> None:
        torch.manual_seed(config.seed)
        self.config, self.out = config, out
        self.network = LightClassifier(config.widths, config.size)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing from torch's stub
        self.average = copy.deepcopy(self.network).eval()
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), config.learning_rate, weight_decay=config.weight_decay
        )
        self.step, self.loss, self.right = 0, 0.0, 0.0
        if (out / "last.pt").exists():
            state = torch.load(out / "last.pt", map_location="cpu", weights_only=True)
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.step, self.loss, self.right = state["step"], state["loss"], state["right"]

    @property
    def parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.network.parameters())

    def learn(self, images: NDArray[np.uint8], classes: NDArray[np.int64]) -> tuple[float, float]:
        """One step; returns the smoothed loss and share of right answers."""
        config = self.config
        warm = min(1.0, (self.step + 1) / config.warmup_steps)
        rate = config.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * self.step / config.steps))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        x, truth = standardise(torch.as_tensor(images)[:, None].float()), torch.as_tensor(classes)
        with torch.autocast("cpu", torch.bfloat16):
            logits = self.network.train()(x.contiguous(memory_format=torch.channels_last))
        loss = nn.functional.cross_entropy(logits.float(), truth, label_smoothing=config.smoothing)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # untyped in torch
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        self._update_average()
        right = float((logits.argmax(dim=1) == truth).float().mean())
        keep = 0.98 if self.step > 1 else 0.0
        self.loss = keep * self.loss + (1 - keep) * loss.item()
        self.right = keep * self.right + (1 - keep) * right
        return self.loss, self.right

    @torch.no_grad()
    def _update_average(self) -> None:
        keep = min(self.config.ema, (1 + self.step) / (10 + self.step))
        for mine, new in zip(self.average.state_dict().values(), self.network.state_dict().values(), strict=True):
            if mine.dtype.is_floating_point:
                mine.lerp_(new, 1 - keep)
            else:
                mine.copy_(new)

    def save(self) -> None:
        """Whole or not at all."""
        beside = self.out / "last.pt.part"
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "loss": self.loss,
            "right": self.right,
        }
        torch.save(state, beside)
        os.replace(beside, self.out / "last.pt")
