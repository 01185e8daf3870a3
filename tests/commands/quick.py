"""Clips on disk, and a pipeline that answers at once; worker processes import this, too."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))  # where `made` lies

from made import MODEL, made_assessment

from echobeat.commands import batch
from echobeat.records import Assessment, Clip
from echobeat.report.batch import Entry

__all__ = ["MODEL", "TABLES_ONLY", "Call", "assess_at_once", "made_assessment", "prepare_quickly", "write_clip"]

TABLES_ONLY = ("--no-video", "--no-page", "--no-plot", "--no-masks")

Call = Callable[..., tuple[int, str, str]]
"""Calls the command line; returns exit code, standard output, standard error."""


def write_clip(path: Path, frames: int = 12) -> Path:
    """A small MJPEG AVI."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="avi") as container:
        stream = container.add_stream("mjpeg", rate=50)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuvj420p"
        for value in range(frames):
            picture = np.full((32, 32, 3), value * 10, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode())
    return path


def assess_at_once(clip: Clip, *_: object) -> Assessment:
    """In place of the pipeline: a clip of few frames is refused."""
    frames = len(clip.frames)
    return made_assessment(frames=frames, size=(32, 32), beat_frames=5, source=clip.source, refused=frames < 10)


def prepare_quickly(options: batch.Options, processes: int) -> Callable[[batch.Task], Entry]:
    """In a worker: the pipeline that answers at once; a source named `kill...` ends the process."""
    batch.analyze_clip = assess_at_once

    def assess(task: batch.Task) -> Entry:
        if "kill" in task.source:
            os.kill(os.getpid(), signal.SIGKILL)
        return batch.assess(task, options, None)

    return assess
