"""The command line with a pipeline that answers at once: what the commands do around it is tested here."""

from __future__ import annotations

import pytest
from quick import MODEL, Call, assess_at_once

from echobeat.__main__ import main
from echobeat.commands import batch


@pytest.fixture
def quick_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, no network is loaded and nothing is measured."""
    monkeypatch.setattr(batch.Options, "models_used", lambda _: (MODEL,))
    monkeypatch.setattr(batch, "_models", lambda *_: None)
    monkeypatch.setattr(batch, "analyze_clip", assess_at_once)


@pytest.fixture
def echobeat(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, quick_pipeline: None) -> Call:
    """Call the command line; returns exit code, standard output, standard error."""
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return call
