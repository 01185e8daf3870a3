"""What the objects built by hand have in common, and how any object is written."""

from __future__ import annotations

from pathlib import Path

import pydicom
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.sr.coding import Code
from pydicom.tag import Tag
from pydicom.uid import UID, ExplicitVRLittleEndian

from echobeat import __version__
from echobeat.dicom_results.identity import MANUFACTURER, Identity
from echobeat.dicom_results.origin import FURTHER, PATIENT, STUDY, Origin


def new_object(origin: Origin, identity: Identity, sop_class: UID, modality: str) -> Dataset:
    """A dataset with the modules Patient, General Study, General Series, Equipment and SOP Common filled in.

    Parameters
    ----------
    origin : Origin
        Whose patient and study it belongs to.
    identity : Identity
    sop_class : UID
    modality : str
        Of the series, for example ``SEG``.
    """
    made = Dataset()
    made.SpecificCharacterSet = "ISO_IR 192"
    for name in (*PATIENT, *STUDY, *FURTHER):
        if name in origin.header:
            setattr(made, name, origin.header[name].value)
    made.StudyInstanceUID = origin.study
    made.SOPClassUID = sop_class
    made.SOPInstanceUID = identity.instance
    made.SeriesInstanceUID = identity.series
    made.SeriesNumber = identity.kind.series_number
    made.SeriesDescription = identity.kind.series_description
    made.InstanceNumber = identity.instance_number
    made.Modality = modality
    made.ContentDate, made.ContentTime = origin.date, origin.time
    made.Manufacturer = made.ManufacturerModelName = MANUFACTURER
    made.SoftwareVersions = __version__
    made.DeviceSerialNumber = "0"
    return made


def without_writing_time(made: Dataset) -> None:
    """Remove when and where it was written: optional, and the only thing in which a repeat would differ."""
    for keyword in ("InstanceCreationDate", "InstanceCreationTime"):
        made.pop(Tag(keyword), None)
    for item in made.get("ContributingEquipmentSequence") or []:
        item.pop(Tag("ContributionDateTime"), None)


def code_item(code: Code) -> Dataset:
    """An item of a code sequence (PS3.3, 8.8)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item


def reference_item(origin: Origin) -> Dataset:
    """A reference to the source instance."""
    item = Dataset()
    item.ReferencedSOPClassUID = origin.sop_class
    item.ReferencedSOPInstanceUID = origin.sop_instance
    return item


def write_object(made: Dataset, path: Path, syntax: UID = ExplicitVRLittleEndian) -> None:
    """Write a DICOM file (PS3.10); the preamble is empty."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = made.SOPClassUID
    meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    file = pydicom.FileDataset(str(path), made, file_meta=meta, preamble=b"\0" * 128)
    file.save_as(path, enforce_file_format=True)
