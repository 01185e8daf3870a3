"""Make torchvision importable beside a CPU-only torch.

torchvision's wheel on the package index is built for CUDA: beside the CPU build of torch its compiled operators
do not load, and its import fails with "operator torchvision::nms does not exist" (measured with torchvision 0.28.0
and torch 2.13.0). We use none of those operators (they belong to object detection); declaring the schemas that the
import asks for is enough. Lightning and MONAI import torchvision too, so this module comes before them.
"""

from __future__ import annotations

import torch

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def _declare() -> torch.library.Library | None:
    if torch.cuda.is_available() or torch.version.cuda:  # torchvision's own operators will load
        return None
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]  # untyped in torch
    for name in ("nms", "qnms"):
        library.define(f"{name}{_SCHEMA}")  # type: ignore[no-untyped-call]  # untyped in torch
    return library


_KEPT_ALIVE = _declare()  # the schemas vanish with their library
