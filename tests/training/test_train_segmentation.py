"""The recipe runs, goes on after a stop, and exports what it trained."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from echobeat.errors import UsageError  # noqa: E402  torch may be missing
from echobeat.models.session import open_backend  # noqa: E402
from echobeat.networks.export import SegmentationModel, export_segmentation  # noqa: E402
from echobeat.networks.light_unet import LightUNet  # noqa: E402
from echobeat.training.losses import dice_cross_entropy  # noqa: E402
from echobeat.training.segmentation import PoolConfig, SegmentationConfig, train_segmentation  # noqa: E402


def tiny(steps):
    pools = (PoolConfig("phantom", 1.0, images=8),)
    return SegmentationConfig(
        "tiny", pools, size=48, widths=(4, 8, 8), batch=2, steps=steps, valid_every=2, checkpoint_every=1
    )


def test_a_recipe_trains_and_a_stopped_one_goes_on(tmp_path, monkeypatch):
    """Stopped after two of four steps and started again, a run ends at the weights of one that was never stopped."""
    monkeypatch.setattr(
        "echobeat.training.segmentation._loader",
        lambda b, first, last, device: (tensors(b[i]) for i in range(first, last)),
    )
    monkeypatch.setattr("echobeat.datasets.phantom_frames._make", made_frames)
    whole = train_segmentation(tiny(4), None, tmp_path / "whole", log=lambda line: None)

    class Stop(Exception):
        pass

    def stop_early(batches, first, last, device):
        for index in range(first, last):
            if index == 2:
                raise Stop
            yield tensors(batches[index])

    with monkeypatch.context() as patch:
        patch.setattr("echobeat.training.segmentation._loader", stop_early)
        with pytest.raises(Stop):
            train_segmentation(tiny(4), None, tmp_path / "cut", log=lambda line: None)
    cut = train_segmentation(tiny(4), None, tmp_path / "cut", log=lambda line: None)
    weights = [torch.load(path.with_name("last.pt"), weights_only=True)["network"] for path in (whole, cut)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def tensors(batch):
    """As a loader hands a batch over."""
    return tuple(torch.as_tensor(part) for part in batch)


def made_frames(maker, count, size, seed, log):
    """Bright discs, in place of phantoms."""
    rng = np.random.default_rng(seed)
    frames = []
    for _ in range(count):
        labels = np.zeros((size, size), np.uint8)
        row, column = rng.integers(10, size - 20, 2)
        labels[row : row + 12, column : column + 10] = 1
        frames.append(((labels * 150 + rng.integers(0, 60, labels.shape)).astype(np.uint8), labels))
    return frames


def test_the_exported_model_answers_as_the_network(tmp_path):
    """ONNX Runtime and torch agree to 1e-4, at batch sizes the export never saw."""
    network = LightUNet((4, 8, 8)).eval()
    export_segmentation(network, tmp_path / "model.onnx", 48)
    frames = np.random.default_rng(0).uniform(0, 255, (3, 1, 48, 48)).astype(np.float32)
    with torch.no_grad():
        expected = SegmentationModel(network)(torch.as_tensor(frames)).numpy()
    answer = open_backend(tmp_path / "model.onnx", "onnxruntime", 1).run(frames)
    assert np.abs(answer - expected).max() < 1e-4


def test_the_loss_is_small_for_the_truth_only():
    """Right logits cost next to nothing, wrong ones more."""
    labels = torch.zeros(2, 16, 16, dtype=torch.long)
    labels[:, 4:9, 4:9] = 1
    right = torch.nn.functional.one_hot(labels, 4).permute(0, 3, 1, 2).float() * 20
    assert dice_cross_entropy(right, labels) < 0.05
    assert dice_cross_entropy(-right, labels) > 1


def test_a_small_ventricle_counts_as_much_as_a_large_one():
    """With `each`, missing the small of two ventricles costs as much as missing the large; pooled, it does not."""
    labels = torch.zeros(2, 32, 32, dtype=torch.long)
    labels[0, :4, :4] = 1
    labels[1, :24, :24] = 1
    right = torch.nn.functional.one_hot(labels, 4).permute(0, 3, 1, 2).float() * 20
    nothing = torch.nn.functional.one_hot(torch.zeros_like(labels), 4).permute(0, 3, 1, 2).float() * 20

    def cost(missed, each):
        logits = right.clone()
        logits[missed] = nothing[missed]
        crosses = torch.nn.functional.cross_entropy(logits, labels)
        return float(dice_cross_entropy(logits, labels, each) - crosses)

    assert cost(0, each=True) == pytest.approx(cost(1, each=True), rel=0.1)
    assert cost(0, each=False) < 0.1 * cost(1, each=False)


def test_a_wrong_area_costs():
    """Twice the ventricle's area costs about the logarithm of two, times its weight."""
    labels = torch.zeros(1, 64, 64, dtype=torch.long)
    labels[:, :32, :32] = 1
    wide = torch.zeros(1, 64, 64, dtype=torch.long)
    wide[:, :32, :] = 1
    logits = torch.nn.functional.one_hot(wide, 4).permute(0, 3, 1, 2).float() * 20
    extra = dice_cross_entropy(logits, labels, area=1.0) - dice_cross_entropy(logits, labels)
    assert float(extra) == pytest.approx(np.log(2), abs=0.02)


@pytest.mark.parametrize("name", ["lv", "lv-phantom"])
def test_the_bundled_recipes_load(name):
    """Every named recipe is complete."""
    assert SegmentationConfig.load(name).name == name


def test_a_recipe_with_a_misspelt_entry_is_refused(tmp_path):
    """A typing error in a recipe is said, not ignored."""
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\nstpes = 5\n[[pools]]\nkind = "camus"\nshare = 1.0\n')
    with pytest.raises(UsageError, match="stpes"):
        SegmentationConfig.load(str(path))
