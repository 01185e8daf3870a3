"""A file appears only if it answers as its network does."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from echobeat.errors import ModelError, UsageError  # noqa: E402  torch must be there first
from echobeat.networks import export  # noqa: E402
from echobeat.networks.registry import build  # noqa: E402


def test_a_file_that_answers_otherwise_is_not_written(tmp_path, monkeypatch):
    """Not even in part; what stood in its place stays."""
    (tmp_path / "model.onnx").write_text("before")
    monkeypatch.setattr(export, "PARITY", -1.0)
    with pytest.raises(ModelError, match="differs from its network"):
        export.export_model(build("light_video", "ef", size=32), tmp_path / "model.onnx", "ef", 32, 8)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("model.onnx", "before")]


def test_a_file_that_holds_for_one_image_at_a_time_only_is_not_written(tmp_path):
    """Two at once are compared: the tracer takes a batch of one for a constant where a network asks for its size."""

    class Mean(torch.nn.Module):
        def forward(self, x):
            mean = x.reshape(int(x.shape[0]), -1).square().square().mean(dim=1)[:, None, None, None]
            return torch.cat([mean, -mean], dim=1)

    with pytest.raises(ModelError):
        export.export_segmentation(Mean(), tmp_path / "model.onnx", 16)
    assert not list(tmp_path.iterdir())


def test_export_changes_nothing_in_the_network(tmp_path):
    """A network in training goes on training afterwards."""
    network = build("light_video", "ef", size=32).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    export.export_model(network, tmp_path / "model.onnx", "ef", 32, 8)
    assert network.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize(
    ("task", "size", "frames", "reason"),
    [("segmentation", 32, 8, "is a network for ef"), ("ef", 32, 4, "at least 8 frames"), ("ef", 8, 8, "32 to 1024")],
)
def test_what_the_network_cannot_take_is_refused(task, size, frames, reason, tmp_path):
    """Before anything is written."""
    with pytest.raises(UsageError, match=reason):
        export.export_model(build("light_video", "ef"), tmp_path / "model.onnx", task, size, frames)
    assert not list(tmp_path.iterdir())
