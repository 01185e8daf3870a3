"""Write the tables of the reference from the code they describe: `make docs`.

A page marks the place with ``<!-- generated: NAME -->`` and ``<!-- end -->``; what stands between is replaced
by what the function registered under NAME returns. tests/test_docs.py fails where a page is behind the code.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from echobeat.report.schema import fields_table, schema_text

DOCS = Path(__file__).parent
SCHEMA = DOCS / "reference" / "result.schema.json"
BLOCK = re.compile(r"(<!-- generated: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

Section = Callable[[], str]
SECTIONS: dict[str, Section] = {}


def section(name: str) -> Callable[[Section], Section]:
    """Register the function that writes the section `name`."""

    def register(write: Section) -> Section:
        SECTIONS[name] = write
        return write

    return register


def table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table; bars inside cells are escaped."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


# --- the sections ------------------------------------------------------------------------------------


@section("result-fields")
def result_fields() -> str:
    return fields_table()


# --- the pages ---------------------------------------------------------------------------------------


def renewed(page: str) -> str:
    """The page with every generated section as the code has it now."""
    return BLOCK.sub(lambda match: f"{match[1]}\n{SECTIONS[match['name']]().strip()}\n\n{match[3]}", page)


def stale_pages() -> dict[Path, str]:
    """Files that are behind the code, and what they should say."""
    wanted = {path: renewed(path.read_text(encoding="utf-8")) for path in sorted(DOCS.rglob("*.md"))}
    wanted[SCHEMA] = schema_text()
    return {path: text for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text}


def main() -> None:
    for path, text in stale_pages().items():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"renewed {path.relative_to(DOCS.parent)}\n")


if __name__ == "__main__":
    main()
