"""A study as DICOM: Ultrasound Multi-frame Image Storage, JPEG baseline, calibrated (PS3.3 A.7, C.8.5.5)."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import JPEGBaseline8Bit, UltrasoundMultiFrameImageStorage, generate_uid

from echobeat.phantom.study import Study
from echobeat.whole import whole_file

_JPEG_QUALITY = 90
_DATE, _TIME = "20240101", "120000"  # one and the same for all: a phantom has no day


def write_dicom(study: Study, path: Path) -> None:
    """Write a study as one multi-frame ultrasound object.

    The region's calibration (PhysicalDeltaX/Y in cm) and the frame times are true. Study and instance
    UIDs follow from the patient's seed.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    name = study.patient.name
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UltrasoundMultiFrameImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[name, "instance"])
    meta.TransferSyntaxUID = JPEGBaseline8Bit
    with whole_file(path) as beside:
        data = FileDataset(str(beside), {}, file_meta=meta, preamble=b"\0" * 128)
        _identify(data, study)
        _time(data, study)
        _calibrate(data, study)
        _pixels(data, study)
        data.save_as(beside, enforce_file_format=True)


def _identify(data: Dataset, study: Study) -> None:
    name = study.patient.name
    data.SpecificCharacterSet = "ISO_IR 192"
    data.ImageType = ["ORIGINAL", "PRIMARY"]
    data.SOPClassUID = UltrasoundMultiFrameImageStorage
    data.SOPInstanceUID = generate_uid(entropy_srcs=[name, "instance"])
    data.StudyInstanceUID = generate_uid(entropy_srcs=[name, "study"])
    data.SeriesInstanceUID = generate_uid(entropy_srcs=[name, "series"])
    data.StudyDate = data.SeriesDate = data.ContentDate = data.AcquisitionDate = _DATE
    data.StudyTime = data.SeriesTime = data.ContentTime = data.AcquisitionTime = _TIME
    data.AccessionNumber = ""
    data.Modality = "US"
    data.Manufacturer = "echobeat phantom"
    data.ManufacturerModelName = "phantom"
    data.ReferringPhysicianName = ""
    data.PatientName = f"Phantom^{name}"
    data.PatientID = name
    data.PatientBirthDate = data.PatientSex = ""
    data.StudyID = "1"
    data.BodyPartExamined = "HEART"
    data.SeriesNumber, data.InstanceNumber = 1, 1
    data.PatientOrientation = ""
    data.BurnedInAnnotation = "NO"
    data.HeartRate = round(60 / float(np.mean([b.rr_s for b in study.beats])))


def _time(data: Dataset, study: Study) -> None:
    steps = np.diff(study.times_s) * 1000
    data.NumberOfFrames = len(study.frames)
    if np.allclose(steps, steps[0]):
        data.FrameTime = f"{steps[0]:.6f}"[:16]
        data.FrameIncrementPointer = Tag("FrameTime")
    else:
        data.FrameTimeVector = [0.0, *(round(float(s), 3) for s in steps)]
        data.FrameIncrementPointer = Tag("FrameTimeVector")
    data.StartTrim, data.StopTrim = 1, len(study.frames)
    data.CineRate = round(study.patient.acquisition.fps)


def _calibrate(data: Dataset, study: Study) -> None:
    region = Dataset()
    region.RegionSpatialFormat = 1  # 2D
    region.RegionDataType = 1  # tissue
    region.RegionFlags = 0
    region.RegionLocationMinX0 = region.RegionLocationMinY0 = 0
    region.RegionLocationMaxX1 = study.frames.shape[2] - 1
    region.RegionLocationMaxY1 = study.frames.shape[1] - 1
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3  # cm
    region.PhysicalDeltaX = study.spacing_mm[1] / 10
    region.PhysicalDeltaY = study.spacing_mm[0] / 10
    data.SequenceOfUltrasoundRegions = Sequence([region])


def _pixels(data: Dataset, study: Study) -> None:
    frames = study.frames
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    coded = [cv2.imencode(".jpg", frame, options)[1].tobytes() for frame in frames]
    data.SamplesPerPixel = 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.Rows, data.Columns = frames.shape[1:]
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation = 7, 0
    data.LossyImageCompression = "01"
    data.LossyImageCompressionRatio = f"{frames.nbytes / sum(map(len, coded)):.2f}"
    data.LossyImageCompressionMethod = "ISO_10918_1"
    data.PixelData = encapsulate(coded)
    data["PixelData"].VR = "OB"
