"""A folder with one healthy file of every kind, made once."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from made_clips import FPS, SPACING_MM, beating, compressed, dicom, in_colour, write_dicom, write_gif, write_video
from numpy.typing import NDArray
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, RLELossless


def save_nifti(path: Path, frames: NDArray[np.generic], step: float = 1000 / FPS, units: str = "msec") -> Path:
    """Save frames (time, rows, columns) as NIfTI (x, y, time)."""
    image = nibabel.Nifti1Image(np.ascontiguousarray(frames.transpose(2, 1, 0)), np.eye(4), dtype=frames.dtype)
    image.header.set_xyzt_units("mm", units)
    image.header.set_zooms((SPACING_MM[1], SPACING_MM[0], step))
    nibabel.save(image, path)
    return path


@pytest.fixture(scope="session")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return one file of every kind, all showing `beating()`."""
    folder, frames = tmp_path_factory.mktemp("healthy"), beating()
    return {
        "avi": write_video(folder / "clip.avi", frames),
        "mp4": write_video(folder / "clip.mp4", frames, "libx264", "yuv420p"),
        "mov": write_video(folder / "clip.mov", frames, "mpeg4", "yuv420p"),
        "webm": write_video(folder / "clip.webm", frames, "libvpx", "yuv420p"),
        "gif": write_gif(folder / "clip.gif", frames),
        "dicom": write_dicom(folder / "native.dcm", dicom(frames)),
        "dicom-rle": write_dicom(folder / "rle.dcm", compressed(dicom(frames), RLELossless)),
        "dicom-jpeg": write_dicom(folder / "jpeg.dcm", compressed(dicom(in_colour(frames)), JPEGBaseline8Bit)),
        "dicom-j2k": write_dicom(folder / "j2k.dcm", compressed(dicom(frames), JPEG2000Lossless)),
        "nifti": save_nifti(folder / "clip.nii", frames),
        "nifti-gz": save_nifti(folder / "clip.nii.gz", frames),
    }
