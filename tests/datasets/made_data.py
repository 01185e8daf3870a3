"""Tiny data sets, written as the real ones are; child processes import this, too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import av
import nibabel
import numpy as np
from numpy.typing import NDArray

HEIGHT, WIDTH, FRAMES, FPS = 40, 48, 12, 50
FILE_LIST = "FileName,EF,ESV,EDV,FrameHeight,FrameWidth,FPS,NumberOfFrames,Split"
CHORDS = "FileName,X1,Y1,X2,Y2,Frame"
POINTS = "FileName,X,Y,Frame"


def picture(seed: int, frames: int = FRAMES, height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    """(frames, height, width) uint8: smooth, different for every seed and frame."""
    rows, columns = np.mgrid[0:height, 0:width]
    phase = np.arange(frames)[:, None, None] / 3 + seed
    return (128 + 60 * np.sin(rows / 7 + phase) + 60 * np.cos(columns / 9 + seed)).clip(0, 255).astype(np.uint8)


def write_clip(path: Path, seed: int = 0, **shape: int) -> Path:
    """MJPEG in AVI at `FPS`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="avi") as container:
        stream = container.add_stream("mjpeg", rate=FPS, options={"qmin": "1", "qmax": "1"})
        grey = picture(seed, **shape)
        stream.height, stream.width = grey.shape[1:]
        stream.pix_fmt = "yuvj420p"
        for frame in grey:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.repeat(frame[..., None], 3, -1), format="rgb24")))
        container.mux(stream.encode())
    return path


def row(name: str, split: str = "TRAIN", ef: object = 60, esv: object = 40, edv: object = 100, **other: object) -> str:
    """A row of `FILE_LIST`."""
    values = {"height": HEIGHT, "width": WIDTH, "fps": FPS, "frames": FRAMES, **other}
    cells = (name, ef, esv, edv, values["height"], values["width"], values["fps"], values["frames"], split)
    return ",".join(str(cell) for cell in cells)


def chords(name: str, frame: int, half_width: float, left: float = 20, top: float = 5) -> list[str]:
    """Rows of a tracing as EchoNet has it: a long axis and eleven chords of a rectangle, apex on top."""
    axis = f"{name},{left},{top},{left},{top + 20},{frame}"
    levels = (top + 2 * step for step in range(11))
    return [axis, *(f"{name},{left - half_width},{y},{left + half_width},{y},{frame}" for y in levels)]


def write_echonet(
    folder: Path, rows: Sequence[str], tracings: Iterable[str] | None = (), videos: Sequence[str] | None = None
) -> Path:
    """Write a folder in EchoNet-Dynamic's layout; `videos` names the files, by default those of the rows."""
    names = [line.partition(",")[0] for line in rows] if videos is None else videos
    for index, name in enumerate(names):
        write_clip(folder / "Videos" / (name if "." in name else f"{name}.avi"), seed=index)
    folder.mkdir(exist_ok=True, parents=True)
    (folder / "FileList.csv").write_text("\n".join([FILE_LIST, *rows]) + "\n", encoding="utf-8")
    if tracings is not None:
        (folder / "VolumeTracings.csv").write_text("\n".join([CHORDS, *tracings]) + "\n", encoding="utf-8")
    return folder


def good_echonet(folder: Path, count: int = 3) -> Path:
    """A data set with nothing wrong: `count` studies, ED in frame 2, ES in frame 7, and a study in every split."""
    names = [f"0X{index:04X}" for index in range(count)]
    splits = ("TRAIN", "VAL", "TEST")
    traced = [line for name in names for line in (*chords(f"{name}.avi", 7, 6), *chords(f"{name}.avi", 2, 9))]
    return write_echonet(folder, [row(name, splits[index % 3]) for index, name in enumerate(names)], traced)


def write_camus(folder: Path, name: str, *, seed: int = 0, view: str = "4CH", sequence: int = 0) -> Path:
    """A patient of CAMUS: ED and ES images with masks, and a half sequence of so many frames."""
    home = folder / name
    home.mkdir(parents=True, exist_ok=True)
    for instant, radius in (("ED", 12), ("ES", 8)):
        image = picture(seed * 2 + (instant == "ES"), 1)[0]
        write_nifti(home / f"{name}_{view}_{instant}.nii.gz", image)
        write_nifti(home / f"{name}_{view}_{instant}_gt.nii.gz", disk(radius))
    if sequence:
        write_nifti(home / f"{name}_{view}_half_sequence.nii.gz", picture(seed, sequence))
    return home


def disk(radius: float) -> NDArray[np.uint8]:
    """(HEIGHT, WIDTH) labels: a round cavity within a myocardium."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    distance = np.hypot(rows - HEIGHT / 2, columns - WIDTH / 2)
    return np.where(distance < radius, 1, np.where(distance < radius + 3, 2, 0)).astype(np.uint8)


def write_nifti(path: Path, pixels: NDArray[np.uint8], spacing: float = 0.5) -> Path:
    """Write (height, width) or (frames, height, width), as (x, y) or (x, y, time)."""
    image = nibabel.Nifti1Image(pixels.T, np.diag([spacing, spacing, 1.0, 1.0]))
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)
    return path
