"""`echobeat models`: list, show, export, verify, remove; import where torch is installed."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from echobeat.models import library, load_card
from echobeat.models.cards import weights_folder


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A folder of own models that holds one."""
    monkeypatch.setenv("ECHOBEAT_MODELS", str(tmp_path / "own"))
    shutil.copy(weights_folder() / "lv.onnx", tmp_path / "model.onnx")
    library.add(replace(load_card("lv"), name="mine"), tmp_path / "model.onnx")
    return tmp_path / "own"


def test_own_models_are_listed_shown_exported_and_removed(mine, echobeat, tmp_path):
    """Each command answers with 0 and says what it did."""
    assert "mine" in echobeat("models", "list")[1]
    code, shown, _ = echobeat("models", "show", "mine")
    assert code == 0
    assert "SHA-256" in shown
    assert echobeat("models", "export", "mine", str(tmp_path / "out"))[0] == 0
    assert (tmp_path / "out" / "mine.onnx").is_file()
    assert echobeat("models", "remove", "mine")[0] == 0
    assert not list(mine.iterdir())


def test_verify_tells_by_its_exit_code(mine, echobeat):
    """0 where all are well, 3 where one is not, and which."""
    assert echobeat("models", "verify", "mine")[0] == 0
    (mine / "mine.onnx").write_bytes(b"other")
    code, told, _ = echobeat("models", "verify")
    assert code == 3
    assert "lv: well" in told
    assert "mine: The weights" in told


def test_wrong_use_is_told_in_one_sentence(mine, echobeat):
    """Bundled models stay; an architecture that is not known is answered with those that are."""
    code, _, told = echobeat("models", "remove", "lv")
    assert code == 2
    assert "cannot be removed" in told


def test_import_makes_a_checkpoint_a_model(mine, echobeat, tmp_path):
    """From the file to a model that verifies; an unknown architecture names the known ones."""
    torch = pytest.importorskip("torch")
    from echobeat.networks.registry import build

    torch.save(build("light_video", "ef").network.state_dict(), tmp_path / "mine-ef.pt")
    command = ("models", "import", str(tmp_path / "mine-ef.pt"), "--task", "ef", "--architecture")
    code, _, told = echobeat(*command, "nonsense")
    assert code == 2
    assert "There are: r2plus1d_18" in told
    code, told, _ = echobeat(*command, "light_video", "--frames", "16")
    assert code == 0
    assert "--ef mine-ef" in told
    assert load_card("mine-ef").clip.frames == 16
    assert echobeat("models", "verify", "mine-ef")[0] == 0
