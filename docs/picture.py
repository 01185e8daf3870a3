"""Make the README's picture from a phantom's overlay video: `make picture`. Never from a patient's."""

from __future__ import annotations

import sys
from pathlib import Path

import av
from PIL import Image

IMAGES = Path(__file__).parent / "images"
START_S = 0.46
"""With the first whole beat."""

WIDTH = 720
STEP = 3
"""Every third frame: 17 a second of 50."""

QUALITY = 60
LARGEST_BYTES = 1_500_000


def main(video: str) -> None:
    with av.open(video) as container:
        stream = container.streams.video[0]
        rate = float(stream.average_rate or 50)
        frames = [frame.to_image() for frame in container.decode(stream)]
    IMAGES.mkdir(exist_ok=True)
    height = round(frames[0].height * WIDTH / frames[0].width)
    small = [frame.resize((WIDTH, height), Image.Resampling.LANCZOS) for frame in frames[round(START_S * rate) :: STEP]]
    path = IMAGES / "overlay.webp"
    # WebP, not GIF: 256 colours do not suffice for grey speckle beside coloured marks.
    options = {"save_all": True, "append_images": small[1:], "duration": round(1000 * STEP / rate), "loop": 0}
    small[0].save(path, quality=QUALITY, method=4, **options)
    sys.stdout.write(f"{path}: {path.stat().st_size / 1e6:.2f} MB, {len(small)} frames\n")
    if path.stat().st_size > LARGEST_BYTES:
        sys.exit(f"{path} is larger than {LARGEST_BYTES / 1e6} MB: lower WIDTH or raise STEP.")


if __name__ == "__main__":
    main(sys.argv[1])
