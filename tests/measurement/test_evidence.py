"""What images show: a moving ultrasound picture, or something else."""

import cv2
import numpy as np
import pytest
from made_sectors import beating_sector, clip, moving, photograph, sector, text

from echobeat.measurement import gather_evidence
from echobeat.measurement.codes import refused
from echobeat.measurement.quality import image_warnings


def codes(made):
    return {warning.code for warning in image_warnings(gather_evidence(made))}


@pytest.mark.parametrize("size", [112, 400])
def test_a_beating_sector_is_ultrasound(size):
    """Nothing speaks against it, small or large."""
    assert codes(beating_sector(size=size)) == set()


def test_low_contrast_wide_borders_and_high_gain_pass():
    """Conservative: what scanners and exports do to a picture is no reason to refuse it."""
    frames = np.asarray(beating_sector().frames)
    for made in (
        (frames * 0.3).astype(np.uint8),
        np.clip(frames * 2.0, 0, 255).astype(np.uint8),
        np.stack([cv2.copyMakeBorder(f, 60, 200, 250, 90, cv2.BORDER_CONSTANT) for f in frames]),
        np.stack([cv2.resize(f, (160, 90), interpolation=cv2.INTER_AREA) for f in frames]),
        np.stack([cv2.imdecode(cv2.imencode(".jpg", f, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], 0) for f in frames]),
    ):
        assert not refused(tuple(image_warnings(gather_evidence(clip(made)))))


def test_writing_beside_the_picture_is_no_part_of_it():
    """A header changes nothing that is measured, the share of the frame that the picture covers included."""
    frames = [cv2.copyMakeBorder(f, 120, 20, 150, 150, cv2.BORDER_CONSTANT) for f in beating_sector(size=240).frames]
    bare, written = np.stack(frames), np.stack(frames)
    for frame in written:
        cv2.putText(
            frame, "DOE, JANE  4711-08154  MI 1.3", (10, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 220, 1, cv2.LINE_AA
        )
    assert not np.array_equal(bare, written)
    assert gather_evidence(clip(written)) == gather_evidence(clip(bare))


def test_a_picture_zoomed_into_the_heart_passes_with_a_warning():
    """Without dark surroundings, but with speckle everywhere."""
    frames = np.asarray(beating_sector(size=300).frames)[:, 110:220, 105:195]
    (warning,) = image_warnings(gather_evidence(clip(frames)))
    assert warning.code == "unusual_image"
    assert "scanning sector: there is little speckle" in warning.message


def test_photographs_text_and_noise_are_refused():
    """Moving, so that stillness does not give them away."""
    rng = np.random.default_rng(0)
    assert "not_ultrasound" in codes(clip(moving(photograph())))
    assert "not_ultrasound" in codes(clip(moving(text())))
    assert "not_ultrasound" in codes(clip(rng.integers(0, 256, (30, 112, 112)).astype(np.uint8)))
    clouds = np.stack([cv2.GaussianBlur(rng.normal(size=(112, 112)), (0, 0), 4) for _ in range(30)])
    assert "not_ultrasound" in codes(clip(np.clip(120 + 600 * clouds, 0, 255).astype(np.uint8)))


def test_blank_frames_are_refused():
    """Black, white, or nearly one grey."""
    for grey in (0, 90, 255):
        assert codes(clip(np.full((20, 112, 112), grey, np.uint8))) == {"blank"}


def test_stills_are_refused_in_whatever_way_they_come():
    """One frame, one frame repeated, one frame with a moving cursor, one frame re-encoded."""
    image = sector()
    repeated = np.repeat(image[None], 40, axis=0)
    cursor = repeated.copy()
    for k in range(40):
        cursor[k, 100:104, 2 * k : 2 * k + 3] = 255
    flicker = np.clip(repeated + np.random.default_rng(0).integers(0, 2, repeated.shape), 0, 255).astype(np.uint8)
    for made in (image[None], repeated, cursor, flicker):
        assert "still_image" in codes(clip(made))


def test_a_frozen_part_is_told_from_a_frozen_clip():
    """A third frozen warns, four fifths frozen refuse."""
    frames = np.asarray(beating_sector(frames=200).frames)
    for moving_frames, code in ((130, "partly_frozen"), (40, "frozen")):
        made = frames.copy()
        made[moving_frames:] = made[moving_frames]
        assert code in codes(clip(made))


def test_repeated_frames_are_no_freeze():
    """A clip of 25 frames a second exported at 50 shows every frame twice."""
    frames = np.asarray(beating_sector(frames=100).frames)
    assert codes(clip(np.repeat(frames[::2], 2, axis=0))) == set()


def test_colour_doppler_is_refused_and_a_trace_is_not():
    """A box with a few vessels of flow is Doppler; under one pixel in a hundred is an ECG trace."""
    frames = np.asarray(beating_sector().frames)
    assert "colour_doppler" in codes(clip(frames, colour_fraction=0.12))
    assert "colour_doppler" in codes(clip(frames, colour_fraction=0.02))
    assert "colour_present" in codes(clip(frames, colour_fraction=0.012))


def test_the_share_of_colour_is_that_of_the_picture_and_not_of_the_screen():
    """A sector on a quarter of a screen: what is 1 % of the screen is 4 % of it; one that fills the frame stays."""
    frames = np.asarray(beating_sector().frames)
    quarter = np.pad(frames, ((0, 0), (0, 112), (112, 0)))
    assert gather_evidence(clip(frames, colour_fraction=0.0099)).colour_fraction == 0.0099
    assert gather_evidence(clip(quarter, colour_fraction=0.0099)).colour_fraction == pytest.approx(0.04, rel=0.1)
    assert "colour_doppler" in codes(clip(quarter, colour_fraction=0.0099))
    assert codes(clip(frames, colour_fraction=0.009)) == set()


@pytest.mark.parametrize("shape", [(1, 16, 16), (2, 16, 300), (3, 300, 16), (5, 17, 19)])
def test_odd_sizes_are_measured_without_complaint(shape):
    """Smallest and most unequal frames give finite evidence."""
    made = clip(np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8))
    evidence = gather_evidence(made)
    assert all(np.isfinite(value) for value in vars(evidence).values())
