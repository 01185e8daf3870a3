"""An analysis for the other process that does what the names of its files say; light, for it is imported there, too."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from echobeat.errors import OutputError
from echobeat.node.isolated import ModelNames
from echobeat.node.outcome import Outcome
from echobeat.node.queue import Verdict


class InTheOtherProcess:
    """Does what the files' names say."""

    def __call__(self, files: Mapping[str, Path], folder: Path, begun: Any) -> Outcome:
        for uid, path in files.items():
            begun(uid)
            if path.name.startswith("kill"):
                os.kill(os.getpid(), signal.SIGKILL)
            if path.name.startswith("hang"):
                signal.pause()
            if path.name.startswith("full"):
                raise OutputError("no space")
            if path.name.startswith("bug"):
                raise ZeroDivisionError("a patient's name")
            if path.name.startswith("frames"):
                (folder / uid).write_text(tempfile.gettempdir())
        return Outcome(dict.fromkeys(files, Verdict("reported")), {uid: folder / uid for uid in files})


def prepare(_: ModelNames) -> InTheOtherProcess:
    return InTheOtherProcess()
