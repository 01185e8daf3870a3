"""MONAI's U-Net family (Cardoso et al. 2022, doi:10.48550/arXiv.2211.02701), one channel of grey in.

MONAI takes seconds to import, so that happens only when one of its networks is made.
"""

from __future__ import annotations

from torch import nn

import echobeat.networks.operators  # noqa: F401  MONAI imports torchvision, which cannot do without it

WIDTHS = (32, 64, 128, 256, 320)
"""Channels from full resolution down, as nnU-Net has them in five levels (Isensee et al. 2021,
doi:10.1038/s41592-020-01008-z)."""

STRIDES = (2, 2, 2, 2)


def unet(outputs: int, pretrained: bool) -> nn.Module:
    """U-Net with residual units (Kerfoot et al. 2019, doi:10.1007/978-3-030-12029-0_40)."""
    from monai.networks.nets import UNet  # type: ignore[attr-defined]  # MONAI lists no exports

    network: nn.Module = UNet(2, 1, outputs, channels=WIDTHS, strides=STRIDES, num_res_units=2, norm="batch")
    return network


def attention_unet(outputs: int, pretrained: bool) -> nn.Module:
    """U-Net whose skip connections are gated (Oktay et al. 2018, doi:10.48550/arXiv.1804.03999)."""
    from monai.networks.nets import AttentionUnet  # type: ignore[attr-defined]  # MONAI lists no exports

    network: nn.Module = AttentionUnet(2, 1, outputs, channels=WIDTHS, strides=STRIDES)
    return network


def dynunet(outputs: int, pretrained: bool) -> nn.Module:
    """nnU-Net's network (Isensee et al. 2021, doi:10.1038/s41592-020-01008-z)."""
    from monai.networks.nets import DynUNet  # type: ignore[attr-defined]  # MONAI lists no exports

    strides = (1, *STRIDES)
    network: nn.Module = DynUNet(
        2, 1, outputs, kernel_size=[3] * 5, strides=strides, upsample_kernel_size=STRIDES, filters=WIDTHS
    )
    return network


def segresnet(outputs: int, pretrained: bool) -> nn.Module:
    """Residual encoder and a light decoder (Myronenko 2018, doi:10.48550/arXiv.1810.11654)."""
    from monai.networks.nets import SegResNet  # type: ignore[attr-defined]  # MONAI lists no exports

    network: nn.Module = SegResNet(2, init_filters=32, in_channels=1, out_channels=outputs)
    return network
