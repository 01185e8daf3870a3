"""Checkpoints from elsewhere: read without running any code of theirs, and put into a network of the registry."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from echobeat.errors import ModelError
from echobeat.networks.makers import MainOutput
from echobeat.networks.preprocessing import Levels
from echobeat.networks.registry import Architecture, RawGrey, build

OUTPUTS = {"ef": (1, 3), "segmentation": (1, 4)}
"""What a checkpoint's last layer may give; see `registry.build`."""

SHOWN = 3
"""Names of layers in a message."""

State = dict[str, Tensor]


def _numbers() -> list[Any]:
    """What numpy's numbers are pickled with: checkpoints hold losses and scores beside their weights.

    The published ones were written by NumPy 1, which named the module differently.
    """
    scalar = np._core.multiarray.scalar  # type: ignore[attr-defined]  # its only name, and pickles hold it
    types = [type(np.dtype(one)) for one in (np.float64, np.float32, np.int64, np.int32, np.bool_)]
    return [scalar, (scalar, "numpy.core.multiarray.scalar"), np.dtype, *types]


@dataclass(frozen=True)
class Checkpoint:
    """Weights by name, and the whole numbers that stood beside them.

    Attributes
    ----------
    path : Path
    state : dict
        Name of a layer's entry to its tensor, on the CPU; as stored.
    numbers : dict
        "frames", "period", ... from 1 to 1024.
    """

    path: Path
    state: State
    numbers: Mapping[str, int]

    @classmethod
    def read(cls, path: Path) -> Checkpoint:
        """Read a file that torch has saved: a dict with a ``state_dict``, or the weights alone.

        Raises
        ------
        ModelError
            It is missing, damaged, or holds anything but tensors and numbers: loading such a thing could run code.
        """
        try:
            with torch.serialization.safe_globals(_numbers()):
                loaded = torch.load(path, map_location="cpu", weights_only=True)
        except FileNotFoundError as error:
            raise ModelError(f"There is no checkpoint {path}.") from error
        except pickle.UnpicklingError as error:
            raise ModelError(
                f"The checkpoint {path} is damaged, or holds more than tensors and numbers. It is refused: loading it "
                "could run foreign code."
            ) from error
        except Exception as error:  # torch's readers raise whatever the bytes lead them to
            raise ModelError(f"The checkpoint {path} is damaged, or was not saved by torch.") from error
        content = loaded if isinstance(loaded, dict) else {}
        state = content.get("state_dict", content)
        if not isinstance(state, dict) or not state or not all(isinstance(each, Tensor) for each in state.values()):
            raise ModelError(f"The checkpoint {path} holds no state_dict: no weights by their names.")
        return cls(path, state, {key: value for key, value in content.items() if _counts(value)})


def _counts(value: object) -> bool:
    """True for a whole number that a clip could have of frames."""
    return isinstance(value, int) and 0 < value <= 1024


def network_of(
    checkpoint: Checkpoint,
    architecture: Architecture,
    *,
    size: int,
    frames: int,
    mean: Levels | None = None,
    std: Levels | None = None,
) -> RawGrey:
    """The network of a checkpoint, with preprocessing; the number of outputs is what its last layer gives.

    Prefixes (``module.`` of networks trained on several GPUs) and auxiliary heads are taken off.

    Raises
    ------
    ModelError
        The weights are not those of the architecture.
    UsageError
        The architecture cannot take such an input.
    """
    counts = OUTPUTS[architecture.task]
    expected = [_shapes(_named_part(_bare(architecture, outputs))) for outputs in counts]
    state = _without_prefix(checkpoint.state, set(expected[0]))
    shapes = {name: tensor.shape for name, tensor in state.items()}
    fitting = [outputs for outputs, wanted in zip(counts, expected, strict=True) if not _misfits(shapes, wanted)]
    if not fitting:
        faults = "; ".join(_misfits(shapes, expected[0]))
        raise ModelError(f"The checkpoint {checkpoint.path} is no {architecture.name} with {counts}: {faults}.")
    module = build(
        architecture.name,
        architecture.task,
        outputs=fitting[0],
        size=size,
        frames=frames,
        mean=mean,
        std=std,
    )
    _named_part(module.network).load_state_dict(state, strict=False)
    if not all(bool(tensor.isfinite().all()) for tensor in module.state_dict().values()):
        raise ModelError(f"The checkpoint {checkpoint.path} holds values that are not numbers: its training failed.")
    return module.eval()


def _bare(architecture: Architecture, outputs: int) -> nn.Module:
    """The bare network without memory for weights: its names and shapes."""
    with torch.device("meta"):
        return architecture.make(outputs, False)


def _named_part(network: nn.Module) -> nn.Module:
    """The part whose names checkpoints have."""
    return network.network if isinstance(network, MainOutput) else network


def _shapes(network: nn.Module) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in network.state_dict().items()}


def _without_prefix(state: State, names: set[str]) -> State:
    """Names as the network has them: a first part that all share, but that it does not know, is taken off."""
    while names.isdisjoint(state):
        firsts = {name.partition(".")[0] for name in state}
        if len(firsts) != 1 or not all(name.partition(".")[2] for name in state):
            break
        state = {name.partition(".")[2]: tensor for name, tensor in state.items()}
    return {name: tensor for name, tensor in state.items() if not name.startswith("aux_classifier.")}


def _misfits(shapes: Mapping[str, torch.Size], wanted: Mapping[str, torch.Size]) -> list[str]:
    """How a checkpoint differs from a network, in words; nothing where it fits."""
    # counters of batches that nothing depends on, which old versions of torch did not store
    missing = [name for name in wanted if name not in shapes and not name.endswith("num_batches_tracked")]
    unknown = [name for name in shapes if name not in wanted]
    other = [f"{name} {tuple(shapes[name])}" for name in shapes if name in wanted and shapes[name] != wanted[name]]
    found = (("missing", missing), ("unknown", unknown), ("of another shape", other))
    return [f"{len(names)} entries are {how} ({_some(names)})" for how, names in found if names]


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
