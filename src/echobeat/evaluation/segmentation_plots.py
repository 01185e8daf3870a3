"""Pictures of segmentation: how Dice is spread over the images, and against the ventricle's size."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from echobeat.evaluation.plots import MARKS, STROKES, Palette, Picture, new_figure
from echobeat.evaluation.predictions import FrameScore

BINS = 30


def segmentation_pictures(frames: Sequence[FrameScore]) -> list[Picture]:
    """All pictures that the scores allow."""
    if not frames:
        return []
    n = len(frames)
    return [
        Picture(
            "dice-histogram",
            "Dice of the images",
            f"Histogram of Dice over {n} images, end-diastole and end-systole apart.",
            partial(_histogram, frames),
        ),
        Picture(
            "area-agreement",
            "Area, model and expert",
            f"Scatter of the model's area of the ventricle over the expert's for {n} images, and the identity.",
            partial(_areas, frames),
        ),
    ]


def _groups(frames: Sequence[FrameScore]) -> dict[str, list[FrameScore]]:
    """ED, ES and other frames, those there are."""
    words = {"ED": "end-diastole", "ES": "end-systole", "": "other"}
    found = {word: [frame for frame in frames if frame.instant == instant] for instant, word in words.items()}
    return {word: members for word, members in found.items() if members}


def _histogram(frames: Sequence[FrameScore], palette: Palette) -> Figure:
    figure, axes = new_figure(2.6)
    lowest = min(frame.dice for frame in frames)
    edges = np.linspace(np.floor(lowest * 10) / 10, 1, BINS + 1).tolist()
    for index, (word, members) in enumerate(_groups(frames).items()):
        dice = np.array([frame.dice for frame in members])
        colour, stroke = palette.series[index], STROKES[index]
        axes.hist(dice, edges, histtype="stepfilled", color=colour, alpha=0.18)
        axes.hist(dice, edges, histtype="step", color=colour, linewidth=1.2, linestyle=stroke)
        axes.plot([], [], color=colour, linestyle=stroke, label=f"{word}: mean {dice.mean():.3f}, n = {len(dice)}")
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set(xlabel="Dice of an image", ylabel="Images", xlim=(edges[0], 1))
    figure.legend(loc="outside upper left", fontsize=7, handlelength=2.2)
    return figure


def _areas(frames: Sequence[FrameScore], palette: Palette) -> Figure:
    figure, axes = new_figure(3.4)
    largest = 1.05 * max(max(frame.traced_px, frame.predicted_px) for frame in frames) / 1000 or 1.0
    axes.plot([0, largest], [0, largest], color=palette.faint, linewidth=0.8, linestyle=(0, (4, 2)), zorder=2)
    handles = [Line2D([], [], color=palette.faint, linewidth=0.8, linestyle=(0, (4, 2)), label="identity")]
    for index, (word, members) in enumerate(_groups(frames).items()):
        x, y = ([getattr(f, part) / 1000 for f in members] for part in ("traced_px", "predicted_px"))
        (line,) = axes.plot(x, y, MARKS[index], color=palette.series[index], markersize=2.8, alpha=0.6, mew=0, zorder=3)
        line.set_label(f"{word}, n = {len(members)}")
        handles.append(line)
    axes.set(xlim=(0, largest), ylim=(0, largest), aspect="equal")
    axes.set(xlabel="Expert's area (1,000 px)", ylabel="Model's area (1,000 px)")
    figure.legend(handles=handles, loc="outside upper left", ncols=3, fontsize=7, handlelength=1.8, columnspacing=1.0)
    return figure
