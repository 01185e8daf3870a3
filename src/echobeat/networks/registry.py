"""Networks by name, each at an input that it is made for.

::

    build("r2plus1d_18", "ef")  ->  RawGrey( preprocessing -> network )

To add an architecture, add its line to `ARCHITECTURES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from echobeat.errors import UsageError
from echobeat.networks import monai_nets
from echobeat.networks.makers import (
    Maker,
    light_unet,
    light_video,
    torchvision_segmentation,
    torchvision_video,
)
from echobeat.networks.preprocessing import PUBLISHED_MEAN, PUBLISHED_STD, Levels, Normalise, Standardise

Task = Literal["ef", "segmentation"]
Family = Literal["torchvision", "monai", "light"]
Preprocessing = Normalise | Standardise

EF_OUTPUTS = "ef", "edv_ml", "esv_ml"
"""What an EF network says, in this order; most say the first only."""

EF_START = 55.6, 100.0, 44.4
"""What an EF network says before it has learned: EF in percent, EDV and ESV in ml. 55.6 is the published start
(Ouyang et al. 2020, doi:10.1038/s41586-020-2145-8, and its code); the volumes are round ones that fit it."""

ANY_SIZE = range(32, 1025)


@dataclass(frozen=True)
class Architecture:
    """What an architecture is and takes.

    Attributes
    ----------
    name, family, summary : str
    task : "ef" or "segmentation"
    make : callable
        Makes the bare network from the number of outputs and whether it is pretrained.
    head : str
        Its last layer, as the bare network names it.
    sizes : range
        Sides in pixels of the square frames that it takes.
    frames : int or None
        The only length of clip that it takes; None: any from `min_frames`.
    min_frames : int
    whole_video : bool
        Its answer is linear in features averaged over time, so that it can read a video of any length,
        also in tiles.
    """

    name: str
    task: Task
    family: Family
    summary: str
    make: Maker
    head: str
    sizes: range = ANY_SIZE
    frames: int | None = None
    min_frames: int = 1
    whole_video: bool = False

    @property
    def channels(self) -> int:
        """Channels of the bare network's input: grey is repeated for torchvision's."""
        return 3 if self.family == "torchvision" else 1

    @property
    def can_be_pretrained(self) -> bool:
        """True where torchvision has weights learned on Kinetics or COCO."""
        return self.family == "torchvision"

    def refusal(self, size: int, frames: int, outputs: int) -> str | None:
        """Why it cannot take such an input; None where it can."""
        if size not in self.sizes:
            return f"it takes frames of {_sizes(self.sizes)} pixels, not {size}"
        if self.task == "ef":
            if self.frames is not None and frames != self.frames:
                return f"it takes clips of exactly {self.frames} frames, not {frames}"
            if frames < self.min_frames:
                return f"it takes clips of at least {self.min_frames} frames, not {frames}"
            if outputs not in (1, 3):
                return f"an EF network gives 1 output (EF) or 3 (EF, EDV, ESV), not {outputs}"
        elif outputs < 1:
            return "a segmentation network gives at least one class"
        return None


def _sizes(sizes: range) -> str:
    if len(sizes) == 1:
        return f"{sizes[0]} x {sizes[0]}"
    steps = "" if sizes.step == 1 else f" in steps of {sizes.step}"
    return f"{sizes[0]} to {sizes[-1]}{steps}"


def _named(*architectures: Architecture) -> dict[str, Architecture]:
    return {architecture.name: architecture for architecture in architectures}


def _video(name: str, summary: str, head: str = "fc", **takes: Any) -> Architecture:
    return Architecture(name, "ef", "torchvision", summary, torchvision_video(name, head), head, **takes)


def _image(name: str, summary: str, *heads: str) -> Architecture:
    make = torchvision_segmentation(name, *heads)
    return Architecture(name, "segmentation", "torchvision", summary, make, "network." + heads[-1])


def _monai(name: str, summary: str, make: Maker, head: str, step: int = 16) -> Architecture:
    return Architecture(name, "segmentation", "monai", summary, make, head, sizes=range(32, 1025, step))


ARCHITECTURES = _named(
    _video("r2plus1d_18", "R(2+1)D, 18 layers: the published EF network (Tran et al. 2018)", whole_video=True),
    _video("r3d_18", "3D ResNet, 18 layers (Tran et al. 2018)", whole_video=True),
    _video("mc3_18", "3D convolutions first, 2D ones after (Tran et al. 2018)", whole_video=True),
    _video(
        "s3d",
        "separable 3D Inception (Xie et al. 2018); its last pooling is made for 7 x 7 features",
        "classifier.1",
        sizes=range(224, 225),
        min_frames=16,
        whole_video=True,
    ),
    _video(
        "mvit_v2_s",
        "multiscale vision transformer (Li et al. 2022); its positions are those of one size",
        "head.1",
        sizes=range(224, 225),
        frames=16,
    ),
    _video("swin3d_t", "video Swin transformer (Liu et al. 2022)", "head", min_frames=2),
    Architecture(
        "light_video",
        "ef",
        "light",
        "(2+1)D residual network of 1 M parameters, for CPUs",
        light_video,
        "head",
        min_frames=8,
        whole_video=True,
    ),
    _image("deeplabv3_resnet50", "DeepLabV3: the published segmentation network (Chen et al. 2017)", "classifier.4"),
    _image("deeplabv3_resnet101", "DeepLabV3 on a deeper ResNet (Chen et al. 2017)", "classifier.4"),
    _image("deeplabv3_mobilenet_v3_large", "DeepLabV3 on a mobile network (Howard et al. 2019)", "classifier.4"),
    _image("fcn_resnet50", "fully convolutional network (Long et al. 2015)", "classifier.4"),
    _image("fcn_resnet101", "fully convolutional network on a deeper ResNet (Long et al. 2015)", "classifier.4"),
    _image(
        "lraspp_mobilenet_v3_large",
        "reduced atrous pyramid on a mobile network (Howard et al. 2019)",
        "classifier.low_classifier",
        "classifier.high_classifier",
    ),
    _monai("monai_unet", "U-Net with residual units (Kerfoot et al. 2019)", monai_nets.unet, "model"),
    _monai("monai_attention_unet", "U-Net with gated skips (Oktay et al. 2018)", monai_nets.attention_unet, "model"),
    _monai("monai_dynunet", "nnU-Net's network (Isensee et al. 2021)", monai_nets.dynunet, "output_block"),
    _monai(
        "monai_segresnet", "residual encoder, light decoder (Myronenko 2018)", monai_nets.segresnet, "conv_final", 8
    ),
    Architecture(
        "light_unet",
        "segmentation",
        "light",
        "U-Net of 1.8 M parameters, for CPUs: the bundled models",
        light_unet,
        "head",
        sizes=range(32, 1025, 16),
    ),
)


def architectures(task: Task | None = None) -> tuple[Architecture, ...]:
    """All architectures, or those for one task."""
    return tuple(one for one in ARCHITECTURES.values() if task in (None, one.task))


def find(name: str, task: Task) -> Architecture:
    """An architecture by name.

    Raises
    ------
    UsageError
        There is none of that name for that task; the message lists those there are.
    """
    found = ARCHITECTURES.get(name)
    if found is None or found.task != task:
        known = ", ".join(one.name for one in architectures(task))
        raise UsageError(f"There is no architecture {name} for {task}. There are: {known}.")
    return found


class RawGrey(nn.Module):
    """A network with its preprocessing before it: takes grey as it is in the video.

    Input ``frames`` float32, grey 0-255, (batch, 1, height, width) or (batch, 1, frames, height, width);
    output as the network's: logits (batch, classes, height, width), or (batch, outputs) with EF in percent first.

    Parameters
    ----------
    architecture : Architecture
    preprocessing, network : Module
    outputs : int
        Channels of the answer.
    """

    def __init__(
        self, architecture: Architecture, preprocessing: Preprocessing, network: nn.Module, outputs: int
    ) -> None:
        super().__init__()
        self.architecture = architecture
        self.outputs = outputs
        self.preprocessing: Preprocessing = preprocessing
        self.network = network

    def forward(self, frames: Tensor, keep: Tensor | None = None) -> Tensor:
        """`keep`, 0 or 1 and broadcastable, multiplies after preprocessing: 0 pads with zeros as the paper does."""
        x = self.preprocessing(frames)
        if keep is not None:
            x = x * keep
        return self.network(x)  # type: ignore[no-any-return]  # nn.Module calls are untyped


def build(
    name: str,
    task: Task,
    *,
    outputs: int = 1,
    pretrained: bool = False,
    size: int = 112,
    frames: int = 32,
    mean: Levels | None = None,
    std: Levels | None = None,
) -> RawGrey:
    """Make a network that takes raw grey.

    Parameters
    ----------
    name, task : str
        See `architectures`.
    outputs : int
        EF: 1, or 3 with EDV and ESV in ml. Segmentation: classes; 1 is the LV alone (sigmoid), 4 are CAMUS's
        (softmax, channel 1 is the LV).
    pretrained : bool
        Start from torchvision's weights, learned on Kinetics-400 or COCO; otherwise random.
    size, frames : int
        What it will be given; refused here where the architecture cannot take it.
    mean, std : float or three of them, optional
        Grey levels for torchvision's networks; default the published data's. The others standardise each frame.

    Raises
    ------
    UsageError
        Unknown, or cannot take such an input; the message says why.
    ModelError
        Pretrained weights cannot be fetched.
    """
    architecture = find(name, task)
    reason = architecture.refusal(size, frames, outputs)
    if reason is None and pretrained and not architecture.can_be_pretrained:
        reason = "there are no pretrained weights for it"
    if reason is None and architecture.family != "torchvision" and (mean, std) != (None, None):
        reason = "it standardises each frame by itself and takes no mean and std"
    if reason:
        raise UsageError(f"{name} cannot be built: {reason}.")
    network = architecture.make(outputs, pretrained)
    if task == "ef":
        _start_at(network.get_submodule(architecture.head), EF_START[:outputs])
    return RawGrey(architecture, _preprocessing(architecture, mean, std), network, outputs)


def _preprocessing(architecture: Architecture, mean: Levels | None, std: Levels | None) -> Preprocessing:
    if architecture.family != "torchvision":
        return Standardise()
    return Normalise(
        PUBLISHED_MEAN if mean is None else mean,
        PUBLISHED_STD if std is None else std,
        dimensions=3 if architecture.task == "ef" else 2,
    )


@torch.no_grad()
def _start_at(layer: nn.Module, values: tuple[float, ...]) -> None:
    """Set the bias of the last layer: training starts at the mean heart instead of at zero."""
    if isinstance(layer.bias, Tensor):
        layer.bias.copy_(torch.tensor(values))
