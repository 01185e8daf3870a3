"""An object on its way to the disk.

pynetdicom writes what it receives in the thread that receives it, before anybody is asked: an error there would end the
thread with a traceback, and the sender would learn nothing. Here the disk's refusal is kept for the one who answers.
"""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from echobeat.node.spool import Spool


class Reception:
    """The file that pynetdicom writes an object to, in ``incoming/``; the parts of `NamedTemporaryFile` that it uses.

    Nothing here raises. Once the disk refuses, or no more than `kept_bytes` are free, the file is gone at once, so that
    a smaller object finds room, and the rest of the object falls away.

    Parameters
    ----------
    spool : Spool
    kept_bytes : int
        Disk space that is not used up.

    Attributes
    ----------
    name : str
        The file's path.
    refused : OSError or None
        Why the object is not in the file.
    """

    def __init__(self, spool: Spool, kept_bytes: int) -> None:
        self.name = str(spool.incoming / f"{secrets.token_hex(16)}.dcm")
        self.refused: OSError | None = None
        self._spool, self._kept_bytes = spool, kept_bytes
        self._opened: BinaryIO | None = None
        try:
            self._opened = os.fdopen(os.open(self.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        except OSError as error:
            self.refused = error

    @property
    def file(self) -> Reception:
        """Itself: what pynetdicom flushes after it has written."""
        return self

    def write(self, data: bytes) -> int:
        """Write a piece of the object."""
        if self._opened is not None:
            try:
                if self._spool.nearly_full(self._kept_bytes):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                self._opened.write(data)
                self._opened.flush()
            except OSError as error:
                self.refused = error
                self.discard()
        return len(data)

    def flush(self) -> None:
        """Nothing is left to be done: `write` flushes."""

    def close(self) -> None:
        """Close the file."""
        if self._opened is not None:
            with suppress(OSError):
                self._opened.close()
            self._opened = None

    def discard(self) -> None:
        """Close and remove the file."""
        self.close()
        with suppress(OSError):
            Path(self.name).unlink()
