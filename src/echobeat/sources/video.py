"""AVI, MP4, MOV, WebM and GIF, decoded by FFmpeg through PyAV."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from echobeat.errors import InvalidClip, UnreadableFile, UnsupportedFile
from echobeat.records import FloatArray
from echobeat.sources.kinds import Kind
from echobeat.sources.recording import (
    MAX_FRAME_PX,
    FrameCollector,
    Recording,
    check_frame_size,
    decoding,
    truncated,
)
from echobeat.sources.times import ordered_times

_DEMUXERS = {Kind.AVI: "avi", Kind.MOV: "mov", Kind.MATROSKA: "matroska", Kind.GIF: "gif"}
"""The demuxer is forced, so that a file cannot pose as a playlist that names other files."""

_GIF_DELAYS_AS_STATED = {"min_delay": "0", "default_delay": "0"}
"""Browsers show delays under 20 ms as 100 ms, and FFmpeg follows; for a measurement the stated delay counts."""

_COLOUR_SIDE_PX = 256
"""Frames are looked at for colour at no more than this size."""


def read_video(file: BinaryIO, source: str, kind: Kind) -> Recording:
    """Decode the video in `file`, frame by frame.

    Frame times are the container's presentation times. Frames that cannot be decoded are left out, with the
    warning ``truncated``.

    Raises
    ------
    UnreadableFile, UnsupportedFile, InvalidClip
    """
    options = {"max_pixels": str(MAX_FRAME_PX), **(_GIF_DELAYS_AS_STATED if kind is Kind.GIF else {})}
    if kind is Kind.GIF:  # its demuxer does not tell the size
        check_frame_size(source, *_gif_size(file))
    with decoding(source):
        cut_off = kind is Kind.GIF and not _gif_ends(file)
        container = av.open(file, format=_DEMUXERS[kind], options=options, metadata_errors="replace")
    try:
        stream = _video_stream(container, source)
        with decoding(source):
            stream.codec_context.options = {"max_pixels": str(MAX_FRAME_PX)}
            if stream.codec_context.width * stream.codec_context.height:
                check_frame_size(source, stream.codec_context.height, stream.codec_context.width)
        film = _Film(source)
        frames = film.decode(container, stream)
        for frame in film.all_but_last(frames) if cut_off else frames:
            film.take(frame)
        return _recording(film, container, stream)
    finally:
        container.close()


def _gif_size(file: BinaryIO) -> tuple[int, int]:
    """Return the height and width of the logical screen (GIF89a specification, 18)."""
    head = file.read(10)
    file.seek(0)
    return int.from_bytes(head[8:10], "little"), int.from_bytes(head[6:8], "little")


def _gif_ends(file: BinaryIO) -> bool:
    """True where the trailer is there; without it, the last frame may be half a frame, and no decoder says so."""
    file.seek(-min(16, file.seek(0, os.SEEK_END)), os.SEEK_END)
    ends = file.read().rstrip(b"\x00").endswith(b";")
    file.seek(0)
    return ends


def _video_stream(container: Any, source: str) -> Any:
    with decoding(source):
        stream = container.streams.best("video")
    if stream is None:
        raise UnsupportedFile(source, "it holds no video", "Give a video of the heart", "no_video")
    if stream.codec_context is None:
        raise UnsupportedFile(
            source, "its video codec is not known", "Convert it to MP4 (H.264), for example with ffmpeg", "compression"
        )
    return stream


@dataclass
class _Film:
    """Frames and times of one video stream as they come, and what was lost on the way."""

    source: str
    times_s: list[float] = field(default_factory=list)
    packets: int = 0
    lost: int = 0

    def __post_init__(self) -> None:
        self.collector = FrameCollector(self.source)
        self._to_grey, self._to_rgb = VideoReformatter(), VideoReformatter()

    def decode(self, container: Any, stream: Any) -> Iterator[Any]:
        """Yield the frames that can be decoded; count those that cannot."""
        packets = iter(container.demux(stream))
        while True:
            try:
                with decoding(self.source):
                    packet = next(packets, None)
            except UnreadableFile:
                self.lost += 1
                return
            if packet is None:
                return
            self.packets += packet.size > 0
            try:
                with decoding(self.source):
                    frames = packet.decode()
            except UnreadableFile:
                self.lost += 1
                continue
            for frame in frames:
                if frame.is_corrupt:  # cut off at the end of the file, say, and the rest filled in by the decoder
                    self.lost += 1
                else:
                    yield frame

    def all_but_last(self, frames: Iterator[Any]) -> Iterator[Any]:
        """Yield the frames but the last, which is counted as lost."""
        before = next(frames, None)
        for frame in frames:
            yield before
            before = frame
        self.lost += 1

    def take(self, frame: Any) -> None:
        """Convert a frame and append it."""
        check_frame_size(self.source, frame.height, frame.width)
        with decoding(self.source):
            turns = round(frame.rotation / 90) % 4
            grey = self._to_grey.reformat(frame, format="gray").to_ndarray()
            rgb = self._thumbnail(frame) if self.collector.wants_colour else None
            time = float("nan") if frame.pts is None else float(frame.pts * frame.time_base)
        self.collector.add(np.rot90(grey, turns), rgb)
        self.times_s.append(time)

    def _thumbnail(self, frame: Any) -> NDArray[np.uint8] | None:
        if frame.format.name.startswith("gray"):
            return None
        shrink = max(1.0, max(frame.width, frame.height) / _COLOUR_SIDE_PX)
        width, height = max(1, round(frame.width / shrink)), max(1, round(frame.height / shrink))
        small = self._to_rgb.reformat(frame, width=width, height=height, format="rgb24")
        return np.asarray(small.to_ndarray(), np.uint8)


def _recording(film: _Film, container: Any, stream: Any) -> Recording:
    if not film.times_s:
        if film.lost:
            raise UnreadableFile(
                film.source, "none of its frames can be decoded", "Copy or export it again from its origin"
            )
        raise InvalidClip(film.source, "it holds no frames", "Check the recording or export it again", "no_frames")
    with decoding(film.source):
        fps = float(stream.average_rate) if stream.average_rate else None
        announced = None if container.format.name == "gif" else stream.frames or None
        ends_early = _ends_early(film, container, stream)
    times, warnings = ordered_times(film.times_s, fps)
    if container.format.name == "gif" and fps is None:
        times, warnings = None, ()  # it states no delays; FFmpeg makes them up
    if film.lost or ends_early:
        warnings = (*warnings, truncated(len(film.times_s), announced))
    return Recording(
        film.collector.finish(),
        times,
        colour_fraction=film.collector.colour.fraction(),
        warnings=warnings,
        numbers=_numbers(times) if film.lost and times is not None else None,
    )


def _numbers(times_s: FloatArray) -> NDArray[np.intp]:
    """The frames' numbers in the file by their times: the longer a step, the more frames were lost in it."""
    steps = np.diff(times_s)
    usual = np.rint(steps / np.median(steps)) if len(steps) else steps
    return np.concatenate([[0], np.cumsum(np.maximum(usual, 1))]).astype(np.intp)


def _ends_early(film: _Film, container: Any, stream: Any) -> bool:
    """True where the container announces more than it holds: frames (AVI, MP4) or a duration (WebM)."""
    known = [time for time in film.times_s if not math.isnan(time)]
    first, last = min(known, default=0.0), max(known, default=0.0)
    step = (last - first) / max(1, len(film.times_s) - 1)
    if not stream.frames:
        end_s = float((container.duration or 0) / av.time_base)
        return end_s > last + 3 * step + 0.1
    if film.packets >= stream.frames:
        return False
    # In AVI an empty chunk stands for a frame that was dropped while recording: the clip is whole if its end is there.
    return not stream.average_rate or last - first < (stream.frames - 1.5) / float(stream.average_rate)
