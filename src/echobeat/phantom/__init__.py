"""Phantom patients: synthetic apical four-chamber studies whose truth is known."""

from echobeat.phantom.benchmark import benchmark_patients, write_benchmark
from echobeat.phantom.dataset import write_dataset
from echobeat.phantom.dicom import write_dicom
from echobeat.phantom.examination import Patient, draw_patient
from echobeat.phantom.negatives import sample_negatives
from echobeat.phantom.samples import sample_frames
from echobeat.phantom.study import Study, make_study

__all__ = [
    "Patient",
    "Study",
    "benchmark_patients",
    "draw_patient",
    "make_study",
    "sample_frames",
    "sample_negatives",
    "write_benchmark",
    "write_dataset",
    "write_dicom",
]
