"""The loaders alone, no network: ours against what the published system does, on one data set in one run.

``python -m benchmarks.loaders WHAT DATA CACHE WORKERS`` is one measurement in a process of its own; `rows` makes the
data and compares. The published loading is retold here from its description (D. Ouyang et al., Nature 580, 2020,
doi:10.1038/s41586-020-2145-8): the whole video is decoded in colour, turned to float32 and normalised, then the clip is
cut out of it; for an evaluation with all clips of a video, one tensor holds them all.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BATCH = 20
CLIP, PERIOD, MARGIN_PX = 32, 2, 12
SIZE = 112
MEAN, DEVIATION = 32.0, 49.0
"""Near those of EchoNet-Dynamic; what they are does not change the work."""

WARM_BATCHES = 2
"""Begun before the clock: starting the workers is nobody's merit."""

PUBLISHED_BATCHES, OUR_BATCHES = 6, 200
"""Timed; ours take so much less that more are needed for a figure."""


def published_datasets() -> tuple[type, type]:
    """Data sets that load as the published system does: one random clip, and all clips of a video."""
    import cv2
    import numpy as np
    import torch
    from torch.utils.data import Dataset

    def whole_video(path: Path) -> Any:
        """(3, frames, height, width) float32, normalised."""
        capture = cv2.VideoCapture(str(path))
        frames = []
        while (read := capture.read())[0]:
            frames.append(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))
        capture.release()
        video = np.stack(frames).transpose(3, 0, 1, 2).astype(np.float32)
        video = (video - np.float32(MEAN)) / np.float32(DEVIATION)
        short = CLIP * PERIOD - video.shape[1]
        if short > 0:
            video = np.concatenate([video, np.zeros((3, short, *video.shape[2:]), np.float32)], axis=1)
        return video

    class OneClip(Dataset[Any]):
        def __init__(self, paths: list[Path], times: int) -> None:
            self.paths = paths * times

        def __len__(self) -> int:
            return len(self.paths)

        def __getitem__(self, index: int) -> Any:
            video = whole_video(self.paths[index])
            rng = np.random.default_rng(index)
            start = rng.integers(video.shape[1] - (CLIP - 1) * PERIOD)
            clip = video[:, start + PERIOD * np.arange(CLIP)]
            room = np.zeros((3, CLIP, SIZE + 2 * MARGIN_PX, SIZE + 2 * MARGIN_PX), np.float32)
            room[:, :, MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX] = clip
            row, column = rng.integers(2 * MARGIN_PX, size=2)
            return torch.from_numpy(room[:, :, row : row + SIZE, column : column + SIZE].copy())

    class AllClips(OneClip):
        def __getitem__(self, index: int) -> Any:
            video = whole_video(self.paths[index])
            starts = range(video.shape[1] - (CLIP - 1) * PERIOD)
            return torch.from_numpy(np.stack([video[:, start + PERIOD * np.arange(CLIP)] for start in starts]))

    return OneClip, AllClips


def videos(data: Path) -> list[Path]:
    return sorted((data / "Videos").glob("*.avi"))


def published_training(data: Path, cache: Path, workers: int) -> None:
    """One random clip of a video, again and again."""
    import torch
    from torch.utils.data import DataLoader

    torch.set_num_threads(1)
    paths = videos(data)
    one_clip, _ = published_datasets()
    batches = WARM_BATCHES + PUBLISHED_BATCHES
    items = one_clip(paths, -(-batches * BATCH // len(paths)))
    timed(iter(DataLoader(items, batch_size=BATCH, shuffle=True, num_workers=workers)), PUBLISHED_BATCHES)


def our_training(data: Path, cache: Path, workers: int) -> None:
    """The training's own items, from a cache that is filled before the clock starts."""
    import torch

    from echobeat.datasets import open_dataset
    from echobeat.datasets.frame_cache import FrameCache
    from echobeat.training.clips import EFClips
    from echobeat.training.config import Clips
    from echobeat.training.loaders import LoaderSettings, make_loader
    from echobeat.training.sampling import Order, Steps

    torch.set_num_threads(1)
    studies = open_dataset(data).studies
    frames = FrameCache(cache, SIZE)
    frames.fill(studies)
    items = EFClips(studies, frames, Clips(frames=CLIP, period=PERIOD, margin_px=MARGIN_PX), seed=0)
    order = Order(len(studies), BATCH, seed=0)
    settings = LoaderSettings(workers, 2 if workers else 0, pin_memory=False)
    timed(iter(make_loader(items, settings, steps=Steps(order, 0, WARM_BATCHES + OUR_BATCHES))), OUR_BATCHES)


def timed(batches: Iterator[Any], count: int) -> None:
    """Prints clips a second, and a second of this process's processor time, which other programs disturb less."""
    for _ in range(WARM_BATCHES):
        next(batches)
    began, began_cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        next(batches)
    print(count * BATCH / (time.perf_counter() - began), count * BATCH / (time.process_time() - began_cpu))


def published_all_clips(data: Path, cache: Path, workers: int) -> None:
    """All clips of every video, a tensor a video."""
    from torch.utils.data import DataLoader

    _, all_clips = published_datasets()
    for clips in DataLoader(all_clips(videos(data), 1), batch_size=None, num_workers=workers):
        clips.mean()


def our_all_clips(data: Path, cache: Path, workers: int) -> None:
    """All clips of every video through the model that `evaluate` uses, with a backend that answers at once."""
    from echobeat.datasets import open_dataset
    from echobeat.sources import open_clip

    model = silent_model()
    for study in open_dataset(data).studies:
        clip = open_clip(study.files[0])
        model.all_clips(clip.frames, clip.times_s)


def silent_model() -> Any:
    """An EF model without a network."""
    import numpy as np

    from echobeat.models import Card, ClipSpec
    from echobeat.models.ejection_fraction import EjectionFractionModel

    class Silent:
        def run(self, clips: Any) -> Any:
            return np.full((len(clips), 1), clips.mean(), np.float32)

    spec = ClipSpec(frames=CLIP, rate_hz=50.0 / PERIOD, whole_video=False, blank=0.0)
    told = {"version": "", "summary": "", "licence": "", "recipe": "", "sha256": ""}
    none = {"data": (), "metrics": (), "limits": (), "measurement_error": None, "parameters": 0}
    card = Card(name="silent", task="ef", size=SIZE, classes=("ef",), clip=spec, crop=False, **told, **none)
    return EjectionFractionModel(card, Silent())


def published_imports(data: Path, cache: Path, workers: int) -> None:
    """What `published_all_clips` has in memory before its first video."""
    from torch.utils.data import DataLoader  # noqa: F401  only its memory is wanted

    published_datasets()


def our_imports(data: Path, cache: Path, workers: int) -> None:
    """What `our_all_clips` has in memory before its first video."""
    from echobeat.datasets import open_dataset  # noqa: F401  only its memory is wanted
    from echobeat.sources import nifti, open_clip, video  # noqa: F401  likewise

    silent_model()


WORK = {
    work.__name__: work
    for work in (
        published_training,
        our_training,
        published_all_clips,
        our_all_clips,
        published_imports,
        our_imports,
    )
}


def call(what: str, data: Path, cache: Path, workers: int) -> tuple[str, ...]:
    """The command line of one measurement."""
    return sys.executable, "-m", "benchmarks.loaders", what, str(data), str(cache), str(workers)


def clips_a_second(what: str, data: Path, cache: Path, workers: int, runs: int) -> tuple[float, float]:
    """The most of some runs: clips a second, and a second of the main process's processor time."""
    command = call(what, data, cache, workers)
    told = [subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() for _ in range(runs)]
    return max(float(text) for text, _ in told), max(float(text) for _, text in told)


if __name__ == "__main__":
    WORK[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
