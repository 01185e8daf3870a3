"""An error of reading goes into a log by its code: what it says may quote the file."""

import ast
from pathlib import Path

import pytest

from echobeat import errors, records, sources
from echobeat.deidentification.refusals import SENTENCES, reason_of
from echobeat.errors import InvalidClip, UnreadableFile, UnsupportedFile

READING = [Path(records.__file__), *Path(sources.__file__).parent.rglob("*.py")]
KINDS = {kind.__name__ for kind in errors.InputError.__subclasses__()}


def codes_raised(path: Path) -> list[str]:
    """The codes of a module's errors of reading, as its source writes them."""
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    raised = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in KINDS]
    return [ast.literal_eval(call.args[3]) for call in raised if len(call.args) > 3]


def test_every_code_of_an_error_of_reading_has_a_sentence():
    """And every sentence an error: none is left of one that is gone."""
    raised = {code for path in READING for code in codes_raised(path)}
    assert raised == set(SENTENCES) - {"other_kind", "damaged"}


def test_a_code_does_not_hang_on_the_words():
    """An error says what it is, whatever it says to the user."""
    assert reason_of(UnsupportedFile("a", "worded anew", "b", "compression"))[0] == "compression"


def test_a_healthy_file_that_is_not_read_is_not_damaged():
    """Damaged files are to be copied again; this one would stay as it is."""
    assert reason_of(UnsupportedFile("a", "something new", "b"))[0] == "other_kind"


@pytest.mark.parametrize("kind", [UnreadableFile, InvalidClip])
def test_other_errors_without_a_code_are_damage(kind):
    """What cannot be read and has no code of its own is to be copied again."""
    assert reason_of(kind("a", "something new", "b"))[0] == "damaged"
