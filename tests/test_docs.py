"""The docs say what the code does: generated tables are current, and links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from echobeat.datasets.problems import CODES as PROBLEMS
from echobeat.measurement.codes import CODES
from echobeat.measurement.view import VIEW_CLASSES

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_generated_tables_are_as_the_code_has_them(generate: ModuleType) -> None:
    behind = [str(path.relative_to(ROOT)) for path in generate.stale_pages()]
    assert not behind, f"run `make docs` and commit: {', '.join(behind)}"


def test_every_generated_section_stands_on_a_page(generate: ModuleType) -> None:
    shown = {match["name"] for page in PAGES for match in generate.BLOCK.finditer(page.read_text(encoding="utf-8"))}
    assert shown == set(generate.SECTIONS)


def test_every_code_that_a_clip_can_carry_is_in_the_table() -> None:
    carried = {
        match[1]
        for path in sorted((ROOT / "src" / "echobeat").rglob("*.py"))
        for match in re.finditer(r"\b(?:ClipWarning|warn)\(\s*\"(\w+)\"", path.read_text(encoding="utf-8"))
    }
    of_views = set(VIEW_CLASSES) - {"four_chamber"}  # named by the class that a network saw
    assert carried | of_views == set(CODES)


def test_every_code_that_a_data_set_can_have_is_in_the_table() -> None:
    named = {
        match[1]
        for path in sorted((ROOT / "src" / "echobeat").rglob("*.py"))
        if path.name != "problems.py"
        for match in re.finditer(r"\"([a-z]+(?:-[a-z]+)+)\"", path.read_text(encoding="utf-8"))
    }
    assert set(PROBLEMS) <= named
    added = {
        match[1]
        for path in sorted((ROOT / "src" / "echobeat" / "datasets").rglob("*.py"))
        for match in re.finditer(r"\b(?:problem|add)\(\s*\"([^\"]+)\"", path.read_text(encoding="utf-8"))
    }
    assert added <= set(PROBLEMS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_to_files_of_the_repository(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    relative = {target.partition("#")[0] for target in targets if not re.match(r"[a-z]+:|#", target)}
    missing = sorted(target for target in relative if not (page.parent / target).exists())
    assert not missing
