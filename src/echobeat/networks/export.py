"""A trained segmentation network becomes an ONNX file that carries its own preprocessing."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from echobeat.networks.preprocessing import standardise

__all__ = ["OPSET", "SegmentationModel", "export_segmentation", "standardise"]

OPSET = 17


class SegmentationModel(nn.Module):
    """Standardisation, network and softmax: what the model file holds.

    Input ``frames`` (batch, 1, height, width) float32, grey 0-255;
    output ``probabilities`` (batch, classes, height, width) float32, summing to 1 over classes.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames: Tensor) -> Tensor:
        return self.network(standardise(frames)).softmax(dim=1)  # type: ignore[no-any-return]  # untyped nn.Module


def export_segmentation(network: nn.Module, path: Path, size: int) -> None:
    """Write `network` as ONNX with a free batch axis and `size` x `size` frames; whole or not at all."""
    model = SegmentationModel(network).eval()
    beside = path.with_name(path.name + ".part")
    with warnings.catch_warnings():
        # The exporter that traces is deprecated, yet it is the one that was measured to export every network here.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            model,
            (torch.zeros(1, 1, size, size),),
            beside,
            dynamo=False,
            opset_version=OPSET,
            input_names=["frames"],
            output_names=["probabilities"],
            dynamic_axes={"frames": {0: "batch"}, "probabilities": {0: "batch"}},
        )
    os.replace(beside, path)
