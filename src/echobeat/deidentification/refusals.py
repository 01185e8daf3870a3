"""Reasons that may stand in a log: fixed words, chosen by us. The text of an error may quote a file or its path."""

from __future__ import annotations

from echobeat.errors import InputError, UnsupportedFile
from echobeat.sources.kinds import Kind, identify, is_dicomdir

SENTENCES = {
    "not_ultrasound": "it is not ultrasound",
    "volume": "it is a three-dimensional volume",
    "no_pictures": "it holds no pictures",
    "private_cine": "its cine is in a private group of the maker",
    "deflated": "it is a deflated DICOM file",
    "compression": "its compression is not read",
    "colours": "its colours are stored in a form that is not read",
    "bits": "it has a number of bits a sample that is not read",
    "size": "its frames are too small or too large",
    "changing_size": "its frames change their size",
    "no_frame_rate": "it does not say its frame rate",
    "frame_rate": "its frame times are none that a beating heart is recorded at",
    "cut_off": "it is cut off before its pictures",
    "empty": "it is empty",
    "no_frames": "it holds no frames",
    "no_video": "it holds no video",
    "other_kind": "it is of a kind that is not read",
    "damaged": "its contents are damaged",
}
"""By the codes of errors of reading."""


def reason_of(error: InputError) -> tuple[str, str]:
    """A code and a sentence for an error of reading; whatever the error quotes is left out."""
    code = error.code or ("other_kind" if isinstance(error, UnsupportedFile) else "damaged")
    return code, SENTENCES[code]


def stranger(head: bytes) -> tuple[str, str] | None:
    """A code and a sentence for a file that is no DICOM file, by its first bytes; None for one that is."""
    kind = identify(head)
    if kind is Kind.DICOM:
        return None
    if not head:
        return "empty", "it is empty"
    if is_dicomdir(head):
        return "dicomdir", "it is a DICOMDIR, which only lists other files"
    if kind is None:
        return "no_dicom", "it is no DICOM file"
    name = "NIfTI" if kind in (Kind.NIFTI, Kind.NIFTI_GZ) else "a video"
    return "other_kind", f"it is {name}, not DICOM; use echobeat ingest"
