"""Whole runs on made videos: what is written, going on after a stop, two processes as one, and memory that runs out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from made_studies import write_discs  # noqa: E402  torch may be missing

from echobeat.errors import UnreadableFile, UsageError  # noqa: E402
from echobeat.models import load_card, model_file, open_backend  # noqa: E402
from echobeat.training import checkpoints  # noqa: E402
from echobeat.training.config import SegmentationConfig  # noqa: E402
from echobeat.training.engine import Engine, OutOfMemory  # noqa: E402
from echobeat.training.journal import read_log  # noqa: E402
from echobeat.training.material import Source  # noqa: E402
from echobeat.training.recipe_files import load_config, load_recipe  # noqa: E402
from echobeat.training.run import Best, Training, train  # noqa: E402
from echobeat.training.run_folder import RunFolder  # noqa: E402
from echobeat.training.trained import trained_backend  # noqa: E402
from echobeat.whole import PREFIX  # noqa: E402

COMMON = ["network.size=48", "course.epochs=2", "course.batch=2", "machine.workers=0", "course.checkpoint_minutes=0"]
TINY = {"segmentation": COMMON, "ef": [*COMMON, "clips.frames=8", "clips.rate_hz=12.5", "validation_clips=1"]}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_discs(tmp_path_factory.mktemp("discs") / "data")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def run(task, data, out, cache, *overrides, resume=False):
    return train(task, Source(data, cache), out, load_config(task, "light", [*TINY[task], *overrides]), resume)


def start(task, data, out, cache, *overrides):
    words = ["train", task, "--data", data, "--out", out, "--cache", cache, "--resume", *TINY[task], *overrides]
    return subprocess.Popen(
        [sys.executable, "-m", "echobeat", *map(str, words)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def weights(out: Path):
    return checkpoints.load(out / "checkpoints" / "last.ckpt")["engine"]


def assert_same(one, other, tolerance=0.0):
    for name, value in one["network"].items():
        assert torch.allclose(value.double(), other["network"][name].double(), rtol=tolerance, atol=tolerance), name


def wait_for_step(process, out, step):
    while process.poll() is None:
        state = checkpoints.load(out / "checkpoints" / "last.ckpt")
        if state is not None and state["engine"]["step"] >= step:
            return
        time.sleep(0.01)  # polling another process, not waiting for time to pass
    raise AssertionError(process.communicate()[1])


@pytest.mark.parametrize("task", ["segmentation", "ef"])
def test_a_run_leaves_a_model_that_its_card_describes(task, data, cache, tmp_path):
    """Everything that the docs name is in the folder, the card reads, and in torch the network answers as its file."""
    run(task, data, tmp_path / "run", cache)
    for name in ("config.toml", "manifest.json", "log.csv", "curves.png", "curves.pdf", "model.onnx", "model.json"):
        assert (tmp_path / "run" / name).stat().st_size > 0
    card = load_card(tmp_path / "run")
    assert card.task == task
    assert all(metric.n == 2 for metric in card.metrics)
    assert not card.crop  # it learned from frames as they are, and analyze has to show it such
    assert [row["step"] for row in read_log(tmp_path / "run" / "log.csv")] == [3, 6]
    shape = (2, 1, 8, 48, 48) if task == "ef" else (2, 1, 48, 48)
    grey = np.random.default_rng(1).uniform(0, 255, shape).astype(np.float32)
    in_torch = trained_backend(tmp_path / "run", "cpu").run(grey)
    assert np.allclose(in_torch, open_backend(model_file(tmp_path / "run"), "onnxruntime").run(grey), rtol=1e-4)
    assert trained_backend("lv", "cpu") is None  # bundled: there is only its file


def test_a_killed_run_ends_at_the_weights_of_one_that_was_not(data, cache, tmp_path):
    """kill -9 in the midst of an epoch, then --resume: the same weights, bit by bit."""
    whole = start("ef", data, tmp_path / "whole", cache, "clips.margin_px=4")
    assert whole.wait() == 0, whole.communicate()[1]
    cut = start("ef", data, tmp_path / "cut", cache, "clips.margin_px=4")
    wait_for_step(cut, tmp_path / "cut", 2)
    cut.kill()
    cut.communicate()
    again = start("ef", data, tmp_path / "cut", cache, "clips.margin_px=4")
    assert again.wait() == 0, again.communicate()[1]
    assert_same(weights(tmp_path / "whole"), weights(tmp_path / "cut"))
    steps = [row["step"] for row in read_log(tmp_path / "cut" / "log.csv")]
    assert steps == [3, 6]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_its_processes_saves_and_says_how_to_go_on(number, data, cache, tmp_path):
    """Ctrl-C, and a scheduler's SIGTERM: exit code 130, a checkpoint of the step at hand, and the word --resume."""
    process = start("segmentation", data, tmp_path / "run", cache, "course.epochs=500", "machine.workers=1")
    wait_for_step(process, tmp_path / "run", 1)
    os.killpg(process.pid, number)
    _, said = process.communicate()
    assert process.returncode == 130, said
    assert "--resume" in said
    assert weights(tmp_path / "run")["step"] >= 1


def test_two_processes_learn_what_one_does(data, cache, tmp_path):
    """DDP over gloo; in one process, batch statistics are taken over halves of the batch, as two have them."""
    plain = ["optimiser.kind=sgd", "optimiser.learning_rate=0.05", "optimiser.warmup_steps=0"]
    several = start(
        "segmentation", data, tmp_path / "two", cache, *plain, "machine.devices=2", "machine.accelerator=cpu"
    )
    assert several.wait() == 0, several.communicate()[1]
    run("segmentation", data, tmp_path / "one", cache, *plain, "machine.microbatch=1")
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    counted = ("running_mean", "running_var", "num_batches_tracked")
    learned = {name for name in one["network"] if not name.endswith(counted)}
    for state in (one, two):
        state["network"] = {name: value for name, value in state["network"].items() if name in learned}
    assert_same(one, two, tolerance=1e-4)


def test_a_folder_with_a_run_is_not_begun_again(data, cache, tmp_path):
    """Neither without --resume, nor with another recipe; nor is what only checkpoints are left of."""
    run("segmentation", data, tmp_path / "run", cache, "course.epochs=1")
    with pytest.raises(UsageError, match="--resume"):
        run("segmentation", data, tmp_path / "run", cache, "course.epochs=1")
    with pytest.raises(UsageError, match="another recipe"):
        run("segmentation", data, tmp_path / "run", cache, "course.epochs=3", resume=True)
    (tmp_path / "run" / "config.toml").unlink()
    with pytest.raises(UsageError, match="checkpoints, but no config"):
        run("segmentation", data, tmp_path / "run", cache, "course.epochs=3")


def test_what_a_killed_run_was_saving_is_removed(tmp_path):
    """A checkpoint is large, and each kill would leave one."""
    folder = RunFolder(tmp_path / "run")
    left = folder.last.with_name(f"{PREFIX}0123")
    left.parent.mkdir(parents=True)
    left.write_text("half")
    folder.begin(load_config("segmentation", "light", TINY["segmentation"]), resume=True)
    assert not left.exists()


def test_a_run_whose_data_could_not_be_read_is_none(data, cache, tmp_path):
    """After a wrong --data the corrected command begins, with other entries too, and with or without --resume."""
    for out, resume in ((tmp_path / "run", False), (tmp_path / "resumed", True)):
        with pytest.raises(UnreadableFile, match="no such folder"):
            run("segmentation", tmp_path / "phantms", out, cache, "course.epochs=2")
        assert run("segmentation", data, out, cache, "course.epochs=1", resume=resume).exists()
        assert load_recipe(SegmentationConfig, "", str(out / "config.toml")).course.epochs == 1


def test_the_best_weights_stay_the_best_over_a_resume(data, cache, tmp_path):
    """A better score that best.ckpt holds is not overwritten by a worse one when the run goes on."""
    out = tmp_path / "run"
    run("segmentation", data, out, cache)
    best = checkpoints.load(out / "checkpoints" / "best.ckpt")
    checkpoints.save({**best, "score": 2.0}, out / "checkpoints" / "best.ckpt")
    state = checkpoints.load(out / "checkpoints" / "last.ckpt")
    state["engine"]["step"] = 3
    checkpoints.save(state, out / "checkpoints" / "last.ckpt")
    run("segmentation", data, out, cache, resume=True)
    assert checkpoints.load(out / "checkpoints" / "best.ckpt")["score"] == 2.0


@pytest.mark.parametrize(
    ("monitor", "score", "warned"), [("dice", 0.0, True), ("dice", 0.5, False), ("loss", 0.0, False)]
)
def test_a_run_that_learned_nothing_says_so(monitor, score, warned, tmp_path):
    """A best Dice of 0 is warned of in words; a higher one is not, nor is a loss of 0."""
    said = []
    engine = SimpleNamespace(fabric=None, config=SimpleNamespace(course=SimpleNamespace(monitor=monitor)))
    lesson = SimpleNamespace(task=SimpleNamespace(higher_is_better={"dice"}))
    Training(RunFolder(tmp_path), engine, lesson, SimpleNamespace(say=said.append), Best(score, 3)).say_best(3)
    assert str(tmp_path / "model.onnx") in said[0]
    assert ("has learned nothing" in said[-1]) == warned


def test_a_batch_that_memory_does_not_hold_is_halved(data, cache, tmp_path, monkeypatch, capsys):
    """The step is taken with the same gradients in parts, and the log says so."""
    learned = []
    plain = Engine._gradients

    def short(self, batch, size):
        if size > 1:
            raise torch.OutOfMemoryError("made up")
        learned.append(len(batch["study"]))
        return plain(self, batch, size)

    monkeypatch.setattr(Engine, "_gradients", short)
    run("segmentation", data, tmp_path / "run", cache, "course.epochs=1")
    assert learned == [2, 2, 2]
    assert "does not hold 2 items" in capsys.readouterr().err


def test_one_item_that_memory_does_not_hold_is_an_error(data, cache, tmp_path, monkeypatch):
    """Halving ends at one item."""

    def never(self, batch, size):
        raise torch.OutOfMemoryError("made up")

    monkeypatch.setattr(Engine, "_gradients", never)
    with pytest.raises(OutOfMemory, match="single item"):
        run("segmentation", data, tmp_path / "run", cache, "course.epochs=1")


def test_every_loss_and_choice_of_the_recipe_runs(data, cache, tmp_path):
    """RankSim, LDS, volumes, several clips, noise, balance, consistency, entire videos."""
    losses = ["loss.ranksim=1", "loss.lds=inverse", "loss.volumes=0.1"]
    clips = ["clips.each=2", "clips.spread_s=0.2", "clips.reverse=1", "studies.noise=0.2", "studies.balance=1"]
    run("ef", data, tmp_path / "a", cache, *losses, *clips, "course.epochs=1")
    run("ef", data, tmp_path / "b", cache, "clips.whole=true", "clips.speed=[0.7,1.4]", "course.epochs=1")
    other_size = ["augment=0", "course.epochs=1", "network.size=64"]
    run("segmentation", data, tmp_path / "c", cache, "loss.consistency=1", *other_size)
    assert load_card(tmp_path / "c").crop  # letterboxed frames have no black borders
