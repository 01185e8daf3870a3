"""Every code that a problem of a data set can have; docs/reference/data-set-problems.md is made from this table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from echobeat.datasets.study import Problem


@dataclass(frozen=True)
class CodeInfo:
    """What a code means.

    Attributes
    ----------
    severity : "error" makes `echobeat check-dataset` fail; "warning" does not.
    meaning : str
    remedy : str
    """

    severity: Literal["error", "warning"]
    meaning: str
    remedy: str


CODES: dict[str, CodeInfo] = {
    # the table and the files
    "no-studies": CodeInfo("error", "Not a single study can be used.", "Look at the other problems."),
    "video-missing": CodeInfo("error", "The table names a video that is not there.", "Copy it, or remove the row."),
    "video-not-listed": CodeInfo("warning", "A video is in no row of the table; it is not used.", "Nothing."),
    "row-not-a-video": CodeInfo("warning", "A row names no video; it is skipped.", "Remove the row."),
    "name-duplicate": CodeInfo("error", "Two rows have the same name; the first counts.", "Remove one of the rows."),
    "name-differs": CodeInfo(
        "warning",
        "The table and the folder spell a file's suffix or case differently; they are taken for the same.",
        "Nothing; other programs may stumble over it.",
    ),
    "table-missing": CodeInfo("warning", "The table of tracings is not there.", "Copy it to train a segmentation."),
    "column-missing": CodeInfo("error", "A table lacks a column that is needed.", "Add the column."),
    # labels and splits
    "label-missing": CodeInfo("warning", "The study has no EF.", "Nothing; it is not used for EF."),
    "label-unreadable": CodeInfo("warning", "A value is not a number; it is taken for missing.", "Correct it."),
    "label-out-of-range": CodeInfo("error", "A value is one that no heart has.", "Correct it, or empty the cell."),
    "ef-as-fraction": CodeInfo("error", "EF is given as a fraction: percent are expected.", "Multiply it by 100."),
    "ef-perhaps-fraction": CodeInfo(
        "warning", "EF is 1 or less: it may be a fraction, percent are expected.", "Correct it, or empty the cell."
    ),
    "volumes-reversed": CodeInfo("error", "ESV is not smaller than EDV.", "Correct them, or empty the cells."),
    "ef-does-not-fit-volumes": CodeInfo(
        "warning", "EF is not what EDV and ESV give.", "Make sure that the three belong to the same measurement."
    ),
    "split-unknown": CodeInfo("error", "Split is none of TRAIN, VAL, TEST or a fold.", "Correct it."),
    "split-made": CodeInfo(
        "warning", "The data set gives no splits; they were drawn by patient.", "Add a split to compare with others."
    ),
    "split-empty": CodeInfo("warning", "A split holds no study.", "Give every split some patients."),
    "patient-in-two-splits": CodeInfo(
        "error", "A patient is in two splits or folds.", "Move all of a patient to one of them."
    ),
    # tracings
    "tracing-missing": CodeInfo("warning", "The study has no tracing.", "Nothing; it is not used for segmentation."),
    "tracing-single": CodeInfo(
        "warning", "Only one frame is traced, so that ED and ES are not both known.", "Nothing, or trace the other."
    ),
    "tracing-unreadable": CodeInfo("warning", "Rows of a tracing cannot be read; they are left out.", "Correct them."),
    "tracing-without-study": CodeInfo(
        "warning", "A tracing belongs to no study; it is not used.", "Nothing, or name it as its study is."
    ),
    "tracing-degenerate": CodeInfo("error", "A tracing encloses nothing.", "Correct it, or remove it."),
    "tracing-crosses-itself": CodeInfo(
        "error",
        "An outline crosses itself by far: its mask is not what was traced.",
        "Make sure that its rows are of one tracing and in order, or remove it.",
    ),
    "tracing-at-border": CodeInfo(
        "warning", "A tracing leaves the picture a little; what is inside counts.", "Nothing, if the heart is cut off."
    ),
    "tracing-outside-frame": CodeInfo(
        "error", "A tracing leaves the picture by far: it was probably drawn at another size.", "Correct or remove it."
    ),
    "tracing-beyond-video": CodeInfo("error", "A tracing is on a frame that does not exist.", "Correct its frame."),
    "mask-unreadable": CodeInfo("error", "An image of labels is missing or damaged.", "Copy it again."),
    # videos
    "video-unreadable": CodeInfo("error", "A video is empty, damaged or of no kind that is read.", "Copy it again."),
    "video-truncated": CodeInfo("error", "A video ends before all of its frames.", "Copy it again."),
    "video-differs-from-table": CodeInfo(
        "warning", "Size, number of frames or frame rate is not what the table says.", "Correct the table, if at all."
    ),
    "video-blank": CodeInfo("warning", "All frames are of one grey.", "Remove the study."),
    "video-sizes-differ": CodeInfo(
        "warning", "The videos have several sizes.", "Nothing; they are brought to the network's size."
    ),
    "video-duplicate": CodeInfo("warning", "Two studies show the same frames.", "Remove one of them."),
    "cache-damaged": CodeInfo("warning", "Frames in the cache were damaged and removed.", "Fill the cache again."),
    "duplicate-in-two-splits": CodeInfo(
        "error",
        "Studies of two splits or folds show the same frames.",
        "Remove one: what is learned must not be tested on.",
    ),
}


def problem(code: str, message: str, study: str = "", file: str = "") -> Problem:
    """Make a problem with the severity of its code; `message` says what is wrong in this place, as a sentence."""
    return Problem(code, CODES[code].severity, study, file, message)
