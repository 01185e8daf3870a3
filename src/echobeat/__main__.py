"""The command line: names of commands, and where each lives. Only the one that is asked for is imported."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer

from echobeat import __version__
from echobeat.commands import quiet_libraries
from echobeat.errors import EchobeatError, ModelError, UsageError

COMMANDS = {
    "analyze": ("echobeat.commands.analyze:analyze", "Contours, volumes, beats and EF of echo clips, a page for each."),
    "deidentify": (
        "echobeat.commands.deidentify:deidentify",
        "Take the patient out of ultrasound DICOM files: header, file and picture.",
    ),
    "demo": ("echobeat.commands.demo:demo", "Analyse a phantom patient and a real clip, without any file of your own."),
    "models": ("echobeat.commands.models:models", "List, show, import, export, verify and remove models."),
    "node": ("echobeat.commands.node:app", "Receive ultrasound by DICOM, analyse it, send the results back."),
    "phantom": ("echobeat.commands.phantom:phantom", "Make synthetic studies with known truth."),
    "ingest": (
        "echobeat.commands.ingest:ingest",
        "Turn an archive of DICOM, ZIP and videos into a data set without its patients.",
    ),
    "check-dataset": (
        "echobeat.commands.check_dataset:check_dataset",
        "What is in a data set, and what is wrong with it, before a night is spent on it.",
    ),
    "evaluate": ("echobeat.commands.evaluate:evaluate", "Measure the models on data with known truth."),
    "calibrate": (
        "echobeat.commands.calibrate:calibrate",
        "Measure a model's errors on studies of known EF, so that its results get intervals.",
    ),
    "ablate": ("echobeat.commands.ablate:ablate", "Train variants of a recipe and compare them by range of EF."),
    "train": ("echobeat.commands.train:train", "Train the models; needs the extra `train`."),
}

EXTRA_TRAIN = {"torch", "torchvision", "onnx", "lightning", "monai", "scipy", "sklearn", "tensorboard"}

WRONG_USE, SOME_FAILED = 2, 3
"""Exit codes."""


def build(arguments: Sequence[str]) -> typer.Typer:
    """The application for these arguments: the command that they name is real, the others are names for the help."""
    app = typer.Typer(
        name="echobeat",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,  # they print variables, and with them patient data
        help="Heart function from an apical four-chamber echocardiogram. Research software, not a medical device.",
    )
    app.callback()(_for_every_command)
    wanted = next((argument for argument in arguments if not argument.startswith("-")), None)
    for name, (target, summary) in COMMANDS.items():
        command = _load(target) if name == wanted else _stub
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name, help=_paragraphs(command) if name == wanted else summary)(command)
    return app


def _load(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)


def _paragraphs(command: object) -> str:
    """A docstring whose lines are broken by the terminal, not by the source."""
    return re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.getdoc(command) or "")


def _stub() -> None:
    """Stands in the list of commands."""


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"echobeat {__version__}")
        raise typer.Exit


def _for_every_command(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_print_version, is_eager=True)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks, which may name patients.")] = False,
) -> None:
    context.default_map = {name: {"debug": debug} for name in COMMANDS}  # of those with a --debug of their own


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and end the process with its exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    debug = "--debug" in arguments
    quiet_libraries()
    try:
        build(arguments)(args=arguments, prog_name="echobeat")
    except (UsageError, ModelError) as error:
        _end(str(error), WRONG_USE, debug)
    except ModuleNotFoundError as error:
        if error.name not in EXTRA_TRAIN:
            raise
        _end("This command needs the extra `train`. In a clone of echobeat: pip install '.[train]'", WRONG_USE, debug)
    except EchobeatError as error:
        _end(str(error), SOME_FAILED, debug)
    except Exception as error:
        if debug:
            raise
        _end(f"echobeat failed ({type(error).__name__}). Run echobeat --debug COMMAND and report what it shows.", 1)


def _end(message: str, code: int, debug: bool = False) -> None:
    if debug:
        import traceback

        traceback.print_exc()
    from echobeat.commands.screen import Screen

    Screen().error(message)
    sys.exit(code)


if __name__ == "__main__":
    main()
