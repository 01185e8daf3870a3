"""What a person gives is refused with a typed error that says what to give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from echobeat.errors import UsageError
from echobeat.given import array_of, check_file, check_folder, spacing_of


@pytest.mark.parametrize("spacing", [0.3, (0.3, 0.3), [0.3, 0.3], np.array([0.3, 0.3]), np.float32(0.3)])
def test_a_spacing_is_one_number_or_two_in_whatever_holds_them(spacing: object) -> None:
    assert spacing_of(spacing) == pytest.approx((0.3, 0.3))  # type: ignore[arg-type]  # what callers without types do


@pytest.mark.parametrize(
    "spacing", [[0.3, [0.3]], [[0.3], [0.3, 0.3]], ("0.3", "0.3"), "0.3", [None, 0.3], [], (0.3,) * 3, {"row": 0.3}]
)
def test_a_ragged_spacing_or_one_that_is_no_number_is_wrong_use(spacing: object) -> None:
    with pytest.raises(UsageError, match=r"A pixel spacing of .* is not possible: give one number .*, or two"):
        spacing_of(spacing)  # type: ignore[arg-type]  # what callers without types do


@pytest.mark.parametrize("frames", [[], None, b"clip.avi", "clip.avi", [[1], [1, 2]], {"frames": 1}])
def test_what_is_no_array_of_frames_is_wrong_use(frames: object) -> None:
    with pytest.raises(UsageError, match="cannot be taken for frames: give an array"):
        array_of(frames)


def test_a_place_to_write_to_that_cannot_be_one_is_wrong_use_and_named(tmp_path: Path) -> None:
    """A file where a folder belongs, a folder where a file belongs, and either below a file; others need not exist."""
    file = tmp_path / "file"
    file.write_text("")
    for folder in (file, file / "below" / "deeper"):
        with pytest.raises(UsageError, match=f"^{file} is a file, not a folder. Choose another --out.$"):
            check_folder(folder)
    with pytest.raises(UsageError, match=f"^{tmp_path} is a folder, not a file. Choose another --json.$"):
        check_file(tmp_path, "--json")
    with pytest.raises(UsageError, match=f"^{file} is a file, not a folder."):
        check_file(file / "below")
    check_folder(tmp_path / "new" / "deeper")
    check_file(tmp_path / "new" / "deeper")
    check_file(file)
