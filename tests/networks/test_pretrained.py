"""Pretrained weights come through torchvision's own interface; made files stand in for the download."""

from __future__ import annotations

from urllib.error import URLError

import pytest

torch = pytest.importorskip("torch")

from torchvision.models import get_model, get_model_weights  # noqa: E402  the operators come first

from echobeat.errors import ModelError  # noqa: E402  torch must be there first
from echobeat.networks.registry import architectures, build  # noqa: E402


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """torch's folder of downloads, empty, and no network."""

    def refuse(*_, **__):
        raise URLError("no network in tests")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", refuse)
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def put_download(hub, name, state):
    torch.save(state, hub / get_model_weights(name).DEFAULT.url.rpartition("/")[2])


@pytest.mark.parametrize(
    ("name", "task", "options", "head"),
    [
        ("mc3_18", "ef", {"num_classes": 400}, "fc."),
        (
            "deeplabv3_mobilenet_v3_large",
            "segmentation",
            {"num_classes": 21, "aux_loss": True, "weights_backbone": None},
            "classifier.4.",
        ),
        ("lraspp_mobilenet_v3_large", "segmentation", {"num_classes": 21, "weights_backbone": None}, "classifier."),
    ],
)
def test_all_layers_but_the_head_come_from_the_download(hub, name, task, options, head):
    """Kinetics' 400 and COCO's 21 classes give way to ours, the auxiliary head goes."""
    pretrained = get_model(name, weights=None, **options).state_dict()
    put_download(hub, name, pretrained)
    network = build(name, task, pretrained=True).network
    network = network.network if task == "segmentation" else network
    own = network.state_dict()
    assert all(torch.equal(own[key], pretrained[key]) for key in own if not key.startswith(head))
    assert any(key.startswith(head) and own[key].shape != pretrained[key].shape for key in own)


def test_no_download_is_a_typed_error_that_says_what_to_do(hub):
    """With the address and the folder."""
    with pytest.raises(ModelError, match=r"cannot be fetched from https://.*hub/checkpoints"):
        build("r3d_18", "ef", pretrained=True)


def test_a_download_of_another_network_is_refused(hub):
    """Names that do not fit are not skipped in silence."""
    put_download(hub, "mc3_18", {"something.weight": torch.zeros(3)})
    with pytest.raises(ModelError, match="not those of mc3_18"):
        build("mc3_18", "ef", pretrained=True)


def test_every_torchvision_architecture_has_weights_to_start_from():
    """The registry promises it."""
    for one in architectures():
        if one.can_be_pretrained:
            assert get_model_weights(one.name).DEFAULT.url.startswith("https://")
