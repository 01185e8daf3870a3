"""The recipe of the bundled segmentation network runs, goes on after a stop, and exports what it trained."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from echobeat.__main__ import main  # noqa: E402  torch may be missing
from echobeat.errors import ModelError, UsageError  # noqa: E402
from echobeat.models import load_card, load_segmenter  # noqa: E402
from echobeat.models.cards import file_hash  # noqa: E402
from echobeat.models.session import open_backend  # noqa: E402
from echobeat.networks.export import SegmentationModel, export_segmentation  # noqa: E402
from echobeat.networks.light_unet import LightUNet  # noqa: E402
from echobeat.training import checkpoints, run  # noqa: E402
from echobeat.training.bundled import train_bundled  # noqa: E402
from echobeat.training.contours import JUDGING_PHANTOMS, UNSEEN, ContoursConfig, train_contours  # noqa: E402
from echobeat.training.contours_task import ContoursTask, JudgingImages, letterboxed  # noqa: E402
from echobeat.training.losses import dice_cross_entropy  # noqa: E402
from echobeat.training.trained import trained_backend  # noqa: E402

RECIPE = """
size = 48
widths = [4, 8, 8]
pools = [{kind = "phantom", share = 1.0, images = 8}]
[optimiser]
average = 0.9
[course]
epochs = 2
epoch_steps = 2
batch = 2
monitor = "dice"
checkpoint_minutes = 0.0
[machine]
workers = 0
precision = "32"
"""


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    """A recipe of four steps on eight bright discs in place of phantoms."""
    monkeypatch.setattr("echobeat.datasets.phantom_frames._make", made_frames)
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE)
    return ContoursConfig.load(str(path))


def made_frames(maker, count, size, seed, log):
    """Bright discs, in place of phantoms."""
    rng = np.random.default_rng(seed)
    frames = []
    for _ in range(count):
        labels = np.zeros((size, size), np.uint8)
        row, column = rng.integers(10, size - 20, 2)
        labels[row : row + 12, column : column + 10] = 1
        frames.append(((labels * 150 + rng.integers(0, 60, labels.shape)).astype(np.uint8), labels))
    return frames


def weights(folder):
    return checkpoints.load(folder / "checkpoints" / "last.ckpt")["engine"]["average"]


class Stop(Exception):
    """In place of a kill."""


def stopped_once(monkeypatch, after):
    """Stop the training once, when so many steps are taken; the list gets the number of each step that is begun."""
    learn, begun = run.Engine.learn, []

    def stops(engine, batch):
        begun.append(engine.step)
        if len(begun) == after + 1:
            raise Stop
        return learn(engine, batch)

    monkeypatch.setattr(run.Engine, "learn", stops)
    return begun


def test_a_stopped_run_ends_where_one_that_was_not_does(recipe, tmp_path, monkeypatch):
    """Stopped after three of four steps and gone on with, the weights are those of a run that never stopped."""
    train_contours(recipe, None, tmp_path / "whole")

    stopped_once(monkeypatch, after=3)
    with pytest.raises(Stop):
        train_contours(recipe, None, tmp_path / "cut")
    with pytest.raises(UsageError, match="--resume"):
        train_contours(recipe, None, tmp_path / "cut")
    train_contours(recipe, None, tmp_path / "cut", resume=True)
    whole, cut = weights(tmp_path / "whole"), weights(tmp_path / "cut")
    assert all(torch.equal(whole[name], cut[name]) for name in whole)


def test_a_run_ends_with_a_model_that_segments_and_can_be_begun_with(recipe, tmp_path):
    """model.onnx with its card is read as any model; its best weights start another run; others are refused."""
    model = train_contours(recipe, None, tmp_path / "first")
    assert load_card(tmp_path / "first").sha256
    assert load_segmenter(model).card.classes[1] == "left_ventricle"
    assert trained_backend(tmp_path / "first", "cpu") is None, "no architecture to build again: there is only its file"
    start = tmp_path / "first" / "checkpoints" / "best.ckpt"
    train_contours(recipe, None, tmp_path / "second", start=start)
    first = checkpoints.load(start)["network"]
    begun = weights(tmp_path / "second")
    other = weights(tmp_path / "first")
    assert not all(torch.equal(begun[name], other[name]) for name in first)
    assert file_hash(start) in load_card(tmp_path / "second").data[-1]
    with pytest.raises(UsageError, match="other studies"):
        train_contours(recipe, None, tmp_path / "second", start=None, resume=True)
    with pytest.raises(ModelError, match="does not exist"):
        train_contours(recipe, None, tmp_path / "fourth", start=tmp_path / "none.ckpt")
    with pytest.raises(ModelError, match="another network"):
        train_contours(replace(recipe, widths=(4, 8)), None, tmp_path / "third", start=start)


def test_a_recipe_that_begins_with_another_trains_it_first(recipe, tmp_path, monkeypatch):
    """One command: the first recipe's run is below the run, its best weights begin it, the card names what both learned
    from; stopped in the first, it goes on there, and what is done is not done again."""
    whole = replace(recipe, begin_with=str(tmp_path / "tiny.toml"))
    taken = stopped_once(monkeypatch, after=3)
    with pytest.raises(Stop):
        train_contours(whole, None, tmp_path / "run")
    with pytest.raises(UsageError, match="--resume"):
        train_contours(whole, None, tmp_path / "run")
    train_contours(whole, None, tmp_path / "run", resume=True)
    (tmp_path / "run" / "first" / "model.json").unlink()  # as where it was killed before the card was written
    train_contours(whole, None, tmp_path / "run", resume=True)
    assert taken == [0, 1, 2, 3, 3, 0, 1, 2, 3]
    start = tmp_path / "run" / "first" / "checkpoints" / "best.ckpt"
    before, *_, begun = load_card(tmp_path / "run").data
    assert before.startswith("by ")
    assert file_hash(start) in begun
    train_contours(recipe, None, tmp_path / "by hand", start=start)
    by_hand, by_one = weights(tmp_path / "by hand"), weights(tmp_path / "run")
    assert all(torch.equal(by_hand[name], by_one[name]) for name in by_hand)


def test_a_recipe_cannot_begin_with_any_other(recipe, tmp_path):
    """One of another network, one that begins with another itself, and none at all are told before anything is made."""
    path = tmp_path / "itself.toml"
    path.write_text(f'begin_with = "{tmp_path / "itself.toml"}"\n{RECIPE}')
    for begin_with, widths, said in (
        (str(tmp_path / "tiny.toml"), (4, 8), "widths"),
        (str(path), recipe.widths, "another one itself"),
        ("none", recipe.widths, "no recipe"),
    ):
        with pytest.raises(UsageError, match=said):
            train_contours(replace(recipe, begin_with=begin_with, widths=widths), None, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_no_process_reads_the_best_weights_before_the_one_that_writes_them_is_done(recipe, tmp_path, monkeypatch):
    """All meet, then each loads them."""
    events, barrier, load = [], run.Fabric.barrier, checkpoints.load
    monkeypatch.setattr(run.Fabric, "barrier", lambda *given: (events.append("barrier"), barrier(*given))[1])
    monkeypatch.setattr(checkpoints, "load", lambda path: (events.append(path.name), load(path))[1])
    train_contours(recipe, None, tmp_path / "run")
    assert events[-3:] == ["barrier", "best.ckpt", "barrier"]


def test_a_wrong_folder_of_camus_is_told_before_anything_is_made(tmp_path, capsys):
    """All three commands that learn from CAMUS: exit code 3 (2 for no folder at all), and no folder that the corrected
    command stumbles over."""
    (tmp_path / "cams").mkdir()
    for command in ("contours", "beats", "view"):
        with pytest.raises(SystemExit) as ended:
            main(["train", command, "--camus", str(tmp_path / "none"), "--out", str(tmp_path / "run")])
        assert ended.value.code == 2
        assert "No such file or folder" in capsys.readouterr().err
        with pytest.raises(SystemExit) as ended:
            main(["train", command, "--camus", str(tmp_path / "cams"), "--out", str(tmp_path / "run")])
        assert ended.value.code == 3
        assert "no patients" in capsys.readouterr().err
        assert not (tmp_path / "run").exists()


def test_a_run_that_made_nothing_may_be_begun_with_another_recipe(recipe, tmp_path):
    """A fault before the material leaves no run; once material was made, the recipe is bound to it."""

    def fails(folder):
        raise ModelError("made up")

    def fails_later(folder):
        folder.mkdir()
        fails(folder)

    with pytest.raises(ModelError):
        train_bundled(recipe, tmp_path / "run", fails, resume=False)
    other = replace(recipe, widths=(4, 8))
    with pytest.raises(ModelError):
        train_bundled(other, tmp_path / "run", fails_later, resume=False)
    with pytest.raises(UsageError, match="another recipe"):
        train_bundled(recipe, tmp_path / "run", fails, resume=True)


def test_groups_of_images_judge_together():
    """The score is the mean of the judges, each the mean of its groups, however many images they have."""
    task = ContoursTask(each=False, area=0.0, judges=(("camus",), ("one look", "another")))
    rows = np.array([[0, 0, 0.9, 0.1], [1, 0, 0.7, 0.1], [2, 1, 0.6, 0.1], [3, 2, 0.2, 0.1]])
    scores = task.scores(rows)
    assert scores["dice"] == pytest.approx((0.8 + (0.6 + 0.2) / 2) / 2)
    assert scores["dice_one_look"] == pytest.approx(0.6)


def test_dice_of_the_truth_is_one():
    """A network that answers the label gets 1 of each image, an empty image that is left empty among them."""

    class Knows(torch.nn.Module):
        def forward(self, x):
            return torch.nn.functional.one_hot((x[:, 0] > 2).long(), 4).permute(0, 3, 1, 2).float() * 20

    disc = np.zeros((60, 80), np.uint8)
    disc[20:40, 30:50] = 1
    empty = np.zeros_like(disc)
    judging = JudgingImages.of([[(disc * 150 + 40, disc)], [(empty + 40, empty)]], 48)
    batch = {name: torch.stack([judging[k][name] for k in range(2)]) for name in judging[0]}
    rows = ContoursTask(False, 0.0, (("a",), ("b",))).examine(Knows(), batch)
    assert rows[:, 1].tolist() == [0, 1]
    assert float(rows[0, 2]) > 0.95
    assert float(rows[1, 2]) == 1


def test_a_certain_and_wrong_answer_costs_what_it_is_worth():
    """The validation's cross-entropy comes from log-odds: 300 of them on the wrong side cost 300, as no probability
    in single precision could say."""

    class Errs(torch.nn.Module):
        def forward(self, x):
            logits = torch.zeros(len(x), 4, *x.shape[2:])
            logits[:, 1] = 300.0
            return logits

    batch = {name: torch.zeros(1, dtype=torch.long) for name in ("study", "group")}
    batch |= {name: torch.zeros(1, 16, 16, dtype=torch.uint8) for name in ("images", "labels")}
    rows = ContoursTask(False, 0.0, (("a",),)).examine(Errs(), batch)
    assert float(rows[0, 3]) == pytest.approx(300, abs=2)


def test_processes_train_together(tmp_path):
    """Two processes train the recipe that a run begins with, then the run itself, each on the material that the first
    process has, and end with a model."""
    (tmp_path / "tiny.toml").write_text(RECIPE)
    whole = f'begin_with = "{tmp_path / "tiny.toml"}"\n{RECIPE}'
    (tmp_path / "whole.toml").write_text(whole)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.toml").write_text(whole)
    for material in (tmp_path / "run" / "material", tmp_path / "run" / "first" / "material"):
        material.mkdir(parents=True)
        for name, count, seed in (("phantoms-8-48-1", 8, 1), (f"phantoms-{JUDGING_PHANTOMS}-48-{1 + UNSEEN}", 200, 2)):
            images, labels = (np.stack(part) for part in zip(*made_frames(None, count, 48, seed, None), strict=True))
            np.savez(material / f"{name}.npz", images=images, labels=labels)
    command = [sys.executable, "-m", "echobeat", "train", "contours", "--recipe", str(tmp_path / "whole.toml")]
    further = ["--resume", "--out", str(tmp_path / "run"), "machine.devices=2", "machine.accelerator=cpu"]
    done = subprocess.run([*command, *further], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert load_card(tmp_path / "run").task == "segmentation"


def test_image_and_ventricle_are_letterboxed_alike():
    """A bright ventricle in a wide image lies where its label lies."""
    labels = np.zeros((60, 120), np.uint8)
    labels[10:50, 40:80] = 1
    labels[50:55, 40:80] = 2
    image, ventricle = letterboxed(((labels == 1).astype(np.uint8) * 200 + 20, labels), 64)
    assert image[ventricle == 1].mean() > 190
    assert image[(ventricle == 0) & (image > 15)].mean() < 45


def test_the_exported_model_answers_as_the_network(tmp_path):
    """ONNX Runtime and torch agree to 1e-4, at batch sizes the export never saw."""
    network = LightUNet((4, 8, 8)).eval()
    export_segmentation(network, tmp_path / "model.onnx", 48)
    frames = np.random.default_rng(0).uniform(0, 255, (3, 1, 48, 48)).astype(np.float32)
    with torch.no_grad():
        expected = SegmentationModel(network)(torch.as_tensor(frames)).numpy()
    answer = open_backend(tmp_path / "model.onnx", "onnxruntime", 1).run(frames)
    assert np.abs(answer - expected).max() < 1e-4


def test_the_loss_is_small_for_the_truth_only():
    """Right logits cost next to nothing, wrong ones more."""
    labels = torch.zeros(2, 16, 16, dtype=torch.long)
    labels[:, 4:9, 4:9] = 1
    right = torch.nn.functional.one_hot(labels, 4).permute(0, 3, 1, 2).float() * 20
    assert dice_cross_entropy(right, labels) < 0.05
    assert dice_cross_entropy(-right, labels) > 1


def test_a_small_ventricle_counts_as_much_as_a_large_one():
    """With `each`, missing the small of two ventricles costs as much as missing the large; pooled, it does not."""
    labels = torch.zeros(2, 32, 32, dtype=torch.long)
    labels[0, :4, :4] = 1
    labels[1, :24, :24] = 1
    right = torch.nn.functional.one_hot(labels, 4).permute(0, 3, 1, 2).float() * 20
    nothing = torch.nn.functional.one_hot(torch.zeros_like(labels), 4).permute(0, 3, 1, 2).float() * 20

    def cost(missed, each):
        logits = right.clone()
        logits[missed] = nothing[missed]
        crosses = torch.nn.functional.cross_entropy(logits, labels)
        return float(dice_cross_entropy(logits, labels, each) - crosses)

    assert cost(0, each=True) == pytest.approx(cost(1, each=True), rel=0.1)
    assert cost(0, each=False) < 0.1 * cost(1, each=False)


def test_a_wrong_area_costs():
    """Twice the ventricle's area costs about the logarithm of two, times its weight."""
    labels = torch.zeros(1, 64, 64, dtype=torch.long)
    labels[:, :32, :32] = 1
    wide = torch.zeros(1, 64, 64, dtype=torch.long)
    wide[:, :32, :] = 1
    logits = torch.nn.functional.one_hot(wide, 4).permute(0, 3, 1, 2).float() * 20
    extra = dice_cross_entropy(logits, labels, area=1.0) - dice_cross_entropy(logits, labels)
    assert float(extra) == pytest.approx(np.log(2), abs=0.02)


def test_a_recipe_that_learns_from_real_images_needs_them(tmp_path):
    """It is said before anything is made."""
    with pytest.raises(UsageError, match="CAMUS"):
        train_contours(ContoursConfig.load("lv"), None, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_recipe_with_a_misspelt_entry_is_refused(tmp_path):
    """A typing error in a recipe is said with what may be meant, not ignored."""
    path = tmp_path / "mine.toml"
    path.write_text('[[pools]]\nkind = "camus"\nshare = 1.0\n[course]\nepohcs = 5\n')
    with pytest.raises(UsageError, match=r"course\.epochs"):
        ContoursConfig.load(str(path))
