"""The house rules that a reader relies on: which room may import which, and what no module does.

The rooms are drawn in docs/architecture.md. Imports inside functions count as much as those on top.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "echobeat"

# The rooms that need the extra `train`, lowest first, and the commands that open them.
TORCH_ROOMS = ("datasets", "networks", "evaluation", "training")
TORCH_COMMANDS = {"ablate", "calibrate", "check_dataset", "evaluate", "import_model", "train"}
TORCH_PACKAGES = {"torch", "torchvision", "torchmetrics", "lightning", "monai", "onnx"}

# Lowest first. Rooms on one floor are siblings: none imports another.
FLOORS = (
    {"version"},  # echobeat.__version__
    {"errors", "machine"},
    {"frames", "given", "whole"},
    {"records"},
    {"measurement", "sources", "phantom"},
    {"models", "deidentification"},
    {"pipeline"},
    {"report", "facade", *TORCH_ROOMS},
    {"dicom_results", "ingest"},
    {"node"},
    {"commands"},
    {"__main__"},
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

# Imported only where the user has installed them.
OPTIONAL_PACKAGES = {"openvino"}

MAX_LINES = 400

PROJECT = tomllib.loads((PACKAGE.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@dataclass(frozen=True)
class Import:
    """One import statement: `module` imports `target`, both dotted, at `line`."""

    module: str
    target: str
    line: int

    def __str__(self) -> str:
        return f"{self.module}, line {self.line}, imports {self.target}"


def module_name(path: Path) -> str:
    parts = ("echobeat", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def parse(module: str) -> ast.Module:
    return ast.parse(SOURCES[module].read_text(encoding="utf-8"), filename=str(SOURCES[module]))


def imports_of(module: str, tree: ast.Module) -> Iterator[Import]:
    """Every import of a module, those inside functions too."""
    package = module if SOURCES[module].name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield Import(module, f"{base}.{alias.name}", node.lineno)
        elif isinstance(node, ast.Call) and is_import_call(node):
            argument = node.args[0]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield Import(module, argument.value, node.lineno)


def is_import_call(node: ast.Call) -> bool:
    """True for ``importlib.import_module(...)``, ``import_module(...)`` and ``__import__(...)``."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
    return name in {"import_module", "__import__"} and bool(node.args)


IMPORTS = [found for module in SOURCES for found in imports_of(module, parse(module))]
OWN_IMPORTS = [found for found in IMPORTS if found.target.split(".")[0] == "echobeat"]


def room_of(dotted: str) -> str:
    """The room of a module, or of a name imported from the package itself."""
    parts = dotted.split(".")
    if len(parts) == 1:
        return "facade"
    if parts[1] == "__version__":
        return "version"
    if (PACKAGE / parts[1]).is_dir() or (PACKAGE / f"{parts[1]}.py").is_file():
        return parts[1]
    return "facade"


def violation(found: Import) -> str | None:
    """Why an import inside the package is not allowed; None where it is."""
    here, there = room_of(found.module), room_of(found.target)
    for room in (here, there):
        if room not in FLOOR_OF:
            return f"room {room!r} has no place in FLOORS"
    if here == there:
        return None
    if there in TORCH_ROOMS:
        if here in TORCH_ROOMS:
            return None if TORCH_ROOMS.index(here) > TORCH_ROOMS.index(there) else "upwards among the torch rooms"
        return None if is_torch_command(found.module) else "only the torch rooms and their commands open a torch room"
    if FLOOR_OF[there] >= FLOOR_OF[here]:
        return "rooms import downwards only"
    return None


def is_torch_command(module: str) -> bool:
    parts = module.split(".")
    return len(parts) == 3 and parts[1] == "commands" and parts[2] in TORCH_COMMANDS


def test_every_room_imports_only_from_rooms_below() -> None:
    broken = [f"{found}: {why}" for found in OWN_IMPORTS if (why := violation(found))]
    assert not broken, "\n".join(broken)


def test_torch_is_imported_only_in_its_rooms() -> None:
    broken = [
        str(found)
        for found in IMPORTS
        if found.target.split(".")[0] in TORCH_PACKAGES
        and room_of(found.module) not in TORCH_ROOMS
        and not is_torch_command(found.module)
    ]
    assert not broken, "\n".join(broken)


def test_every_package_that_inference_imports_is_declared() -> None:
    declared = {canonical(requirement) for requirement in PROJECT["dependencies"]}
    distributions = packages_distributions()
    missing = {
        f"{found}, which pyproject.toml does not declare"
        for found in IMPORTS
        if (package := found.target.split(".")[0]) not in {"echobeat", *sys.stdlib_module_names, *OPTIONAL_PACKAGES}
        and room_of(found.module) not in TORCH_ROOMS
        and not is_torch_command(found.module)
        and not declared & {canonical(name) for name in distributions.get(package, [package])}
    }
    assert not missing, "\n".join(sorted(missing))


def canonical(requirement: str) -> str:
    """Name of a distribution or requirement as indices compare it (PEP 503)."""
    name = re.split(r"[^A-Za-z0-9._-]", requirement)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def test_everything_outside_the_torch_rooms_imports_without_torch() -> None:
    plain = [m for m in SOURCES if room_of(m) not in {*TORCH_ROOMS, "__main__"} and not is_torch_command(m)]
    program = (
        "import sys, importlib\n"
        f"sys.path.insert(0, {str(PACKAGE.parent)!r})\n"
        f"sys.modules.update(dict.fromkeys({sorted(TORCH_PACKAGES)!r}))\n"  # None: importing it raises ImportError
        f"for module in {plain!r}: importlib.import_module(module)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_import_runs_in_a_circle() -> None:
    edges: dict[str, set[str]] = {module: set() for module in SOURCES}
    for found in OWN_IMPORTS:
        target = found.target if found.target in SOURCES else found.target.rpartition(".")[0]
        if target in SOURCES and not found.module.startswith(target):  # a package's own __init__ is no circle
            edges[found.module].add(target)
    done: set[str] = set()
    for start in SOURCES:
        circle = find_circle(start, edges, [], done)
        assert circle is None, " -> ".join(circle or [])


def find_circle(module: str, edges: dict[str, set[str]], path: list[str], done: set[str]) -> list[str] | None:
    """Depth-first search; the modules of the first circle met, or None."""
    if module in path:
        return [*path[path.index(module) :], module]
    if module in done:
        return None
    for target in sorted(edges[module]):
        if circle := find_circle(target, edges, [*path, module], done):
            return circle
    done.add(module)
    return None


@pytest.mark.parametrize("module", SOURCES)
def test_a_module_stays_readable_and_has_a_name_that_says_something(module: str) -> None:
    lines = len(SOURCES[module].read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_LINES
    assert not {"utils", "util", "helpers", "misc", "common"} & set(module.split("."))


@pytest.mark.parametrize("module", SOURCES)
def test_no_module_asserts_or_swallows_every_exception(module: str) -> None:
    for node in ast.walk(parse(module)):
        assert not isinstance(node, ast.Assert), f"line {node.lineno}: user input is refused by an error of errors.py"
        assert not (isinstance(node, ast.ExceptHandler) and node.type is None), f"line {node.lineno}: bare except"


@pytest.mark.parametrize("module", [m for m in SOURCES if m != "echobeat.machine"])
def test_how_many_cores_there_are_is_asked_in_one_place(module: str) -> None:
    """`machine.cores_here` knows the quota of a container; Python's own counts do not."""
    for node in ast.walk(parse(module)):
        name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "name", None)
        assert name not in {"cpu_count", "process_cpu_count", "sched_getaffinity"}, "ask machine.cores_here"


# What they move is written elsewhere: whole folders, clips from a run's stage, files that a sender has handed over.
MOVERS = {f"echobeat.{name}" for name in ("whole", "report.folders", "ingest.dataset", "node.spool")}


@pytest.mark.parametrize("module", [m for m in SOURCES if m not in MOVERS])
def test_files_are_written_whole_in_one_place(module: str) -> None:
    """`whole.whole_file` knows what has to happen before a file is moved into its place, and after a failure."""
    for node in ast.walk(parse(module)):
        assert not (isinstance(node, ast.Attribute) and ast.unparse(node) == "os.replace"), "use whole.whole_file"


@pytest.mark.parametrize("module", [m for m in SOURCES if room_of(m) not in {"commands", "__main__"}])
def test_nothing_below_the_commands_ends_the_process(module: str) -> None:
    for node in ast.walk(parse(module)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            ends = (node.value.id, node.attr) in {("sys", "exit"), ("os", "_exit"), ("os", "abort")}
        else:
            ends = isinstance(node, ast.Name) and node.id in {"exit", "quit", "SystemExit"}
        assert not ends, f"line {node.lineno}: only a command decides how the process ends"


MAPS = {
    module: set(re.findall(r"(\w+\.py)\b", ast.get_docstring(parse(module)) or ""))
    for module, path in SOURCES.items()
    if path.name == "__init__.py"
}


@pytest.mark.parametrize("package", [package for package, named in MAPS.items() if named])
def test_the_map_of_a_room_names_no_module_that_is_gone(package: str) -> None:
    """What a package's docstring says is there, is there."""
    there = {path.name for path in SOURCES[package].parent.glob("*.py")} | {"__main__.py"}
    assert not MAPS[package] - there
