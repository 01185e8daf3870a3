"""Order, clips, losses and loader settings, each for itself."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from echobeat import machine  # noqa: E402  torch may be missing
from echobeat.training import loaders  # noqa: E402
from echobeat.training.clips import cut, kept, last_start, move  # noqa: E402
from echobeat.training.config import EFLoss, Machine, Optimiser  # noqa: E402
from echobeat.training.ef_losses import errors, lds_weights, ranks, ranksim, volume_errors  # noqa: E402
from echobeat.training.engine import rate_at  # noqa: E402
from echobeat.training.mask_losses import consistency, summed_cross_entropy  # noqa: E402
from echobeat.training.sampling import Order, range_weights  # noqa: E402


def test_an_epoch_shows_every_study_at_most_once_and_processes_share_its_batches():
    """Without weights it is a shuffle; two halves are the whole."""
    order = Order(10, 4, seed=1)
    shown = [study for step in range(order.epoch_steps) for _, study in order.step(step)]
    assert len(shown) == len(set(shown)) == 8
    assert order.step(3, 0, 2) + order.step(3, 1, 2) == order.step(3)
    assert shown != [study for step in range(2, 4) for _, study in order.step(step)]


def test_balance_draws_rare_ranges_as_often_as_common_ones():
    """Of 90 normal and 10 low, half of the draws are low."""
    weights = range_weights([60.0] * 90 + [30.0] * 10, (40, 50), 1.0)
    order = Order(100, 500, seed=1, weights=weights)
    low = np.mean([study >= 90 for _, study in order.step(0)])
    assert 0.4 < low < 0.6


def test_a_short_video_is_padded_and_a_long_one_starts_anywhere():
    """Starts are 0 .. F - (length - 1) * period - 1, as published."""
    assert last_start(176, 32, 2) == 176 - 62 - 1
    assert last_start(20, 32, 2) == 1
    assert len(cut(0, 20, 32, 2).indices) == 10


def test_frames_move_and_the_mask_says_where_they_are():
    """What `kept` marks is where `move` put the frames."""
    frames = np.full((3, 6, 8), 9, np.uint8)
    moved = move(frames, 2, -3)
    keep = kept(torch.tensor([2]), torch.tensor([[2, -3]]), (3, 6, 8))[0, 0].numpy()
    assert np.array_equal(moved[:2] > 0, keep[:2] > 0)
    assert keep[2].sum() == 0


def test_lds_weighs_rare_labels_more():
    """A lone low EF among many normal ones counts more; the mean stays near 1."""
    weights = lds_weights(np.array([60.0] * 50 + [61.0] * 50 + [25.0]), EFLoss(lds="inverse"))
    assert weights[-1] > 5 * weights[0]
    assert lds_weights(np.array([60.0, 50.0]), EFLoss()) is None


def test_ranksim_is_zero_for_features_in_the_labels_order():
    """Features on an arc in the order of the labels cost nothing; shuffled ones cost, and teach."""
    labels = torch.tensor([20.0, 31.0, 45.0, 62.0])
    angles = labels / 50
    good = torch.stack([angles.cos(), angles.sin()], dim=1)
    bad = good[[2, 0, 3, 1]].clone().requires_grad_()
    assert ranksim(good, labels, 2.0) == 0
    loss = ranksim(bad, labels, 2.0)
    loss.backward()
    assert loss > 0
    assert bad.grad.abs().sum() > 0
    assert ranks(torch.tensor([[3.0, 9.0, 1.0]])).tolist() == [[1, 0, 2]]


def test_losses_are_what_they_are_called():
    """By hand."""
    predicted, truth = torch.tensor([50.0, 70.0]), torch.tensor([60.0, 70.0])
    assert errors(predicted, truth, "mse", 5).tolist() == [100, 0]
    assert errors(predicted, truth, "l1", 5).tolist() == [10, 0]
    assert errors(predicted, truth, "huber", 5).tolist() == [5 * (10 - 2.5), 0]
    assert summed_cross_entropy(torch.zeros(2, 3, 3), torch.zeros(2, 3, 3)) == pytest.approx(9 * np.log(2))
    assert volume_errors(torch.tensor([[110.0, 3.0]]), torch.tensor([[100.0, float("nan")]])) == pytest.approx(0.01)
    even = torch.logit(torch.tensor([0.2, 0.4, 0.6])).view(1, 3, 1, 1)
    assert consistency(even) == pytest.approx(0, abs=1e-12)


def test_the_rate_follows_its_schedule():
    """A tenth every 15 epochs; a cosine to 0."""
    step = Optimiser(learning_rate=1.0, schedule="step")
    assert [round(rate_at(step, s, 10, 450), 6) for s in (0, 149, 150, 300)] == [1, 1, 0.1, 0.01]
    assert rate_at(Optimiser(learning_rate=1.0), 50, 10, 100) == pytest.approx(0.5)


def test_loaders_keep_to_the_cores_and_the_memory_there_are(monkeypatch):
    """As many processes as either bears, one core for the training itself; what the recipe says wins."""
    monkeypatch.setattr(machine, "cores_here", lambda: 4)
    monkeypatch.setattr(loaders, "memory_here", lambda: 64 * 2**30)
    assert loaders.choose_loading(Machine(), 2**20).workers == 3
    assert loaders.choose_loading(Machine(), 2**20, processes=2).workers == 1
    monkeypatch.setattr(loaders, "memory_here", lambda: 800 * 2**20)
    assert loaders.choose_loading(Machine(), 2**20).workers == 0
    assert loaders.choose_loading(Machine(workers=3), 2**20).workers == 3
