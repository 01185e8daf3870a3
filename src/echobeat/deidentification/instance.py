"""One ultrasound DICOM file: read, stripped, blacked out outside its sector, written.

Nothing looks for writing inside the sector yet. So no output counts as verified: every one is for review, with
``BurnedInAnnotation`` YES.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.tag import Tag

from echobeat.deidentification.header import READ, Identity, Policy, clean_header, declare, identify, strangers
from echobeat.deidentification.pixels import SYNTAX, write_pixels
from echobeat.deidentification.pseudonyms import Pseudonyms
from echobeat.deidentification.refusals import reason_of
from echobeat.deidentification.sector import DOUBTS, find_sector
from echobeat.errors import EchobeatError, InputError, OutputError
from echobeat.sources.dicom import read_dicom
from echobeat.sources.recording import Recording, decoding, quiet_libraries

State = Literal["review", "refused"]
NAME = "the file"
"""What errors call a source here: its path may name the patient."""

_BLOCK_BYTES = 1 << 20
_UNCHECKED = ("text_unchecked", "nothing has looked for writing inside the sector")


@dataclass(frozen=True)
class Outcome:
    """What became of one file; everything but `identity` may be shown.

    Attributes
    ----------
    source_hash : keyed hash of the source's bytes.
    state : "review" has to be looked at by a person, "refused" was not written.
    reason, message : code and sentence.
    path : of the output, relative to the output folder; empty where refused.
    identity : pseudonyms and what they stand for; not to be shown.
    """

    source_hash: str
    state: State
    reason: str = ""
    message: str = ""
    path: str = ""
    identity: Identity | None = field(default=None, repr=False)


def deidentify_file(source: Path, out: Path, pseudonyms: Pseudonyms, policy: Policy) -> Outcome:
    """De-identify one file into ``out/review``.

    Parameters
    ----------
    source : Path
        An ultrasound DICOM file.
    out : Path
        Output folder; the file becomes ``review/PATIENT/STUDY/INSTANCE.dcm``, all three pseudonyms.
    pseudonyms : Pseudonyms
    policy : Policy

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
        except OSError:
            return Outcome(pseudonyms.source_hash([os.fsencode(source)]), "refused", "closed", "it cannot be opened")
        with file:
            source_hash = hash_of(file, pseudonyms)
            try:
                return _deidentified(file, source_hash, out, pseudonyms, policy)
            except InputError as error:
                return Outcome(source_hash, "refused", *reason_of(error))


def hash_of(file: BinaryIO, pseudonyms: Pseudonyms) -> str:
    """The keyed hash of an open file's bytes."""
    file.seek(0)
    return pseudonyms.source_hash(iter(lambda: file.read(_BLOCK_BYTES), b""))


def _deidentified(file: BinaryIO, source_hash: str, out: Path, pseudonyms: Pseudonyms, policy: Policy) -> Outcome:
    file.seek(0)
    recording = read_dicom(file, NAME)
    sector = find_sector(recording.frames, recording.spacing_mm)
    if sector.mask is None or sector.doubt in ("still", "no_sector"):
        return Outcome(source_hash, "refused", sector.doubt, DOUBTS[sector.doubt])
    reason, message = (sector.doubt, DOUBTS[sector.doubt]) if sector.doubt else _UNCHECKED
    with decoding(NAME, "its DICOM header is damaged"):
        file.seek(0)
        header = dcmread(file, stop_before_pixels=True, force=True, specific_tags=list(READ))
    identity = identify(header, source_hash, pseudonyms)
    made = clean_header(header, identity, pseudonyms, policy)
    declare(made, policy, pixels_verified=False)
    write_pixels(made, file, NAME, sector.mask)
    _settle_times(made, recording, announced=header.get("NumberOfFrames"))
    path = Path("review") / identity.patient / identity.study / f"{identity.instance}.dcm"
    _save(made, out / path)
    return Outcome(source_hash, "review", reason, message, path.as_posix(), identity)


def _settle_times(made: Dataset, recording: Recording, announced: object) -> None:
    """Where frames were lost, the times of the others are stated one by one."""
    if recording.times_s is None or len(recording.times_s) == announced:
        return
    made.FrameTimeVector = [0.0, *(round(float(step) * 1000, 3) for step in np.diff(recording.times_s))]
    made.FrameIncrementPointer = Tag("FrameTimeVector")
    if "FrameTime" in made:
        del made.FrameTime


def _save(made: Dataset, path: Path) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = made.SOPClassUID, made.SOPInstanceUID
    meta.TransferSyntaxUID = SYNTAX
    odd = strangers(made)
    if odd:
        raise OutputError(f"An output would hold attributes that are not on the allow-list: {', '.join(odd)}.")
    with _whole(path) as beside:
        FileDataset(str(beside), made, preamble=b"\0" * 128, file_meta=meta).save_as(beside, enforce_file_format=True)


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        os.replace(beside, path)
    except OSError as error:
        if isinstance(error, EchobeatError):
            raise
        raise OutputError(f"The output cannot be written ({error.strerror or error}). Free some space.") from error
    finally:
        beside.unlink(missing_ok=True)
