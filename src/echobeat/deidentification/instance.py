"""One ultrasound DICOM file: read, stripped, blacked out outside its sector, looked at for writing, written.

What is certain goes to ``clean/``, with ``BurnedInAnnotation`` NO; what is doubtful goes to ``review/``, with YES and
a picture of it for the person who decides.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.dataset import FileDataset, FileMetaDataset

from echobeat.deidentification.header import READ, Identity, Policy, clean_header, declare, identify, strangers
from echobeat.deidentification.pixels import SYNTAX, write_pixels
from echobeat.deidentification.pseudonyms import Pseudonyms
from echobeat.deidentification.refusals import reason_of, stranger
from echobeat.deidentification.sector import DOUBTS as SECTOR_DOUBTS
from echobeat.deidentification.sector import find_sector
from echobeat.deidentification.split import has_two_pictures
from echobeat.deidentification.text import DOUBTS as TEXT_DOUBTS
from echobeat.deidentification.text import Box, find_text
from echobeat.deidentification.thumbnails import PICTURE, thumbnail
from echobeat.errors import InputError, OutputError
from echobeat.sources.dicom import read_dicom
from echobeat.sources.dicom.times import state_times
from echobeat.sources.kinds import HEAD_BYTES
from echobeat.sources.recording import decoding, quiet_libraries
from echobeat.whole import whole_file, write_file

State = Literal["clean", "review", "refused"]
Decision = Literal["clean", "black"]
DOUBTS = SECTOR_DOUBTS | TEXT_DOUBTS
NAME = "the file"
"""What errors call a source here: its path may name the patient."""
_TOLD = ("The output", "or choose another --out")
"""What they call an output, and what to do where it cannot be written."""

_BLOCK_BYTES = 1 << 20
_AROUND_PX = 6
DECIDED: dict[Decision, tuple[str, str]] = {
    "clean": ("person_clean", "a person looked at it and found no writing"),
    "black": ("person_black", "a person looked at it and had what was marked blacked out"),
}
"""Code and sentence of an outcome that a person decided."""

TRUNCATED = ("truncated", "it is cut off or damaged, and frames are missing; copy it again")
"""Code and sentence for a source of which only a part could be read; that part may well be clean."""


@dataclass(frozen=True)
class Outcome:
    """What became of one file; everything but `identity` may be shown.

    Attributes
    ----------
    source_hash : keyed hash of the source's bytes.
    state : "clean", or "review": has to be looked at by a person, or "refused": was not written.
    reason, message : code and sentence.
    path : of the output, relative to the output folder; empty where refused.
    boxes : how many places look like writing.
    identity : pseudonyms and what they stand for; not to be shown.
    uid : SOP Instance UID of the output; empty where refused.
    """

    source_hash: str
    state: State
    reason: str = ""
    message: str = ""
    path: str = ""
    boxes: int = 0
    identity: Identity | None = field(default=None, repr=False)
    uid: str = ""


def deidentify_file(
    source: Path, out: Path, pseudonyms: Pseudonyms, policy: Policy, decisions: Mapping[str, Decision] | None = None
) -> Outcome:
    """De-identify one file into ``out/clean`` or ``out/review``.

    Parameters
    ----------
    source : Path
        An ultrasound DICOM file.
    out : Path
        Output folder; the file becomes ``STATE/PATIENT/STUDY/INSTANCE.dcm``, all three pseudonyms.
    pseudonyms : Pseudonyms
    policy : Policy
    decisions : mapping, optional
        What a person decided about instances (pseudonyms) that had been for review: "clean", there is no writing;
        "black", what was marked is all there is, and is to be blacked out.

    Returns
    -------
    Outcome
        An input that cannot be used is an outcome, too, of state "refused".

    Raises
    ------
    OutputError
        The output cannot be written.
    """
    with quiet_libraries():
        try:
            file = open(source, "rb")  # noqa: SIM115  closed below; opening and reading fail differently
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            reason = ("missing", "it is not there") if missing else ("closed", "it cannot be opened")
            return Outcome(pseudonyms.source_hash([os.fsencode(source)]), "refused", *reason)
        with file:
            other = stranger(file.read(HEAD_BYTES))
            source_hash = hash_of(file, pseudonyms)
            if other:
                return Outcome(source_hash, "refused", *other)
            try:
                return _deidentified(file, source_hash, out, Task(pseudonyms, policy, decisions or {}))
            except InputError as error:
                return Outcome(source_hash, "refused", *reason_of(error))


def hash_of(file: BinaryIO, pseudonyms: Pseudonyms) -> str:
    """The keyed hash of an open file's bytes."""
    file.seek(0)
    return pseudonyms.source_hash(iter(lambda: file.read(_BLOCK_BYTES), b""))


@dataclass(frozen=True)
class Task:
    """What holds for every file of a run; see `deidentify_file`."""

    pseudonyms: Pseudonyms
    policy: Policy
    decisions: Mapping[str, Decision]


def _deidentified(file: BinaryIO, source_hash: str, out: Path, task: Task) -> Outcome:
    file.seek(0)
    recording = read_dicom(file, NAME)
    sector = find_sector(recording.frames, recording.spacing_mm)
    if sector.mask is None or sector.whole is None or sector.doubt in ("still", "no_sector"):
        return Outcome(source_hash, "refused", sector.doubt, DOUBTS[sector.doubt])
    with decoding(NAME, "its DICOM header is damaged"):
        file.seek(0)
        header = dcmread(file, stop_before_pixels=True, force=True, specific_tags=list(READ))
    identity = identify(header, source_hash, task.pseudonyms)
    text = find_text(recording.frames, sector.whole)
    two = "several_pictures" if has_two_pictures(recording.frames) else ""
    doubt = sector.doubt or two or text.doubt
    decision = task.decisions.get(identity.instance) if doubt else None
    keep = without(sector.mask, text.boxes) if decision == "black" else sector.mask
    state: State = "review" if doubt and not decision else "clean"
    made = clean_header(header, identity, task.pseudonyms, task.policy)
    declare(made, task.policy, pixels_verified=state == "clean")
    write_pixels(made, file, NAME, keep)
    state_times(made, recording.times_s)
    path = out / state / identity.patient / identity.study / f"{identity.instance}.dcm"
    _save(made, path)
    if state == "review":
        write_file(path.with_suffix(PICTURE), thumbnail(recording.frames, sector.mask, text.boxes), *_TOLD)
    _remove_other(out, path, state)
    reason, message = DECIDED[decision] if decision else (doubt, DOUBTS.get(doubt, ""))
    if any(warning.code == TRUNCATED[0] for warning in recording.warnings):
        reason, message = reason or TRUNCATED[0], "; ".join(filter(None, (message, TRUNCATED[1])))
    relative = path.relative_to(out).as_posix()
    return Outcome(source_hash, state, reason, message, relative, len(text.boxes), identity, str(made.SOPInstanceUID))


def without(mask: NDArray[np.bool_], boxes: Iterable[Box]) -> NDArray[np.bool_]:
    """A mask (height, width) without some boxes and what is up to `_AROUND_PX` beside them."""
    kept = mask.copy()
    for box in boxes:
        rows = slice(max(0, box.top - _AROUND_PX), box.bottom + _AROUND_PX)
        kept[rows, max(0, box.left - _AROUND_PX) : box.right + _AROUND_PX] = False
    return kept


def _remove_other(out: Path, path: Path, state: State) -> None:
    """An earlier run may have come to another state: its output would contradict this one."""
    if state == "clean":
        earlier = out / "review" / path.relative_to(out / "clean")
        earlier.unlink(missing_ok=True)
        earlier.with_suffix(PICTURE).unlink(missing_ok=True)
    else:
        (out / "clean" / path.relative_to(out / "review")).unlink(missing_ok=True)


def _save(made: Dataset, path: Path) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = made.SOPClassUID, made.SOPInstanceUID
    meta.TransferSyntaxUID = SYNTAX
    odd = strangers(made)
    if odd:
        raise OutputError(f"An output would hold attributes that are not on the allow-list: {', '.join(odd)}.")
    with whole_file(path, *_TOLD) as beside:
        FileDataset(str(beside), made, preamble=b"\0" * 128, file_meta=meta).save_as(beside, enforce_file_format=True)
