"""Source instances on disk, and clips with results that were made from them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, UltrasoundMultiFrameImageStorage, generate_uid

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))  # where `made` lies

from made import made_assessment

from echobeat.dicom_results.identity import Reported
from echobeat.dicom_results.origin import read_origin
from echobeat.records import Assessment

__all__ = ["made_assessment", "made_dataset", "made_reported", "write_source"]

FRAMES, SIZE = 60, (48, 64)


def made_dataset(frames: int = FRAMES, size: tuple[int, int] = SIZE, **attributes: Any) -> Dataset:
    """A small ultrasound cine with fresh UIDs; `attributes` replace those here, None removes one."""
    data = Dataset()
    data.SpecificCharacterSet = "ISO_IR 192"
    data.SOPClassUID = UltrasoundMultiFrameImageStorage
    data.SOPInstanceUID, data.StudyInstanceUID, data.SeriesInstanceUID = (generate_uid() for _ in range(3))
    data.Modality = "US"
    data.PatientName, data.PatientID, data.PatientBirthDate, data.PatientSex = "Made^Up", "MADE-1", "19500203", "F"
    data.StudyDate, data.StudyTime, data.StudyID, data.AccessionNumber = "20240506", "101112", "7", "A77"
    data.ReferringPhysicianName = ""
    data.AcquisitionDate, data.AcquisitionTime = "20240506", "101500"
    data.InstanceNumber, data.SeriesNumber = 1, 1
    data.ImageType = ["ORIGINAL", "PRIMARY"]
    data.NumberOfFrames, (data.Rows, data.Columns) = frames, size
    data.FrameTime = "20"
    data.FrameIncrementPointer = 0x00181063
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation = 7, 0
    data.PixelData = np.random.default_rng(3).integers(0, 200, (frames, *size), dtype=np.uint8).tobytes()
    for name, value in attributes.items():
        if value is None:
            delattr(data, name)
        else:
            setattr(data, name, value)
    return data


def write_source(path: Path, data: Dataset | None = None, syntax: str = ExplicitVRLittleEndian) -> Path:
    """Write a dataset as a DICOM file; its pixels are in the form that the transfer syntax asks for."""
    data = data or made_dataset()
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = data.SOPClassUID
    meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    form = {"is_implicit_VR": UID(syntax).is_implicit_VR, "is_little_endian": UID(syntax).is_little_endian}
    file = FileDataset(str(path), data, file_meta=meta, preamble=b"\0" * 128, **form)
    file.save_as(path, enforce_file_format=True)
    return path


def made_reported(path: Path, assessment: Assessment, **attributes: Any) -> Reported:
    """A source written to `path`, with a result as if it had been analysed."""
    frames, height, width = assessment.clip.frames.shape
    write_source(path, made_dataset(frames, (height, width), **attributes))
    return Reported(read_origin(path, path.name), assessment.result, True)
