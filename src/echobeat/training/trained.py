"""A run's network with its best weights, for those who want it in torch: on a GPU, or to look inside."""

from __future__ import annotations

from pathlib import Path

import torch

from echobeat.errors import ModelError, UsageError
from echobeat.models.cards import card_file, load_card
from echobeat.networks.registry import RawGrey, build, find
from echobeat.networks.torch_backend import TorchBackend
from echobeat.training import checkpoints
from echobeat.training.config import Task
from echobeat.training.recipe_files import load_config, read_values
from echobeat.training.run_folder import RunFolder


def is_run(model: str | Path) -> bool:
    """True for the folder or the card of a run whose network can be built again from its recipe.

    Runs of the bundled models' recipes, which name no architecture, have only their file.
    """
    folder = RunFolder(card_file(model).parent)
    return folder.best.exists() and "network" in read_values("", str(folder.config))


def trained_network(model: str | Path) -> RawGrey:
    """The network that a run's model.onnx was made from, on the CPU, in evaluation mode.

    Raises
    ------
    ModelError
        It is no run, or its best.ckpt is damaged.
    """
    card, folder = load_card(model), RunFolder(card_file(model).parent)
    best = checkpoints.load(folder.best)
    if best is None:
        raise ModelError(f"{model} is no training run: {folder.best} is not there.")
    task: Task = "ef" if card.task == "ef" else "segmentation"
    config = load_config(task, str(folder.config))
    torchvisions = find(config.network.architecture, task).family == "torchvision"  # its grey levels are weights, too
    network = build(
        config.network.architecture,
        task,
        outputs=len(card.classes),
        size=card.size,
        frames=card.clip.frames if card.clip else 1,
        mean=0.0 if torchvisions else None,
        std=1.0 if torchvisions else None,
    )
    network.load_state_dict(best["network"])
    return network.eval()


def trained_backend(model: str | Path, device: str) -> TorchBackend | None:
    """A run's network on a device; None for a model that is no run, of which there is only the file.

    Raises
    ------
    UsageError
        There is no such device here.
    """
    if not is_run(model):
        return None
    network = trained_network(model)
    try:
        return TorchBackend(network, torch.device(device))
    except (RuntimeError, AssertionError) as error:  # torch says both of a device that is not there
        raise UsageError(f"--device {device}: there is no such device here ({str(error).splitlines()[0]}).") from error
