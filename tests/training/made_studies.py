"""A tiny data set in EchoNet-Dynamic's layout: bright discs that beat."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

SIZE, FRAMES = 48, 20
EFS = (62.0, 35.0, 55.0, 28.0, 60.0, 47.0, 50.0, 66.0)


def write_discs(root: Path, efs: tuple[float, ...] = EFS, splits: tuple[str, ...] | None = None) -> Path:
    """One video a value of EF; the last two are the validation split where `splits` does not say."""
    splits = splits or ("TRAIN",) * (len(efs) - 2) + ("VAL",) * 2
    (root / "Videos").mkdir(parents=True)
    studies, tracings = [], []
    for index, ef in enumerate(efs):
        name, split = f"disc{index}", splits[index]
        small = 15 * (1 - ef / 100) ** 0.5
        write_video(root / "Videos" / f"{name}.avi", small, index)
        studies.append(f"{name},{ef},{100 - ef:.1f},100,25,{split}")
        for frame, radius in ((0, 15.0), (FRAMES // 2, small)):
            tracings += chords(name, frame, radius)
    header = "FileName,EF,ESV,EDV,FPS,Split"
    (root / "FileList.csv").write_text("\n".join([header, *studies]) + "\n")
    (root / "VolumeTracings.csv").write_text("\n".join(["FileName,X1,Y1,X2,Y2,Frame", *tracings]) + "\n")
    return root


def write_video(path: Path, small: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (SIZE, SIZE))
    for frame in range(FRAMES):
        radius = small + (15 - small) * abs(1 - frame / (FRAMES // 2))
        picture = rng.integers(0, 40, (SIZE, SIZE)).astype(np.uint8)
        cv2.circle(picture, (SIZE // 2, SIZE // 2), round(radius), 200, -1)
        writer.write(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR))
    writer.release()


def chords(name: str, frame: int, radius: float) -> list[str]:
    middle = SIZE / 2
    rows = [(middle, middle - radius, middle, middle + radius)]
    for y in np.linspace(-0.95, 0.95, 12) * radius:
        half = (radius**2 - y**2) ** 0.5
        rows.append((middle - half, middle + y, middle + half, middle + y))
    return [f"{name}.avi,{a:.3f},{b:.3f},{c:.3f},{d:.3f},{frame}" for a, b, c, d in rows]
