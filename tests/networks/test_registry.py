"""Networks by name: what each takes, what it gives, what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from echobeat.errors import UsageError  # noqa: E402  torch must be there first
from echobeat.networks.registry import architectures, build  # noqa: E402


@pytest.mark.parametrize("outputs", [1, 3])
def test_an_ef_network_starts_at_the_mean_heart(outputs):
    """With a last layer of zeros but for its bias, every clip gets EF 55.6 %, EDV 100 ml, ESV 44.4 ml."""
    model = build("light_video", "ef", outputs=outputs).eval()
    torch.nn.init.zeros_(model.network.head.weight)
    answer = model(torch.rand(2, 1, 8, 32, 32) * 255)
    assert torch.allclose(answer, torch.tensor([55.6, 100.0, 44.4])[:outputs].expand(2, outputs))


@pytest.mark.parametrize(
    ("name", "task", "options", "reason"),
    [
        ("r2plus1d_18", "segmentation", {}, "There is no architecture r2plus1d_18 for segmentation"),
        ("nonsense", "ef", {}, "There are: r2plus1d_18"),
        ("light_unet", "segmentation", {"size": 113}, "steps of 16"),
        ("s3d", "ef", {"size": 112}, "takes frames of 224 x 224 pixels, not 112"),
        ("s3d", "ef", {"size": 224, "frames": 8}, "at least 16 frames"),
        ("mvit_v2_s", "ef", {"size": 112, "frames": 16}, "takes frames of 224 x 224"),
        ("mvit_v2_s", "ef", {"size": 224, "frames": 32}, "exactly 16 frames"),
        ("swin3d_t", "ef", {"frames": 1}, "at least 2 frames"),
        ("monai_unet", "segmentation", {"size": 120}, "steps of 16"),
        ("light_video", "ef", {"frames": 4}, "at least 8 frames"),
        ("light_video", "ef", {"outputs": 2}, "not 2"),
        ("light_video", "ef", {"pretrained": True}, "no pretrained weights"),
        ("light_unet", "segmentation", {"mean": 30.0}, "standardises each frame"),
    ],
)
def test_what_an_architecture_cannot_take_is_refused_with_a_reason(name, task, options, reason):
    """The message says why, before anything is built."""
    with pytest.raises(UsageError, match=reason):
        build(name, task, **options)


def test_keep_blanks_after_preprocessing():
    """A pixel with keep 0 reaches the network as 0, whatever its grey level; the others as they were."""
    model = build("light_unet", "segmentation", outputs=4, size=32)
    model.network = torch.nn.Identity()
    frames = torch.rand(1, 1, 32, 32) * 255
    keep = torch.ones(1, 1, 32, 32)
    keep[..., :5] = 0
    assert torch.equal(model(frames, keep), model(frames) * keep)


def test_the_light_networks_are_light():
    """At most 3 million parameters, as the cards say."""
    for name, task in (("light_video", "ef"), ("light_unet", "segmentation")):
        assert sum(parameter.numel() for parameter in build(name, task).parameters()) <= 3_000_000


@pytest.mark.parametrize("frames", [8, 9, 31])
def test_the_light_video_network_reads_any_number_of_frames(frames):
    """Odd numbers, too."""
    assert build("light_video", "ef", frames=frames)(torch.zeros(1, 1, frames, 32, 32)).shape == (1, 1)


def test_every_architecture_has_a_name_of_its_own_and_a_task():
    """The lists for the tasks are disjoint and together are all."""
    names = [one.name for one in architectures()]
    assert len(set(names)) == len(names)
    assert len(architectures("ef")) + len(architectures("segmentation")) == len(names)


def test_the_reference_names_every_architecture():
    """None is missing from docs/reference/networks.md."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "networks.md").read_text(encoding="utf-8")
    assert [one.name for one in architectures() if f"`{one.name}`" not in page] == []
