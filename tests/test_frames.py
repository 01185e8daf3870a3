"""The frame stack reads back what was appended, wherever it lies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echobeat.errors import NoRoom
from echobeat.frames import FrameStack


@given(
    lengths=st.lists(st.integers(1, 7), min_size=1, max_size=6),
    limit=st.sampled_from([0, 200, 10**6]),
    dtype=st.sampled_from([np.uint8, np.bool_]),
    cut=st.tuples(st.integers(-50, 50), st.integers(-50, 50), st.integers(1, 4)),
)
def test_a_stack_reads_like_the_array_it_was_filled_with(lengths, limit, dtype, cut):
    """In memory, on disk or moved from one to the other, every slice equals numpy's."""
    whole = np.random.default_rng(sum(lengths)).integers(0, 2, (sum(lengths), 5, 4)).astype(dtype)
    stack = FrameStack(5, 4, dtype, memory_limit=limit)
    start = 0
    for length in lengths:
        stack.append(whole[start : start + length])
        start += length
    begin, end, step = cut
    assert stack.shape == whole.shape
    assert np.array_equal(stack[begin:end:step], whole[begin:end:step])
    assert np.array_equal(stack[len(whole) - 1], whole[-1])
    assert np.array_equal(np.concatenate([block for _, block in stack.blocks(3)]), whole)
    assert np.array_equal(np.asarray(stack), whole)


def test_a_copy_of_a_stack_is_a_copy():
    """Writing into what np.array gives leaves the stack as it was."""
    stack = FrameStack.from_array(np.zeros((2, 4, 4), np.uint8))
    np.array(stack)[:] = 1
    assert not np.asarray(stack).any()


def test_a_long_stack_holds_nothing_in_memory():
    """Beyond its limit, a stack keeps no block: memory is flat in the length of the video."""
    stack = FrameStack(10, 10, np.uint8, memory_limit=1000)
    for _ in range(50):
        stack.append(np.ones((4, 10, 10), np.uint8))
    assert stack._blocks == []
    assert len(stack) == 200


def test_a_slice_with_a_step_reads_no_frame_between(monkeypatch):
    """Every twentieth frame of a spooled clip is read frame by frame, not with all that lies between."""
    stack = FrameStack(10, 10, np.uint8, memory_limit=1000)
    stack.append(np.arange(200, dtype=np.uint8)[:, None, None] * np.ones((1, 10, 10), np.uint8))
    read, counted = [], stack._read
    monkeypatch.setattr(stack, "_read", lambda start, stop: read.append(stop - start) or counted(start, stop))
    assert stack[::20][:, 0, 0].tolist() == list(range(0, 200, 20))
    assert sum(read) == 10


def test_frames_of_another_size_are_refused():
    """A stack never mixes sizes."""
    stack = FrameStack(4, 4)
    with pytest.raises(ValueError, match="do not fit"):
        stack.append(np.zeros((1, 4, 5), np.uint8))


def test_an_index_beyond_the_end_is_an_index_error():
    """So that a stack can be iterated like a list."""
    stack = FrameStack.from_array(np.zeros((3, 4, 4), np.uint8))
    with pytest.raises(IndexError):
        stack[3]
    assert len(list(stack)) == 3


def test_a_full_disk_is_named(monkeypatch):
    """A full temporary folder is a NoRoom that says what to do."""

    class Full:
        def seek(self, *_):
            return 0

        def write(self, _):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("echobeat.frames.tempfile.TemporaryFile", lambda **_: Full())
    stack = FrameStack(4, 4, memory_limit=0)
    with pytest.raises(NoRoom, match="TMPDIR"):
        stack.append(np.zeros((1, 4, 4), np.uint8))
