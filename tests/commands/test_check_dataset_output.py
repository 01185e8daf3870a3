"""What ``echobeat check-dataset`` prints is plain text, and the reference lists all that it can say."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from quick import Call

sys.path.insert(0, str(Path(__file__).parents[1] / "datasets"))  # where `made_data` lies

from made_data import row, write_echonet

from echobeat.datasets.problems import CODES

DOCS = Path(__file__).parents[2] / "docs" / "reference" / "data-set-problems.md"


def test_errors_end_with_3_and_the_file_has_each_of_them(echobeat: Call, tmp_path: Path) -> None:
    """The table shows a code once with its count; the JSON file has every study's problem."""
    folder = write_echonet(tmp_path / "e", [row("a", ef=-3), row("b", ef=200), row("[red]gone\x1b")], videos=["a", "b"])
    code, out, _ = echobeat("check-dataset", folder, "--json", tmp_path / "found.json", "--jobs", 1)
    assert code == 3
    (line,) = [line for line in out.splitlines() if "label-out-of-range" in line]
    assert " 2 " in line
    assert "[red]gone" in out
    assert "\x1b[red" not in out
    found = json.loads((tmp_path / "found.json").read_text())
    assert (found["ok"], found["kind"], found["schema_version"]) == (False, "echonet-dynamic", "1.0")
    assert {p["study"] for p in found["problems"] if p["code"] == "label-out-of-range"} == {"a", "b"}
    assert set(found["problems"][0]) == {"code", "severity", "study", "file", "message", "remedy"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["e", "found.json"]


@pytest.mark.parametrize(("arguments", "code"), [(["gone"], 2), ([".", "--view", "A9C"], 2), ([], 2)])
def test_what_cannot_be_checked_ends_as_documented(
    echobeat: Call, tmp_path: Path, arguments, code, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert echobeat("check-dataset", *arguments)[0] == code


def test_the_docs_list_every_code_with_its_severity() -> None:
    page = DOCS.read_text(encoding="utf-8")
    errors, warnings = page.split("## Warnings")
    for code, info in CODES.items():
        assert f"| `{code}` |" in (errors if info.severity == "error" else warnings)
