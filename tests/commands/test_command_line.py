"""The command line answers at once, lists its commands, and ends with documented codes."""

from __future__ import annotations

import subprocess
import sys

import pytest
from quick import Call

from echobeat.__main__ import COMMANDS, main

# pydantic is not among them: typer loads it for options of its own.
SLOW = ("numpy", "matplotlib", "cv2", "av", "onnxruntime", "scipy", "pydicom", "torch", "nibabel")


def python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("arguments", [["--help"], ["analyze", "--help"], ["models", "--help"], ["demo", "--help"]])
def test_help_loads_nothing_that_is_slow(arguments: list[str]) -> None:
    program = (
        "import sys\nfrom echobeat.__main__ import main\n"
        f"try: main({arguments!r})\nexcept SystemExit as ended: assert not ended.code\n"
        f"print('slow:', [name for name in {SLOW!r} if name in sys.modules])"
    )
    done = python(program)
    assert done.returncode == 0, done.stderr
    assert "slow: []" in done.stdout


def test_help_lists_every_command_with_a_line(echobeat: Call) -> None:
    code, out, _ = echobeat("--help")
    assert code == 0
    for name, (_, summary) in COMMANDS.items():
        assert name in out
        assert summary[:20] in out
    assert "not a medical device" in out


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ("train", "evaluate")])
def test_every_command_explains_itself(echobeat: Call, name: str) -> None:
    code, out, _ = echobeat(name, "--help")
    assert code == 0
    assert "Usage: echobeat" in out


def test_an_unknown_command_is_wrong_use(echobeat: Call) -> None:
    assert echobeat("analyse-all")[0] == 2


def test_the_version_is_told(echobeat: Call) -> None:
    from echobeat import __version__

    assert echobeat("--version")[1].split() == ["echobeat", __version__]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_fault_names_an_option_that_shows_its_traceback(
    echobeat: Call, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Of a command with a --debug of its own, and of one without."""

    def broken() -> None:
        raise ZeroDivisionError("pixels of DOE^JANE")

    monkeypatch.setattr("echobeat.__main__._load", lambda _: broken)
    code, _, err = echobeat(name)
    assert code == 1
    assert "echobeat --debug" in err
    assert "DOE" not in err
    with pytest.raises(ZeroDivisionError):
        main(["--debug", name])


def test_a_command_of_the_extra_says_how_to_install_it(capsys: pytest.CaptureFixture[str]) -> None:
    program = (
        "import sys\nsys.modules['torch'] = None\nfrom echobeat.__main__ import main\n"
        "import echobeat.__main__ as m\nm.COMMANDS['train'] = ('torch:nn', '')\nmain(['train'])"
    )
    done = python(program)
    assert done.returncode == 2
    assert "'.[train]'" in done.stderr
    assert main  # the same entry as the script's
