"""``result.json``: written from the records, read back into them, described by a JSON Schema made from them."""

from __future__ import annotations

import dataclasses
import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from echobeat.errors import UnreadableFile
from echobeat.records import Result
from echobeat.report.wording import printable


@cache
def _adapter() -> TypeAdapter[Result]:
    return TypeAdapter(Result)


def result_json(result: Result) -> str:
    """The text of ``result.json``: UTF-8, two spaces of indentation, a value that is not known is ``null``.

    Raises
    ------
    ValueError
        A number that must be known is NaN or infinite: a fault of the caller, which must not reach a file.
    """
    writable = dataclasses.replace(result, source=printable(result.source))
    text = _adapter().dump_json(writable, indent=2).decode()  # NaN and infinity become null ...
    _adapter().validate_json(text)  # ... and null is refused here where the schema wants a number
    return text + "\n"


def read_result(path: Path) -> Result:
    """Read a ``result.json`` back.

    Raises
    ------
    UnreadableFile
        The file is missing or is not a ``result.json`` of this version.
    """
    try:
        return _adapter().validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it does not fit the schema of result.json"
        raise UnreadableFile(str(path), f"{reason}", "Run the analysis again") from error


def result_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of ``result.json``; ``docs/reference/result.schema.json`` is kept equal to it."""
    schema = _adapter().json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema


def schema_text() -> str:
    """The published schema file, byte for byte."""
    return json.dumps(result_schema(), indent=2) + "\n"


def fields_table() -> str:
    """The fields of ``result.json`` as one Markdown table: name, type, meaning."""
    schema = result_schema()
    lines = ["| field | type | meaning |", "|---|---|---|"]
    for name, kind, meaning in _fields(schema, schema["$defs"], prefix=""):
        lines.append(f"| `{name}` | {kind} | {meaning} |")
    return "\n".join(lines) + "\n"


def _fields(node: dict[str, Any], definitions: dict[str, Any], prefix: str) -> list[tuple[str, str, str]]:
    rows: list[tuple[str, str, str]] = []
    for name, field in node["properties"].items():
        rows.append((prefix + name, _kind(field, definitions), field.get("description", "").replace("|", "\\|")))
        target, suffix = _object_of(field, definitions)
        if target is not None:
            rows += _fields(target, definitions, prefix + name + suffix)
    return rows


def _object_of(field: dict[str, Any], definitions: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """The record that a field holds, and how its own fields are reached from it."""
    for option in field.get("anyOf", [field]):
        if "$ref" in option:
            return definitions[option["$ref"].rsplit("/", 1)[1]], "."
        if option.get("type") == "array" and "$ref" in option.get("items", {}):
            return definitions[option["items"]["$ref"].rsplit("/", 1)[1]], "[]."
    return None, ""


def _kind(field: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_kind(option, definitions) for option in field["anyOf"])
    if "$ref" in field:
        return "object"
    if "enum" in field:
        return " or ".join(f'"{value}"' for value in field["enum"])
    if "prefixItems" in field:
        return "[" + ", ".join(_kind(item, definitions) for item in field["prefixItems"]) + "]"
    if field.get("type") == "array":
        return f"list of {_kind(field['items'], definitions)}"
    if field.get("type") == "object" and "propertyNames" in field:
        return "object with " + ", ".join(f'"{key}"' for key in field["propertyNames"].get("enum", []))
    return str(field.get("type", "any"))
