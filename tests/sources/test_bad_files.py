"""Files that are no clips: a typed error that names the file, the problem and the remedy."""

from __future__ import annotations

import io
import logging
import os
import warnings
import zipfile
from pathlib import Path

import pytest
from made_clips import beating, write_gif

from echobeat.errors import InputError, UnreadableFile, UnsupportedFile
from echobeat.sources import open_clip
from echobeat.sources.recording import decoding, quiet_libraries


def archive(password: bool) -> bytes:
    """Return a ZIP archive, with the flag of encryption if wanted."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        made.writestr("clip.avi", b"x" * 100)
    data = bytearray(stream.getvalue())
    data[6] |= password
    return bytes(data)


CONTENTS: dict[str, tuple[bytes, type[InputError], str]] = {
    "empty": (b"", UnreadableFile, "it is empty"),
    "text": (b"FileName,EF\n0X1A,55\n", UnsupportedFile, "a text file"),
    "zeros": (bytes(5000), UnsupportedFile, "zero bytes"),
    "zip": (archive(False), UnsupportedFile, "a ZIP archive"),
    "locked zip": (archive(True), UnsupportedFile, "a ZIP archive with a password"),
    "pdf": (b"%PDF-1.7\n" + bytes(range(256)), UnsupportedFile, "a PDF document"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), UnsupportedFile, "a PNG picture"),
    "jpeg": (b"\xff\xd8\xff\xe0" + bytes(range(256)), UnsupportedFile, "a JPEG picture"),
    "gzip": (b"\x1f\x8b\x08\x00" + bytes(range(256)), UnsupportedFile, "a gzip archive"),
    "heic": (b"\x00\x00\x00\x18ftypheic" + bytes(range(256)), UnsupportedFile, "a still picture"),
    "openssl": (b"Salted__" + bytes(range(256)), UnsupportedFile, "an encrypted file"),
    "noise": (bytes(value * 197 % 251 for value in range(4000)), UnsupportedFile, "unknown kind, or encrypted"),
    "nifti pair": (
        (348).to_bytes(4, "little") + bytes(340) + b"ni1\x00",
        UnsupportedFile,
        "header half of a NIfTI pair",
    ),
    "dicomdir": (
        bytes(128) + b"DICM\x02\x00\x02\x00UI\x14\x001.2.840.10008.1.3.10",
        UnsupportedFile,
        "DICOMDIR, which only lists other files",
    ),
    "playlist": (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", UnsupportedFile, "a text file"),
    "avi head": (b"RIFF\xff\xff\xff\x7fAVI ", UnreadableFile, "damaged or cut off"),
    "mp4 head": (b"\x00\x00\x00\x18ftypisom" + bytes(12), UnreadableFile, "damaged or cut off"),
    "webm head": (b"\x1a\x45\xdf\xa3" + bytes(60), UnreadableFile, "damaged or cut off"),
    "dicom head": (bytes(128) + b"DICM", UnsupportedFile, "no pictures"),
    "nifti head": (
        (348).to_bytes(4, "little") + bytes(340) + b"n+1\x00",
        InputError,
        "nifti head",
    ),
}


@pytest.mark.parametrize("case", CONTENTS)
@pytest.mark.parametrize("suffix", ["", ".avi", ".dcm", ".nii.gz"])
def test_contents_that_are_no_clip(tmp_path: Path, case: str, suffix: str) -> None:
    """Whatever the name says."""
    contents, error, problem = CONTENTS[case]
    path = tmp_path / f"{case}{suffix}"
    path.write_bytes(contents)
    with pytest.raises(error, match=problem) as caught:
        open_clip(path)
    assert caught.value.source == str(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert caught.value.remedy


def test_a_missing_file(tmp_path: Path) -> None:
    """Also one whose name cannot be a name."""
    for path in (tmp_path / "none.avi", Path("\x00"), Path("")):
        with pytest.raises(UnreadableFile, match=r"no such file|is a folder"):
            open_clip(path)


def test_a_folder(tmp_path: Path) -> None:
    """It is not a file; the message says what to do."""
    with pytest.raises(UnreadableFile, match=r"is a folder.*Name a file"):
        open_clip(tmp_path)


def test_a_folder_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One below a searched folder stands in the list to fail here (made up, because root may list everything)."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.listdir", refuse)
    with pytest.raises(UnreadableFile, match=r"cannot be listed \(Permission denied\)\. Check its permissions"):
        open_clip(tmp_path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Opening a named pipe would wait for ever."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnreadableFile, match="not a regular file"):
        open_clip(tmp_path / "pipe")


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The remedy is to check the permissions (made up, because root may read everything)."""
    path = write_gif(tmp_path / "locked.gif", beating(2))

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(UnreadableFile, match=r"Permission denied.*permissions"):
        open_clip(path)


def test_a_disk_that_fails_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An input/output error is one of the file."""
    path = write_gif(tmp_path / "bad.gif", beating(2))

    class Failing(io.FileIO):
        def read(self, size: int = -1) -> bytes:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr("builtins.open", lambda name, mode: Failing(name))
    with pytest.raises(UnreadableFile, match="cannot be read"):
        open_clip(path)


def test_a_name_that_is_no_text_can_be_printed(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 appear as question marks in the source, and the file is read all the same."""
    path = tmp_path / os.fsdecode(b"caf\xe9.gif")
    clip = open_clip(write_gif(path, beating(2)))
    clip.source.encode("utf-8")
    assert clip.source.endswith("caf?.gif")


@pytest.mark.parametrize(
    "error", [MemoryError(), RecursionError(), KeyError("Canary^Yellow"), OSError("Canary^Yellow")]
)
def test_whatever_a_decoder_raises_becomes_typed_and_says_nothing_of_the_contents(error: Exception) -> None:
    """The decoder's text stays in the cause."""
    with pytest.raises(UnreadableFile) as caught, decoding("clip.dcm"):
        raise error
    assert "Canary" not in str(caught.value)
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("library", ["highdicom", "pydicom", "PIL"])
def test_what_libraries_say_meanwhile_is_not_printed(library: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither warnings nor log records, which go to standard error where nobody else takes them."""
    with quiet_libraries():
        logging.getLogger(f"{library}.part").warning("Canary^Yellow")
        warnings.warn("Canary^Yellow", stacklevel=1)
    assert capsys.readouterr().err == ""


def test_the_users_own_interrupt_is_not_swallowed() -> None:
    """Ctrl-C during decoding stops the program."""
    with pytest.raises(KeyboardInterrupt), decoding("clip.dcm"):
        raise KeyboardInterrupt
