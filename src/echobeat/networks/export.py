"""A network becomes an ONNX file that carries its own preprocessing."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from echobeat.errors import ModelError, UsageError
from echobeat.models import open_backend
from echobeat.models.beat_clips import FRAMES, SIZE
from echobeat.networks.preprocessing import standardise
from echobeat.networks.registry import RawGrey, Task
from echobeat.whole import whole_file

__all__ = [
    "OPSET",
    "SegmentationModel",
    "answering",
    "export_beats",
    "export_model",
    "export_segmentation",
    "standardise",
]

OPSET = 17

PARITY = 1e-4
"""Largest difference allowed between torch's answer and ONNX Runtime's, relative to the largest answer where
that is above 1: probabilities to 1e-4, an EF of 60 % to 0.006 points."""


class SegmentationModel(nn.Module):
    """Standardisation, network and softmax: what the bundled models' files hold.

    Input ``frames`` (batch, 1, height, width) float32, grey 0-255;
    output ``probabilities`` (batch, classes, height, width) float32, summing to 1 over classes.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames: Tensor) -> Tensor:
        return _softmax(self.network(standardise(frames)))


class Probabilities(nn.Module):
    """A segmentation network's logits as probabilities: sigmoid of one class, softmax over several."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames: Tensor) -> Tensor:
        logits: Tensor = self.network(frames)
        return logits.sigmoid() if logits.shape[1] == 1 else _softmax(logits)


def _softmax(logits: Tensor) -> Tensor:
    """Over the classes, written out: ONNX Runtime's own turns the whole array round twice for it, which costs a
    twentieth of the light U-Net's time."""
    weights = (logits - logits.amax(dim=1, keepdim=True)).exp()
    return weights / weights.sum(dim=1, keepdim=True)


def answering(module: RawGrey) -> nn.Module:
    """The network as `models.Backend` knows it: raw grey in, probabilities or EF out."""
    return Probabilities(module) if module.architecture.task == "segmentation" else module


def export_model(module: RawGrey, path: Path, task: Task, size: int, frames: int = 32) -> None:
    """Write a network as ONNX, compare the two, and only then put the file in its place.

    The batch axis is free; so is the time axis of networks that read entire videos.

    Parameters
    ----------
    module : RawGrey
        As `registry.build` makes it, on any device, in any mode; it is not changed.
    path : Path
    task : "ef" or "segmentation"
    size, frames : int
        Input: (batch, 1, size, size), or (batch, 1, frames, size, size) for EF; grey 0-255, float32.

    Raises
    ------
    UsageError
        The network cannot take such an input, or is for the other task.
    ModelError
        The file does not answer as the network does.
    OutputError
        It cannot be written.
    """
    architecture = module.architecture
    if architecture.task != task:
        raise UsageError(f"{architecture.name} is a network for {architecture.task}, not for {task}.")
    if reason := architecture.refusal(size, frames, outputs=1):
        raise UsageError(f"{architecture.name} cannot be exported: {reason}.")
    model = answering(copy.deepcopy(module)).cpu().float().eval()
    shape = (1, size, size) if task == "segmentation" else (1, frames, size, size)
    free = {0: "batch", 2: "time"} if architecture.whole_video else {0: "batch"}
    with whole_file(path) as beside:
        _write(model, beside, shape, "probabilities" if task == "segmentation" else "ef", free)
        _compare(model, beside, shape, architecture.whole_video)


def export_segmentation(network: nn.Module, path: Path, size: int) -> None:
    """Write a light U-Net, or the light classifier of views, with its softmax as ONNX, once the two agree.

    The batch axis is free; frames are `size` x `size`.

    Raises
    ------
    ModelError
        The file does not answer as the network does.
    OutputError
        It cannot be written.
    """
    _export_compared(SegmentationModel(_plain(network)), path, (1, size, size), "probabilities", "frames")


def export_beats(network: nn.Module, path: Path) -> None:
    """Write a reader of beats (`LightBeat`) as ONNX with a free batch axis, compared with the network before.

    Raises
    ------
    ModelError
        The file does not answer as the network does.
    OutputError
        It cannot be written.
    """
    _export_compared(_plain(network), path, (2, FRAMES, SIZE, SIZE), "ef", "clips")


def _plain(network: nn.Module) -> nn.Module:
    """A copy in float32 and the usual layout of memory."""
    model: nn.Module = copy.deepcopy(network).float().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # missing from torch's stub
    return model


def _export_compared(model: nn.Module, path: Path, shape: tuple[int, ...], output: str, name: str) -> None:
    model = model.eval()
    with whole_file(path) as beside:
        _write(model, beside, shape, output, {0: "batch"}, name)
        _compare(model, beside, shape, whole_video=False)


def _write(
    model: nn.Module, path: Path, shape: tuple[int, ...], output: str, free: dict[int, str], name: str = "frames"
) -> None:
    with warnings.catch_warnings():
        # The exporter that traces is deprecated, yet it is the one that was measured to export every network here.
        warnings.simplefilter("ignore", DeprecationWarning)
        # It warns of every constant that it traces, sizes that the registry holds fixed.
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)  # type: ignore[attr-defined]  # it is there
        torch.onnx.export(
            model,
            (torch.zeros(1, *shape),),
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=[name],
            output_names=[output],
            dynamic_axes={name: free, output: {0: "batch"}},
        )


@torch.no_grad()
def _compare(model: nn.Module, path: Path, shape: tuple[int, ...], whole_video: bool) -> None:
    """Two inputs of noise at once, one of them faint; a longer video where the time axis is free."""
    noise = np.random.default_rng(0).uniform(0, 255, (2, *shape)).astype(np.float32)
    noise[1] *= 0.1
    inputs = [noise, np.concatenate([noise, noise[:, :, :3]], axis=2)[:1]] if whole_video else [noise]
    backend = open_backend(path, "onnxruntime", threads=1)  # several threads would share the batch out
    for frames in inputs:
        expected = model(torch.as_tensor(frames)).numpy()
        worst = float(np.abs(backend.run(frames) - expected).max())
        if not worst <= PARITY * max(1.0, float(np.abs(expected).max())):
            raise ModelError(f"The exported model differs from its network by {worst:.1e}; it is not written.")
