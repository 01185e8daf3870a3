"""Each network of the registry answers as torchvision's own does, in torch and as a model file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from echobeat.models import open_backend  # noqa: E402  torch must be there first
from echobeat.networks import export  # noqa: E402
from echobeat.networks.checkpoints import Checkpoint, network_of  # noqa: E402
from echobeat.networks.export import export_model  # noqa: E402
from echobeat.networks.registry import ARCHITECTURES, architectures, build  # noqa: E402
from echobeat.networks.torch_backend import TorchBackend  # noqa: E402

HEAVY = {"mvit_v2_s"}
"""Its only input is large: most of a minute."""

MEAN, STD = (30.0, 32.0, 34.0), (48.0, 49.0, 50.0)


TORCHVISIONS = [
    pytest.param(one.name, marks=[pytest.mark.slow] if one.name in HEAVY else [])
    for one in architectures()
    if one.family == "torchvision"
]


OTHERS = [one.name for one in architectures() if one.family != "torchvision"]


def smallest(architecture):
    """(size, frames) of the smallest input that shows whether a network works."""
    return max(32, architecture.sizes[0]), architecture.frames or max(8, architecture.min_frames)


def noise(architecture, size, frames):
    time = (frames,) if architecture.task == "ef" else ()
    return np.random.default_rng(1).uniform(0, 255, (1, 1, *time, size, size)).astype(np.float32)


@torch.no_grad()
def torchvisions_own(architecture, x):
    """Its network with random weights in a checkpoint's form, and its answer to frames normalised by hand."""
    from torchvision.models import get_model

    import echobeat.networks.operators  # noqa: F401  torchvision cannot be imported without it

    torch.manual_seed(3)
    if architecture.task == "ef":
        network = get_model(architecture.name, weights=None, num_classes=1)
    else:
        network = get_model(architecture.name, weights=None, weights_backbone=None, num_classes=1)
    for buffer_name, buffer in network.named_buffers():
        if buffer_name.endswith("running_var"):
            buffer.uniform_(0.5, 2.0)
    three = torch.as_tensor(x).repeat_interleave(3, dim=1)
    shape = (1, 3) + (1,) * (three.ndim - 2)
    answer = network.eval()((three - torch.tensor(MEAN).reshape(shape)) / torch.tensor(STD).reshape(shape))
    state = {f"module.{key}": value for key, value in network.state_dict().items()}
    return state, answer if architecture.task == "ef" else answer["out"]


@pytest.fixture(autouse=True)
def compared_here_alone(monkeypatch):
    """The export's own comparison (tests/networks/test_export.py) would only repeat the one that these tests make."""
    monkeypatch.setattr(export, "_compare", lambda *_: None)


@pytest.mark.parametrize("name", TORCHVISIONS)
def test_a_checkpoint_answers_as_torchvisions_own_network(name, tmp_path):
    """To 1e-4 in torch and, as probabilities or EF, after export to ONNX, from raw grey."""
    architecture = ARCHITECTURES[name]
    size, frames = smallest(architecture)
    x = noise(architecture, size, frames)
    state, expected = torchvisions_own(architecture, x)
    module = network_of(
        Checkpoint(Path("made.pt"), state, {}), architecture, size=size, frames=frames, mean=MEAN, std=STD
    )
    with torch.no_grad():
        assert torch.allclose(module(torch.as_tensor(x)), expected, atol=1e-4, rtol=0)
    export_model(module, tmp_path / "model.onnx", architecture.task, size, frames)
    answer = open_backend(tmp_path / "model.onnx", "onnxruntime").run(x)
    expected = expected.sigmoid() if architecture.task == "segmentation" else expected
    assert np.abs(answer - expected.numpy()).max() <= 1e-4


@pytest.mark.parametrize(
    ("name", "outputs"),
    [(name, "most") for name in OTHERS] + [(name, 1) for name in OTHERS if ARCHITECTURES[name].family == "light"],
)
def test_the_other_networks_answer_alike_in_torch_and_as_a_file(name, outputs, tmp_path):
    """The torch backend and the exported file give the same probabilities or EF, for one output and for several.

    What turns one class into probabilities is the same for all: two networks stand for it.
    """
    architecture = ARCHITECTURES[name]
    outputs = 1 if outputs == 1 else {"ef": 3, "segmentation": 4}[architecture.task]
    size, frames = 32, 8
    module = build(name, architecture.task, outputs=outputs, size=size, frames=frames)
    export_model(module, tmp_path / "model.onnx", architecture.task, size, frames)
    x = noise(architecture, size, frames)
    answers = [
        backend.run(x) for backend in (open_backend(tmp_path / "model.onnx", "onnxruntime"), TorchBackend(module))
    ]
    assert np.abs(answers[0] - answers[1]).max() <= 1e-4
    assert answers[0].shape[1] == outputs
    if architecture.task == "segmentation" and outputs > 1:
        assert np.allclose(answers[0].sum(axis=1), 1, atol=1e-5)
