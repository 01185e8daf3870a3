"""The left ventricle's cavity in every frame, as a Segmentation object (PS3.3 A.51).

highdicom writes segmentations of images that lie in a patient's coordinates; an ultrasound cine does not. The object is
therefore put together here, from highdicom's description of the segment and a functional group for each frame that
names the frame it belongs to. Viewers differ in what they make of it; the overlay cine beside it is for looking.
"""

from __future__ import annotations

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.seg import SegmentAlgorithmTypeValues, SegmentDescription
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.tag import Tag
from pydicom.uid import SegmentationStorage, generate_uid

from echobeat import __version__
from echobeat.dicom_results import concepts
from echobeat.dicom_results.identity import MANUFACTURER, Identity, Kind, Reported, identify, tracking_uid
from echobeat.dicom_results.objects import code_item, new_object, reference_item
from echobeat.dicom_results.origin import LOSSY
from echobeat.frames import FrameStack
from echobeat.records import LVMasks

PACKED_TOGETHER = 8
"""Frames packed at once: eight frames are whole bytes, whatever their size."""


def segmentation(clip: Reported, masks: LVMasks) -> Dataset | None:
    """The masks of a clip as DICOM; None where its frames are not the source's (some were lost).

    Parameters
    ----------
    clip : Reported
    masks : LVMasks
        (frames, height, width), bool.
    """
    if not clip.frames_agree:
        return None
    identity = identify(Kind.SEGMENTATION, [clip])
    made = new_object(clip.origin, identity, SegmentationStorage, "SEG")
    _describe(made, clip)
    _set_frames(made, clip, identity, len(masks.lv))
    _set_pixels(made, masks.lv)
    return made


def _describe(made: Dataset, clip: Reported) -> None:
    models = clip.result.models
    algorithm = AlgorithmIdentificationSequence(
        name=MANUFACTURER,
        version=__version__,
        family=codes.DCM.ArtificialIntelligence,
        source=MANUFACTURER,
        parameters={model.name: f"{model.version} {model.hash[:16]}" for model in models},
    )
    made.ImageType = ["DERIVED", "PRIMARY"]
    made.ContentLabel = "LV_CAVITY"
    made.ContentDescription = "Left ventricular cavity in each frame (research only)"
    made.ContentCreatorName = ""
    made.PatientOrientation = ""
    made.LossyImageCompression = "00"
    for name in LOSSY:
        if name in clip.origin.header:
            made[name] = clip.origin.header[name]
    made.SegmentationType = "BINARY"
    made.SegmentSequence = [
        SegmentDescription(
            segment_number=1,
            segment_label="Left ventricle",
            segmented_property_category=codes.SCT.AnatomicalStructure,
            segmented_property_type=concepts.LEFT_VENTRICLE,
            algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=algorithm,
            tracking_uid=tracking_uid(clip, "left ventricle"),
            tracking_id="Left ventricle",
        )
    ]
    series = Dataset()
    series.SeriesInstanceUID = clip.origin.header.SeriesInstanceUID
    series.ReferencedInstanceSequence = [reference_item(clip.origin)]
    made.ReferencedSeriesSequence = [series]


def _set_frames(made: Dataset, clip: Reported, identity: Identity, frames: int) -> None:
    """Multi-frame dimensions (segment, then time) and a functional group for each frame (PS3.3 A.51.5)."""
    organization = generate_uid(entropy_srcs=["dimensions", identity.instance])
    made.DimensionOrganizationSequence = [Dataset()]
    made.DimensionOrganizationSequence[0].DimensionOrganizationUID = organization
    made.DimensionIndexSequence = [
        _dimension(organization, "SegmentIdentificationSequence", "ReferencedSegmentNumber"),
        _dimension(organization, "FrameContentSequence", "TemporalPositionIndex"),
    ]
    segment = Dataset()
    segment.ReferencedSegmentNumber = 1
    shared = Dataset()
    shared.SegmentIdentificationSequence = [segment]
    made.SharedFunctionalGroupsSequence = [shared]
    made.PerFrameFunctionalGroupsSequence = [_frame_group(clip, number) for number in range(1, frames + 1)]
    made.NumberOfFrames = frames


def _dimension(organization: str, group: str, attribute: str) -> Dataset:
    dimension = Dataset()
    dimension.DimensionOrganizationUID = organization
    dimension.FunctionalGroupPointer = Tag(group)
    dimension.DimensionIndexPointer = Tag(attribute)
    return dimension


def _frame_group(clip: Reported, number: int) -> Dataset:
    content = Dataset()
    content.DimensionIndexValues = [1, number]
    content.TemporalPositionIndex = number
    source = reference_item(clip.origin)
    source.ReferencedFrameNumber = number
    source.SpatialLocationsPreserved = "YES"
    source.PurposeOfReferenceCodeSequence = [code_item(codes.DCM.SourceImageForImageProcessingOperation)]
    derivation = Dataset()
    derivation.SourceImageSequence = [source]
    derivation.DerivationCodeSequence = [code_item(codes.DCM.Segmentation)]
    group = Dataset()
    group.FrameContentSequence = [content]
    group.DerivationImageSequence = [derivation]
    return group


def _set_pixels(made: Dataset, masks: FrameStack) -> None:
    """One bit a pixel, the first in the lowest bit, frames without gaps between them (PS3.5, 8.2)."""
    _, made.Rows, made.Columns = masks.shape
    made.SamplesPerPixel = 1
    made.PhotometricInterpretation = "MONOCHROME2"
    made.BitsAllocated = made.BitsStored = 1
    made.HighBit = made.PixelRepresentation = 0
    packed = bytearray()
    for _, block in masks.blocks(PACKED_TOGETHER):
        packed += np.packbits(block, bitorder="little").tobytes()
    made.PixelData = bytes(packed + b"\0" * (len(packed) % 2))
    made["PixelData"].VR = "OB"
