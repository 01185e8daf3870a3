"""The user's own models: put in, given away, checked, removed. The bundled ones stay as they are."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path

import numpy as np

from echobeat.errors import EchobeatError, UsageError
from echobeat.models.beat_clips import FRAMES
from echobeat.models.cards import (
    Card,
    card_file,
    load_card,
    model_file,
    own_folder,
    weights_folder,
    write_card,
)
from echobeat.models.session import BackendName, open_backend
from echobeat.whole import whole_file

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def free_name(name: str) -> str:
    """`name`, if one of the user's own models can have it.

    Raises
    ------
    UsageError
        It is no name for a file, or there is such a model already.
    """
    if not NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot name a model: use up to 64 letters, digits, dots, dashes and underscores.")
    for folder in (weights_folder(), own_folder()):
        if (folder / f"{name}.json").exists():
            raise UsageError(f"There is a model named {name} already. Give another --name, or remove it first.")
    return name


def add(card: Card, onnx: Path, folder: Path | None = None) -> None:
    """Copy a model file into a folder, the user's own by default, and then write its card: that makes the model known.

    Raises
    ------
    OutputError
        The folder cannot be written.
    """
    folder = own_folder() if folder is None else folder
    with whole_file(folder / f"{card.name}.onnx") as beside:
        shutil.copyfile(onnx, beside)
    write_card(card, folder / f"{card.name}.json")


def remove(name: str) -> None:
    """Take one of the user's own models away, its card first.

    Raises
    ------
    UsageError
        It is a bundled one, or no model of the user's.
    """
    if (weights_folder() / f"{name}.json").is_file():
        raise UsageError(f"{name} comes with echobeat and cannot be removed.")
    card = own_folder() / f"{name}.json"
    if not NAME.fullmatch(name) or not card.is_file():
        raise UsageError(f"There is no model of your own named {name} in {own_folder()}.")
    card.unlink()
    card.with_suffix(".onnx").unlink(missing_ok=True)


def export(name: str | Path, out: Path) -> tuple[Path, ...]:
    """Copy a model and its card into a folder, or into one file where `out` ends in ``.zip``.

    Either can be carried elsewhere: ``--segmentation FOLDER/NAME.json`` runs it there.

    Returns
    -------
    tuple of Path
        What was written.

    Raises
    ------
    ModelError
        Unknown or damaged.
    OutputError
        `out` cannot be written.
    """
    files = {f"{load_card(name).name}{path.suffix}": path for path in (model_file(name), card_file(name))}
    if out.suffix == ".zip":
        with whole_file(out) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as archive:
            for new, path in files.items():
                archive.write(path, new)
        return (out,)
    for new, path in files.items():
        with whole_file(out / new) as beside:
            shutil.copyfile(path, beside)
    return tuple(out / new for new in files)


def verify(name: str | Path, backend: BackendName = "auto") -> str | None:
    """What is wrong with a model; None where its card can be read, its file is the card's, and it runs.

    It is run once on black frames: the answer must have the shape that the card says, and be numbers.
    """
    try:
        card = load_card(name)
        answer = open_backend(model_file(name), backend).run(_black(card))
    except EchobeatError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001  the backends' own exceptions have no base class in common
        return f"It cannot be run: {error}"
    wanted = (1, len(card.classes)) + ((card.size, card.size) if card.task == "segmentation" else ())
    if answer.shape != wanted:
        return f"It answers with an array of shape {answer.shape}; its card says {wanted}."
    return None if np.isfinite(answer).all() else "It answers with values that are not numbers."


def _black(card: Card) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    if card.task == "beats":
        return np.zeros((1, 2, FRAMES, card.size, card.size), np.float32)
    time = () if card.clip is None else (card.clip.frames,)
    return np.zeros((1, 1, *time, card.size, card.size), np.float32)


def all_names() -> tuple[str, ...]:
    """Names of all models, also of those whose card is damaged."""
    return tuple(path.stem for folder in (weights_folder(), own_folder()) for path in sorted(folder.glob("*.json")))
