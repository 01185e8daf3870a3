"""Reasons that may stand in a log: fixed words, chosen by us. The text of an error may quote a file or its path."""

from __future__ import annotations

from echobeat.errors import InputError, UnsupportedFile
from echobeat.sources.kinds import Kind, identify, is_dicomdir

OTHER_KIND = ("other_kind", "it is of a kind that is not read")
_BY_PROBLEM = (
    ("its modality is", "not_ultrasound", "it is not ultrasound"),
    ("it is of class", "not_ultrasound", "it is not ultrasound"),
    ("it is a three-dimensional", "volume", "it is a three-dimensional volume"),
    ("it holds no pictures", "no_pictures", "it holds no pictures"),
    ("its clip is stored in the manufacturer's private", "private_cine", "its cine is in a private group of the maker"),
    ("it is a deflated", "deflated", "it is a deflated DICOM file"),
    ("its compression is not read", "compression", "its compression is not read"),
    ("its video codec", "compression", "its compression is not read"),
    ("its colours are stored", "colours", "its colours are stored in a form that is not read"),
    ("it holds no 8- or 16-bit pictures", "bits", "it has a number of bits a sample that is not read"),
    ("it has", "bits", "it has a number of bits a sample that is not read"),
    ("its frames are", "size", "its frames are too small or too large"),
    ("its frames change", "changing_size", "its frames change their size"),
    ("it does not say its frame rate", "no_frame_rate", "it does not say its frame rate"),
    ("none of its frames", "damaged", "none of its frames can be decoded"),
    ("it is cut off", "cut_off", "it is cut off before its pictures"),
    ("it is empty", "empty", "it is empty"),
    ("it cannot be opened", "closed", "it cannot be opened"),
    ("it holds no frames", "no_frames", "it holds no frames"),
    ("it holds no video", "no_video", "it holds no video"),
    ("it is ", *OTHER_KIND),
)

DAMAGED = ("damaged", "its contents are damaged")


def reason_of(error: InputError) -> tuple[str, str]:
    """A code and a sentence for an error of reading; whatever the error quotes is left out."""
    found = (known[1:] for known in _BY_PROBLEM if error.problem.startswith(known[0]))
    return next(found, OTHER_KIND if isinstance(error, UnsupportedFile) else DAMAGED)


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
