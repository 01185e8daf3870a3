"""Write the tables of the reference from the code they describe: `make docs`.

A page marks the place with ``<!-- generated: NAME -->`` and ``<!-- end -->``; what stands between is replaced
by what the function registered under NAME returns. tests/test_docs.py fails where a page is behind the code.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import typer

from echobeat.__main__ import COMMANDS, build
from echobeat.datasets import problems
from echobeat.ingest import dataset, reasons
from echobeat.measurement import MeasurementError
from echobeat.measurement.codes import CODES, WIDENING
from echobeat.models import Card, Metric, bundled_cards
from echobeat.node.monitor import COUNTERS, GAUGES
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


@section("commands")
def commands() -> str:
    """Every command as the program itself describes it."""
    return "\n\n".join(described(("echobeat", name), command_named(name)) for name in COMMANDS)


@section("refusals")
def refusals() -> str:
    return codes(refusal=True)


@section("node-metrics")
def node_metrics() -> str:
    """Gauges and counters by their names in Prometheus."""
    rows = [(f"`echobeat_{name}`", "gauge", meaning) for name, meaning in GAUGES.items()]
    rows += [(f"`echobeat_{name}_total`", "counter", meaning) for name, meaning in COUNTERS.items()]
    return table(("Metric", "Kind", "Meaning"), rows)


@section("warnings")
def warnings() -> str:
    return codes(refusal=False)


def codes(refusal: bool) -> str:
    """The codes that withhold an EF, or those that do not."""
    rows = [(f"`{code}`", plain(info.message), info.remedy) for code, info in CODES.items() if info.refusal is refusal]
    if refusal:
        return table(("Code", "Message", "What to do"), rows)
    widened = [(*row, "yes" if row[0].strip("`") in WIDENING else "") for row in rows]
    return table(("Code", "Message", "What to do", "Widens the interval"), widened)


def plain(message: str) -> str:
    """A message with an ellipsis where a number or reason will stand."""
    return re.sub(r"\{[^}]*\}", "…", message)


@section("data-set-errors")
def data_set_errors() -> str:
    return data_set_problems("error")


@section("data-set-warnings")
def data_set_warnings() -> str:
    return data_set_problems("warning")


def data_set_problems(severity: str) -> str:
    """The codes of a data set's problems that have this severity."""
    found = ((code, info) for code, info in problems.CODES.items() if info.severity == severity)
    return table(("Code", "Meaning", "What to do"), ((f"`{code}`", info.meaning, info.remedy) for code, info in found))


@section("ingest-columns")
def ingest_columns() -> str:
    return table(("Column", "Meaning"), ((f"`{name}`", meaning) for name, meaning in dataset.COLUMNS.items()))


@section("ingest-codes")
def ingest_codes() -> str:
    """Every code of the log of `echobeat ingest`."""
    rows = ((f"`{code}`", one.state, one.meaning, one.remedy) for code, one in reasons.REASONS.items())
    return table(("Code", "State", "Meaning", "What to do"), rows)


@section("ingest-notes")
def ingest_notes() -> str:
    return table(("Note", "Meaning"), ((f"`{code}`", meaning) for code, meaning in reasons.NOTES.items()))


@section("models")
def models() -> str:
    """The bundled models and what is on their cards."""
    return "\n\n".join(model(card) for card in bundled_cards())


def model(card: Card) -> str:
    facts = [
        ("Version", card.version),
        ("Licence", card.licence),
        ("Learned from", "; ".join(card.data)),
        ("Recipe", card.recipe),
        ("Parameters", f"{card.parameters:,}"),
        ("Reads frames of", f"{card.size} x {card.size} pixels"),
        ("Finds", ", ".join(name.replace("_", " ") for name in card.classes)),
        ("Intervals", calibration(card)),
        ("SHA-256", f"`{card.sha256}`"),
    ]
    figures = (
        (metric.data, metric.name, f"{metric.value:.3g}", spread(metric), str(metric.n)) for metric in card.metrics
    )
    return "\n\n".join(
        (
            f"## {card.name}",
            card.summary,
            table(("", ""), facts),
            table(("Data", "Figure", "Value", "95 % interval", "Patients"), figures),
            "Limits:\n\n" + "\n".join(f"- {limit}" for limit in card.limits),
        )
    )


def calibration(card: Card) -> str:
    if card.measurement_error is None:
        return "not calibrated"
    beats, numbers = card.task == "beats", card.measurement_error
    error = MeasurementError.from_json(numbers["combined"] if beats else numbers)
    if beats:
        return (
            f"calibrated on {error.studies} studies beside the segmentation {numbers['segmentation'][:12]}...; "
            f"on those, a beat's combined EF was within ±{error.beat_half_width:.1f} points in 90 %; the video weighs "
            f"{numbers['video_weight']:.2f}"
        )
    within = f"on those, a beat's EF was within ±{error.beat_half_width:.1f} points in 90 %"
    return f"calibrated on {error.studies} studies; {within}"


def spread(metric: Metric) -> str:
    return "" if metric.low is None or metric.high is None else f"{metric.low:.3g} to {metric.high:.3g}"


def command_named(name: str) -> Any:
    """A command of the program; typer's classes, whose names and base classes differ between its versions."""
    return typer.main.get_command(build([name])).commands[name]  # type: ignore[attr-defined]  # it is a group


def described(names: tuple[str, ...], command: Any) -> str:
    """Heading, purpose and options of a command, and of the commands below it."""
    parts = [f"{'#' * len(names)} {' '.join(names)}", (command.help or "").strip()]
    if command.params:
        parts.append(table(("Argument or option", "Default", "Meaning"), map(parameter, command.params)))
    for name, each in getattr(command, "commands", {}).items():
        parts.append(described((*names, name), each))
    return "\n\n".join(parts)


def choices(one: Any) -> tuple[str, ...]:
    """The words that an option takes, where it takes only these."""
    kind = getattr(one, "type", None) or getattr(one, "type_descriptor", None)  # by typer's version
    return tuple(str(word) for word in getattr(kind, "choices", None) or ())


def parameter(one: Any) -> tuple[str, str, str]:
    """An argument's or option's row."""
    is_flag = getattr(one, "is_flag", False)
    if one.param_type_name == "argument":
        spelled = one.metavar or one.name.upper()
    else:
        spelled = " / ".join((*one.opts, *one.secondary_opts)) + (
            "" if is_flag else f" {one.metavar or '|'.join(choices(one)) or one.name.upper()}"
        )
    if one.required:
        default = "needed"
    elif one.default is None or one.default is False:
        default = ""
    else:
        default = "on" if is_flag else f"`{one.default}`"
    return f"`{spelled}`", default, one.help or ""


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
