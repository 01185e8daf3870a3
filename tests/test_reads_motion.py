"""EF is read from what moves: not from time's unit, and not from frames that are no motion."""

import numpy as np
import pytest

from echobeat.measurement import gather_evidence
from echobeat.measurement.quality import image_warnings
from echobeat.phantom import draw_patient, make_study
from echobeat.pipeline import Models, analyze_clip, read
from echobeat.records import Result

FPS = 50.0


@pytest.fixture(scope="module")
def models() -> Models:
    return Models.load("lv", "auto", threads=1)


@pytest.fixture(scope="module", params=[28.0, 60.0])
def frames(request):
    """Three beats of a weak and of an ordinary heart, (frames, 112, 112) uint8."""
    seed = 2**41 + 77  # of the calibration seeds: nothing was trained on it
    patient = draw_patient(seed, rhythm="sinus", ef=request.param, clip="free", beats=3, fps=FPS)
    return make_study(patient).frames


def result(frames, fps, models) -> Result:
    return analyze_clip(read(frames, fps=fps), models).result


def test_at_half_the_speed_the_ef_is_the_same_and_the_heart_rate_half(frames, models):
    """EF within 3 points, heart rate half to 5 %."""
    plain, slow = result(frames, FPS, models), result(frames, FPS / 2, models)
    assert slow.ef.value == pytest.approx(plain.ef.value, abs=3.0)
    assert slow.rhythm.heart_rate_bpm == pytest.approx(plain.rhythm.heart_rate_bpm / 2, rel=0.05)


def test_one_frame_repeated_is_refused(frames, models):
    """No EF from a look alone."""
    still = result(np.repeat(frames[:1], len(frames), axis=0), FPS, models)
    assert still.ef is None
    assert still.quality.warnings[0].code == "still_image"


def test_one_frame_repeated_under_noise_is_a_still_image(frames, models):
    """Noise comes in no order either, but that is not what is wrong; a heart under it, weak or not, beats."""
    noise = np.random.default_rng(2).normal(0, 3, (60, *frames.shape[1:]))
    still = result(np.clip(frames[0] + noise, 0, 255).astype(np.uint8), FPS, models)
    assert [warning.code for warning in still.quality.warnings][:1] == ["still_image"]
    beating = image_warnings(gather_evidence(read(np.clip(frames[:60] + noise, 0, 255).astype(np.uint8), fps=FPS)))
    assert [*beating] == []


def test_shuffled_frames_are_refused(frames, models):
    """The same pictures in no order are no heartbeat."""
    shuffled = frames[np.random.default_rng(1).permutation(len(frames))]
    found = result(shuffled, FPS, models)
    assert found.ef is None
    assert "frames_out_of_order" in [warning.code for warning in found.quality.warnings]
