"""Phantom patients: synthetic apical four-chamber studies whose truth is known."""

from echobeat.phantom.study import draw_patient, sample_frames

__all__ = ["draw_patient", "sample_frames"]
