"""Frames enter the network's square and its answer comes back to the same place."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echobeat.frames import FrameStack
from echobeat.measurement.writing import brightest_and_writing
from echobeat.models.letterbox import Letterbox


def disc(height, width, row, column, radius):
    rows, columns = np.mgrid[0:height, 0:width]
    return (rows - row) ** 2 + (columns - column) ** 2 < radius**2


@given(st.integers(60, 900), st.integers(60, 900), st.floats(0.3, 0.7), st.floats(0.3, 0.7))
def test_a_disc_comes_back_where_it_was(height, width, down, across):
    """Entering and leaving moves a region by less than half a pixel of the square, at any size."""
    row, column, radius = down * height, across * width, 0.2 * min(height, width)
    mask = disc(height, width, row, column, radius)
    box = Letterbox.around(np.full((height, width), 255, np.uint8), 112)
    square = box.enter((mask * 255).astype(np.uint8)[None])
    back = box.leave(square / 255)[0] > 0.5
    rows, columns = np.nonzero(back)
    tolerance = 0.5 / box.scale + 0.1
    assert abs(rows.mean() - np.nonzero(mask)[0].mean()) < tolerance
    assert abs(columns.mean() - np.nonzero(mask)[1].mean()) < tolerance
    if 2 * radius * box.scale > 20:
        assert abs(back.sum() / mask.sum() - 1) < 0.06


def test_frames_of_the_networks_size_are_not_touched():
    """EchoNet's 112 x 112 frames reach the network as they are."""
    frames = np.random.default_rng(0).integers(0, 256, (3, 112, 112), dtype=np.uint8)
    box = Letterbox.around(frames.max(axis=0), 112)
    assert box.is_identity
    assert np.array_equal(box.enter(frames), frames.astype(np.float32))


def test_black_borders_are_cut_off():
    """A small sector on a large screen fills the square."""
    screen = np.zeros((600, 800), np.uint8)
    screen[100:300, 500:700] = 90
    box = Letterbox.around(screen, 112)
    assert (box.top, box.bottom, box.left, box.right) == (100, 300, 500, 700)
    assert box.enter(screen[None])[0].min() > 60


def test_a_black_clip_has_a_box():
    """Nothing to see is no reason to fail."""
    assert Letterbox.around(np.zeros((50, 70), np.uint8), 112).right == 70


def test_frames_of_the_networks_size_keep_their_borders_where_the_card_says_so():
    """Networks that learned from such frames as they are see them so; other sizes lose their borders all the same."""
    small = np.zeros((2, 112, 112), np.uint8)
    small[:, 40:70, 40:70] = 90
    large = np.zeros((2, 224, 224), np.uint8)
    large[:, 80:140, 80:140] = 90
    assert Letterbox.of(FrameStack.from_array(small), 112, crop=False).is_identity
    assert Letterbox.of(FrameStack.from_array(small), 112).top == 40
    assert Letterbox.of(FrameStack.from_array(large), 112, crop=False).top == 80


def made_screen(*things, count=6, picture=(100, 500, 220, 620)):
    """(count, 600, 800): a moving picture in rows and columns from-to on a black screen, and things drawn around it."""
    rng = np.random.default_rng(0)
    top, bottom, left, right = picture
    frames = np.zeros((count, 600, 800), np.uint8)
    frames[:, top:bottom, left:right] = rng.integers(30, 200, (count, bottom - top, right - left))
    for thing in things:
        for index, frame in enumerate(frames):
            thing(frame, index)
    return frames


def header(frame, _):
    for row, line in ((20, "DOE, JANE  4711-08154"), (40, "11/05/2024  TIS 0.8  MI 1.3")):
        cv2.putText(frame, line, (10, row), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 220, 1, cv2.LINE_AA)


def grey_bar(frame, _):
    frame[80:230, 770:788] = np.linspace(255, 10, 150, dtype=np.uint8)[:, None]


def trace(frame, index):
    columns = np.arange(20, 140 * (index + 1) - 20)
    rows = 570 - 40 * np.exp(-(((columns % 190 - 60) / 4.0) ** 2))
    cv2.polylines(frame, [np.stack([columns, rows], 1).astype(np.int32)], False, 180, 2)


@pytest.mark.parametrize("things", [(header,), (grey_bar,), (trace,), (header, grey_bar, trace)])
def test_networks_see_the_picture_as_if_nothing_was_written_beside_it(things):
    """Letters, a grey bar and a running trace change neither the box nor what is in it."""
    bare, written = made_screen(), made_screen(*things)
    assert not np.array_equal(bare, written)
    box, same = (Letterbox.of(FrameStack.from_array(frames), 112) for frames in (bare, written))
    assert box.writing is None
    assert box == same
    assert np.array_equal(same.enter(written), box.enter(bare))


def test_what_is_written_is_looked_for_once_a_clip(monkeypatch):
    """Two networks of different sizes look at the frames once; frames that came later are looked at, too."""
    looks = []

    def look(frames, indices):
        looks.append(len(indices))
        return brightest_and_writing(frames, indices)

    monkeypatch.setattr("echobeat.measurement.writing.brightest_and_writing", look)
    frames = FrameStack.from_array(made_screen(header))
    boxes = [Letterbox.of(frames, size) for size in (112, 224)]
    assert looks == [6]
    assert boxes[0].writing is boxes[1].writing is not None
    frames.append(made_screen(header, count=1))
    Letterbox.of(frames, 112)
    assert looks == [6, 7]


def test_of_a_single_image_nothing_is_taken_for_writing():
    """Nothing can be seen to move, and a wall that stands alone may be part of the picture."""
    assert Letterbox.of(FrameStack.from_array(made_screen(header, grey_bar, count=1)), 112).writing is None


def test_a_second_picture_stays():
    """Of two pictures side by side neither is writing, however still; nor is a small part that moves."""
    rng = np.random.default_rng(1)
    frames = made_screen(picture=(100, 400, 50, 350))
    frames[:, 100:400, 450:750] = 120
    assert Letterbox.of(FrameStack.from_array(frames), 112).writing is None
    frames = made_screen()
    frames[:, 300:308, 700:740] = rng.integers(30, 200, (len(frames), 8, 40))
    assert Letterbox.of(FrameStack.from_array(frames), 112).writing is None


def test_a_screen_of_letters_is_no_picture():
    """Text alone stays as it is, so that it can be refused for what it is."""
    assert Letterbox.of(FrameStack.from_array(made_screen(header, picture=(0, 0, 0, 0))), 112).writing is None
