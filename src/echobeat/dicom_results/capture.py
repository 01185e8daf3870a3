"""The overlay as a cine that every viewer plays: Multi-frame True Color Secondary Capture, JPEG (PS3.3 A.8.5)."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.sr.codedict import codes
from pydicom.uid import MultiFrameTrueColorSecondaryCaptureImageStorage

from echobeat.dicom_results.identity import Kind, Reported, identify
from echobeat.dicom_results.objects import code_item, new_object, reference_item
from echobeat.records import Assessment
from echobeat.report.overlay import Overlay
from echobeat.sources.dicom.times import state_times

JPEG_QUALITY = 85


def capture(clip: Reported, assessment: Assessment) -> Dataset:
    """The overlay of a clip; to be written with the transfer syntax JPEG Baseline.

    What is burned into the source's frames is burned into these, too: unless the source says that there is
    nothing, Burned In Annotation is YES.
    """
    made = new_object(
        clip.origin,
        identify(Kind.CAPTURE, [clip]),
        MultiFrameTrueColorSecondaryCaptureImageStorage,
        "US",
    )
    made.ImageType = ["DERIVED", "SECONDARY"]
    made.ConversionType = "WSD"
    made.PatientOrientation = ""
    made.BodyPartExamined = "HEART"
    made.BurnedInAnnotation = "NO" if clip.origin.header.get("BurnedInAnnotation") == "NO" else "YES"
    made.DerivationDescription = "Left ventricular contour and volume curve by echobeat"
    source = reference_item(clip.origin)
    source.PurposeOfReferenceCodeSequence = [code_item(codes.DCM.SourceImageForImageProcessingOperation)]
    made.SourceImageSequence = [source]
    state_times(made, assessment.clip.times_s)
    _set_pixels(made, Overlay(assessment), clip.origin.compressions)
    return made


def _set_pixels(made: Dataset, overlay: Overlay, earlier: Sequence[tuple[str, str]]) -> None:
    """JPEG frames, and what they lost: behind the (ratio, method) of earlier compressions."""
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        JPEG_QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,  # what YBR_FULL_422 announces (PS3.5, 8.2.1)
    ]
    size = 0
    coded = []
    for picture in overlay.pictures():
        size += picture.nbytes
        coded.append(cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)[1].tobytes())
        made.Rows, made.Columns = picture.shape[:2]
    made.NumberOfFrames = len(coded)
    made.SamplesPerPixel = 3
    made.PhotometricInterpretation = "YBR_FULL_422"
    made.PlanarConfiguration = 0
    made.BitsAllocated = made.BitsStored = 8
    made.HighBit, made.PixelRepresentation = 7, 0
    made.LossyImageCompression = "01"
    compressions = [*earlier, (f"{size / sum(map(len, coded)):.2f}", "ISO_10918_1")]
    made.LossyImageCompressionRatio = [ratio for ratio, _ in compressions]
    made.LossyImageCompressionMethod = [method for _, method in compressions]
    made.PixelData = encapsulate(coded)
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
