"""The user's own models: put in, given away, checked, removed."""

from __future__ import annotations

import shutil
import zipfile

import pytest

from echobeat.errors import ModelError, OutputError, UsageError
from echobeat.models import library, list_cards, load_card, load_segmenter, model_file
from echobeat.models.cards import own_folder, weights_folder, write_card


@pytest.fixture
def mine(own_models, tmp_path):
    """A copy of the smaller bundled model as one of the user's own."""
    from dataclasses import replace

    shutil.copy(weights_folder() / "lv.onnx", tmp_path / "model.onnx")
    library.add(replace(load_card("lv"), name="mine"), tmp_path / "model.onnx")
    return own_models


def test_an_own_model_is_found_by_its_name_and_runs(mine):
    """Listed after the bundled ones."""
    assert [card.name for card in list_cards()][-1] == "mine"
    assert load_segmenter("mine").card.name == "mine"
    assert library.verify("mine") is None


def test_the_folder_is_the_systems_for_a_users_data_unless_named(monkeypatch):
    """ECHOBEAT_MODELS wins."""
    monkeypatch.setenv("ECHOBEAT_MODELS", "/somewhere")
    assert str(own_folder()) == "/somewhere"
    monkeypatch.delenv("ECHOBEAT_MODELS")
    assert own_folder().parts[-2:] == ("echobeat", "models")


def test_removed_is_gone_and_bundled_models_stay(mine):
    """Its file, too; what is not there is said so."""
    library.remove("mine")
    assert not list(mine.iterdir())
    with pytest.raises(UsageError, match="comes with echobeat"):
        library.remove("lv")
    for name in ("mine", "../own-models/mine"):
        with pytest.raises(UsageError, match="no model of your own"):
            library.remove(name)
    assert model_file("lv").is_file()


@pytest.mark.parametrize("out", ["folder/below", "mine.zip"])
def test_an_exported_model_runs_elsewhere(mine, tmp_path, out):
    """As a folder or as one file."""
    written = library.export("mine", tmp_path / out)
    if out.endswith(".zip"):
        zipfile.ZipFile(written[0]).extractall(tmp_path / "there")
        folder = tmp_path / "there"
    else:
        folder = tmp_path / out
    assert sorted(path.name for path in folder.iterdir()) == ["mine.json", "mine.onnx"]
    library.remove("mine")
    assert load_segmenter(folder / "mine.json").card.name == "mine"


def test_a_place_that_cannot_be_written_is_a_typed_error(mine, tmp_path):
    """A file where a folder should be."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        library.export("mine", tmp_path / "file" / "below")


def test_a_model_may_be_put_into_another_folder(mine, tmp_path):
    """As a release does; the file that it was made from stays."""
    library.add(load_card("mine"), model_file("mine"), tmp_path / "weights")
    assert sorted(path.name for path in (tmp_path / "weights").iterdir()) == ["mine.json", "mine.onnx"]
    assert library.verify(tmp_path / "weights" / "mine.json") is None
    assert library.verify("mine") is None


def test_verify_finds_what_is_wrong(mine, ef_card):
    """A changed file, a missing one, a damaged card, a file that is no model, and one of another shape."""
    from dataclasses import replace

    from echobeat.models.cards import file_hash

    card = load_card("mine")
    write_card(replace(card, classes=("left_ventricle",)), mine / "mine.json")
    assert "its card says (1, 1, 112, 112)" in library.verify("mine")
    with (mine / "mine.onnx").open("r+b") as file:
        file.write(b"changed")
    assert "SHA-256 differs" in library.verify("mine")
    write_card(replace(card, sha256=file_hash(mine / "mine.onnx")), mine / "mine.json")
    assert "cannot be loaded" in library.verify("mine")
    (mine / "mine.onnx").unlink()
    assert "are missing" in library.verify("mine")
    (mine / "mine.json").write_text("{}")
    assert "is damaged" in library.verify("mine")
    assert "no model named other" in library.verify("other")


@pytest.mark.parametrize("change", [{"clip": None}, {"classes": ["volume"]}, {"task": "segmentation"}])
def test_a_card_that_contradicts_itself_is_damaged(own_models, ef_card, change):
    """An EF model has a clip and gives an EF; a segmentation names the left ventricle."""
    import json

    own_models.mkdir()
    write_card(ef_card(), own_models / "fake-ef.json")
    content = json.loads((own_models / "fake-ef.json").read_text()) | change
    (own_models / "fake-ef.json").write_text(json.dumps(content))
    with pytest.raises(ModelError, match="is damaged"):
        load_card("fake-ef")
