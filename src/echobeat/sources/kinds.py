"""What a file is, decided by its first bytes and never by its name."""

from __future__ import annotations

import os
import string
import zlib
from enum import Enum

HEAD_BYTES = 4096
"""How much of a file `identify` wants to see."""

SUFFIXES = (".avi", ".mp4", ".m4v", ".mov", ".webm", ".mkv", ".gif", ".dcm", ".dicom", ".nii", ".nii.gz")
"""How clips are named; what a file is, its contents say."""

_DICOMDIR_CLASS = b"1.2.840.10008.1.3.10"
_STILL_PICTURE_BRANDS = (b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis", b"crx ")
_MOV_ATOMS = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_TEXT = frozenset(string.printable.encode())

_FOREIGN = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Office document, perhaps with a password"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"BM", "a BMP picture"),
    (b"II*\x00", "a TIFF picture"),
    (b"MM\x00*", "a TIFF picture"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x30\x26\xb2\x75", "a Windows Media video"),
    (b"\x00\x00\x01\xba", "an MPEG program stream"),
    (b"\x00\x00\x01\xb3", "an MPEG video stream"),
    (b"FLV", "a Flash video"),
    (b"OggS", "an Ogg file"),
    (b"Salted__", "an encrypted file"),
    (b"-----BEGIN PGP", "an encrypted file"),
)


class Kind(Enum):
    """The kinds of file that echobeat reads; the value is its name for people."""

    AVI = "AVI video"
    MOV = "MP4 or MOV video"
    MATROSKA = "WebM or Matroska video"
    GIF = "GIF animation"
    DICOM = "DICOM file"
    NIFTI = "NIfTI file"
    NIFTI_GZ = "compressed NIfTI file"


def identify(head: bytes) -> Kind | None:
    """Tell the kind of a file from its first `HEAD_BYTES` bytes; None for what echobeat does not read.

    A DICOMDIR, which only lists other files, is None too.
    """
    if head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"AVIX"):
        return Kind.AVI
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return Kind.MATROSKA
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return Kind.GIF
    if is_dicom(head):
        return None if is_dicomdir(head) else Kind.DICOM
    if _is_nifti(head):
        return Kind.NIFTI
    if head[:2] == b"\x1f\x8b":
        return Kind.NIFTI_GZ if _is_nifti(_gunzipped(head)) else None
    if head[4:8] in _MOV_ATOMS and head[8:12] not in _STILL_PICTURE_BRANDS:
        return Kind.MOV
    return None


def is_dicom(head: bytes) -> bool:
    """True for DICOM Part 10 (PS3.10, 7.1), and for the older form without the preamble."""
    return head[128:132] == b"DICM" or _starts_with_dicom_element(head)


def is_dicomdir(head: bytes) -> bool:
    """True for a DICOM directory: media storage SOP class 1.2.840.10008.1.3.10 in the file meta information."""
    return is_dicom(head) and _DICOMDIR_CLASS in head[:1024]


def describe(head: bytes) -> str:
    """Say what a file that echobeat does not read seems to be."""
    if is_dicomdir(head):
        return "a DICOMDIR, which only lists other files"
    for magic, name in _FOREIGN:
        if head.startswith(magic):
            encrypted = magic == b"PK\x03\x04" and len(head) > 6 and head[6] & 1
            return f"{name} with a password" if encrypted else name
    if head[344:347] == b"ni1":
        return "the header half of a NIfTI pair"
    if head[4:8] == b"ftyp":
        return "a still picture"
    if not head.strip(b"\x00"):
        return "nothing but zero bytes"
    if sum(byte in _TEXT for byte in head) > 0.95 * len(head):
        return "a text file"
    return "of an unknown kind, or encrypted"


def display_name(path: str | os.PathLike[str]) -> str:
    """Return the path as the user named it; bytes that are no text become ``?``, so that it can be printed."""
    return os.fspath(path).encode("utf-8", "replace").decode("utf-8")


def _starts_with_dicom_element(head: bytes) -> bool:
    """Without a preamble a data set begins with group 0002 or 0008, in little or big endian."""
    group, element, rest = head[:2], head[2:4], head[4:8]
    if len(rest) < 4:
        return False
    if group in (b"\x08\x00", b"\x02\x00"):
        small_element, small_length = element[1] == 0 and element[0] <= 0x60, rest[2:] == b"\x00\x00"
    elif group in (b"\x00\x08", b"\x00\x02"):
        small_element, small_length = element[0] == 0 and element[1] <= 0x60, rest[:2] == b"\x00\x00"
    else:
        return False
    explicit = rest[:2] in (b"AE", b"CS", b"DA", b"DT", b"LO", b"OB", b"PN", b"SH", b"SQ", b"TM", b"UI", b"UL")
    return small_element and (explicit or small_length)


def _is_nifti(head: bytes) -> bool:
    """NIfTI-1 (magic at byte 344) or NIfTI-2 (at byte 4), header and data in one file."""
    one = head[:4] in (b"\x5c\x01\x00\x00", b"\x00\x00\x01\x5c") and head[344:348] == b"n+1\x00"
    two = head[:4] in (b"\x1c\x02\x00\x00", b"\x00\x00\x02\x1c") and head[4:8] == b"n+2\x00"
    return one or two


def _gunzipped(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(head, 1024)
    except zlib.error:
        return b""
