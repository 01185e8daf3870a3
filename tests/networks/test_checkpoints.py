"""Checkpoints from elsewhere: what is taken, what is refused, and that nothing in them runs."""

from __future__ import annotations

import os
import zipfile

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from echobeat.errors import ModelError  # noqa: E402  torch must be there first
from echobeat.networks.checkpoints import Checkpoint, network_of  # noqa: E402
from echobeat.networks.registry import ARCHITECTURES, build  # noqa: E402

LIGHT = ARCHITECTURES["light_video"]


@pytest.fixture
def weights():
    """Random weights of a small EF network, by its own names."""
    torch.manual_seed(1)
    return build("light_video", "ef").network.state_dict()


def put_into_network(path):
    return network_of(Checkpoint.read(path), LIGHT, size=32, frames=8)


def published(weights):
    """As the published files are: names under ``module.``, numpy's numbers beside them."""
    return {
        "epoch": 44,
        "state_dict": {f"module.{name}": tensor for name, tensor in weights.items()},
        "period": 4,
        "frames": 16,
        "best_loss": 17.5,
        "loss": np.float64(17.0),
        "r2": np.float32(0.8),
        "opt_dict": {"param_groups": [{"lr": 1e-4}]},
    }


@pytest.mark.parametrize(
    "form",
    [
        lambda weights: weights,
        lambda weights: {"state_dict": weights},
        published,
        lambda weights: {f"model.module.{name}": tensor for name, tensor in weights.items()},
        lambda weights: {name: tensor for name, tensor in weights.items() if "num_batches" not in name},
        lambda weights: weights | {"aux_classifier.0.weight": torch.zeros(3)},
    ],
    ids=["plain", "state_dict", "published", "prefixes", "without counters", "auxiliary head"],
)
def test_weights_are_taken_in_every_form(form, weights, tmp_path):
    """All the same weights arrive, whatever stands around them."""
    torch.save(form(weights), tmp_path / "made.pt")
    arrived = put_into_network(tmp_path / "made.pt").network.state_dict()
    assert all(torch.equal(arrived[name], weights[name]) for name in weights)


def test_numbers_beside_the_weights_are_kept(weights, tmp_path):
    """Frames and period of a published EF checkpoint are known from it."""
    torch.save(published(weights), tmp_path / "made.pt")
    numbers = Checkpoint.read(tmp_path / "made.pt").numbers
    assert (numbers["frames"], numbers["period"]) == (16, 4)


@pytest.mark.parametrize("value", [0, -2, 10**9, 1.5, "2"])
def test_a_period_that_cannot_be_is_not_believed(weights, tmp_path, value):
    """The published one is taken instead."""
    torch.save({"state_dict": weights, "period": value}, tmp_path / "made.pt")
    assert "period" not in Checkpoint.read(tmp_path / "made.pt").numbers


def test_a_checkpoint_of_numpy_1_is_read(weights, tmp_path):
    """Its numbers are pickled under a module's name that NumPy 2 has changed."""
    torch.save({"state_dict": weights, "loss": np.float64(1.0)}, tmp_path / "new.pt")
    rewrite(tmp_path / "new.pt", tmp_path / "old.pt", b"numpy._core.multiarray", b"numpy.core.multiarray")
    put_into_network(tmp_path / "old.pt")


def test_a_checkpoint_from_a_gpu_is_read_without_one(weights, tmp_path):
    """Tensors that were saved on a GPU arrive on the CPU."""
    torch.save(weights, tmp_path / "cpu.pt")
    rewrite(tmp_path / "cpu.pt", tmp_path / "gpu.pt", b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0")
    state = Checkpoint.read(tmp_path / "gpu.pt").state
    assert {tensor.device.type for tensor in state.values()} == {"cpu"}


def rewrite(source, target, old, new):
    """Copy a checkpoint with other bytes in its pickle."""
    with zipfile.ZipFile(source) as before, zipfile.ZipFile(target, "w") as after:
        for entry in before.namelist():
            data = before.read(entry)
            assert old in data or not entry.endswith("data.pkl")
            after.writestr(entry, data.replace(old, new) if entry.endswith("data.pkl") else data)


class Hostile:
    """Pickled, it would make a folder when it is loaded."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("old_format", [False, True])
def test_code_in_a_checkpoint_is_refused_and_does_not_run(weights, tmp_path, old_format):
    """Beside good weights, in torch's new and old format."""
    content = {"state_dict": weights, "extra": Hostile(tmp_path / "ran")}
    torch.save(content, tmp_path / "hostile.pt", _use_new_zipfile_serialization=not old_format)
    with pytest.raises(ModelError, match="could run foreign code"):
        Checkpoint.read(tmp_path / "hostile.pt")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("damage", ["empty", "noise", "truncated", "text", "missing"])
def test_a_damaged_checkpoint_is_a_typed_error(weights, tmp_path, damage):
    """It names the file."""
    path = tmp_path / "damaged.pt"
    torch.save(weights, path)
    whole = path.read_bytes()
    noise = np.random.default_rng(0).bytes(5000)
    content = {"empty": b"", "noise": noise, "truncated": whole[: len(whole) // 2], "text": b"<html>not found</html>"}
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(content[damage])
    with pytest.raises(ModelError, match=r"damaged\.pt"):
        Checkpoint.read(path)


@pytest.mark.parametrize("content", [{}, {"state_dict": {}}, {"state_dict": {"a": 1}}, [1, 2], torch.zeros(3)])
def test_a_file_without_weights_is_refused(content, tmp_path):
    """Healthy, but no state_dict."""
    torch.save(content, tmp_path / "made.pt")
    with pytest.raises(ModelError, match="no state_dict"):
        Checkpoint.read(tmp_path / "made.pt")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda weights: {n: t for n, t in weights.items() if n != "head.weight"},
            "1 entries are missing .head.weight",
        ),
        (lambda weights: weights | {"head.weight": torch.zeros(400, 192)}, r"of another shape .head.weight .400, 192"),
        (lambda weights: weights | {"other": torch.zeros(1)}, "1 entries are unknown .other"),
        (lambda weights: {"x.y.z": torch.zeros(1)}, "is no light_video"),
        (lambda weights: weights | {"head.bias": torch.tensor([float("nan")])}, "values that are not numbers"),
    ],
)
def test_weights_of_another_network_are_refused_with_what_differs(change, message, weights, tmp_path):
    """Missing, unknown and misshapen entries are named; so are weights of a training that failed."""
    torch.save(change(weights), tmp_path / "made.pt")
    with pytest.raises(ModelError, match=message):
        put_into_network(tmp_path / "made.pt")
