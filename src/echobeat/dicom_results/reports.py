"""What the two structured reports have in common: the document around their content, who observed, and means."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from highdicom.sr import ComprehensiveSR, DeviceObserverIdentifyingAttributes, ObservationContext, ObserverContext
from pydicom import Dataset
from pydicom.sr.codedict import codes

from echobeat import __version__
from echobeat.dicom_results.identity import MANUFACTURER, Identity, Reported, device_uid
from echobeat.dicom_results.objects import without_writing_time
from echobeat.records import Result

DECIMALS = 2
"""Of the numbers in a report, so that viewers show them readably."""


def new_report(clips: Sequence[Reported], content: Dataset, identity: Identity) -> ComprehensiveSR:
    """A report about clips of one study: PRELIMINARY and UNVERIFIED, with the first clip's date."""
    first = clips[0].origin
    made = ComprehensiveSR(
        evidence=[clip.origin.header for clip in clips],
        content=content,
        series_instance_uid=identity.series,
        series_number=identity.kind.series_number,
        sop_instance_uid=identity.instance,
        instance_number=identity.instance_number,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER,
        software_versions=__version__,
        device_serial_number="0",
        series_description=identity.kind.series_description,
        is_complete=True,
        is_final=False,
        is_verified=False,
        content_date=first.date,
        content_time=first.time,
        specific_character_set="ISO_IR 192",
    )
    without_writing_time(made)
    return made


def observation_context(result: Result) -> ObservationContext:
    """The observer is a device: this version with these models (TID 1001)."""
    device = DeviceObserverIdentifyingAttributes(
        uid=device_uid(result), name=MANUFACTURER, manufacturer_name=MANUFACTURER, model_name=MANUFACTURER
    )
    return ObservationContext(
        observer_device_context=ObserverContext(codes.DCM.Device, observer_identifying_attributes=device)
    )


def mean_known(values: Sequence[float | None]) -> float | None:
    """Mean of the values that are known; None where none is."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
