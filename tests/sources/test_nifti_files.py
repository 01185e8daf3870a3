"""NIfTI cines."""

from __future__ import annotations

import struct
from pathlib import Path

import nibabel
import numpy as np
import pytest
from conftest import save_nifti
from made_clips import SPACING_MM, beating

from echobeat.errors import InvalidClip, UnreadableFile, UnsupportedFile
from echobeat.sources import open_clip


@pytest.mark.parametrize(("units", "step"), [("sec", 0.02), ("msec", 20), ("usec", 20000)])
def test_the_time_step_has_a_unit(tmp_path: Path, units: str, step: float) -> None:
    """Seconds, ms and us all give 50 frames a second."""
    clip = open_clip(save_nifti(tmp_path / "clip.nii", beating(4), step, units))
    assert clip.times_s == pytest.approx([0, 0.02, 0.04, 0.06])


@pytest.mark.parametrize(("units", "factor"), [("meter", 1e-3), ("mm", 1.0), ("micron", 1e3)])
def test_spacing_has_a_unit(tmp_path: Path, units: str, factor: float) -> None:
    """Metres, mm and micrometres all give mm; row spacing is that of y."""
    image = nibabel.Nifti1Image(beating(4).transpose(2, 1, 0), np.eye(4))
    image.header.set_zooms((SPACING_MM[1] * factor, SPACING_MM[0] * factor, 0.02))
    image.header.set_xyzt_units(units, "sec")
    nibabel.save(image, tmp_path / "clip.nii.gz")
    assert open_clip(tmp_path / "clip.nii.gz").spacing_mm == pytest.approx(SPACING_MM)


@pytest.mark.parametrize(("units", "step"), [("unknown", 0.02), ("sec", 1.0), ("hz", 50.0)])
def test_a_time_step_that_is_none_asks_for_the_rate(tmp_path: Path, units: str, step: float) -> None:
    """No unit, or the one second that writers leave there, is not a frame rate."""
    path = save_nifti(tmp_path / "clip.nii", beating(4), step, units)
    with pytest.raises(InvalidClip, match=r"frame rate.*--fps"):
        open_clip(path)
    assert open_clip(path, fps=50).fps == pytest.approx(50)


@pytest.mark.parametrize(("units", "spacing"), [("unknown", None), ("mm", None), ("micron", (0.001, 0.001))])
def test_a_header_left_at_one_is_no_calibration(tmp_path: Path, units: str, spacing: object) -> None:
    """1 x 1 without a unit or in mm is what writers put where they know nothing; nobody puts micrometres by default."""
    image = nibabel.Nifti1Image(beating(4).transpose(2, 1, 0), np.eye(4))
    image.header.set_xyzt_units(units, "unknown")
    nibabel.save(image, tmp_path / "clip.nii")
    assert open_clip(tmp_path / "clip.nii", fps=50).spacing_mm == spacing


@pytest.mark.parametrize(("zooms", "units"), [((0.1, 0.1, 0.1), "sec"), ((0.4, 0.5, 1.0), "msec")])
def test_the_third_axis_size_is_no_time_step_where_it_is_a_length_or_a_default(
    tmp_path: Path, zooms: tuple[float, float, float], units: str
) -> None:
    """0.1 in all directions are not 10 frames a second, and 1 is not 1000; the fourth axis is that of time."""
    frames = beating(4).transpose(2, 1, 0)
    for pictures, steps in ((frames, zooms), (frames[:, :, None], (*zooms[:2], 7.0, zooms[2]))):
        image = nibabel.Nifti1Image(pictures, np.eye(4))
        image.header.set_zooms(steps)
        image.header.set_xyzt_units("mm", units)
        nibabel.save(image, tmp_path / f"clip{pictures.ndim}.nii")
    with pytest.raises(InvalidClip, match=r"frame rate.*--fps"):
        open_clip(tmp_path / "clip3.nii")
    assert open_clip(tmp_path / "clip4.nii").fps == pytest.approx(10 if units == "sec" else 1000)


@pytest.mark.parametrize("shape", [(96, 72, 1, 6), (96, 72, 6, 1)])
def test_a_fourth_axis_of_one_is_no_matter(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """(x, y, 1, time) and (x, y, time, 1) are cines too."""
    image = nibabel.Nifti1Image(beating(6).transpose(2, 1, 0).reshape(shape), np.eye(4))
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_zooms((0.4, 0.5, 0.02, 0.02))
    nibabel.save(image, tmp_path / "clip.nii")
    clip = open_clip(tmp_path / "clip.nii")
    assert np.array_equal(np.asarray(clip.frames), beating(6))
    assert clip.fps == pytest.approx(50)


def test_a_single_image_is_a_still(tmp_path: Path) -> None:
    """(x, y) needs no frame rate."""
    nibabel.save(nibabel.Nifti1Image(beating(1)[0].T, np.eye(4)), tmp_path / "still.nii.gz")
    assert open_clip(tmp_path / "still.nii.gz").frames.shape == (1, 72, 96)


def test_nifti_2_in_big_endian(tmp_path: Path) -> None:
    """The second version of the format, from the other kind of machine."""
    header = nibabel.Nifti2Header(endianness=">")
    image = nibabel.Nifti2Image(beating(4).transpose(2, 1, 0), np.eye(4), header)
    nibabel.save(image, tmp_path / "two.nii")
    assert np.array_equal(np.asarray(open_clip(tmp_path / "two.nii", fps=50).frames), beating(4))


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_values_between_0_and_255_are_taken_as_they_are(tmp_path: Path, dtype: type) -> None:
    """Whatever type holds them."""
    clip = open_clip(save_nifti(tmp_path / "clip.nii", beating(4).astype(dtype)))
    assert np.array_equal(np.asarray(clip.frames), beating(4))
    assert clip.warnings == ()


def test_floats_between_0_and_1_are_stretched(tmp_path: Path) -> None:
    """A normalised cine is brought back to 0-255."""
    clip = open_clip(save_nifti(tmp_path / "clip.nii", (beating(4) / 255).astype(np.float32)))
    assert np.array_equal(np.asarray(clip.frames), beating(4))


def test_other_ranges_are_mapped_and_said(tmp_path: Path) -> None:
    """From the smallest to the largest value of the clip."""
    values = beating(4).astype(np.int16) * 30 - 500
    clip = open_clip(save_nifti(tmp_path / "clip.nii", values))
    expected = np.rint((values - values.min()) * (255 / (values.max() - values.min())))
    assert np.array_equal(np.asarray(clip.frames), expected)
    assert [warning.code for warning in clip.warnings] == ["grey_rescaled"]


def test_the_display_range_wins(tmp_path: Path) -> None:
    """cal_min and cal_max say what is black and white."""
    path = save_nifti(tmp_path / "clip.nii", beating(4).astype(np.int16) * 10)
    image = nibabel.load(path)
    image.header["cal_min"], image.header["cal_max"] = 0, 2550
    nibabel.save(image, tmp_path / "shown.nii")
    clip = open_clip(tmp_path / "shown.nii")
    assert np.array_equal(np.asarray(clip.frames), beating(4))
    assert clip.warnings == ()


def test_slope_and_intercept_are_applied(tmp_path: Path) -> None:
    """Stored values are not always grey values."""
    path = save_nifti(tmp_path / "clip.nii", beating(4) // 2)
    data = bytearray(path.read_bytes())
    data[112:120] = struct.pack("<2f", 2.0, 1.0)
    path.write_bytes(data)
    assert np.array_equal(np.asarray(open_clip(path).frames), beating(4) // 2 * 2 + 1)


def test_rgb_voxels_become_luma(tmp_path: Path) -> None:
    """The format's own colour type."""
    voxels = np.zeros((96, 72, 4), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    voxels["R"] = 200
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), tmp_path / "red.nii")
    clip = open_clip(tmp_path / "red.nii", fps=50)
    assert np.asarray(clip.frames) == pytest.approx(round(0.299 * 200), abs=1)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_is_refused(tmp_path: Path, bad: float) -> None:
    """One bad value is enough, wherever it is."""
    values = beating(4).astype(np.float32)
    values[3, 70, 90] = bad
    with pytest.raises(InvalidClip, match="NaN"):
        open_clip(save_nifti(tmp_path / "nan.nii.gz", values))


def test_a_negative_spacing_is_invalid(tmp_path: Path) -> None:
    """pixdim must be positive; the user's value is the remedy."""
    path = save_nifti(tmp_path / "clip.nii", beating(4))
    data = bytearray(path.read_bytes())
    data[80:84] = struct.pack("<f", -0.4)
    path.write_bytes(data)
    with pytest.raises(InvalidClip, match=r"spacing.*--spacing-mm"):
        open_clip(path)
    assert open_clip(path, spacing_mm=0.4).spacing_mm == (0.4, 0.4)


def test_a_volume_over_time_is_not_a_cine(tmp_path: Path) -> None:
    """Three dimensions in space are another examination."""
    nibabel.save(nibabel.Nifti1Image(np.zeros((32, 32, 4, 5), np.uint8), np.eye(4)), tmp_path / "volume.nii")
    with pytest.raises(UnsupportedFile, match=r"not \(x, y, time\)"):
        open_clip(tmp_path / "volume.nii")


def test_complex_values_are_not_read(tmp_path: Path) -> None:
    """Radio-frequency data are no pictures."""
    nibabel.save(nibabel.Nifti1Image(np.zeros((32, 32, 4), np.complex64), np.eye(4)), tmp_path / "complex.nii")
    with pytest.raises(UnsupportedFile, match="complex64"):
        open_clip(tmp_path / "complex.nii")


def test_a_header_alone_is_cut_off(tmp_path: Path) -> None:
    """No frame, no clip."""
    path = save_nifti(tmp_path / "clip.nii", beating(4))
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(UnreadableFile, match="cut off"):
        open_clip(path)


def test_a_header_that_claims_too_much_is_refused(tmp_path: Path) -> None:
    """Neither size nor offset is trusted beyond the limits."""
    path = save_nifti(tmp_path / "clip.nii", beating(4))
    data = bytearray(path.read_bytes())
    data[42:46] = struct.pack("<2h", 32767, 32767)
    path.write_bytes(data)
    with pytest.raises(InvalidClip, match="At most"):
        open_clip(path)
