"""echobeat: heart function from an apical four-chamber echocardiogram. Research software, not a medical device.

::

    import echobeat

    assessment = echobeat.analyze("clip.avi")           # a file, or an array with fps and spacing_mm
    masks = echobeat.segment(frames)                    # uint8 (frames, height, width) -> bool, same shape
    measured = echobeat.measure(masks, fps=50)          # masks -> volume curve, beats, EF
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["analyze", "measure", "segment"]

if TYPE_CHECKING:
    from echobeat.measurement import measure
    from echobeat.pipeline import analyze, segment


def __getattr__(name: str) -> Any:
    """Import on first use, so that `echobeat --help` starts at once."""
    if name in ("analyze", "segment"):
        from echobeat import pipeline

        return getattr(pipeline, name)
    if name == "measure":
        from echobeat.measurement import measure

        return measure
    raise AttributeError(f"module echobeat has no attribute {name}")
