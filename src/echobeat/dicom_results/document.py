"""The page on one sheet of A4, as an Encapsulated PDF (PS3.3 A.45.1).

The sheet is drawn by matplotlib, not printed from ``report.html``: that would need a browser wherever results are made.
It names no patient and no file; the object's header says whose it is.
"""

from __future__ import annotations

import io
import textwrap

import numpy as np
from matplotlib.figure import Figure
from pydicom import Dataset
from pydicom.uid import EncapsulatedPDFStorage

from echobeat import __version__
from echobeat.dicom_results.identity import Kind, Reported, identify
from echobeat.dicom_results.objects import new_object, reference_item
from echobeat.records import NOTICE, Assessment, Result
from echobeat.report import wording
from echobeat.report.page import beat_row, measures
from echobeat.report.panels import Painter, Scale, ventricle_picture
from echobeat.report.plots import LIGHT, CurveView, draw_curve, plain_style

A4_INCHES = (8.27, 11.69)
LEFT, WIDTH = 0.09, 0.83
"""Margin and measure of the sheet, as fractions of its width."""

BEATS_SHOWN, NOTES_SHOWN = 10, 5
COLUMNS = (
    ("beat", 0.0),
    ("ED", 0.05),
    ("ES", 0.175),
    ("1/min", 0.30),
    ("EDV ml", 0.355),
    ("ESV ml", 0.43),
    ("EF %", 0.505),
    ("90 %", 0.56),
    ("", 0.62),
)


def document(clip: Reported, assessment: Assessment) -> Dataset:
    """The page of a clip as an encapsulated PDF."""
    made = new_object(clip.origin, identify(Kind.DOCUMENT, [clip]), EncapsulatedPDFStorage, "DOC")
    pdf = sheet_pdf(assessment)
    made.AcquisitionDateTime = ""
    made.BurnedInAnnotation = "NO" if clip.origin.header.get("BurnedInAnnotation") == "NO" else "YES"
    made.ConversionType = "WSD"
    made.DocumentTitle = "Left ventricular function, apical four-chamber view"
    made.ConceptNameCodeSequence = []
    made.MIMETypeOfEncapsulatedDocument = "application/pdf"
    made.SourceInstanceSequence = [reference_item(clip.origin)]
    made.EncapsulatedDocumentLength = len(pdf)
    made.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    return made


def sheet_pdf(assessment: Assessment) -> bytes:
    """The sheet as a PDF file; the same assessment gives the same bytes."""
    buffer = io.BytesIO()
    with plain_style():
        figure = Figure(figsize=A4_INCHES, facecolor="white")
        _draw(figure, assessment)
        metadata = {"Title": "echobeat", "Creator": f"echobeat {__version__}", "Producer": None, "CreationDate": None}
        figure.savefig(buffer, format="pdf", metadata=metadata)
    return buffer.getvalue()


def _draw(figure: Figure, assessment: Assessment) -> None:
    result = assessment.result
    verdict = wording.verdict(result)
    figure.text(LEFT, 0.955, "Left ventricular function, apical four-chamber view", size=10, color=LIGHT.faint)
    figure.text(LEFT, 0.918, verdict.headline, size=22, weight="bold", color=LIGHT.ink)
    figure.text(LEFT, 0.898, verdict.detail, size=11, color=LIGHT.ink)
    figure.text(LEFT + 0.42, 0.926, _for_whom(result), size=8, color=LIGHT.faint, va="center")
    for place, (label, value) in enumerate(measures(result)):
        x, y = LEFT + 0.42 * (place % 2), 0.868 - 0.0135 * (place // 2)
        figure.text(x, y, label, size=9, color=LIGHT.faint)
        figure.text(x + 0.24, y, value, size=9, color=LIGHT.ink)
    view = CurveView.of(assessment)
    draw_curve(figure.add_axes((LEFT + 0.03, 0.60, WIDTH - 0.03, 0.19)), view, LIGHT)
    figure.text(LEFT + 0.5, 0.802, "● end-diastole", size=8, color=LIGHT.ed)
    figure.text(LEFT + 0.68, 0.802, "◆ end-systole", size=8, color=LIGHT.es)
    _draw_stills(figure, assessment)
    bottom = _draw_beats(figure, assessment)
    _draw_notes(figure, assessment, bottom - 0.025)
    figure.text(LEFT, 0.045, "Frames count from 0, as in the overlay.", size=8, color=LIGHT.faint)
    figure.text(LEFT, 0.03, f"{NOTICE} echobeat {__version__}. Preliminary, not verified by a person.", size=8)


def _for_whom(result: Result) -> str:
    """What the interval behind the EF is, and on whom it was measured; empty where there is none."""
    if result.ef is None or not wording.interval(result.ef):
        return ""
    whom = f", calibrated on {result.ef.calibrated_on}" if result.ef.calibrated_on else ""
    return textwrap.fill(f"In brackets the 90 % interval{whom}; on others more likely too narrow than too wide.", 52)


def _draw_stills(figure: Figure, assessment: Assessment) -> None:
    beat = wording.representative_beat(assessment.result)
    frames = wording.extremes(beat) if beat else None
    shown = zip(("End-diastole", "End-systole"), frames or (), strict=False)
    painter = Painter(Scale.of(assessment.clip))
    for place, (label, frame) in enumerate(shown):
        axes = figure.add_axes((LEFT + 0.42 * place, 0.34, 0.40, 0.20))
        axes.imshow(np.array(ventricle_picture(assessment, frame, painter)))
        axes.set_axis_off()
        axes.set_title(f"{label}, frame {frame}", size=8, color=LIGHT.faint)


def _draw_beats(figure: Figure, assessment: Assessment) -> float:
    """The table of beats; returns where it ends."""
    rows = [beat_row(beat, assessment) for beat in assessment.beats]
    y = 0.315
    for name, x in COLUMNS:
        figure.text(LEFT + x, y, name, size=8, weight="bold", color=LIGHT.faint)
    for row in rows[:BEATS_SHOWN]:
        y -= 0.0145
        cells = (str(row.number), row.ed, row.es, row.rate, row.edv, row.esv, row.ef, row.interval, row.note)
        for (_, x), cell in zip(COLUMNS, cells, strict=True):
            figure.text(LEFT + x, y, cell, size=8, color=LIGHT.ink if row.counts else LIGHT.faint)
    if len(rows) > BEATS_SHOWN:
        y -= 0.0145
        figure.text(LEFT, y, f"and {len(rows) - BEATS_SHOWN} more", size=8, color=LIGHT.faint)
    return y


def _draw_notes(figure: Figure, assessment: Assessment, y: float) -> None:
    for warning in assessment.quality.warnings[:NOTES_SHOWN]:
        for line in textwrap.wrap(wording.printable(warning.message), 118)[:2]:
            figure.text(LEFT, y, line, size=8, color=LIGHT.ink)
            y -= 0.0135
