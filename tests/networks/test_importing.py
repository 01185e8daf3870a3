"""A checkpoint becomes a model that `analyze` runs."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import echobeat  # noqa: E402  torch must be there first
from echobeat.errors import ModelError, UsageError  # noqa: E402
from echobeat.models import load_card, load_ef_model, load_segmenter, model_file, open_backend  # noqa: E402
from echobeat.models.library import verify  # noqa: E402
from echobeat.networks.importing import Told, import_checkpoint  # noqa: E402
from echobeat.networks.registry import build  # noqa: E402
from echobeat.phantom import draw_patient, make_study  # noqa: E402

SEGMENTATION = Told("lraspp_mobilenet_v3_large", "segmentation", size=64)
EF = Told("light_video", "ef", size=32, frames=8)
"""Small, so that it is exported and compared at once."""


@pytest.fixture
def own_models(tmp_path, monkeypatch):
    """The user's folder of models, empty."""
    folder = tmp_path / "own"
    monkeypatch.setenv("ECHOBEAT_MODELS", str(folder))
    return folder


@pytest.fixture
def ef_checkpoint(tmp_path):
    """Random weights of a small EF network whose answer is near 55.6."""
    torch.save({"state_dict": build("light_video", "ef").network.state_dict()}, tmp_path / "published.pt")
    return tmp_path / "published.pt"


@pytest.fixture
def segmentation_checkpoint(tmp_path):
    """A network of one class that calls bright frames ventricle."""
    network = build("lraspp_mobilenet_v3_large", "segmentation").network.network
    torch.save({f"module.{name}": tensor for name, tensor in network.state_dict().items()}, tmp_path / "seg.pt")
    return tmp_path / "seg.pt"


def test_analyze_runs_imported_models(own_models, ef_checkpoint):
    """With --ef the video's EF stands beside the geometric one, and the result lists both models."""
    import_checkpoint(ef_checkpoint, Told("light_video", "ef"), "mine")
    study = make_study(draw_patient(4, rhythm="sinus", ef=55.0))
    result = echobeat.analyze(study.frames, fps=study.patient.acquisition.fps, ef="mine").result
    assert [model.name for model in result.models] == ["lv", "mine", "view"]
    assert result.ef.method == "geometric"
    assert result.ef_geometric.value != result.ef_video.value
    assert 40 < result.ef_video.value < 70
    assert result.ef_video.low is result.ef_video.high is None


def test_a_network_of_one_class_segments(own_models, segmentation_checkpoint):
    """Its only channel is the left ventricle, as probability; masks have the video's size."""
    card = import_checkpoint(segmentation_checkpoint, SEGMENTATION)
    assert card.classes == ("left_ventricle",)
    frames = np.random.default_rng(0).integers(0, 256, (3, 80, 100), dtype=np.uint8)
    probabilities = open_backend(model_file("seg")).run(np.zeros((2, 1, 64, 64), np.float32))
    assert probabilities.shape == (2, 1, 64, 64)
    assert 0 <= probabilities.min() <= probabilities.max() <= 1
    assert echobeat.segment(frames, segmentation="seg").shape == frames.shape
    assert load_segmenter("seg").card.crop is False


def test_the_card_says_what_was_assumed(own_models, ef_checkpoint, segmentation_checkpoint):
    """Grey levels that were not given stand on the card as assumed; those that were given do not."""
    assumed = import_checkpoint(segmentation_checkpoint, SEGMENTATION, "assumed")
    assert "less 32, over 49 (mean and std assumed)" in assumed.preprocessing
    assert any("does not hold the grey levels" in limit for limit in assumed.limits)
    told = Told("lraspp_mobilenet_v3_large", "segmentation", size=64, mean=33.0, std=50.0)
    given = import_checkpoint(segmentation_checkpoint, told, "given")
    assert given.preprocessing == "grey repeated to three channels, less 33, over 50"
    assert not any("grey levels" in limit for limit in given.limits)
    assert "assumed" not in import_checkpoint(ef_checkpoint, EF).preprocessing


def test_clips_are_as_told_or_as_the_checkpoint_says_or_as_published(own_models, tmp_path):
    """In this order."""
    weights = build("light_video", "ef").network.state_dict()
    torch.save({"state_dict": weights, "frames": 16, "period": 4}, tmp_path / "says.pt")
    torch.save(weights, tmp_path / "silent.pt")
    cases = [
        ("silent", Told("light_video", "ef", size=32), (32, 25.0)),
        ("says", Told("light_video", "ef", size=32), (16, 12.5)),
        ("says", Told("light_video", "ef", size=32, frames=24, period=1, fps=30.0), (24, 30.0)),
    ]
    for index, (name, told, (frames, rate)) in enumerate(cases):
        clip = import_checkpoint(tmp_path / f"{name}.pt", told, f"{name}{index}").clip
        assert (clip.frames, clip.rate_hz, clip.whole_video) == (frames, rate, True)
        assert verify(f"{name}{index}") is None


@pytest.mark.parametrize("name", ["lv", "mine", "../mine", ".hidden", "", "a" * 65])
def test_a_name_that_is_taken_or_none_is_refused_before_anything_is_read(own_models, ef_checkpoint, name):
    """A bundled model cannot be hidden behind one's own, nor a file written elsewhere."""
    import_checkpoint(ef_checkpoint, EF, "mine")
    with pytest.raises(UsageError, match=r"There is a model named|cannot name a model"):
        import_checkpoint(ef_checkpoint, EF, name)
    assert sorted(path.name for path in own_models.iterdir()) == ["mine.json", "mine.onnx"]


@pytest.mark.parametrize(
    "wrong", [{"mean": 300.0}, {"std": 0.0}, {"fps": 0.0}, {"frames": -1}, {"period": 0}, {"std": float("nan")}]
)
def test_numbers_that_cannot_be_are_refused(wrong):
    """Grey levels, rates and lengths."""
    with pytest.raises(UsageError):
        Told("light_video", "ef", **wrong)


def test_a_failed_import_leaves_nothing(own_models, ef_checkpoint):
    """No card without a model, no model without a card."""
    with pytest.raises(ModelError):
        import_checkpoint(ef_checkpoint, Told("r3d_18", "ef", size=32))
    assert not own_models.exists()


def test_a_training_runs_folder_is_a_model(own_models, ef_checkpoint, tmp_path):
    """Named by its folder, its card or its model file; a folder without one says so."""
    import_checkpoint(ef_checkpoint, Told("light_video", "ef"), "mine")
    run = tmp_path / "runs" / "ef.1"
    run.mkdir(parents=True)
    with pytest.raises(ModelError, match=r"holds no model\.json"):
        load_card(run)
    for suffix in ("json", "onnx"):
        (own_models / f"mine.{suffix}").rename(run / f"model.{suffix}")
    for way in (run, run / "model.json", str(run / "model.onnx")):
        assert load_ef_model(way).card.name == "mine"
