"""Teach the detector of writing: ``python -m benchmarks.deidentification.train``; about half an hour on one core.

Only phantoms of training seeds are used. Each sample is a crop of a clip in a random size and tone, with made-up
writing in half of them, with lines, marks and traces that are no writing in some, and what a lossy codec makes of it.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmarks.deidentification.made_clips import MadeClip, made_clip
from echobeat.deidentification.text import CELL, statistics
from echobeat.phantom.writing import FONTS, Ink, burn_in, draw_ink, find_place, letters, made_up_text

SIDE = 128
BATCH = 12
NEW = 3
"""Samples made for each step; the rest of its batch is drawn from those of the steps before."""

POOL = 3000
FIRST, CLIPS, LOOK = 6000, 100, (320, 17.0)
"""Seeds of the clips, and their size and frame rate: each clip is about one beat."""

FEWEST = 8
"""Frames of a sample, at least."""

CLEAN, WRITING, UNCERTAIN = 0, 1, 2


class StillLetters(nn.Module):
    """Statistics (batch, 4, rows, columns) to logits (batch, 1, rows / 4, columns / 4); sees about 84 x 84 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.PixelUnshuffle(2),
            *_block(16, 24),
            *_block(24, 24),
            *_block(24, 32, stride=2),
            *_block(32, 32),
            *_block(32, 32, dilation=2),
            *_block(32, 32, dilation=4),
            *_block(32, 32),
            nn.Conv2d(32, 1, 1),
        )

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.layers(seen)
        return result


def _block(into: int, out: int, stride: int = 1, dilation: int = 1) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(into, out, 3, stride, padding=dilation, dilation=dilation, bias=False)
    return convolution, nn.BatchNorm2d(out), nn.ReLU(inplace=True)


@dataclass
class Crops:
    """Random samples from clips."""

    clips: list[MadeClip]
    rng: np.random.Generator

    def sample(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Statistics (4, SIDE, SIDE) and the labels of their cells."""
        frames, sector = self._crop()
        cells = np.full((SIDE // CELL, SIDE // CELL), CLEAN)
        if self.rng.random() < 0.3:
            frames = self._drawn_over(frames)
        if self.rng.random() < 0.55:
            for _ in range(int(self.rng.integers(1, 4))):
                frames = self._written(frames, sector, cells)
        if self.rng.random() < 0.6:
            frames = lossy(frames, int(self.rng.integers(50, 96)))
        return statistics(np.where(sector, frames, 0).astype(np.uint8)), cells

    def _crop(self) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        rng = self.rng
        clip = self.clips[int(rng.integers(len(self.clips)))]
        factor = float(np.exp(rng.uniform(np.log(0.6), np.log(2.2))))
        side = min(round(SIDE / factor), *clip.sector.shape)
        inside = np.argwhere(clip.sector)
        centre = inside[int(rng.integers(len(inside)))]
        top, left = (
            int(np.clip(at - side // 2, 0, of - side)) for at, of in zip(centre, clip.sector.shape, strict=True)
        )
        count = int(rng.integers(FEWEST, len(clip.frames) + 1))
        first = int(rng.integers(len(clip.frames) - count + 1))
        part = clip.frames[first : first + count, top : top + side, left : left + side]
        how = cv2.INTER_AREA if factor < 1 else (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[int(rng.integers(2))]
        frames = np.stack([cv2.resize(frame, (SIDE, SIDE), interpolation=how) for frame in part])
        sector = cv2.resize(clip.sector[top : top + side, left : left + side].astype(np.uint8), (SIDE, SIDE)) > 0
        if rng.random() < 0.5:
            frames, sector = frames[:, :, ::-1], sector[:, ::-1]
        tones = 255 * rng.uniform(0.5, 1) * (np.arange(256) / 255) ** np.exp(rng.uniform(-0.6, 0.6))
        tones = np.clip(tones + rng.uniform(0, 12), 0, 255).astype(np.uint8)
        return tones[frames], sector

    def _written(
        self, frames: NDArray[np.uint8], sector: NDArray[np.bool_], cells: NDArray[np.int64]
    ) -> NDArray[np.uint8]:
        rng = self.rng
        height = int(np.exp(rng.uniform(np.log(7), np.log(36))))
        text = made_up_text(rng)
        if rng.random() < 0.5:
            start = int(rng.integers(len(text)))
            text = text[start : start + int(rng.integers(2, 9))].strip() or "LV"
        shape = letters(text, str(rng.choice(FONTS["training"])), height)[:, : SIDE - 4]
        place = find_place(frames, sector, shape.shape, ("dark", "tissue")[int(rng.integers(2))], rng)
        if place is None:
            return frames
        ink = draw_ink(rng)
        under = frames[:, place[0] : place[0] + shape.shape[0], place[1] : place[1] + shape.shape[1]].mean()
        if ink.grey < under + 50:
            ink = Ink(min(255.0, under + float(rng.uniform(50, 120))), ink.opacity, ink.outline, ink.shown)
        if rng.random() < 0.06 and under > 90:
            ink = Ink(0, 1.0, False, 1.0)
        frames, box = burn_in(frames, shape, place, ink)
        rows, columns = np.mgrid[0 : SIDE // CELL, 0 : SIDE // CELL] * CELL + CELL / 2
        inside = (rows > box.top) & (rows < box.bottom) & (columns > box.left) & (columns < box.right)
        near = (abs(rows - (box.top + box.bottom) / 2) < shape.shape[0] / 2 + 6) & (
            abs(columns - (box.left + box.right) / 2) < shape.shape[1] / 2 + 6
        )
        cells[near & (cells == CLEAN)] = UNCERTAIN
        cells[inside] = WRITING
        return frames

    def _drawn_over(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A line, dots, a cross or a trace, still as writing is."""
        rng = self.rng
        cover = np.zeros(frames.shape[1:], np.uint8)
        points = rng.integers(0, SIDE, (4, 2))
        kind = int(rng.integers(4))
        if kind == 0:
            cv2.line(cover, points[0].tolist(), points[1].tolist(), (255,), int(rng.integers(1, 3)), cv2.LINE_AA)
        elif kind == 1:
            for step in np.linspace(0, 1, int(rng.integers(4, 12))):
                at = (points[0] + step * (points[1] - points[0])).astype(int).tolist()
                cv2.circle(cover, at, 1, (255,), -1, cv2.LINE_AA)
        elif kind == 2:
            cv2.drawMarker(cover, points[0].tolist(), (255,), cv2.MARKER_CROSS, int(rng.integers(5, 16)))
        else:
            across = np.arange(0, SIDE, 2)
            beat = 20 * np.exp(-(((across % 70) - 35) ** 2) / 12) - 3 * np.sin(across / 9)
            trace = np.stack([across, points[0][1] - beat], axis=1).astype(np.int32)
            cv2.polylines(cover, [trace], False, (255,), 1, cv2.LINE_AA)
        return burn_in(frames, cover.astype(np.float32) / 255, (0, 0), Ink(float(rng.uniform(120, 255))))[0]


def lossy(frames: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """The frames after JPEG."""
    coded = (cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])[1] for frame in frames)
    return np.stack([np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8) for data in coded])


def taught(crops: Crops, steps: int) -> StillLetters:
    """A network after so many steps of AdamW with a one-cycle rate."""
    torch.manual_seed(0)
    network = StillLetters().train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1e-3)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps, pct_start=0.15)
    running = 0.0
    pool = [crops.sample() for _ in range(BATCH)]
    for step in range(steps):
        pool = [*pool, *(crops.sample() for _ in range(NEW))][-POOL:]
        old = crops.rng.integers(len(pool), size=BATCH - NEW)
        seen, cells = zip(*pool[-NEW:], *(pool[int(index)] for index in old), strict=True)
        truth = torch.from_numpy(np.stack(cells))
        logits = network(torch.from_numpy(np.stack(seen)))[:, 0]
        each = nn.functional.binary_cross_entropy_with_logits(logits, (truth == WRITING).float(), reduction="none")
        loss = each[truth != UNCERTAIN].mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rate.step()
        running = loss.item() if step == 0 else 0.98 * running + 0.02 * loss.item()
        if step % 50 == 0:
            print(f"step {step}: loss {running:.4f}", flush=True)
    return network.eval()


def export(network: StillLetters, path: Path) -> None:
    """Write the network with its sigmoid as ONNX."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sides = {2: "rows", 3: "columns"}
    torch.onnx.export(
        nn.Sequential(network, nn.Sigmoid()).eval(),
        (torch.zeros(1, 4, 64, 64),),
        str(path),
        input_names=["statistics"],
        output_names=["likelihood"],
        dynamic_axes={"statistics": sides, "likelihood": sides},
        opset_version=17,
        dynamo=False,
    )


def main() -> None:
    """Make the clips, teach, export."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--clips", type=Path, default=Path("build/made-clips"), help="where made clips are kept")
    options.add_argument("--count", type=int, default=CLIPS)
    options.add_argument("--steps", type=int, default=3000)
    options.add_argument("--out", type=Path, default=Path("src/echobeat/deidentification/text.onnx"))
    chosen = options.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    clips = [made_clip(seed, chosen.clips, look=LOOK) for seed in range(FIRST, FIRST + chosen.count)]
    export(taught(Crops(clips, np.random.default_rng(0)), chosen.steps), chosen.out)


if __name__ == "__main__":
    main()
