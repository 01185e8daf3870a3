"""A small archive: a fan of moving speckle on a screen with writing, as DICOM and video."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1] / "sources"))  # where `made_clips` lies

from made_clips import FPS, compressed, dicom, region, write_dicom, write_video
from pydicom import Dataset
from pydicom.fileset import FileSet
from pydicom.uid import generate_uid

from echobeat.deidentification.pseudonyms import Pseudonyms
from echobeat.deidentification.sector import Fan
from echobeat.ingest.finding import Input
from echobeat.ingest.one_clip import Ingester, Outcome, Settings

__all__ = [
    "FAN",
    "FPS",
    "HEIGHT",
    "PSEUDONYMS",
    "SPACING_MM",
    "WIDTH",
    "cine",
    "compressed",
    "dicom",
    "instance",
    "region",
    "screen",
    "take",
    "write_dicom",
    "write_video",
]

HEIGHT, WIDTH = 96, 120
SPACING_MM = (1.5, 1.5)
PSEUDONYMS = Pseudonyms(bytes(range(32)))
USUAL = Settings()
FAN = Fan(4.0, 60.0, 1.0, -0.6, 0.6, 4.0, 84.0, 0.0, 96.0, 0.0, 120.0)


def cine(seed: int = 0, count: int = 24) -> NDArray[np.uint8]:
    """(count, `HEIGHT`, `WIDTH`) uint8: speckle around a cavity that beats, in the fan; black around it."""
    drawn = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    fan = FAN.mask(HEIGHT, WIDTH)
    frames = []
    for index in range(count):
        grain = cv2.GaussianBlur(drawn.uniform(0, 1, (HEIGHT, WIDTH)).astype(np.float32), (0, 0), 1.2)
        speckle = 90 + 700 * (grain - 0.5)
        radius = 14 + 5 * np.cos(2 * np.pi * index / 20)
        cavity = 1 / (1 + np.exp((np.hypot(rows - 50, columns - 60) - radius) / 2))
        frames.append(np.where(fan, np.clip(speckle * (1 - 0.8 * cavity), 8, 255), 0))
    return np.stack(frames).astype(np.uint8)


def screen(frames: NDArray[np.uint8], word: str = "ZQCANARY") -> NDArray[np.uint8]:
    """The frames with a word in a corner."""
    written = frames.copy()
    for frame in written:
        cv2.putText(frame, word, (1, 10), cv2.FONT_HERSHEY_PLAIN, 0.6, 200, 1)
    return written


def instance(frames: NDArray[np.uint8] | None = None, **changes: Any) -> Dataset:
    """An ultrasound data set with regions that fit; of another study than any other."""
    pictures = cine() if frames is None else frames
    box = region(HEIGHT, WIDTH, PhysicalDeltaX=SPACING_MM[1] / 10, PhysicalDeltaY=SPACING_MM[0] / 10)
    values = {
        "StudyInstanceUID": generate_uid(),
        "SeriesInstanceUID": generate_uid(),
        "SequenceOfUltrasoundRegions": [box],
        **changes,
    }
    return dicom(pictures, **values)


def take(source: Path, stage: Path, settings: Settings = USUAL, name: str = "") -> Outcome:
    """What becomes of one file."""
    stage.mkdir(exist_ok=True)
    one = Input(str(source), name or source.name, None, "stamp")
    return Ingester(settings, PSEUDONYMS, stage)(one)


def file_set(folder: Path, count: int = 2) -> FileSet:
    """Write instances and the DICOMDIR that names them."""
    made = FileSet()
    for number in range(count):
        dataset = instance(cine(number, 2), PatientName="Zq^Canary", StudyDate="20200101", StudyTime="120000")
        dataset.StudyID, dataset.AccessionNumber = "1", ""
        dataset.SeriesNumber, dataset.InstanceNumber = 1, number + 1
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        made.add(dataset)
    made.write(folder)
    return made


def relist(made: FileSet, components: list[str]) -> None:
    """Let each record of a written DICOMDIR name this file."""
    for record in made._ds.DirectoryRecordSequence:
        if "ReferencedFileID" in record:
            record.ReferencedFileID = components
    made._ds.save_as(Path(made.path) / "DICOMDIR")
