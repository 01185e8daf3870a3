"""An entire video in tiles: exact but for the features next to the cuts."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from echobeat.frames import FrameStack  # noqa: E402  torch must be there first
from echobeat.models import Card, ClipSpec, EjectionFractionModel  # noqa: E402
from echobeat.networks.registry import build  # noqa: E402
from echobeat.networks.torch_backend import TorchBackend  # noqa: E402

SIZE, COUNT = 32, 192


@pytest.fixture
def video():
    """A noisy disc that beats and grows, so that tiles differ, at the model's rate."""
    row, column = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    radius = np.linspace(4, 12, COUNT) + 3 * np.sin(np.arange(COUNT) / 3)
    frames = 200.0 * (np.hypot(row, column) < radius[:, None, None])
    frames += np.random.default_rng(0).uniform(0, 55, (COUNT, SIZE, SIZE))
    return FrameStack.from_array(frames.astype(np.uint8)), np.arange(COUNT) / 25.0


def eager(name):
    """A network of random weights whose answers differ by points from one clip to the next."""
    torch.manual_seed(0)
    network = build(name, "ef", size=SIZE)
    network.network.get_submodule(network.architecture.head).weight.data.mul_(100)
    return network


def card(size=SIZE):
    clip = ClipSpec(frames=32, rate_hz=25.0, whole_video=True)
    text = {"name": "made", "version": "0", "summary": "", "licence": "", "recipe": "", "sha256": ""}
    lists = {"data": (), "metrics": (), "limits": (), "classes": ("ef",)}
    return Card(task="ef", parameters=0, size=size, measurement_error=None, clip=clip, crop=False, **text, **lists)


def in_one_piece_and_in_tiles(network, video, monkeypatch, tile=48):
    model = EjectionFractionModel(card(), TorchBackend(network))
    answers = []
    for frames in (COUNT, tile):
        monkeypatch.setattr("echobeat.models.ejection_fraction.TILE", frames * (SIZE / 112) ** 2 + 1e-6)
        answers.append(model.whole(*video))
    return answers


@pytest.mark.parametrize("name", ["light_video", "r3d_18", "mc3_18"])
def test_tiles_are_exact_where_nothing_looks_over_a_cut(name, video, monkeypatch):
    """With kernels that see one frame at a time, the mean over tiles is the answer in one piece."""
    network = eager(name)
    for module in network.modules():
        if isinstance(module, torch.nn.Conv3d) and module.kernel_size[0] == 3:
            module.weight.data[:, :, [0, 2]] = 0
    whole, tiled = in_one_piece_and_in_tiles(network, video, monkeypatch)
    assert whole == pytest.approx(tiled, abs=1e-3)
    assert abs(whole - EjectionFractionModel(card(), TorchBackend(network)).clip_at(*video, 0.0)) > 0.005


def test_cuts_cost_less_the_fewer_there_are(video, monkeypatch):
    """With ordinary kernels the difference is that of the features next to cuts: a part of what clips differ by."""
    network = eager("mc3_18")
    whole, short = in_one_piece_and_in_tiles(network, video, monkeypatch, tile=32)
    _, long = in_one_piece_and_in_tiles(network, video, monkeypatch, tile=96)
    clips = EjectionFractionModel(card(), TorchBackend(network)).all_clips(*video, stride=32)
    assert 0 < abs(whole - long) < abs(whole - short) < 0.1 * np.ptp(clips)


def test_a_file_reads_videos_longer_than_its_clips(video, tmp_path, monkeypatch):
    """Exported with clips of 32 frames, it reads 192 as torch does."""
    from echobeat.models import open_backend
    from echobeat.networks.export import export_model

    network = build("light_video", "ef", size=SIZE)
    export_model(network, tmp_path / "model.onnx", "ef", SIZE, 32)
    monkeypatch.setattr("echobeat.models.ejection_fraction.TILE", COUNT)
    from_file = EjectionFractionModel(card(), open_backend(tmp_path / "model.onnx", "onnxruntime")).whole(*video)
    assert from_file == pytest.approx(EjectionFractionModel(card(), TorchBackend(network)).whole(*video), abs=1e-3)
