"""Pseudonyms by a keyed hash: the same patient has the same pseudonym, and without the key nobody can try names out.

The key and the mapping back stay with the user, in files that only their owner may read. Neither is ever written
into an output.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import os
import secrets
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from echobeat.errors import OutputError, UsageError
from echobeat.whole import sync

MAPPING_SUFFIX = ".mapping.csv"
MAPPING_COLUMNS = ("kind", "original", "pseudonym")
KEY_BYTES = 32
OWNER_ONLY = 0o600
_PSEUDONYM_CHARACTERS = 16  # 64 bits: two of a million patients share one with a probability of 3e-8
_SHIFT_DAYS = (365, 3650)
_DAY_S = 86400
_LOCK_S = 60
_LONGEST_CELL = 2**31 - 1


@dataclass(frozen=True)
class Pseudonyms:
    """What stands for identifiers, each from HMAC-SHA256 (RFC 2104) under the user's key.

    Parameters
    ----------
    key : bytes
        At least 16; never shown.
    """

    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) < 16:
            raise UsageError("The key of the pseudonyms is too short: at least 16 bytes are needed.")

    def _digest(self, purpose: str, value: str) -> bytes:
        return hmac.new(self.key, f"{purpose}\0{value}".encode("utf-8", "surrogateescape"), hashlib.sha256).digest()

    def name(self, kind: str, value: str) -> str:
        """A pseudonym: the kind's first letter, in capitals, and 16 hexadecimal digits."""
        return kind[0].upper() + self._digest(kind, value).hex()[:_PSEUDONYM_CHARACTERS]

    def uid(self, original: str) -> str:
        """A UID for a UID: ``2.25.`` and a random-looking UUID as a number (PS3.5, B.2)."""
        number = bytearray(self._digest("uid", original.strip("\0 "))[:16])
        number[6] = number[6] & 0x0F | 0x80  # version 8: custom (RFC 9562, 5.8)
        number[8] = number[8] & 0x3F | 0x80
        return f"2.25.{int.from_bytes(number, 'big')}"

    def shift_s(self, patient: str) -> int:
        """By how many seconds a patient's moments go back: 1 to 10 years, the same for all of them."""
        low, high = (days * _DAY_S for days in _SHIFT_DAYS)
        return low + int.from_bytes(self._digest("shift", patient)[:8], "big") % (high - low)

    def source_hash(self, content: Iterable[bytes]) -> str:
        """A keyed hash of a file's bytes: tells the same file again, and nothing without the key."""
        running = hmac.new(self.key, b"source\0", hashlib.sha256)
        for block in content:
            running.update(block)
        return running.hexdigest()[:32]


class KeyFile:
    """The user's key, and beside it the mapping back (``FILE.mapping.csv``); only their owner may read them.

    Parameters
    ----------
    path : Path
        Made, with a new random key and mode 0600, where it is missing.
    outside : Path
        The output folder; the key may not lie in it.

    Raises
    ------
    UsageError
        The file lies within the outputs, holds no key, or may be read by others.
    OutputError
        It cannot be made or read.
    """

    def __init__(self, path: Path, outside: Path) -> None:
        if path.resolve().is_relative_to(outside.resolve()):
            raise UsageError("The key lies within the outputs. Keep it elsewhere: --key FILE.")
        self.path = path
        self.mapping, self._lock = kept_beside(path)
        self._known: set[tuple[str, ...]] = set()
        self._read_bytes = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.pseudonyms = Pseudonyms(self._key())
        except OSError as error:
            raise OutputError(
                f"The key cannot be used ({error.strerror}). Choose another place: --key FILE."
            ) from error

    def _key(self) -> bytes:
        if not self.path.exists():
            beside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
            try:
                with _owners(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY) as stream:
                    stream.write(secrets.token_hex(KEY_BYTES) + "\n")
                sync(beside)
                os.link(beside, self.path)  # whole, and never over a key that another run has just made
                if os.name == "posix":  # elsewhere a folder cannot be opened
                    sync(self.path.parent)  # what is named by the key must not outlive a power cut that the key did not
            except FileExistsError:
                pass
            finally:
                beside.unlink(missing_ok=True)
        _refuse_open(self.path)
        try:
            return bytes.fromhex(self.path.read_text(encoding="ascii").strip())
        except ValueError as error:
            raise UsageError("The file of the key holds no hexadecimal key. Name another, or a new one.") from error

    def remember(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """Add (kind, original, pseudonym) to the mapping, each once; they are on disk when it returns.

        Raises
        ------
        OutputError
        """
        try:
            with FileLock(self._lock, timeout=_LOCK_S, mode=OWNER_ONLY):
                self._read_further()
                new = [row for row in dict.fromkeys(rows) if row not in self._known]
                self._append(_as_text(new if self._read_bytes else [MAPPING_COLUMNS, *new]))
        except (OSError, Timeout) as error:
            raise OutputError("The mapping of the pseudonyms cannot be written beside the key.") from error

    def _read_further(self) -> None:
        """Take up what was added since the last time, and end a last row that was cut off."""
        size = self.mapping.stat().st_size if self.mapping.exists() else 0
        if size < self._read_bytes:  # somebody has made another
            self._known, self._read_bytes = set(), 0
        if not size:
            return
        _refuse_open(self.mapping)
        with self.mapping.open("rb") as stream:
            stream.seek(self._read_bytes)
            added = stream.read()
        if added and not added.endswith(b"\n"):
            end = '"\n' if added.count(b'"') % 2 else "\n"
            self._append(end)
            added += end.encode()
        self._known.update(_as_rows(added.decode("utf-8", "surrogateescape")))
        self._read_bytes += len(added)

    def _append(self, text: str) -> None:
        with _owners(self.mapping, os.O_CREAT | os.O_APPEND | os.O_WRONLY) as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())


def kept_beside(key: Path) -> tuple[Path, Path]:
    """The mapping back of a key, and the lock that is held while it is written."""
    mapping = key.with_name(key.name + MAPPING_SUFFIX)
    return mapping, mapping.with_name(f".{mapping.name}.lock")


def _as_text(rows: Iterable[tuple[str, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _as_rows(text: str) -> set[tuple[str, ...]]:
    """Rows with cells of any length: csv by itself refuses the whole table for one of over 131,072 characters."""
    limit = csv.field_size_limit(_LONGEST_CELL)
    try:
        return {tuple(row) for row in csv.reader(io.StringIO(text, newline=""))}
    finally:
        csv.field_size_limit(limit)


def _owners(path: Path, flags: int):  # type: ignore[no-untyped-def]  # the text stream of open()
    return open(os.open(path, flags, OWNER_ONLY), "w", newline="", encoding="utf-8", errors="surrogateescape")


def _refuse_open(path: Path) -> None:
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise UsageError("The key or its mapping may be read by others. Run on both: chmod 600.")
