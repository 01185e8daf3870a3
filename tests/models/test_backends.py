"""What runs a network does not change what it says."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from echobeat.errors import ModelError
from echobeat.models import check_backend, model_file, open_backend
from echobeat.phantom import sample_frames

HAS_OPENVINO = find_spec("openvino") is not None


@pytest.mark.skipif(HAS_OPENVINO, reason="OpenVINO is installed")
@pytest.mark.parametrize("backend", ["openvino", "openvino-bf16"])
def test_a_backend_that_is_not_installed_is_named_with_its_remedy(backend):
    """It is said before a model is loaded."""
    for asked in (lambda: check_backend(backend), lambda: open_backend(model_file("lv"), backend)):
        with pytest.raises(ModelError, match=r"pip install 'echobeat\[openvino\]'"):
            asked()


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
