"""The detector of burnt-in writing: what it sees, what it leaves alone, and when it does not dare to say."""

from __future__ import annotations

import numpy as np
import pytest
from made_screens import Shown

from echobeat.deidentification.text import FEWEST_FRAMES, RUN, find_text, likelihood
from echobeat.frames import FrameStack
from echobeat.phantom.writing import Box, Ink, Place


def test_a_clip_without_writing_is_clean(shown: Shown) -> None:
    found = find_text(shown.frames, shown.sector)
    assert found.clean
    assert not found.boxes


@pytest.mark.parametrize("place", ["dark", "tissue"])
@pytest.mark.parametrize("text", ["DOE^JANE", "MRN 4711"])
def test_writing_inside_the_sector_is_found_where_it_is(shown: Shown, place: Place, text: str) -> None:
    written, box = shown.written(text, place)
    found = find_text(written.frames, shown.sector)
    assert found.doubt == "text"
    assert any(box.touches(Box(*one)) for one in found.boxes)


def test_writing_outside_the_mask_is_none_of_its_business(shown: Shown) -> None:
    written, _ = shown.written("DOE^JANE", "outside")
    assert find_text(written.frames, shown.sector).clean


def test_writing_that_is_shown_for_two_runs_of_a_long_clip_is_found(shown: Shown) -> None:
    written, box = shown.written("DOE^JANE", "tissue")
    clip = np.concatenate([*[written.frames] * (2 * RUN // 16), *[shown.frames] * (3 * RUN // 16)])
    found = find_text(clip, shown.sector)
    assert any(box.touches(Box(*one)) for one in found.boxes)


def test_too_few_frames_are_doubtful_however_they_look(shown: Shown) -> None:
    found = find_text(shown.frames[: FEWEST_FRAMES - 1], shown.sector)
    assert (found.clean, found.doubt) == (False, "too_few_frames")


def test_a_stack_is_read_run_by_run_with_the_same_result(shown: Shown) -> None:
    class Watched(FrameStack):
        longest = 0

        def _read(self, start: int, stop: int):  # type: ignore[no-untyped-def]  # as in FrameStack
            Watched.longest = max(Watched.longest, stop - start)
            return super()._read(start, stop)

    written, _ = shown.written("DOE^JANE", "dark", ink=Ink(200))
    clip = np.concatenate([written.frames] * 6)
    stack = Watched(*clip.shape[1:], memory_limit=1)
    stack.append(clip)
    np.testing.assert_array_equal(likelihood(stack, shown.sector), likelihood(clip, shown.sector))
    assert Watched.longest <= RUN
