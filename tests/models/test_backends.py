"""What runs a network does not change what it says."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from echobeat import machine
from echobeat.errors import ModelError
from echobeat.models import check_backend, model_file, open_backend, session
from echobeat.phantom import sample_frames

HAS_OPENVINO = find_spec("openvino") is not None


@pytest.mark.skipif(HAS_OPENVINO, reason="OpenVINO is installed")
@pytest.mark.parametrize("backend", ["openvino", "openvino-bf16"])
def test_a_backend_that_is_not_installed_is_named_with_its_remedy(backend):
    """It is said before a model is loaded."""
    for asked in (lambda: check_backend(backend), lambda: open_backend(model_file("lv"), backend)):
        with pytest.raises(ModelError, match=r"pip install '\.\[openvino\]'"):
            asked()


def test_a_network_takes_as_many_threads_as_its_container_may_use(tmp_path, monkeypatch):
    """A quota alone, as ``docker --cpus`` sets it; a number that is asked for wins."""
    (tmp_path / "cpu.max").write_text("200000 100000\n")
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    monkeypatch.setattr(machine, "OWN_CGROUP", tmp_path / "none")
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    monkeypatch.setattr(session, "OnnxRuntime", lambda _, threads: threads)
    assert open_backend(tmp_path, "onnxruntime") == 2
    assert open_backend(tmp_path, "onnxruntime", 5) == 5


@pytest.mark.parametrize("count", [1, 2, 5, 9])
@pytest.mark.parametrize("threads", [2, 3])
def test_a_batch_that_threads_share_has_the_answers_of_its_items_in_order(count, threads):
    """However many there are, and whoever of them is ready first."""
    images = np.concatenate([sample_frames(seed, 3, 112)[0] for seed in range(3)]).astype(np.float32)[:count, None]
    alone = open_backend(model_file("lv"), "onnxruntime", 1)
    one_by_one = np.concatenate([alone.run(images[k : k + 1]) for k in range(count)])
    together = open_backend(model_file("lv"), "onnxruntime", threads).run(images)
    assert together.shape == one_by_one.shape
    assert np.abs(together - one_by_one).max() < 1e-5


def test_a_network_that_is_loaded_does_not_hang_on_its_file(tmp_path):
    """Whoever puts another into its place changes nothing of what is running."""
    path = tmp_path / "model.onnx"
    path.write_bytes(model_file("lv").read_bytes())
    images = sample_frames(1, 4, 112)[0].astype(np.float32)[:, None]
    backend = open_backend(path, "onnxruntime", 2)
    path.write_bytes(model_file("lv-phantom").read_bytes())
    one_by_one = np.concatenate([backend.run(image[None]) for image in images])
    assert np.abs(backend.run(images) - one_by_one).max() < 1e-5


@pytest.mark.skipif(not HAS_OPENVINO, reason="OpenVINO is not installed")
@pytest.mark.parametrize(("backend", "largest", "dice"), [("openvino", 1e-3, 0.999), ("openvino-bf16", 0.5, 0.98)])
def test_openvino_finds_the_same_ventricles(backend, largest, dice):
    """In float32 to a thousandth of probability, in bfloat16 nearly the same masks."""
    images = np.concatenate([sample_frames(seed, 4, 112)[0] for seed in range(4)]).astype(np.float32)[:, None]
    try:
        found = open_backend(model_file("lv"), backend, 1).run(images)[:, 1]
    except ModelError as error:
        pytest.skip(str(error))
    expected = open_backend(model_file("lv"), "onnxruntime", 1).run(images)[:, 1]
    assert np.abs(found - expected).max() < largest
    ours, theirs = found > 0.5, expected > 0.5
    assert 2 * (ours & theirs).sum() / (ours.sum() + theirs.sum()) > dice
