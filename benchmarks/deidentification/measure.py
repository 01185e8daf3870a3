"""How much planted writing is removed or flagged, by place, and how many clean clips are flagged.

``python -m benchmarks.deidentification.measure``: phantoms of benchmark seeds, which neither the detector nor its
threshold has seen, with fonts that it was not taught with; half of them pasted into a larger screen full of writing.
Each clip is judged without writing, and with one text in each place where there is room. Texts are scored against
the boxes where they were planted; tesseract, which is no part of the product, says which of them can be read.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.deidentification.made_clips import MadeClip, made_clip
from echobeat.deidentification.sector import find_sector
from echobeat.deidentification.text import find_text
from echobeat.phantom.seeds import BENCHMARK_SEEDS
from echobeat.phantom.writing import (
    FONTS,
    Box,
    Frames,
    Ink,
    Place,
    burn_in,
    draw_ink,
    find_place,
    letters,
    made_up_text,
)

PLACES: tuple[Place, ...] = get_args(Place)
SCREEN = (600, 800)
LEAST_CONTRAST = 50
"""Grey values by which writing is brighter than what is under it; less cannot be read."""


@dataclass(frozen=True)
class Planted:
    """A clip with one text.

    Attributes
    ----------
    frames : (frames, rows, columns) uint8.
    ink : (rows, columns) bool, the text's pixels.
    box : where the text is.
    text : what it says.
    """

    frames: Frames
    ink: NDArray[np.bool_]
    box: Box
    text: str


@dataclass(frozen=True)
class Verdict:
    """What became of one text, or of a clip without any.

    Attributes
    ----------
    removed : none of its ink is left.
    boxed : a box of the detector touches it.
    flagged : the clip is refused or goes to review, for whatever reason.
    read : tesseract reads some of it in what is left; before: in the source.
    """

    removed: bool
    boxed: bool
    flagged: bool
    read: bool = False
    read_before: bool = False

    @property
    def handled(self) -> bool:
        """Removed or flagged."""
        return self.removed or self.flagged


def screen_of(clip: MadeClip, rng: np.random.Generator) -> tuple[Frames, NDArray[np.bool_]]:
    """The clip as it is, or pasted into a larger screen with writing, marks and a bar around it."""
    if rng.random() < 0.5:
        return clip.frames, clip.sector
    factor = float(rng.uniform(0.85, 1.0)) * SCREEN[0] / max(clip.sector.shape)
    resized = np.stack([cv2.resize(frame, None, fx=factor, fy=factor) for frame in clip.frames])
    sector = cv2.resize(clip.sector.astype(np.uint8), resized.shape[:0:-1]) > 0
    frames = np.zeros((len(resized), *SCREEN), np.uint8)
    mask = np.zeros(SCREEN, np.bool_)
    top = int(rng.integers(SCREEN[0] - resized.shape[1] + 1))
    left = int(rng.integers(SCREEN[1] - resized.shape[2] + 1))
    place = slice(top, top + resized.shape[1]), slice(left, left + resized.shape[2])
    frames[:, *place] = np.where(sector, resized, 0)
    mask[place] = sector
    for _ in range(int(rng.integers(4, 12))):
        shape = letters(made_up_text(rng), str(rng.choice(FONTS["judging"])), int(rng.integers(8, 17)))
        corner = find_place(frames, mask, shape.shape, "outside", rng)
        if corner is not None:
            frames = burn_in(frames, shape, corner, Ink(float(rng.uniform(120, 255))))[0]
    return frames, mask


def planted(frames: Frames, sector: NDArray[np.bool_], place: Place, rng: np.random.Generator) -> Planted | None:
    """The clip with one text in a place; None where it has no room there."""
    for _ in range(8):
        text = made_up_text(rng)
        shape = letters(text, str(rng.choice(FONTS["judging"])), int(np.exp(rng.uniform(np.log(8), np.log(24)))))
        corner = find_place(frames, sector, shape.shape, place, rng)
        if corner is None:
            continue
        window = slice(corner[0], corner[0] + shape.shape[0]), slice(corner[1], corner[1] + shape.shape[1])
        ink = draw_ink(rng)
        under = float(frames[:, *window].mean())
        ink = Ink(min(255, max(ink.grey, under + LEAST_CONTRAST)), ink.opacity, ink.outline, ink.shown)
        written, box = burn_in(frames, shape, corner, ink)
        covered = np.zeros(sector.shape, np.bool_)
        covered[window] = shape > 0.5
        return Planted(written, covered, box, text)
    return None


def compressed(frames: Frames, rng: np.random.Generator) -> Frames:
    """The frames as they are, or after JPEG of some quality."""
    if rng.random() < 0.3:
        return frames
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(65, 96))]
    coded = (cv2.imencode(".jpg", frame, quality)[1] for frame in frames)
    return np.stack([np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8) for data in coded])


def judged(frames: Frames, text: Planted | None, reads: bool) -> Verdict:
    """What the product makes of a clip, as `deidentification.instance` does it."""
    sector = find_sector(frames)
    if sector.mask is None or sector.whole is None or sector.doubt in ("still", "no_sector"):
        return Verdict(removed=True, boxed=False, flagged=True)
    found = find_text(frames, sector.whole)
    flagged = bool(sector.doubt or found.doubt)
    if text is None:
        return Verdict(removed=False, boxed=bool(found.boxes), flagged=flagged)
    left = bool((text.ink & sector.mask).any())
    boxed = any(text.box.touches(Box(*box)) for box in found.boxes)
    before = reads and readable(frames, text)
    after = before and left and readable(np.where(sector.mask, frames, 0).astype(np.uint8), text)
    return Verdict(not left, boxed, flagged, after, before)


def readable(frames: Frames, text: Planted) -> bool:
    """True where tesseract reads three letters or digits of the text, one after the other, in the first frame's box."""
    box, margin = text.box, 8
    rows, columns = (
        slice(max(0, box.top - margin), box.bottom + margin),
        slice(max(0, box.left - margin), box.right + margin),
    )
    crop = frames[0, rows, columns]
    factor = max(1.0, 40 / (box.bottom - box.top))
    picture = 255 - cv2.resize(crop, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    data = cv2.imencode(".png", cv2.copyMakeBorder(picture, 20, 20, 20, 20, cv2.BORDER_REPLICATE))[1].tobytes()
    command = ["tesseract", "stdin", "stdout", "--psm", "7"]
    done = subprocess.run(
        command, input=data, capture_output=True, check=False, env=os.environ | {"OMP_THREAD_LIMIT": "1"}
    )
    seen = _letters(done.stdout.decode("utf-8", "replace"))
    wanted = _letters(text.text)
    return any(wanted[start : start + 3] in seen for start in range(len(wanted) - 2))


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def wilson(hits: int, of: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927, doi:10.1080/01621459.1927.10502953)."""
    if not of:
        return 0.0, 1.0
    z, share = 1.96, hits / of
    centre = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * np.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return max(0.0, centre - half), min(1.0, centre + half)


def verdicts(seed: int, folder: Path, reads: bool) -> list[tuple[str, Verdict]]:
    """Judge the clip of a seed without writing ("clean") and with a text in each place."""
    cv2.setNumThreads(1)
    clip, rng = made_clip(seed, folder), np.random.default_rng(seed)
    frames, sector = screen_of(clip, rng)
    told = [("clean", judged(compressed(frames, rng), None, False))]
    for place in PLACES:
        text = planted(frames, sector, place, rng)
        if text is not None:
            told.append((place, judged(compressed(text.frames, rng), text, reads)))
    return told


def _line(what: str, hits: int, of: int) -> str:
    low, high = wilson(hits, of)
    return f"| {what} | {hits} of {of} | {100 * hits / max(1, of):.1f} % | {100 * low:.1f}–{100 * high:.1f} % |"


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--clips", type=Path, default=Path("build/made-clips"), help="where made clips are kept")
    options.add_argument("--first", type=int, default=BENCHMARK_SEEDS.start + 1000)
    options.add_argument("--count", type=int, default=120)
    options.add_argument("--jobs", type=int, default=1)
    options.add_argument("--kept", type=Path, help="verdicts are added here, and seeds found here not judged again")
    chosen = options.parse_args()
    reads = shutil.which("tesseract") is not None
    every: dict[str, list[Verdict]] = {place: [] for place in ("clean", *PLACES)}
    told = (
        [json.loads(line) for line in chosen.kept.read_text().splitlines()]
        if chosen.kept and chosen.kept.exists()
        else []
    )
    known = {seed for seed, _, _ in told}
    seeds = [seed for seed in range(chosen.first, chosen.first + chosen.count) if seed not in known]
    judge = partial(verdicts, folder=chosen.clips, reads=reads)
    with ProcessPoolExecutor(chosen.jobs) as pool:
        for seed, found in zip(seeds, pool.map(judge, seeds), strict=True):
            new = [(seed, place, asdict(verdict)) for place, verdict in found]
            told += new
            if chosen.kept:
                with chosen.kept.open("a") as stream:
                    stream.writelines(json.dumps(line) + "\n" for line in new)
    for _, place, verdict in told:
        every[place].append(Verdict(**verdict))
    print("| | | share | 95 % interval |\n|---|---|---|---|")
    for place in PLACES:
        told = every[place]
        print(_line(f"{place}: removed or flagged", sum(one.handled for one in told), len(told)))
        print(_line(f"{place}: removed", sum(one.removed for one in told), len(told)))
        print(_line(f"{place}: boxed", sum(one.boxed for one in told), len(told)))
        if reads:
            legible = [one for one in told if one.read_before]
            leaks = sum(one.read and not one.flagged for one in legible)
            print(
                _line(
                    f"{place}: read by tesseract in the source, and still in a file called clean", leaks, len(legible)
                )
            )
    clean = every["clean"]
    print(_line("clean clips flagged or refused", sum(one.flagged for one in clean), len(clean)))
    print(_line("clean clips with a box", sum(one.boxed for one in clean), len(clean)))


if __name__ == "__main__":
    main()
