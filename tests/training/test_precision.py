"""bfloat16 is calculated with where the machine has it, and not imitated where it has not."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from echobeat.training.config import Machine  # noqa: E402  torch may be missing
from echobeat.training.run import chosen_precision  # noqa: E402


@pytest.mark.parametrize(
    ("able", "chosen"),
    [
        ({}, "32"),
        ({"avx2": True, "avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, "32"),
        ({"avx512_bf16": True}, "bf16"),
        ({"amx_bf16": True}, "bf16"),
    ],
)
def test_a_processor_that_only_imitates_bfloat16_calculates_in_float32(monkeypatch, able, chosen):
    """The bundled recipes say bf16; imitated, it took ten times as long as float32."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert chosen_precision(Machine(precision="bf16"), gpu=False) == chosen
    assert chosen_precision(Machine(), gpu=False) == "32"
    assert chosen_precision(Machine(precision="16"), gpu=False) == "16"


@pytest.mark.parametrize("native", [True, False])
def test_so_does_a_gpu(monkeypatch, native):
    """An older one imitates it, too."""
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native or including_emulation)
    for asked in ("auto", "bf16"):
        assert chosen_precision(Machine(precision=asked), gpu=True) == ("bf16" if native else "32")
