"""One input's folder: everything that is said about a clip, written whole or not at all."""

from __future__ import annotations

import csv
import json
import math
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from echobeat.frames import FrameStack
from echobeat.records import Assessment, Beat, FloatArray
from echobeat.report.folders import staged
from echobeat.report.schema import result_json

FRAME_COLUMNS = (
    "frame",
    "time_s",
    "lv_area_px",
    "lv_area_cm2",
    "long_axis",
    "volume",
    "volume_smoothed",
    "mask_confidence",
    "phase",
)
BEAT_COLUMNS = (*(field.name for field in fields(Beat)), "accepted")

NPZ_DATE = (1980, 1, 1, 0, 0, 0)
"""Fixed, so that the same masks give the same bytes."""


@dataclass(frozen=True)
class Parts:
    """Which parts of a result are written besides ``result.json``, ``frames.csv`` and ``beats.csv``."""

    video: bool = True
    page: bool = True
    plot: bool = True
    masks: bool = True

    def files(self) -> list[str]:
        """The names in a result's folder."""
        chosen = {
            "overlay.mp4": self.video,
            "report.html": self.page,
            "volume.png": self.plot,
            "lv_masks.npz": self.masks,
        }
        return ["result.json", "frames.csv", "beats.csv", *(name for name, wanted in chosen.items() if wanted)]


def write_result(
    assessment: Assessment,
    folder: Path,
    *,
    parts: Parts = Parts(),
    run: Mapping[str, Any] | None = None,
    further: Callable[[Path], object] | None = None,
) -> None:
    """Write a clip's folder; it appears when all of it is written.

    Parameters
    ----------
    assessment : Assessment
        What is written.
    folder : Path
        ``DIR/<stem>``. An earlier result in its place is replaced; anything else there is left alone.
    parts : Parts
        What may be left out.
    run : mapping
        What made the result (see `batch.run_record`), written as ``run.json``.
    further : callable
        Writes more into the folder, given as its argument, before it appears.

    Raises
    ------
    OutputError
        The disk is full, the place is taken by something else, or it cannot be written.
    """
    with staged(folder) as stage:
        (stage / "result.json").write_text(result_json(assessment.result), encoding="utf-8")
        write_frames_csv(assessment, stage / "frames.csv")
        write_beats_csv(assessment, stage / "beats.csv")
        if parts.masks:
            write_masks(assessment.masks.lv, stage / "lv_masks.npz")
        _write_pictures(assessment, stage, parts)
        if further is not None:
            further(stage)
        if run is not None:
            (stage / "run.json").write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")


def _write_pictures(assessment: Assessment, stage: Path, parts: Parts) -> None:
    # Imported here: matplotlib and the encoder take a second to load, and not every run needs them.
    if parts.plot:
        from echobeat.report.plots import write_volume_png

        write_volume_png(assessment, stage / "volume.png")
    overlay = None
    if parts.video:
        from echobeat.report.overlay import Overlay, write_overlay

        overlay = Overlay(assessment)
        write_overlay(overlay, stage / "overlay.mp4")
    if parts.page:
        from echobeat.report.page import write_page

        write_page(assessment, stage / "report.html", overlay)


def write_frames_csv(assessment: Assessment, path: Path) -> None:
    """Write ``frames.csv``: a row a frame.

    Lengths are mm and volumes ml where the clip is calibrated, otherwise pixels and cubic pixels; a cell is empty
    where the value is not known.
    """
    curve = assessment.curve
    unknown = np.full(len(curve.times_s), np.nan)
    columns: tuple[FloatArray, ...] = (
        curve.area_px,
        unknown if curve.area_cm2 is None else curve.area_cm2,
        curve.long_axis,
        curve.volume,
        curve.volume_smoothed,
        assessment.masks.confidence,
    )
    rows = (
        [frame, f"{curve.times_s[frame]:.6f}", *(_cell(column[frame]) for column in columns), phase]
        for frame, phase in enumerate(assessment.phases)
    )
    _write_csv(path, FRAME_COLUMNS, rows)


def write_beats_csv(assessment: Assessment, path: Path) -> None:
    """Write ``beats.csv``: a row a beat, the columns those of ``beats`` in ``result.json``; unrounded.

    The last column says whether the clip was accepted: the beats of a refused one are no result.
    """
    accepted = assessment.quality.accepted
    rows = ([_beat_cell(value) for value in (*asdict(beat).values(), accepted)] for beat in assessment.beats)
    _write_csv(path, BEAT_COLUMNS, rows)


def _write_csv(path: Path, header: Iterable[str], rows: Iterable[list[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _cell(value: float) -> str:
    return f"{value:.8g}" if math.isfinite(value) else ""


def _beat_cell(value: float | bool | None) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None or not math.isfinite(value) else repr(value)


def write_masks(masks: FrameStack, path: Path) -> None:
    """Write ``lv_masks.npz``: array ``lv``, bool (frames, height, width), for ``numpy.load``.

    Written block by block: `numpy.savez_compressed` would hold the whole clip.
    """
    member = zipfile.ZipInfo("lv.npy", NPZ_DATE)
    member.compress_type = zipfile.ZIP_DEFLATED
    header = {"descr": "|b1", "fortran_order": False, "shape": masks.shape}
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(member, "w", force_zip64=True) as file,
    ):
        np.lib.format.write_array_header_1_0(file, header)
        for _, block in masks.blocks():
            file.write(np.ascontiguousarray(block).data)
