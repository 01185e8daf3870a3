"""Pixels: decoded, blacked out, and coded anew, so that nothing of the old codestreams is left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import UID, JPEG2000Lossless

from echobeat.errors import UnreadableFile
from echobeat.sources.dicom.decode import PixelDecoder
from echobeat.sources.dicom.header import read_header
from echobeat.sources.dicom.pictures import decoded, grey_scale

SYNTAX: UID = JPEG2000Lossless
"""Grey values stay exactly what they were; a quarter of the size of run-length coding on speckle."""

_ENCODER = get_encoder(SYNTAX)
_LONGEST_OFFSET = 2**32 - 1
_TINT = 8
"""Grey values by which channels may differ on what is written as grey; chroma subsampling makes more at text only."""


def pictures(file: BinaryIO, source: str) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8] | None]]:
    """Yield the frames that can be decoded: grey (rows, columns), and RGB (rows, columns, 3) where there is colour.

    The same frames, in the same order, as `sources.dicom.read_dicom` gives.

    Raises
    ------
    UnreadableFile, UnsupportedFile, InvalidClip
    """
    file.seek(0)
    header = read_header(file, source)
    decoder = PixelDecoder(header, source)
    to_grey, _ = grey_scale(file, header, decoder, source)
    for _, pixels in decoded(file, header, decoder, source):
        if not isinstance(pixels, UnreadableFile):
            yield to_grey(pixels)


def has_colour(file: BinaryIO, source: str, mask: NDArray[np.bool_]) -> bool:
    """True where some pixel inside `mask` (rows, columns) is more than a shade of grey."""
    return any(
        rgb is not None and int(np.ptp(rgb[mask].astype(np.int16), axis=1).max(initial=0)) > _TINT
        for _, rgb in pictures(file, source)
    )


def write_pixels(made: Dataset, file: BinaryIO, source: str, keep: NDArray[np.bool_]) -> None:
    """Put the frames into `made`: black outside `keep`, JPEG 2000 lossless; colour only where there is any.

    Parameters
    ----------
    made : Dataset
        Gets the Image Pixel module (PS3.3, C.7.6.3), the number of frames and the pixel data.
    file : binary file
        The source.
    source : str
        What errors call it.
    keep : ndarray
        (rows, columns) bool; what stays.
    """
    colour = has_colour(file, source, keep)
    coded = [_coded(grey if rgb is None or not colour else rgb, keep) for grey, rgb in pictures(file, source)]
    made.Rows, made.Columns = keep.shape
    made.SamplesPerPixel = 3 if colour else 1
    made.PhotometricInterpretation = "YBR_RCT" if colour else "MONOCHROME2"
    if colour:
        made.PlanarConfiguration = 0
    made.BitsAllocated = made.BitsStored = 8
    made.HighBit, made.PixelRepresentation = 7, 0
    made.NumberOfFrames = len(coded)
    made.PixelData = encapsulate(coded, has_bot=sum(map(len, coded)) + 16 * len(coded) <= _LONGEST_OFFSET)
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True


def _coded(picture: NDArray[np.uint8], keep: NDArray[np.bool_]) -> bytes:
    black = np.where(keep if picture.ndim == 2 else keep[..., None], picture, 0).astype(np.uint8)
    colour = picture.ndim == 3
    return _ENCODER.encode(
        np.ascontiguousarray(black),
        rows=picture.shape[0],
        columns=picture.shape[1],
        samples_per_pixel=3 if colour else 1,
        photometric_interpretation="YBR_RCT" if colour else "MONOCHROME2",
        planar_configuration=0,
        bits_allocated=8,
        bits_stored=8,
        pixel_representation=0,
        number_of_frames=1,
    )
