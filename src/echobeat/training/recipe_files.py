"""Recipes as TOML: a bundled name or a file, with overrides; what is misspelt is refused with the nearest known key."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from pydantic import TypeAdapter, ValidationError

from echobeat.errors import UsageError
from echobeat.training.config import CONFIGS, Config, Task

Values = dict[str, Any]
Recipe = TypeVar("Recipe")


def recipe_names(folder: str) -> tuple[str, ...]:
    """The bundled recipes in a folder below ``recipes/``: those of a task, of ``contours``, ``beats`` or ``view``."""
    files = (resources.files("echobeat.training") / "recipes" / folder).iterdir()
    return tuple(sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml")))


def load_config(task: Task, name: str, overrides: Sequence[str] = ()) -> Config:
    """Read a recipe for one's own data; see `load_recipe`."""
    return load_recipe(CONFIGS[task], task, name, overrides)


def load_recipe(kind: type[Recipe], folder: str, name: str, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe.

    Parameters
    ----------
    kind : type
        The dataclass that it is read into.
    folder : str
        Of the bundled ones, below ``recipes/``.
    name : str
        A bundled recipe's name, or the path of a TOML file.
    overrides : sequence of str
        ``optimiser.learning_rate=1e-4`` and so on; the right side as in TOML, quotes around words left out at will.

    Raises
    ------
    UsageError
        There is no such recipe, it is no TOML, or an entry is unknown or cannot be what it is.
    """
    values = read_values(folder, name)
    for text in overrides:
        override(values, text)
    return build_config(kind, values, name)


def read_values(folder: str, name: str) -> Values:
    """The entries of a recipe, unchecked; see `load_recipe`."""
    bundled = resources.files("echobeat.training") / "recipes" / folder / f"{name}.toml"
    try:
        content = bundled.read_bytes() if bundled.is_file() else Path(name).read_bytes()
    except OSError as error:
        known = ", ".join(recipe_names(folder))
        raise UsageError(f"There is no recipe {name}: it is no file, and the bundled ones are {known}.") from error
    try:
        return tomllib.loads(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"The recipe {name} is no TOML: {error}.") from error


def override(values: Values, text: str) -> None:
    """Put ``key=value``, dotted for nested keys, in place."""
    key, equals, word = text.partition("=")
    if not (equals and key):
        raise UsageError(f"{text}: overrides look like course.epochs=10.")
    *path, last = key.strip().split(".")
    for part in path:
        values = values.setdefault(part, {})
        if not isinstance(values, dict):
            raise UsageError(f"{text}: {part} has no entries of its own.")
    try:
        values[last] = tomllib.loads(f"value = {word}")["value"]
    except tomllib.TOMLDecodeError:
        values[last] = word


def build_config(kind: type[Recipe], values: Mapping[str, Any], name: str) -> Recipe:
    """Check the entries of a recipe and make it."""
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"The recipe {name}: {_complaint(kind, first)}") from error


def _complaint(kind: type, error: Any) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "value_error" and not key:  # of entries that do not fit together
        return f"{error['ctx']['error']}."
    if error["type"] not in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"{key} cannot be {error['input']!r} ({error['msg'][0].lower()}{error['msg'][1:]})."
    known = list(_keys(kind))
    leaf = key.rpartition(".")[2]
    same = [name for name in known if name.rpartition(".")[2] == leaf]  # right word, wrong table
    near = (
        same
        or difflib.get_close_matches(key, known, 1, 0.5)
        or [name for name in known if difflib.get_close_matches(leaf, [name.rpartition(".")[2]], 1, 0.6)]
    )
    return f"there is no entry {key}." + (f" Is {near[0]} meant?" if near else "")


def _keys(kind: type) -> Iterator[str]:
    """Every entry of a configuration, dotted."""
    hints = get_type_hints(kind)
    for entry in fields(kind):
        if is_dataclass(hints[entry.name]):
            yield from (f"{entry.name}.{below}" for below in _keys(hints[entry.name]))
        else:
            yield entry.name


def to_toml(config: Any) -> str:
    """Every entry, defaults too: the same configuration again when read."""
    values = asdict(config)
    lines = [f"{key} = {_literal(value)}" for key, value in values.items() if _is_plain(value)]
    for key, table in values.items():
        if isinstance(table, dict):
            lines += ["", f"[{key}]", *(f"{k} = {_literal(v)}" for k, v in table.items() if v is not None)]
        elif not _is_plain(table):
            for row in table:
                lines += ["", f"[[{key}]]", *(f"{k} = {_literal(v)}" for k, v in row.items())]
    return "\n".join(lines) + "\n"


def _is_plain(value: object) -> bool:
    tables = isinstance(value, (tuple, list)) and any(isinstance(row, dict) for row in value)
    return not (isinstance(value, dict) or tables)


def _literal(value: object) -> str:
    """JSON's numbers, words and lists are TOML's, too."""
    return json.dumps(value)
