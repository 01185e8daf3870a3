"""Clips with known contents, written as real files of every kind that is read."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import compress
from pydicom.tag import Tag
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
    UltrasoundMultiFrameImageStorage,
    generate_uid,
)

FPS = 50
SPACING_MM = (0.5, 0.4)
HEIGHT, WIDTH = 72, 96


def beating(count: int = 24, height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    """Return (count, height, width), uint8: a dark cavity that beats within a bright, shaded wall; smooth."""
    rows, columns = np.mgrid[0:height, 0:width]
    distance = np.hypot((rows - height / 2) / height, (columns - width / 2) / width)
    frames = []
    for index in range(count):
        radius = 0.25 + 0.08 * np.cos(2 * np.pi * index / 20)
        wall = 1 / (1 + np.exp((radius - distance) * 40))
        frames.append(30 + 150 * wall + 60 * columns / width)
    return np.clip(np.rint(frames), 0, 255).astype(np.uint8)


def in_colour(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (count, height, width, 3) with equal channels."""
    return np.repeat(frames[..., None], 3, axis=-1)


def write_video(
    path: Path,
    frames: NDArray[np.uint8],
    codec: str = "mjpeg",
    pix_fmt: str = "yuvj420p",
    *,
    pts_ms: Sequence[int] | None = None,
    container: str | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Encode grey (count, height, width) or RGB (..., 3) frames at `FPS`, or at the times `pts_ms`."""
    rgb = frames if frames.ndim == 4 else in_colour(frames)
    quality = {"mjpeg": {"qmin": "1", "qmax": "1"}, "libx264": {"crf": "4"}}.get(codec, {})
    with av.open(str(path), "w", format=container, options=options or {}) as output:
        stream = output.add_stream(codec, rate=FPS, options=quality)
        stream.height, stream.width, stream.pix_fmt = rgb.shape[1], rgb.shape[2], pix_fmt
        stream.bit_rate = 4_000_000
        if pts_ms is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for index, picture in enumerate(rgb):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            if pts_ms is not None:
                frame.pts, frame.time_base = pts_ms[index], Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path


def write_gif(path: Path, frames: NDArray[np.uint8], delay_ms: int | Sequence[int] = 20) -> Path:
    """Write grey frames as a GIF."""
    pictures = [Image.fromarray(frame) for frame in frames]
    delays = list(delay_ms) if isinstance(delay_ms, Sequence) else delay_ms
    pictures[0].save(path, "GIF", save_all=True, append_images=pictures[1:], duration=delays, disposal=1)
    return path


def region(height: int = HEIGHT, width: int = WIDTH, **changes: Any) -> Dataset:
    """Return a 2D tissue region over the whole picture, calibrated with `SPACING_MM`."""
    made = Dataset()
    values: dict[str, Any] = {
        "RegionSpatialFormat": 1,
        "RegionDataType": 1,
        "RegionFlags": 0,
        "RegionLocationMinX0": 0,
        "RegionLocationMinY0": 0,
        "RegionLocationMaxX1": width - 1,
        "RegionLocationMaxY1": height - 1,
        "PhysicalUnitsXDirection": 3,
        "PhysicalUnitsYDirection": 3,
        "PhysicalDeltaX": SPACING_MM[1] / 10,
        "PhysicalDeltaY": SPACING_MM[0] / 10,
    }
    for keyword, value in (values | changes).items():
        setattr(made, keyword, value)
    return made


def dicom(frames: NDArray[Any], **changes: Any) -> Dataset:
    """Return an uncompressed multi-frame ultrasound data set; `changes` set attributes, None removes one."""
    coloured = frames.ndim == 4
    values: dict[str, Any] = {
        "SOPClassUID": UltrasoundMultiFrameImageStorage,
        "SOPInstanceUID": generate_uid(),
        "Modality": "US",
        "PatientName": "Canary^Yellow",
        "PatientID": "CANARY-4711",
        "SamplesPerPixel": 3 if coloured else 1,
        "PhotometricInterpretation": "RGB" if coloured else "MONOCHROME2",
        "Rows": frames.shape[1],
        "Columns": frames.shape[2],
        "NumberOfFrames": len(frames),
        "FrameTime": 1000 / FPS,
        "FrameIncrementPointer": Tag("FrameTime"),
        "BitsAllocated": frames.dtype.itemsize * 8,
        "BitsStored": frames.dtype.itemsize * 8,
        "HighBit": frames.dtype.itemsize * 8 - 1,
        "PixelRepresentation": 0,
        "PlanarConfiguration": 0 if coloured else None,
        "SequenceOfUltrasoundRegions": [region(*frames.shape[1:3])],
        "PixelData": frames.tobytes() + b"\x00" * (frames.nbytes % 2),
    }
    dataset = Dataset()
    for keyword, value in (values | changes).items():
        if value is not None:
            setattr(dataset, keyword, value)
    dataset["PixelData"].VR = "OB" if dataset.BitsAllocated == 8 else "OW"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def write_dicom(path: Path, dataset: Dataset) -> Path:
    """Save a data set in the DICOM file format."""
    dataset.save_as(path, enforce_file_format=True)
    return path


def compressed(dataset: Dataset, syntax: UID) -> Dataset:
    """Return `dataset` (native, 8 bits) with its frames in another transfer syntax."""
    if syntax == RLELossless:
        compress(dataset, RLELossless, generate_instance_uid=False)
        return dataset
    shape = (dataset.NumberOfFrames, dataset.Rows, dataset.Columns, dataset.SamplesPerPixel)
    count = int(np.prod(shape))
    frames = np.frombuffer(dataset.PixelData, np.uint8, count).reshape(shape).squeeze(-1 if shape[-1] == 1 else ())
    encode = {
        JPEGBaseline8Bit: _jpeg,
        JPEG2000Lossless: _jpeg2000,
        JPEGLosslessSV1: lambda frame: _by_ffmpeg(frame, "ljpeg", "bgr24"),
        JPEGLSLossless: lambda frame: _by_ffmpeg(frame, "jpegls", "gray"),
    }[syntax]
    dataset.PixelData = encapsulate([encode(frame) for frame in frames])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = syntax
    if syntax == JPEGBaseline8Bit and dataset.SamplesPerPixel == 3:
        dataset.PhotometricInterpretation = "YBR_FULL_422"
    if syntax == JPEG2000Lossless and dataset.SamplesPerPixel == 3:
        dataset.PhotometricInterpretation = "YBR_RCT"
    return dataset


def _jpeg(frame: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(frame).save(stream, "JPEG", quality=98, subsampling="4:2:2")
    return stream.getvalue()


def _jpeg2000(frame: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(frame).save(stream, "JPEG2000", no_jp2=True, irreversible=False, mct=frame.ndim == 3)
    return stream.getvalue()


def _by_ffmpeg(frame: NDArray[np.uint8], codec: str, pix_fmt: str) -> bytes:
    context: Any = av.VideoCodecContext.create(codec, "w")
    context.height, context.width, context.pix_fmt = frame.shape[0], frame.shape[1], pix_fmt
    context.time_base = Fraction(1, FPS)
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="gray" if frame.ndim == 2 else "rgb24")
    packets = [*context.encode(picture.reformat(format=pix_fmt)), *context.encode(None)]
    return bytes(packets[0])
