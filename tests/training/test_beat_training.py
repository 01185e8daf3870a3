"""A reader of beats is trained from phantoms alone, exported, and read by the pipeline; its course can be repeated."""

from functools import partial

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from echobeat.errors import UsageError  # noqa: E402  torch may be missing
from echobeat.models import load_card, load_video_reader  # noqa: E402
from echobeat.models.beat_clips import FRAMES, SIZE  # noqa: E402
from echobeat.networks.light_beat import LightBeat  # noqa: E402
from echobeat.phantom.examination import draw_patient  # noqa: E402
from echobeat.pipeline import Models, analyze_clip, read  # noqa: E402
from echobeat.training import beat_run  # noqa: E402
from echobeat.training.beat_material import Beats  # noqa: E402
from echobeat.training.beat_run import BeatConfig, train_beats  # noqa: E402
from echobeat.training.beats import BeatClips, BeatTask, varied  # noqa: E402

TINY = ["phantoms=2", "widths=[4, 4, 4]", "course.epochs=1", "course.epoch_steps=2", "course.batch=2",
        "machine.workers=0", "machine.precision='32'"]  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of two steps on two short phantoms."""
    out = tmp_path_factory.mktemp("beats") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(beat_run, "VALIDATION_PHANTOMS", 1)
        short = partial(draw_patient, rhythm="sinus", clip="gated", beats=2, fps=25.0)
        patch.setattr(beat_run, "draw_patient", short)
        train_beats(BeatConfig.load("ef-phantom", TINY), None, out, log=lambda _: None)
        with pytest.raises(UsageError, match="another recipe"):
            train_beats(BeatConfig.load("ef-phantom", [*TINY, "course.seed=2"]), None, out, resume=True)
    return out


def made(count=6):
    """Beats of noise."""
    rng = np.random.default_rng(0)
    clips = rng.integers(0, 255, (count, 3, FRAMES, SIZE, SIZE)).astype(np.uint8)
    return Beats(clips, rng.uniform(20, 70, count), rng.uniform(20, 70, count), np.arange(count))


def test_a_run_ends_with_a_model_that_reads_beats(run):
    """Model, card, curves; analyze's pipeline gives each complete beat a reading, and no interval that was not
    calibrated."""
    card = load_card(run)
    assert (card.task, card.measurement_error) == ("beats", None)
    assert (run / "curves.png").exists()
    video = next((run / "material" / "train" / "phantoms" / "Videos").glob("*.avi"))
    models = Models.load("lv-phantom", str(run))
    found = analyze_clip(read(video), models)
    complete = [beat for beat in found.beats if beat.complete]
    assert complete
    assert all(beat.ef_video is not None and beat.ef_geometric is None for beat in complete)
    assert (found.result.ef_video.low, found.result.ef_video.high) == (None, None)
    assert isinstance(load_video_reader(run).card.sha256, str)


def test_the_seed_alone_decides_the_weights_that_a_run_begins_with(run, monkeypatch):
    """Whatever was drawn in the process before, the same recipe begins with the same weights."""
    monkeypatch.setattr(beat_run, "VALIDATION_PHANTOMS", 1)
    config = BeatConfig.load("ef-phantom", TINY)
    begun = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        subject = beat_run._subject(config, None, lambda _: None, run / "material")
        begun.append(subject.lesson.network.state_dict())
    assert all(torch.equal(begun[0][name], begun[1][name]) for name in begun[0])


def test_a_run_is_not_begun_twice(run):
    """Without --resume the folder is refused."""
    with pytest.raises(UsageError, match="holds a run"):
        train_beats(BeatConfig.load("ef-phantom", TINY), None, run)


def test_each_beat_carries_where_the_cavity_truly_is(run):
    """The third channel is the true cavity in the found one's place: mostly the same, but not found."""
    beats = Beats.load(next((run / "material" / "train" / "lv-phantom").glob("*.npz")))
    found, true = (beats.clips[:, channel] > 127 for channel in (1, 2))
    assert 0.6 < 2 * (found & true).sum() / (found.sum() + true.sum()) < 0.999


def test_before_it_has_learned_it_says_what_the_contours_say():
    """No correction, five points of deviation, whatever it sees; its outlines are those of the contours."""
    clips = torch.rand(2, 2, FRAMES, SIZE, SIZE)
    clips[:, 1] = (clips[:, 1, :, ::2, ::2] > 0.7).float().repeat_interleave(2, 2).repeat_interleave(2, 3)
    answer, outlines = LightBeat((4, 4, 4)).eval()(clips, outlines=True)
    assert torch.allclose(answer[:, 0], torch.zeros(2), atol=1e-4)
    assert torch.allclose(answer[:, 1].exp(), torch.full((2,), 4.95), atol=0.1)
    assert torch.equal(outlines[:, 0] > 0, clips[:, 1, :, ::2, ::2] > 0.5)


def test_outlines_drawn_anew_change_the_ef_as_their_areas_tell():
    """A still mask that is redrawn at end-systole with half its area gets the EF of a cavity that halves."""
    network = LightBeat((4, 4, 4)).eval()
    clips = torch.zeros(1, 2, FRAMES, SIZE, SIZE)
    clips[:, 1, :, 16:48, 16:48] = 1
    smaller = torch.zeros(1, 16, FRAMES, SIZE // 2, SIZE // 2)
    smaller[:, :, FRAMES // 2, 8:16] = 1
    network._drawn = lambda levels: smaller
    torch.nn.init.constant_(network.outline.weight, -2.0)
    network.trust.data.fill_(20.0)
    assert float(network(clips)[0, 0].detach()) == pytest.approx(100 * (1 - 0.5**1.5), abs=0.5)


def test_outlines_learn_from_the_true_cavity():
    """The loss is lower for the outlines of the truth than for those of the contours."""

    class Draws(torch.nn.Module):
        def forward(self, clips, outlines):
            mask = clips[:, 1:, :, ::2, ::2]
            return torch.zeros(len(clips), 2), 20 * (self.truth if self.truth is not None else mask) - 10

    beats, network = made(2), Draws()
    batch = {
        "clips": torch.as_tensor(beats.clips),
        "ef": torch.zeros(2),
        "contours_ef": torch.zeros(2),
    }
    batch["clips"][:, 1:] = 0
    batch["clips"][:, 1, :, 20:40, 20:40] = 255
    loss = []
    for truth in (None, torch.zeros(2, 1, FRAMES, SIZE // 2, SIZE // 2)):
        network.truth = truth
        loss.append(float(BeatTask().loss(network, batch)))
    assert loss[1] < loss[0] - 1


def test_samples_depend_on_seed_and_ordinal_alone():
    """Item k of one data set is item k of another of the same seed, and not of another seed."""
    one, same, other = (BeatClips([(made(), 0.5), (made(3), 0.5)], seed) for seed in (1, 1, 2))
    drawn = [[float(clips[(k, 0)]["ef"]) for k in range(20)] for clips in (one, same, other)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_variation_keeps_grey_and_mask_in_step():
    """A mask that is the picture stays it, but for grey's own changes: where one is dark, so is the other."""
    torch.manual_seed(0)
    clips = torch.zeros(8, 2, FRAMES, SIZE, SIZE)
    clips[:, :, :, 16:48, 20:40] = 255
    changed = varied(clips)
    assert changed.shape == clips.shape
    assert float(changed[:, 1].min()) >= 0
    assert float(changed[:, 1].max()) <= 1.0001
    assert float(changed[:, 0][changed[:, 1] < 0.01].mean()) < 12
    assert float(changed[:, 0][changed[:, 1] > 0.99].mean()) > 100


def test_the_loss_falls_with_a_better_answer_and_asks_for_an_honest_deviation():
    """Right answers beat wrong ones; for errors of five points, five points of deviation beat one and fifty."""

    class Says(torch.nn.Module):
        def __init__(self, correction, sd):
            super().__init__()
            self.answer = torch.tensor([[correction, float(np.log(sd))]])

        def forward(self, clips, outlines):
            return self.answer.repeat(len(clips), 1), torch.zeros(len(clips), 1, FRAMES, SIZE // 2, SIZE // 2)

    batch = {
        "clips": torch.zeros(4, 3, FRAMES, SIZE, SIZE, dtype=torch.uint8),
        "ef": torch.full((4,), 55.0),
        "contours_ef": torch.full((4,), 50.0),
    }
    loss = {(c, sd): float(BeatTask().loss(Says(c, sd), batch)) for c in (0.0, 5.0) for sd in (1.0, 5.0, 50.0)}
    assert loss[5.0, 1.0] < loss[0.0, 1.0]
    assert loss[0.0, 5.0] < min(loss[0.0, 1.0], loss[0.0, 50.0])


def test_a_recipe_that_animates_needs_camus(tmp_path):
    """It is said before anything is made."""
    with pytest.raises(UsageError, match="CAMUS"):
        train_beats(BeatConfig.load("ef", TINY), None, tmp_path / "run")
