"""The node's folder: files that are safely on disk before anybody is told so.

::

    SPOOL/incoming/   being received; what lies here after a crash was never acknowledged
    SPOOL/instances/  received, waiting for the analysis
    SPOOL/results/    waiting to be sent
    SPOOL/queue.db    what is to be done with them
    SPOOL/key         the secret behind the pseudonyms of the log

The folder is for its owner alone (mode 0700). Names are hashes of UIDs: they say nothing about a patient.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from echobeat.errors import OutputError
from echobeat.given import check_folder
from echobeat.whole import sync, whole_file

ABANDONED_S = 3600.0
"""A file in ``incoming/`` that has not grown for so long belongs to an association that broke off."""


class Spool:
    """A spool folder, made if need be.

    Raises
    ------
    UsageError
        It is a file, or lies below one.
    OutputError
        It cannot be made or used.
    """

    def __init__(self, root: Path) -> None:
        check_folder(root, "--spool")
        self.root = root
        self.incoming, self.instances, self.results = (root / name for name in ("incoming", "instances", "results"))
        with usable(root):
            for folder in (root, self.incoming, self.instances, self.results):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            root.chmod(0o700)
        self._lock = FileLock(root / "lock", timeout=0, mode=0o600)

    def take(self) -> None:
        """Keep other nodes out until `release`.

        Raises
        ------
        OutputError
            Another node is at work there, or the lock cannot be made.
        """
        with usable(self.root):
            try:
                self._lock.acquire()
            except Timeout as error:
                raise OutputError(f"Another node is using {self.root}. Stop it, or choose another --spool.") from error

    def release(self) -> None:
        """Let other nodes in."""
        self._lock.release()

    @property
    def database(self) -> Path:
        """Where the queue lives."""
        return self.root / "queue.db"

    def key(self) -> bytes:
        """The secret behind the pseudonyms of the log; made once.

        Raises
        ------
        OutputError
            It cannot be made or read.
        """
        path = self.root / "key"
        with usable(path):
            if not path.exists():
                with whole_file(path) as beside:
                    beside.touch(mode=0o600)
                    beside.write_bytes(secrets.token_bytes(32))
                sync(self.root)
            return path.read_bytes()

    def free_bytes(self) -> int:
        """Free space of its disk."""
        return shutil.disk_usage(self.root).free

    def nearly_full(self, kept_bytes: int) -> bool:
        """Whether no more than the space that is to be kept is free."""
        return self.free_bytes() <= kept_bytes

    def keep_instance(self, received: Path, uid: str) -> Path:
        """Put a received file into its place; on return it survives a loss of power.

        `received` itself stays where it is: whoever received it removes it.

        Raises
        ------
        OSError
            The disk refuses.
        """
        beside = self.incoming / f"{file_name(uid)}.{secrets.token_hex(4)}"
        os.link(received, beside)
        return _keep(beside, self.instances / file_name(uid))

    def keep_result(self, made: Path, uid: str) -> Path:
        """Move a result into its place, durably.

        Raises
        ------
        OSError
            The disk refuses.
        """
        return _keep(made, self.results / file_name(uid))

    def workshop(self) -> Path:
        """A fresh folder on the spool's disk; what a crash leaves of it is removed by `sweep`."""
        folder = self.incoming / f"work-{secrets.token_hex(8)}"
        folder.mkdir(mode=0o700)
        return folder

    def sweep(self, known: Collection[Path], older_than_s: float = 0.0) -> int:
        """Remove what no row of the queue speaks of, and what broken associations left; returns how many files.

        A file without a row was never acknowledged: its sender will send it again.
        """
        removed = 0
        for folder in (self.instances, self.results) if older_than_s == 0 else ():
            for path in folder.iterdir():
                if path not in known:
                    path.unlink(missing_ok=True)
                    removed += 1
        for path in self.incoming.iterdir():
            with suppress(FileNotFoundError):  # its association or its study has ended meanwhile
                if older_than_s and time.time() - path.stat().st_mtime < older_than_s:
                    continue
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()
                removed += 1
        return removed


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Turn the system's refusals when a node starts into an `OutputError` that names the file and the remedy."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{error.filename or path}: the node cannot use it ({error.strerror or error}). Let the node's user own "
            "the spool and all that is in it, or choose another --spool."
        ) from error


def file_name(uid: str) -> str:
    """A file's name for a UID: no part of it can be read back."""
    return hashlib.sha256(uid.encode()).hexdigest()[:32] + ".dcm"


def _keep(beside: Path, target: Path) -> Path:
    """Contents, then name, then the folder that holds the name: each is on disk before the next step.

    More than `whole_file` promises: a sender is told that the file is safe, and deletes its own.
    """
    try:
        sync(beside)
        os.replace(beside, target)
        sync(target.parent)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    return target
