"""Every code in ``ingest_log.csv``: what it means and what to do. The docs are made from this table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from echobeat.errors import EchobeatError

State = Literal["kept", "refused", "failed", "opened"]
"""A clip of the data set; a healthy file that is none; one that could not be read; a list or archive of others."""


@dataclass(frozen=True)
class Reason:
    """What a code means.

    Attributes
    ----------
    state : of an input with this code. One that failed is tried again by the next run.
    meaning : a sentence; it stands in the log.
    remedy : str
    """

    state: State
    meaning: str
    remedy: str


def _kept(meaning: str, remedy: str = "Nothing.") -> Reason:
    return Reason("kept", meaning, remedy)


def _refused(meaning: str, remedy: str = "Nothing.") -> Reason:
    return Reason("refused", meaning, remedy)


def _failed(meaning: str, remedy: str) -> Reason:
    return Reason("failed", meaning, remedy)


_AGAIN = "Copy or export it again, and run the same command."
_GREY_LOOP = "Nothing, or export the grey-scale loop of the same view."

REASONS: dict[str, Reason] = {
    "clip": _kept("It is a clip of the data set."),
    "dicomdir": Reason("opened", "It is a DICOMDIR; the files that it lists are looked at.", "Nothing."),
    "archive": Reason("opened", "It is a ZIP archive; what is in it is looked at.", "Nothing."),
    # what it is
    "other_kind": _refused("It is of a kind that is not read."),
    "not_ultrasound": _refused("It is not ultrasound."),
    "volume": _refused("It is a three-dimensional volume."),
    "no_pictures": _refused("It holds no pictures."),
    "no_video": _refused("It holds no video."),
    "no_frames": _refused("It holds no frames."),
    "private_cine": _refused(
        "Its cine is in a private group of the maker.", "Export it from the scanner as standard DICOM."
    ),
    "deflated": _refused("It is a deflated DICOM file.", "Export it with another transfer syntax."),
    "compression": _refused(
        "Its compression is not read.", "Export it uncompressed, or as JPEG baseline, JPEG 2000 or RLE."
    ),
    "colours": _refused("Its colours are stored in a form that is not read.", "Export it as RGB or MONOCHROME2."),
    "bits": _refused("It has a number of bits a sample that is not read.", "Export it with 8 or 16 bits."),
    "size": _refused("Its frames are too small or too large."),
    "changing_size": _refused("Its frames change their size.", "Export it with one frame size."),
    "no_frame_rate": _refused("It does not say its frame rate.", "Export it in a form that keeps the frame times."),
    "frame_rate": _refused(
        "Its frame times are none that a beating heart is recorded at.",
        "Export it in a form that keeps the frame times.",
    ),
    # what it shows
    "still_image": _refused("It is a still image, or nothing moves."),
    "frozen": _refused("The picture stands still for most of the clip.", "Export the running loop."),
    "blank": _refused("Its frames are of one grey."),
    "too_short": _refused("It is shorter than a systole.", "Export a loop of at least one heartbeat."),
    "colour_doppler": _refused("It shows colour Doppler.", _GREY_LOOP),
    "split_screen": _refused("Its header names two pictures side by side: a split screen or biplane.", _GREY_LOOP),
    "trace_beside": _refused("A Doppler or M-mode trace stands beside the picture.", _GREY_LOOP),
    "several_pictures": _refused("More than one picture moves: a split screen, biplane, or a trace.", _GREY_LOOP),
    "other_view": _refused("Its header names another view.", "Use --view any to keep all views."),
    "no_sector": _refused("No scanning sector was found.", "Nothing: what is outside a sector cannot be removed."),
    # writing
    "text": _refused("There seems to be writing inside the sector.", "Look at it; --keep-doubtful keeps such clips."),
    "too_few_frames": _refused(
        "It has too few frames to tell writing from tissue.", "Look at it; --keep-doubtful keeps such clips."
    ),
    # the same again
    "duplicate": _refused("The data set has it already: the same file, instance or frames.", "Nothing."),
    # lists and archives
    "missing": _failed("It is not there.", "Check the path; of a DICOMDIR, whether all of the medium was copied."),
    "climbs_out": _refused("Its path in the list or archive leads out of it.", "Do not trust the archive."),
    "link": _refused("In the archive it is a link or device, not a file.", "Pack the file itself."),
    "encrypted": _refused("It is encrypted.", "Unpack it with its password, and name the folder."),
    "nested_archive": _refused("It is an archive within an archive.", "Unpack it, and name the folder."),
    "bomb": _refused("It would grow out of all proportion when unpacked.", "Do not trust the archive."),
    "archive_damaged": _failed("The archive is damaged.", _AGAIN),
    # trouble
    "damaged": _failed("Its contents are damaged.", _AGAIN),
    "cut_off": _failed("It is cut off before its pictures.", _AGAIN),
    "cut_short": _failed("It is cut off or damaged: too few of its frames are left.", _AGAIN),
    "empty": _failed("It is empty.", _AGAIN),
    "closed": _failed("It cannot be opened.", "Check its permissions."),
    "no_room": _failed(
        "It does not fit into the temporary folder when it is unpacked and decoded.",
        "Free space there or point TMPDIR to a larger disk, and run the same command.",
    ),
    "crashed": _failed("The process that read it ended.", "Use fewer --jobs if memory is short."),
    "fault": _failed("echobeat failed on it.", "Run it alone with --debug, and report what that shows."),
}

NOTES: dict[str, str] = {
    "view_unstated": "The header names no view; with --view a4c the clip is kept all the same. Look at the clips.",
    "irregular_times": "Frames are unevenly spaced in time; their times are in the clip's file in Clips/.",
    "doubtful_text": "There may be writing inside the sector; kept because of --keep-doubtful.",
    "uncalibrated": "The spacing of pixels is not known.",
    "calibration_refused": "The file's spacing does not fit its picture, and is not used.",
    "frame_times_repaired": "Frame times were missing or out of order, and were filled in.",
    "frame_rate_implausible": "The frame rate is one that no echocardiogram has.",
    "truncated": "The file ends before all of its frames; the clip holds the others.",
    "grey_rescaled": "Grey values beyond 0-255 were mapped to 0-255.",
    "colour_present": "Some of the moving picture is coloured.",
    "partly_frozen": "The picture stands still for a part of the clip.",
    "unusual_image": "The picture has no dark surroundings.",
}
"""What is noted of a clip that is kept."""


class NotForDataset(EchobeatError):
    """An input is not taken; `code` says why.

    Parameters
    ----------
    code : str
        Of `REASONS`.
    """

    def __init__(self, code: str) -> None:
        super().__init__(REASONS[code].meaning)
        self.code = code
