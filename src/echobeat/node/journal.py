"""The node's log: one JSON object a line, in which patients, studies and instances are pseudonyms.

Pseudonyms are keyed hashes (HMAC-SHA256); the key stays in the spool. Two lines about one study carry one pseudonym,
and whoever has only the log cannot tell which study it was.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import sys
import warnings
from contextlib import suppress
from datetime import UTC, datetime
from threading import Lock
from typing import TextIO

Field = str | int | float | bool | None


class Journal:
    """Writes events.

    Parameters
    ----------
    key : bytes
        Behind the pseudonyms.
    stream : text stream
        Where lines go; standard error by default.
    """

    def __init__(self, key: bytes, stream: TextIO | None = None) -> None:
        self._key, self._stream = key, stream or sys.stderr
        self._lock = Lock()

    def pseudonym(self, uid: str) -> str:
        """The name of a UID in the log."""
        return hmac.new(self._key, uid.encode(), hashlib.sha256).hexdigest()[:16]

    def say(self, event: str, *, study: str | None = None, instance: str | None = None, **facts: Field) -> None:
        """Write one line; `study` and `instance` are UIDs and are written as pseudonyms.

        Where it cannot be written (the disk behind standard error is full, say) it is lost, and who said it goes on.
        `facts` must not come from a patient's data: numbers, codes, AE titles, names of errors.
        """
        line: dict[str, Field] = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event}
        if study is not None:
            line["study"] = self.pseudonym(study)
        if instance is not None:
            line["instance"] = self.pseudonym(instance)
        text = json.dumps(line | facts) + "\n"
        with self._lock, suppress(OSError, ValueError):  # the latter of a stream that is closed
            self._stream.write(text)
            self._stream.flush()


def silence_libraries() -> None:
    """Keep the libraries' own messages out: they quote attributes' values, and with them patients' names."""
    from pynetdicom import _config

    _config.LOG_HANDLER_LEVEL = "none"  # nor does it put them together
    for name in ("pydicom", "pynetdicom", "highdicom"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [logging.NullHandler()]
        logger.propagate = False
    warnings.simplefilter("ignore")
