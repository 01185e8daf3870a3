"""Damaged files of every kind: a valid clip or an `InputError`, nothing else, and in bounded memory.

``ECHOBEAT_FUZZ_EXAMPLES=5000 pytest tests/sources/test_fuzz.py`` runs longer, with new damage every time.
"""

from __future__ import annotations

import os
import resource
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from test_every_kind import KINDS

from echobeat.errors import InputError
from echobeat.sources import open_clip

EXAMPLES = int(os.environ.get("ECHOBEAT_FUZZ_EXAMPLES", "0"))
MOST_MEMORY_BYTES = 400 * 2**20

place = st.floats(0, 1, exclude_max=True) | st.floats(0, 0.05)  # headers are short and decide most
number = st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]) | st.integers(0, 255)
damage = st.one_of(
    st.tuples(st.just("set"), place, st.lists(number, min_size=1, max_size=8)),
    st.tuples(st.just("flip"), place, st.lists(st.sampled_from([1, 2, 4, 8, 16, 32, 64, 128]), min_size=1, max_size=2)),
    st.tuples(st.just("insert"), place, st.lists(number, min_size=1, max_size=16)),
    st.tuples(st.just("remove"), place, st.lists(number, min_size=1, max_size=64)),
    st.tuples(st.just("repeat"), place, st.lists(number, min_size=1, max_size=64)),
    st.tuples(st.just("cut"), place, st.just([0])),
)


def damaged(data: bytes, wounds: list[tuple[str, float, list[int]]]) -> bytes:
    """Apply the wounds one after the other."""
    body = bytearray(data)
    for kind, where, values in wounds:
        start = int(where * len(body))
        end = start + len(values)
        if kind == "set":
            body[start:end] = bytes(values)
        elif kind == "flip":
            body[start:end] = bytes(byte ^ value for byte, value in zip(body[start:end], values, strict=False))
        elif kind == "insert":
            body[start:start] = bytes(values)
        elif kind == "remove":
            del body[start:end]
        elif kind == "repeat":
            body[end:end] = body[start:end]
        else:
            del body[start:]
    return bytes(body)


@pytest.mark.parametrize("kind", KINDS)
@settings(
    max_examples=EXAMPLES or 60,
    derandomize=not EXAMPLES,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(wounds=st.lists(damage, min_size=1, max_size=6))
@example(wounds=[])
def test_a_damaged_file_is_a_clip_or_an_input_error(
    kind: str, healthy: dict[str, Path], tmp_path: Path, wounds: list[tuple[str, float, list[int]]]
) -> None:
    """No library's exception escapes, no file asks for more memory than a clip needs."""
    path = tmp_path / "damaged"
    path.write_bytes(damaged(healthy[kind].read_bytes(), wounds))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        clip = open_clip(path)
    except InputError as error:
        clip, refusal = None, str(error)
    if clip is None:
        assert refusal.startswith(f"{path}: ")
    else:
        assert clip.frames.dtype == np.uint8
        assert len(clip.times_s) == len(clip.frames) > 0
        assert 0 <= clip.colour_fraction <= 1
        assert sum(frame.sum(dtype=np.int64) for frame in clip.frames) >= 0
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * 1024 < MOST_MEMORY_BYTES
