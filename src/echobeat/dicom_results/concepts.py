"""Which code stands for which number. All are taken from pydicom's dictionaries, so that code and meaning agree.

A number that our contours gave is a single-plane measurement by the method of disks in the apical four-chamber
view, and has a LOINC code of its own for exactly that (PS3.16 CID 12300). What a network says of the video has no
such method: it gets the general code (PS3.16 CID 12200).
"""

from __future__ import annotations

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from echobeat.records import Method

EF_SINGLE_PLANE: Code = codes.LN.LeftVentricularEjectionFractionSinglePlane4CMOD
EDV_SINGLE_PLANE: Code = codes.LN.LeftVentricularEndDiastolicVolumeSinglePlane4CMOD
ESV_SINGLE_PLANE: Code = codes.LN.LeftVentricularEndSystolicVolumeSinglePlane4CMOD
EF_GENERAL: Code = codes.LN.LeftVentricularEjectionFractionByUS
HEART_RATE: Code = codes.LN.HeartRate
BEAT_NUMBER: Code = codes.DCM.BeatNumber
COMMENT: Code = codes.DCM.Comment
MEAN: Code = codes.SCT.Mean
STANDARD_DEVIATION: Code = codes.SCT.StandardDeviation
UPPER_UNCERTAINTY: Code = codes.SCT.RangeOfUpperMeasurementUncertainty
LOWER_UNCERTAINTY: Code = codes.SCT.RangeOfLowerMeasurementUncertainty
LEFT_VENTRICLE: Code = codes.SCT.LeftVentricle
IMAGE_VIEW: Code = codes.DCM.ImageView
APICAL_FOUR_CHAMBER: Code = codes.SCT.ApicalFourChamber
PROCEDURE: Code = codes.SCT.TransthoracicEchocardiography
TITLE: Code = codes.DCM.ImagingMeasurementReport

PERCENT: Code = codes.UCUM.Percent
PER_MINUTE: Code = codes.UCUM.PerMinute
NO_UNITS: Code = codes.UCUM.NoUnits
MILLILITRE = Code("ml", "UCUM", "ml")
"""As PS3.16 writes it throughout; pydicom's dictionary has no entry for the millilitre alone."""


def ejection_fraction(method: Method) -> Code:
    """The code of an EF by how it was obtained."""
    return EF_SINGLE_PLANE if method == "geometric" else EF_GENERAL
