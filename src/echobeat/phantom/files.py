"""A study on disk: MJPEG video as in EchoNet-Dynamic, and its truth beside it. Whole or not at all."""

from __future__ import annotations

import json
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from echobeat.frames import FrameStack
from echobeat.phantom.examination import Images
from echobeat.phantom.outlines import chords
from echobeat.phantom.study import Study
from echobeat.phantom.views import FOUR_CHAMBER
from echobeat.whole import whole_file, write_file

TRUTH_VERSION = 1
_MJPEG_QUALITY = 3  # ffmpeg's scale, 2 (best) to 31


def write_video(frames: Images | FrameStack, fps: float, path: Path) -> None:
    """Write grey frames (frames, height, width) uint8 as MJPEG in AVI; both sides even."""
    rate = Fraction(fps).limit_denominator(1000)
    bitexact = {"fflags": "+bitexact"}
    with whole_file(path) as beside, av.open(str(beside), "w", format="avi", options=bitexact) as container:
        stream = container.add_stream("mjpeg", rate=rate)
        stream.height, stream.width = frames.shape[1:]
        stream.pix_fmt = "yuvj420p"
        quality = str(_MJPEG_QUALITY * 118)  # FF_QP2LAMBDA
        stream.options = {"flags": "+qscale+bitexact", "global_quality": quality, "threads": "1"}
        for grey in frames:
            frame = av.VideoFrame.from_ndarray(grey, format="gray").reformat(format="yuvj420p", dst_color_range="JPEG")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def read_video(path: Path) -> Images:
    """Grey frames (frames, height, width) uint8 of a video that `write_video` wrote."""
    with av.open(str(path)) as container:
        planes = []
        for frame in container.decode(video=0):
            plane = frame.planes[0]
            rows = np.frombuffer(bytes(plane), np.uint8).reshape(frame.height, plane.line_size)
            planes.append(rows[:, : frame.width].copy())
    return np.stack(planes)


def write_study(study: Study, folder: Path) -> None:
    """Write ``Videos/NAME.avi``, ``Truth/NAME.npz`` and, last, ``Truth/NAME.json``."""
    name = study.patient.name
    write_video(study.frames, study.patient.acquisition.fps, folder / "Videos" / f"{name}.avi")
    with whole_file(folder / "Truth" / f"{name}.npz") as beside, beside.open("wb") as file:
        np.savez_compressed(
            file,
            lv=study.masks,
            outlines_px=study.outlines_px.astype(np.float32),
            times_s=study.times_s,
            volume_ml=study.volume_ml,
            phase=study.phase,
        )
    write_file(folder / "Truth" / f"{name}.json", json.dumps(truth(study), indent=1) + "\n")


def truth(study: Study) -> dict[str, object]:
    """What ``Truth/NAME.json`` says; frames count from 0, EF in percent, spacing (row, column).

    It names the view only where that is not the four-chamber one, whose files stay as they were, byte for byte.
    """
    patient = study.patient
    counted = study.counted
    view = {} if patient.view == FOUR_CHAMBER else {"view": patient.view}
    return {
        "truth_version": TRUTH_VERSION,
        "name": patient.name,
        **view,
        "seed": patient.seed,
        "frames": len(study.frames),
        "height": study.frames.shape[1],
        "width": study.frames.shape[2],
        "fps": patient.acquisition.fps,
        "spacing_mm": list(study.spacing_mm),
        "clip": patient.acquisition.clip,
        "rhythm": patient.rhythm.kind,
        "heart_rate_bpm": 60 / float(np.mean([b.rr_s for b in study.beats])),
        "ef": study.ef,
        "edv_ml": float(np.mean([b.edv_ml for b in counted])),
        "esv_ml": float(np.mean([b.esv_ml for b in counted])),
        "beats": [asdict(b) | {"complete": b.complete, "half_cycle": b.half_cycle} for b in study.beats],
        "tracings": {
            str(frame): [[float(v) for v in line] for line in chords(study.outlines_px[frame])]
            for frame in (study.traced.es_frame, study.traced.ed_frame)
            if frame is not None
        },
    }
