"""A network run by torch on any device, behind the same interface as a model file."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from echobeat.networks.export import answering
from echobeat.networks.registry import RawGrey


class TorchBackend:
    """A `models.Backend`: what `Segmenter` and `EjectionFractionModel` run.

    Parameters
    ----------
    module : RawGrey
        Put on the device and into evaluation mode.
    device : str or torch.device
    half : bool
        Compute in bfloat16 where that is safe (autocast); the answer is float32 in any case.
    """

    def __init__(self, module: RawGrey, device: str | torch.device = "cpu", half: bool = False) -> None:
        self._device = torch.device(device)
        self._model = answering(module).to(self._device).eval()
        self._half = half

    @torch.inference_mode()
    def run(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `models.Backend.run`."""
        x = torch.as_tensor(frames).to(self._device)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._half):
            answer = self._model(x)
        return answer.float().cpu().numpy()  # type: ignore[no-any-return]  # nn.Module calls are untyped
