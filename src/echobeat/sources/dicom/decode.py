"""A stored DICOM frame -> pixels."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import Decoder, get_decoder
from pydicom.pixels.processing import convert_color_space
from pydicom.pixels.utils import as_pixel_options
from pydicom.uid import (
    UID,
    JPEG2000TransferSyntaxes,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
)

from echobeat.errors import UnsupportedFile
from echobeat.sources.dicom.header import PALETTE, Header, photometric
from echobeat.sources.recording import MAX_FRAME_PX, decoding

_READ = {"MONOCHROME1", "MONOCHROME2", "RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", PALETTE}

_FFMPEG_DECODERS = {
    JPEGLossless: "mjpeg",
    JPEGLosslessSV1: "mjpeg",
    JPEGLSLossless: "jpegls",
    JPEGLSNearLossless: "jpegls",
}
"""What FFmpeg decodes (8 bits a sample) where pydicom has no decoder installed; the usual one is under the GPL.
JPEG-LS only in grey: FFmpeg decodes sample-interleaved colour wrongly, without an error."""

_SIZED_CODESTREAMS = {JPEGBaseline8Bit, JPEGExtended12Bit, *JPEG2000TransferSyntaxes}


class PixelDecoder:
    """Decodes one stored frame after the other, with the decoders that pydicom finds installed, or with FFmpeg's.

    Attributes
    ----------
    size : (int, int)
        Rows and columns of a frame.

    Raises
    ------
    UnsupportedFile
        The transfer syntax, photometric interpretation or number of bits is not read.
    UnreadableFile
        The header is damaged.
    """

    def __init__(self, header: Header, source: str) -> None:
        self._source = source
        self._syntax = header.transfer_syntax
        attributes = header.attributes
        with decoding(source, "its DICOM header is damaged"):
            self._photometric = photometric(attributes)
            self._bits = int(attributes.get("BitsAllocated") or 0)
            self._decoder = _pydicom_decoder(self._syntax)
            self._samples = int(attributes.get("SamplesPerPixel") or 1)
            name = str(self._syntax.name)[:64]
        if self._photometric not in _READ:
            colours = f"its colours are stored as {self._photometric[:16]!r}"
            raise UnsupportedFile(source, colours, "Export it as RGB or MONOCHROME2", "colours")
        if self._bits not in (8, 16):
            raise UnsupportedFile(source, f"it has {self._bits} bits a sample", "Export it with 8 or 16 bits", "bits")
        if self._decoder is None and not self._ffmpeg_reads():
            remedy = "Export it uncompressed, or as JPEG baseline, JPEG 2000 or RLE"
            raise UnsupportedFile(source, f"its compression is not read ({name})", remedy, "compression")
        with decoding(source, "its DICOM header is damaged"):
            self._options: dict[str, Any] = {"planar_configuration": 0, "pixel_representation": 0}
            self._options |= as_pixel_options(attributes, number_of_frames=1)
            self._options |= {"pixel_keyword": "PixelData", "pixel_vr": "OB" if self._bits == 8 else "OW"}
            self._options.pop("extended_offsets", None)
            self.size = int(attributes.Rows), int(attributes.Columns)

    @property
    def native_frame_bytes(self) -> int | None:
        """Size of a stored frame; None where frames are compressed."""
        if self._syntax.is_encapsulated:
            return None
        samples = 2 if self._photometric == "YBR_FULL_422" else self._samples
        return self.size[0] * self.size[1] * samples * self._bits // 8

    def decode(self, stored: bytes) -> NDArray[Any]:
        """Return a frame: (rows, columns), or (rows, columns, 3) RGB; 8 or 16 bits as stored.

        pydicom converts YBR_FULL and YBR_FULL_422 to RGB and says so beside the array; the header goes on
        saying YBR.

        Raises
        ------
        UnreadableFile
            It is damaged.
        """
        with decoding(self._source):
            if self._decoder is None:
                return self._decode_by_ffmpeg(stored)
            if self._syntax.is_encapsulated:
                self._check_codestream(stored)
                stored = encapsulate([stored], has_bot=False)
            pixels, described = self._decoder.as_array(stored, index=0, **self._options)
            if pixels.ndim == 3 and described["photometric_interpretation"] != "RGB":
                raise ValueError("the decoder did not return RGB")
        return pixels

    def _ffmpeg_reads(self) -> bool:
        codec = _FFMPEG_DECODERS.get(self._syntax)
        return self._bits == 8 and (codec == "mjpeg" or (codec == "jpegls" and self._samples == 1))

    def _check_codestream(self, stored: bytes) -> None:
        """Refuse a codestream whose size is not the header's, before memory is given to it."""
        if self._syntax not in _SIZED_CODESTREAMS:
            return
        with Image.open(io.BytesIO(stored), formats=("JPEG", "JPEG2000")) as image:
            if image.size[::-1] != self.size:
                raise ValueError(f"the codestream is {image.size[::-1]}, the header says {self.size}")

    def _decode_by_ffmpeg(self, stored: bytes) -> NDArray[np.uint8]:
        import av  # the node, which reads headers alone, does not load it

        context: Any = av.VideoCodecContext.create(_FFMPEG_DECODERS[self._syntax], "r")
        context.options = {"max_pixels": str(MAX_FRAME_PX)}
        frame = next(iter([*context.decode(av.Packet(stored)), *context.decode(None)]))
        if (frame.height, frame.width) != self.size:
            raise ValueError(f"the codestream is {frame.height, frame.width}, the header says {self.size}")
        if frame.format.name == "gray":
            return np.asarray(frame.to_ndarray(), np.uint8)
        if frame.format.name in ("yuv444p", "yuvj444p"):  # three samples as they are, whatever FFmpeg takes them for
            samples = np.moveaxis(frame.to_ndarray(), 0, -1)
        elif frame.format.is_rgb:
            samples = frame.to_ndarray(format="rgb24")
        else:
            raise ValueError(f"unexpected samples {frame.format.name}")
        if self._photometric.startswith("YBR"):
            return convert_color_space(samples, "YBR_FULL", "RGB").astype(np.uint8)
        return np.ascontiguousarray(samples)


def _pydicom_decoder(syntax: UID) -> Decoder | None:
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        return None
    return decoder if decoder.is_available else None
