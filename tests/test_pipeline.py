"""The spine: what a user of the Python API gets."""

import subprocess
import sys

import cv2
import numpy as np
import pytest

import echobeat
from echobeat.errors import InvalidClip, ModelError, UnreadableFile, UsageError
from echobeat.frames import FrameStack
from echobeat.models.cards import FREE, load_card
from echobeat.phantom import draw_patient, make_study
from echobeat.phantom.seeds import VALIDATION_SEEDS
from echobeat.pipeline import FREE_SEGMENTATION, Choice, Models, analyze_clip, read
from echobeat.records import LVMasks


@pytest.fixture(scope="module")
def study():
    return make_study(draw_patient(VALIDATION_SEEDS.start + 3, rhythm="sinus", ef=55.0))


@pytest.fixture(scope="module")
def assessment(study):
    return echobeat.analyze(study.frames, fps=study.patient.acquisition.fps, spacing_mm=study.spacing_mm)


def test_an_array_is_assessed(study, assessment):
    """Beats, an EF with its method and its model, and masks of the source's size come back."""
    result = assessment.result
    assert assessment.masks.lv.shape == study.frames.shape
    assert len(assessment.phases) == len(study.frames)
    assert result.models[0].name == "lv"
    assert result.models[0].licence
    assert result.quality.accepted
    assert assessment.ef is not None
    assert assessment.ef.method in ("video", "combined")
    assert assessment.ef.low < assessment.ef.value < assessment.ef.high
    ways = sorted((result.ef_geometric.value, result.ef_video.value))
    assert ways[0] - 1e-6 <= assessment.ef.value <= ways[1] + 1e-6
    assert any(beat.complete for beat in assessment.beats)


def test_masks_lie_on_the_true_ventricle(study, assessment):
    """On a phantom never seen, the masks overlap the truth by more than Dice 0.8."""
    ours = np.asarray(assessment.masks.lv)
    overlap = 2 * (ours & study.masks).sum() / (ours.sum() + study.masks.sum())
    assert overlap > 0.8


def test_segment_keeps_the_shape(study):
    """A stack gives a stack, a single frame a single mask, bool."""
    many, one = echobeat.segment(study.frames[:3]), echobeat.segment(study.frames[0])
    assert many.shape == study.frames[:3].shape
    assert one.shape == study.frames[0].shape
    assert many.dtype == one.dtype == np.dtype(bool)
    assert np.array_equal(many[0], one)


@pytest.mark.parametrize("shape", [(1, 1), (2, 1, 1), (3, 7, 13), (1, 5, 300)])
def test_segment_takes_any_size(shape):
    """Frames too small for a clip get masks of their own shape, too."""
    masks = echobeat.segment(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))
    assert (masks.shape, masks.dtype) == (shape, np.dtype(bool))


def test_one_frame_in_colour_is_not_taken_for_many_narrow_ones(study):
    """With the axis of the frames before it, it is segmented."""
    colour = np.repeat(study.frames[0][..., None], 3, axis=2)
    with pytest.raises(InvalidClip, match="colour"):
        echobeat.segment(colour)
    assert np.array_equal(echobeat.segment(colour[None])[0], echobeat.segment(study.frames[0]))


def test_segment_finds_a_small_ventricle_where_it_is(study):
    """Shrunk to 15 pixels a side, the mask still lies on the true one: by more than Dice 0.6."""
    small = cv2.resize(study.frames[0], (15, 15), interpolation=cv2.INTER_AREA)
    truth = cv2.resize(study.masks[0].astype(np.float32), (15, 15), interpolation=cv2.INTER_AREA) > 0.5
    found = echobeat.segment(small)
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.6


def test_measure_takes_masks_from_anywhere(study):
    """The true masks of a calibrated phantom give volumes in ml and an EF near the truth."""
    measured = echobeat.measure(study.masks, study.patient.acquisition.fps, study.spacing_mm)
    complete = [beat for beat in measured.beats if beat.complete]
    assert complete
    assert all(beat.edv_ml > beat.esv_ml > 0 for beat in complete)
    assert measured.ef is not None
    assert abs(measured.ef.value - study.ef) < 10


def test_masks_that_do_not_say_where_the_cavity_is_are_refused(study):
    """Labels of several structures and probabilities; one value beside 0, whichever, is the cavity."""
    truth = study.masks[:100]
    labels, chances = truth.astype(np.uint8), truth * np.float32(0.9)
    labels[:, :20] = 2
    chances[0, 0, 0] = np.nan
    for masks in (labels, chances, np.where(truth, 0.92, 0.02), truth * 1j, truth.astype(str)):
        with pytest.raises(UsageError, match=r"masks == 1"):
            echobeat.measure(masks, 50)
    with pytest.raises(UsageError, match=r"axes \(frames, height, width\)"):
        echobeat.measure(truth[0], 50)
    area = truth.sum(axis=(1, 2))
    for masks in (truth, truth * 255, truth * 0.5, FrameStack.from_array(truth * np.uint8(2))):
        assert np.array_equal(echobeat.measure(masks, 50).curve.area_px, area)


def test_a_path_where_frames_belong_is_told_what_reads_files():
    """`segment` and `measure` take what is in memory."""
    with pytest.raises(UsageError, match=r"analyze reads files"):
        echobeat.segment("clip.avi")
    with pytest.raises(UsageError, match=r"of type str cannot be taken for masks"):
        echobeat.measure("masks.npz", 50)


def test_a_still_image_gets_a_reason_and_no_number(study):
    """One frame is read and refused: no EF, no category, no probability."""
    result = echobeat.analyze(study.frames[:1], fps=50).result
    assert not result.quality.accepted
    assert result.quality.warnings[0].code == "still_image"
    assert result.ef is result.ef_category is result.probability_below is None


def test_a_refused_clip_has_no_interval(study):
    """At 8 frames a second the clip is refused; what was calibrated on judged clips is not claimed for it."""
    result = echobeat.analyze(study.frames[::6], fps=study.patient.acquisition.fps / 6).result
    assert not result.quality.accepted
    assert any(beat.ef is not None for beat in result.beats)
    assert all(beat.ef_low is beat.ef_high is None for beat in result.beats)
    assert all(e is None or e.low is e.high is None for e in (result.ef_geometric, result.ef_video))


def test_the_free_models_are_a_whole_chain_of_their_own():
    """Contours, beats and view, each under the licence of the code and calibrated; the default's are not mixed in."""
    free = Models.load(FREE_SEGMENTATION)
    assert {model.name for model in free.used} == {"lv-phantom", "ef-phantom", "view-phantom"}
    assert {model.licence for model in free.used} == {FREE}
    assert free.video_calibration is not None
    assert {model.name for model in Models.load().used} == {"lv", "ef", "view"}


@pytest.mark.parametrize(("segmentation", "ef"), [("lv", "auto"), ("lv", "none"), (FREE_SEGMENTATION, "auto")])
def test_what_is_said_of_models_before_they_are_loaded_holds_of_the_loaded_ones(segmentation, ef):
    """A batch knows the models of its workers without loading one."""
    chosen = Choice.of(segmentation, ef)
    assert chosen.used() == Models.load(segmentation, ef, threads=1).used
    assert chosen == Choice.of(segmentation, chosen.ejection_fraction)


def test_where_a_picture_is_held_there_is_no_phase(study):
    """Nothing beats there, and no frame of it is called systole."""
    shown = np.concatenate([np.arange(60), np.full(30, 60), np.arange(60, 120)])

    class TrueContours:
        card = load_card("lv")

        def segment(self, frames, progress=None):
            return LVMasks(FrameStack.from_array(study.masks[shown]), np.ones(len(frames)))

    clip = read(study.frames[shown], fps=study.patient.acquisition.fps)
    phases = analyze_clip(clip, Models(TrueContours())).phases
    assert set(phases[61:91]) == {""}
    assert "" not in phases[:61]


def test_noise_gets_no_number():
    """What is not ultrasound is refused, whatever the network paints on it."""
    frames = np.random.default_rng(0).integers(0, 256, (60, 112, 112), dtype=np.uint8)
    result = echobeat.analyze(frames, fps=50).result
    assert result.ef is None
    assert not result.quality.accepted


@pytest.mark.parametrize("what", [None, 5, ["a.avi"], [None], [np.zeros((50, 50)), np.zeros((50, 49))], object()])
@pytest.mark.parametrize("call", [echobeat.analyze, echobeat.segment, lambda what: echobeat.measure(what, 50)])
def test_what_is_neither_a_path_nor_frames_is_wrong_use(call, what):
    """Told as such, with what to give; a number alone is frames of a wrong shape."""
    with pytest.raises((UsageError, InvalidClip), match=r"frames, height, width"):
        call(what)


def test_a_list_of_frames_is_an_array_of_them(study):
    """For each of the three functions."""
    clip, masks = read([*study.frames[:3]], fps=50), [*study.masks[:3]]
    assert np.array_equal(np.asarray(clip.frames), study.frames[:3])
    assert np.array_equal(echobeat.segment([*study.frames[:2]]), echobeat.segment(study.frames[:2]))
    assert np.array_equal(echobeat.measure(masks, 50).curve.volume, echobeat.measure(study.masks[:3], 50).curve.volume)


def test_wrong_input_is_a_typed_error(tmp_path):
    """An array without a rate, a missing file and an unknown model each say what is wrong."""
    with pytest.raises(InvalidClip, match="fps"):
        echobeat.analyze(np.zeros((5, 50, 50), np.uint8))
    with pytest.raises(UnreadableFile, match=r"none\.avi"):
        echobeat.analyze(tmp_path / "none.avi")
    with pytest.raises(ModelError, match="There is no model named nonsense"):
        echobeat.analyze(np.zeros((5, 50, 50), np.uint8), fps=50, segmentation="nonsense")


def test_inference_needs_no_torch():
    """Importing what `echobeat analyze` uses never imports torch."""
    code = "import sys, echobeat.pipeline, echobeat.commands.analyze; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
