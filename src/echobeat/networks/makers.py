"""How each family's bare networks are made: torchvision's, MONAI's, the light ones."""

from __future__ import annotations

from collections.abc import Callable
from urllib.error import URLError

from torch import Tensor, nn

import echobeat.networks.operators  # noqa: F401  isort: skip  torchvision cannot be imported without it
from torchvision.models import get_model, get_model_weights

from echobeat.errors import ModelError
from echobeat.networks.light_unet import LightUNet
from echobeat.networks.light_video import LightVideo

Maker = Callable[[int, bool], nn.Module]
"""(outputs, pretrained) to a network whose last layer is fresh."""


def torchvision_video(name: str, head: str) -> Maker:
    """A video network of torchvision; `head` names its last layer, which never comes from pretraining."""

    def make(outputs: int, pretrained: bool) -> nn.Module:
        network: nn.Module = get_model(name, weights=None, num_classes=outputs)
        if pretrained:
            load_pretrained(network, name, (head,))
        return network

    return make


def torchvision_segmentation(name: str, *heads: str) -> Maker:
    """A segmentation network of torchvision, without its auxiliary head."""

    def make(outputs: int, pretrained: bool) -> nn.Module:
        options = {} if name.startswith("lraspp") else {"aux_loss": False}  # lraspp has none
        network = get_model(name, weights=None, weights_backbone=None, num_classes=outputs, **options)
        if pretrained:
            load_pretrained(network, name, heads)
        return MainOutput(network)

    return make


class MainOutput(nn.Module):
    """Of the dictionary that torchvision's segmentation networks answer with, the one entry that is used."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)["out"]  # type: ignore[no-any-return]  # nn.Module calls are untyped


def load_pretrained(network: nn.Module, name: str, heads: tuple[str, ...]) -> None:
    """Fill a network with torchvision's pretrained weights (Kinetics-400, COCO), all but its heads.

    Raises
    ------
    ModelError
        They cannot be fetched, or are not those of this network.
    """
    weights = get_model_weights(name).DEFAULT
    try:
        state = weights.get_state_dict(progress=False, check_hash=True)
    except (URLError, OSError, RuntimeError) as error:
        raise ModelError(
            f"The pretrained weights of {name} cannot be fetched from {weights.url} ({error}). "
            "Put the file into torch's folder hub/checkpoints yourself, or train from random weights."
        ) from error
    kept = {key: value for key, value in state.items() if not key.startswith((*_below(heads), "aux_classifier."))}
    missing, unexpected = network.load_state_dict(kept, strict=False)
    if unexpected or any(not key.startswith(_below(heads)) for key in missing):
        raise ModelError(f"The pretrained weights from {weights.url} are not those of {name}.")


def _below(layers: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{layer}." for layer in layers)


def light_video(outputs: int, pretrained: bool) -> nn.Module:
    """The light EF network."""
    return LightVideo(outputs)


def light_unet(outputs: int, pretrained: bool) -> nn.Module:
    """The light U-Net."""
    return LightUNet(classes=outputs)
