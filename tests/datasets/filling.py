"""A process that fills a frame cache: ``python filling.py CACHE DATA [block]``.

It waits for a line on standard input, so that several begin together, prints ``decoded NAME`` for each video that it
decodes, and ``done`` at the end. With ``block`` it prints ``writing`` in the middle of its second file and then waits
for ever, to be killed there.
"""

from __future__ import annotations

import sys
from pathlib import Path

from echobeat.datasets import cache_file, frame_cache, open_dataset
from echobeat.datasets.frame_cache import FrameCache

decode, blocks = frame_cache.decode, 0


def told(study):
    print("decoded", study.name, flush=True)
    return decode(study)


def stuck(placement, frames):
    global blocks
    blocks += 1
    if blocks == 3:  # two blocks a video
        print("writing", flush=True)
        sys.stdin.read()
    return enter(placement, frames)


if __name__ == "__main__":
    frame_cache.decode = told
    if sys.argv[3:] == ["block"]:
        cache_file.BLOCK = 6
        enter, cache_file.Placement.enter = cache_file.Placement.enter, stuck
    studies = open_dataset(Path(sys.argv[2])).studies
    print("ready", flush=True)
    sys.stdin.readline()
    problems = FrameCache(Path(sys.argv[1]), None).fill(studies, jobs=1)
    print("done", *problems, flush=True)
