"""One input -> a clip of the data set, written beside it, or the reason why it is none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from echobeat.deidentification.instance import hash_of
from echobeat.deidentification.pseudonyms import Pseudonyms
from echobeat.deidentification.refusals import reason_of
from echobeat.deidentification.sector import find_sector
from echobeat.deidentification.split import has_two_pictures
from echobeat.deidentification.text import find_text
from echobeat.errors import InputError, NoRoom, OutputError, write_remedy
from echobeat.frames import FrameStack
from echobeat.ingest.archives import Unpacker
from echobeat.ingest.examined import Box, examine
from echobeat.ingest.finding import ZIP_HEADS, Input
from echobeat.ingest.geometry import Placement, at_rate, cropped, is_regular, mean_fps, placed
from echobeat.ingest.reasons import REASONS, NotForDataset, State
from echobeat.measurement.evidence import gather_evidence
from echobeat.measurement.quality import image_warnings
from echobeat.phantom.files import write_video
from echobeat.records import Clip, FloatArray
from echobeat.sources.kinds import HEAD_BYTES, is_dicom, is_dicomdir
from echobeat.sources.opening import clip_from_recording, read_recording
from echobeat.sources.recording import Recording, quiet_libraries

SOURCE = "the file"
"""What errors call an input: its path may name the patient."""

SHORTEST_S = 0.25
"""A systole lasts about 0.3 s."""

CLIP_FORMAT = 1

View = Literal["a4c", "any"]

_SECTOR_CODES = {"still": "still_image", "no_sector": "no_sector", "several_pictures": "several_pictures"}


@dataclass(frozen=True)
class Settings:
    """What the user chose; the same for all clips of a data set.

    Attributes
    ----------
    view : "a4c" leaves out clips whose header names another view; "any" keeps all.
    size : side of the frames in pixels; None keeps the source's scale.
    fps : frames a second, resampled; None keeps the source's.
    keep_doubtful : keep clips with what may be writing inside the sector.
    """

    view: View = "a4c"
    size: int | None = 112
    fps: float | None = None
    keep_doubtful: bool = False


@dataclass(frozen=True)
class ClipFacts:
    """What ``Clips/NAME.json`` says of a clip; everything in it may be shown to anybody.

    Attributes
    ----------
    name : of the video, a pseudonym.
    patient, study, instance : pseudonyms.
    keys : pseudonyms by which a table of labels may name the clip, by kind.
    header : True where patient and study come from a DICOM header.
    source_hash : keyed hash of the source's bytes.
    fingerprint : keyed hash of the source's frames.
    view : "A4C", "A2C", "other" or "".
    height, width, frames, fps : of the video.
    spacing_mm : (row, column) of the video's pixels, or None.
    heart_rate_bpm : as the header has it, or None.
    times_s : seconds from the first frame, one a frame; the video itself has a constant rate.
    source : height and width of the source's frames, and which part of them is shown at what scale.
    notes : codes of `NOTES`.
    """

    name: str
    patient: str
    study: str
    instance: str
    keys: dict[str, str]
    header: bool
    source_hash: str
    fingerprint: str
    view: str
    height: int
    width: int
    frames: int
    fps: float
    spacing_mm: tuple[float, float] | None
    heart_rate_bpm: float | None
    times_s: tuple[float, ...]
    source: dict[str, float]
    notes: tuple[str, ...] = ()
    format: int = CLIP_FORMAT

    def as_json(self) -> str:
        """The text of the file."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> ClipFacts:
        """The inverse of `as_json`.

        Raises
        ------
        ValueError, TypeError
            It is of another format.
        """
        values: dict[str, Any] = json.loads(text)
        values |= {"times_s": tuple(values["times_s"]), "notes": tuple(values["notes"])}
        values["spacing_mm"] = tuple(values["spacing_mm"]) if values["spacing_mm"] else None
        if values["format"] != CLIP_FORMAT:
            raise ValueError("another format")
        return cls(**values)


@dataclass(frozen=True)
class Outcome:
    """What became of one input; all but `originals` may be shown.

    Attributes
    ----------
    input : pseudonym of the input.
    code : of `REASONS`.
    source_hash : keyed hash of its bytes; empty where it was not opened.
    clip : what it became.
    originals : rows for the user's mapping.
    trouble : why nothing can be written any more; empty, normally.
    """

    input: str
    code: str
    source_hash: str = ""
    clip: ClipFacts | None = None
    originals: tuple[tuple[str, str, str], ...] = field(default=(), repr=False)
    trouble: str = ""

    @property
    def state(self) -> State:
        """What the log says first."""
        return REASONS[self.code].state


def name_of(one: Input, pseudonyms: Pseudonyms) -> str:
    """The pseudonym of an input, the same in every run as long as the file is."""
    return pseudonyms.name("file", one.identity)


class Ingester:
    """Takes inputs one after the other.

    Parameters
    ----------
    settings : Settings
    pseudonyms : Pseudonyms
    stage : Path
        Folder for the videos and their facts, ``INPUT.avi`` and ``INPUT.json``, until they are taken into the data set.
    """

    def __init__(self, settings: Settings, pseudonyms: Pseudonyms, stage: Path) -> None:
        self._settings, self._pseudonyms, self._stage = settings, pseudonyms, stage
        self._unpacker = Unpacker()

    def __call__(self, one: Input) -> Outcome:
        """Look at an input; whatever goes wrong with it becomes its outcome."""
        name = name_of(one, self._pseudonyms)
        originals = (("file", one.original, name),)
        if one.code:
            return Outcome(name, one.code, originals=originals)
        source_hash = ""
        try:
            with quiet_libraries(), self._open(one) as file:
                source_hash = hash_of(file, self._pseudonyms)
                facts, further = self._clip(file, one, source_hash)
                self._write_facts(name, facts)
        except NotForDataset as reason:
            return Outcome(name, reason.code, source_hash, originals=originals)
        except InputError as error:
            return Outcome(name, reason_of(error)[0], source_hash, originals=originals)
        except NoRoom:
            return Outcome(name, "no_room", source_hash, originals=originals)
        except OutputError as error:
            return Outcome(name, "fault", trouble=str(error))
        clip_row = ("clip", one.original, facts.name)
        return Outcome(name, "clip", source_hash, facts, (*originals, clip_row, *further))

    @contextmanager
    def _open(self, one: Input) -> Iterator[BinaryIO]:
        if one.member is not None:
            with self._unpacker.open(one.path, one.member) as file:
                yield file
            return
        try:
            file = open(one.path, "rb")  # noqa: SIM115  closed below; opening and reading fail differently
        except OSError as error:
            raise NotForDataset("closed") from error
        with file:
            yield file

    def _clip(self, file: BinaryIO, one: Input, source_hash: str) -> tuple[ClipFacts, tuple[tuple[str, str, str], ...]]:
        file.seek(0)
        head = file.read(HEAD_BYTES)
        _refuse_containers(head)
        header = examine(file, SOURCE, source_hash, self._pseudonyms) if is_dicom(head) else None
        if header and self._settings.view == "a4c" and header.view not in ("A4C", ""):
            raise NotForDataset("other_view")
        file.seek(0)
        recording = read_recording(file, SOURCE)
        clip, notes = _usable(recording)
        frames, mask, box = _sector(clip, header.box if header else None)
        notes = (*notes, *self._writing(frames, mask))
        placement = Placement.of(mask, self._settings.size)
        fingerprint = _fingerprint(clip.frames, self._pseudonyms)
        new = placed(frames, mask, placement)
        times, fps = clip.times_s - clip.times_s[0], mean_fps(clip.times_s)
        if self._settings.fps:
            new, times = at_rate(new, times, self._settings.fps)
            fps = self._settings.fps
        elif not is_regular(times):
            notes = (*notes, "irregular_times")
        if header and not header.view:
            notes = (*notes, "view_unstated")
        write_video(new, fps, self._stage / f"{name_of(one, self._pseudonyms)}.avi")
        identity = header.identity if header else None
        facts = ClipFacts(
            name=self._pseudonyms.name("clip", source_hash),
            patient=identity.patient if identity else self._pseudonyms.name("patient", f"of {source_hash}"),
            study=identity.study if identity else self._pseudonyms.name("study", f"of {source_hash}"),
            instance=identity.instance if identity else self._pseudonyms.name("instance", source_hash),
            keys={**(header.keys if header else {}), **file_keys(one.name, self._pseudonyms)},
            header=header is not None,
            source_hash=source_hash,
            fingerprint=fingerprint,
            view=header.view if header else "",
            height=placement.height,
            width=placement.width,
            frames=len(new),
            fps=fps,
            spacing_mm=placement.spacing(clip.spacing_mm),
            heart_rate_bpm=header.heart_rate_bpm if header else None,
            times_s=tuple(round(float(time), 6) for time in times),
            source=_place_in_source(clip, box, placement),
            notes=tuple(dict.fromkeys(notes)),
        )
        return facts, tuple(identity.mapping()) if identity else ()

    def _writing(self, frames: FrameStack, mask: NDArray[np.bool_]) -> tuple[str, ...]:
        doubt = find_text(frames, mask).doubt
        if doubt and not self._settings.keep_doubtful:
            raise NotForDataset(doubt)
        return ("doubtful_text",) if doubt else ()

    def _write_facts(self, name: str, facts: ClipFacts) -> None:
        try:
            (self._stage / f"{name}.json").write_text(facts.as_json(), encoding="utf-8")
        except OSError as error:
            raise OutputError(f"The data set cannot be written ({error.strerror}). {write_remedy(error)}.") from error


def file_keys(name: str, pseudonyms: Pseudonyms) -> dict[str, str]:
    """Pseudonyms of an input's path and name, as a table of labels may spell them."""
    path = bare_path(name)
    return {"path": pseudonyms.name("path", path), "name": pseudonyms.name("name", path.rpartition("/")[2])}


def bare_path(name: str) -> str:
    """A path with slashes, without the suffix of a clip, in one case.

    >>> [bare_path(name) for name in (r"A\\b.AVI", "./a/1.2.840", "c.dcm")]
    ['a/b', 'a/1.2.840', 'c']
    """
    path = name.strip().replace("\\", "/").removeprefix("./").casefold()
    stem, dot, suffix = path.rpartition(".")
    known = {"avi", "mp4", "mov", "m4v", "webm", "mkv", "gif", "dcm", "dicom", "nii"}
    return stem if dot and suffix in known else path


def _refuse_containers(head: bytes) -> None:
    if not head:
        raise NotForDataset("empty")
    if head.startswith(ZIP_HEADS):
        raise NotForDataset("nested_archive")
    if is_dicomdir(head):
        raise NotForDataset("dicomdir")


def _usable(recording: Recording) -> tuple[Clip, tuple[str, ...]]:
    """The clip and what to note, where its pictures alone do not speak against it."""
    notes: tuple[str, ...] = ()
    if recording.spacing_mm is not None and not all(np.isfinite(s) and s > 0 for s in recording.spacing_mm):
        recording, notes = replace(recording, spacing_mm=None), ("calibration_refused",)
    clip = clip_from_recording(recording, SOURCE, None, None)
    if len(clip.frames) == 1:
        raise _left_out(clip, "still_image")
    seen = [warning.code for warning in image_warnings(gather_evidence(clip))]
    if "colour_doppler" in seen:  # which spoils what the grey picture looks like
        raise NotForDataset("colour_doppler")
    for code in seen:
        if code in REASONS:
            raise _left_out(clip, code)
    notes = (*notes, *seen)
    if float(clip.times_s[-1] - clip.times_s[0]) < SHORTEST_S:
        raise _left_out(clip, "too_short")
    notes = (*notes, *(warning.code for warning in clip.warnings))
    return clip, notes if clip.spacing_mm else (*notes, "uncalibrated")


def _left_out(clip: Clip, code: str) -> NotForDataset:
    """The reason `code`; where there is too little of the clip because the rest of its file is lost, that."""
    lost = any(warning.code == "truncated" for warning in clip.warnings)
    return NotForDataset("cut_short" if lost and code in ("still_image", "too_short") else code)


def _sector(clip: Clip, region: Box | None) -> tuple[FrameStack, NDArray[np.bool_], Box]:
    """The frames, cut to the 2D region that the header states, the sector in them, and the region."""
    box = region or (0, 0, *clip.frames.shape[1:])
    frames = clip.frames if box == (0, 0, *clip.frames.shape[1:]) else cropped(clip.frames, *box)
    if has_two_pictures(frames):
        raise NotForDataset("several_pictures")
    found = find_sector(frames, clip.spacing_mm)
    if found.doubt:
        raise NotForDataset(_SECTOR_CODES[found.doubt])
    if found.mask is None:
        raise NotForDataset("no_sector")
    return frames, found.mask, box


def _fingerprint(frames: FrameStack, pseudonyms: Pseudonyms) -> str:
    """A keyed hash of the source's frames: tells the same clip in another file."""
    digest = hashlib.sha256(repr(frames.shape).encode())
    for _, block in frames.blocks():
        digest.update(np.ascontiguousarray(block).data)
    return pseudonyms.name("frames", digest.hexdigest())


def _place_in_source(clip: Clip, box: Box, placement: Placement) -> dict[str, float]:
    _, height, width = clip.frames.shape
    top, left = box[0] + placement.top, box[1] + placement.left
    bottom, right = box[0] + placement.bottom, box[1] + placement.right
    return {
        "height": height,
        "width": width,
        "top": top,
        "left": left,
        "bottom": bottom,
        "right": right,
        "scale": placement.scale,
    }


def duration_s(times_s: tuple[float, ...] | FloatArray) -> float:
    """From the first frame to the last."""
    return float(times_s[-1] - times_s[0])
