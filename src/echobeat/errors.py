"""Every error that echobeat raises on purpose.

::

    EchobeatError
    ├── UsageError              wrong call: an option or argument that cannot be        (exit code 2)
    ├── InputError              one input cannot be read; the other inputs go on        (exit code 3)
    │   ├── UnreadableFile      missing, no permission, truncated, corrupt, empty
    │   ├── UnsupportedFile     a healthy file of a kind that echobeat does not read
    │   └── InvalidClip         readable, but not a clip: no frames, too small, no frame rate, bad spacing
    ├── OutputError             a result cannot be written: disk full, locked, not ours      (exit code 3)
    │   └── NoRoom              one input does not fit into the temporary folder; the other inputs go on
    └── ModelError              a model is unknown, damaged or does not fit its card    (exit code 2)

A clip that is read but that the product will not judge is not an error: it is a result whose
``quality.accepted`` is false, with the reason's code among the warnings.
"""

from __future__ import annotations

import errno


class EchobeatError(Exception):
    """Base of all; ``str(error)`` is one sentence a user can act on."""


class UsageError(EchobeatError):
    """The call itself is wrong."""


class InputError(EchobeatError):
    """One input cannot be used.

    Parameters
    ----------
    source : str
        The file as the user named it.
    problem : str
        What is wrong, without a full stop.
    remedy : str
        What to do about it, without a full stop.
    code : str
        The problem in a word, for logs, which must not quote it; empty where the class says as much.
    """

    def __init__(self, source: str, problem: str, remedy: str, code: str = "") -> None:
        super().__init__(f"{source}: {problem}. {remedy}.")
        self.source = source
        self.problem = problem
        self.remedy = remedy
        self.code = code

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str, str, str]]:
        return type(self), (self.source, self.problem, self.remedy, self.code)  # crosses process borders whole


class UnreadableFile(InputError):
    """The file is missing, locked, truncated, corrupt or empty."""


class UnsupportedFile(InputError):
    """The file is of a kind that echobeat does not read."""


class InvalidClip(InputError):
    """The file was read, but holds no clip that can be analysed."""


class OutputError(EchobeatError):
    """A result could not be written."""


class NoRoom(OutputError):
    """One input's decoded frames, or its file unpacked from an archive, do not fit into the temporary folder.

    No `InputError`: the input is sound, and there may be room for it another time. No reason to stop either: the next
    input may be smaller.
    """


class ModelError(EchobeatError):
    """A model is unknown, damaged, or does not fit its card."""


_PASSING = {
    getattr(errno, name)
    for name in ("EIO", "ESTALE", "EMFILE", "ENFILE", "ENOMEM", "EACCES", "EPERM")
    if hasattr(errno, name)
}


def passing_fault(error: BaseException) -> OSError | MemoryError | None:
    """The machine's own fault at or behind an error: that of a disk, a share, memory or rights, which may pass.

    A file's contents are not to blame then. For those, decoders raise classes of their own (FFmpeg's even with the
    system's numbers), or an `OSError` without a number.
    """
    behind: BaseException | None = error
    while behind is not None:
        if type(behind).__module__ == "builtins" and (
            isinstance(behind, MemoryError) or (isinstance(behind, OSError) and behind.errno in _PASSING)
        ):
            return behind
        behind = behind.__cause__ or behind.__context__
    return None


def write_remedy(error: OSError) -> str:
    """What to do where the system refuses to write, without a full stop."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "Free some space there"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "Check the permissions there"
    return "Check the disk there"
