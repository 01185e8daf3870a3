"""A clip is valid once constructed."""

import pickle

import numpy as np
import pytest

from echobeat.errors import InvalidClip
from echobeat.frames import FrameStack
from echobeat.records import Clip


def clip(frames=(4, 20, 20), times=(0.0, 0.1, 0.2, 0.3), spacing=None):
    return Clip(FrameStack.from_array(np.zeros(frames, np.uint8)), np.asarray(times, float), spacing, "a.avi")


def test_fps_is_the_median_rate():
    """One long gap does not change the frame rate."""
    assert clip(times=(0, 0.1, 0.2, 0.9)).fps == pytest.approx(10)
    assert clip((1, 20, 20), (0.0,)).fps is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"frames": (0, 20, 20), "times": ()}, "no frames"),
        ({"frames": (4, 1, 20)}, "1 x 20"),
        ({"times": (0, 0.1, 0.2)}, "do not fit"),
        ({"times": (0, 0.1, 0.1, 0.3)}, "do not increase"),
        ({"times": (0, 0.1, np.nan, 0.3)}, "do not fit"),
        ({"spacing": (0.1, -0.1)}, "not positive"),
        ({"spacing": (0.1, np.nan)}, "not positive"),
    ],
)
def test_a_clip_that_cannot_be_is_refused_with_its_name(change, words):
    """The error names the file and says what is wrong."""
    with pytest.raises(InvalidClip, match=words) as caught:
        clip(**change)
    assert str(caught.value).startswith("a.avi: ")


def test_errors_cross_process_borders():
    """A worker's error arrives whole: source, problem, remedy and code."""
    error = pickle.loads(pickle.dumps(InvalidClip("a.avi", "it is empty", "Check it", "empty")))
    assert (error.source, error.problem, error.remedy, error.code) == ("a.avi", "it is empty", "Check it", "empty")
