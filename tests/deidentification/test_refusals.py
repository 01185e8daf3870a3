"""A healthy file that is not read is never logged as a damaged one."""

import pytest

from echobeat.deidentification.refusals import reason_of
from echobeat.errors import InvalidClip, UnreadableFile, UnsupportedFile


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        ("its video codec is not known", "compression"),
        ("it holds no 8- or 16-bit pictures", "bits"),
        ("its values are of a type that nobody has named yet", "other_kind"),
    ],
)
def test_what_is_not_supported_is_not_damaged(problem, code):
    """Damaged files are to be copied again; these would stay as they are."""
    assert reason_of(UnsupportedFile("a", problem, "b"))[0] == code


@pytest.mark.parametrize("kind", [UnreadableFile, InvalidClip])
def test_other_errors_of_unknown_words_are_damage(kind):
    """What cannot be read and has no code of its own is to be copied again."""
    assert reason_of(kind("a", "something new", "b"))[0] == "damaged"
