"""The figures of segmentation, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from made_predictions import made_scores, made_studies

from echobeat.evaluation.bootstrap import Resampling
from echobeat.evaluation.predictions import FrameScore, StudyRow
from echobeat.evaluation.segmentation_figures import segmentation_figures

QUICK = Resampling(samples=200)


def test_pooled_dice_weighs_pixels_and_the_mean_weighs_images() -> None:
    """A large good mask and a small bad one: 2 (90 + 1) / (200 + 20) pooled, (0.9 + 0.1) / 2 by image."""
    studies = [StudyRow("a", "p", ""), StudyRow("b", "q", "")]
    scores = [FrameScore("a", 0, "ED", 90, 100, 100, 2, 1), FrameScore("b", 0, "ED", 1, 10, 10, 4, 3)]
    rows = {(r.name, r.group, r.unit): r for r in segmentation_figures(studies, scores, QUICK)}
    assert rows["pooled Dice", "all", ""].value == pytest.approx(182 / 220)
    assert rows["Dice of an image", "all", ""].value == pytest.approx(0.5)
    assert rows["Hausdorff distance, 95 %", "all", "px"].value == 3
    assert ("Hausdorff distance, 95 %", "all", "mm") not in rows
    assert ("pooled Dice", "ES", "") not in rows


def test_ed_and_es_are_apart_and_all_is_both() -> None:
    """n counts frames, patients are counted once."""
    studies = made_studies(20)
    scores = made_scores(studies)
    rows = {(r.name, r.group, r.unit): r for r in segmentation_figures(studies, scores, QUICK)}
    es = [s.dice for s in scores if s.instant == "ES"]
    assert rows["Dice of an image", "ES", ""].value == pytest.approx(np.mean(es))
    assert rows["Dice of an image", "ES", ""].n == 20
    assert (rows["pooled Dice", "all", ""].n, rows["pooled Dice", "all", ""].patients) == (40, 10)
    assert rows["mean surface distance", "ED", "mm"].low is not None


def test_frames_without_a_ventricle_are_counted() -> None:
    """An empty mask has Dice 0 and is a share of its own."""
    studies = [StudyRow("a", "p", ""), StudyRow("b", "q", "")]
    scores = [FrameScore("a", 0, "", 0, 0, 100, 50, 50), FrameScore("b", 0, "", 100, 100, 100, 0, 0)]
    rows = {r.name: r for r in segmentation_figures(studies, scores, QUICK)}
    assert rows["frames without a ventricle found"].value == 0.5
    assert rows["Dice of an image"].value == 0.5
