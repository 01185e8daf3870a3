"""AVI, MP4, MOV, WebM and GIF."""

from __future__ import annotations

import re
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from made_clips import FPS, beating, in_colour, write_gif, write_video

from echobeat.errors import InvalidClip, UnreadableFile, UnsupportedFile
from echobeat.report import wording
from echobeat.sources import open_clip


@pytest.mark.parametrize(
    ("suffix", "codec", "pix_fmt"),
    [
        ("avi", "mjpeg", "yuvj420p"),
        ("avi", "mjpeg", "yuvj444p"),
        ("avi", "rawvideo", "bgr24"),
        ("avi", "rawvideo", "gray"),
        ("avi", "ffv1", "gray16le"),
        ("mp4", "libx264", "yuv420p"),
        ("mp4", "libx264", "yuvj420p"),
        ("mp4", "mpeg4", "yuv420p"),
        ("mov", "prores_ks", "yuv422p10le"),
        ("mov", "png", "rgb24"),
        ("webm", "libvpx", "yuv420p"),
        ("webm", "libvpx-vp9", "yuv420p"),
        ("mkv", "ffv1", "bgra"),
    ],
)
@pytest.mark.parametrize("value", [0, 200, 255])
def test_grey_values_reach_from_0_to_255(tmp_path: Path, suffix: str, codec: str, pix_fmt: str, value: int) -> None:
    """A plain frame comes back with its value, also from limited-range YUV and from more than 8 bits."""
    frames = np.full((3, 48, 64), value, np.uint8)
    clip = open_clip(write_video(tmp_path / f"plain.{suffix}", frames, codec, pix_fmt))
    assert clip.frames.shape == (3, 48, 64)
    assert np.abs(np.asarray(clip.frames).astype(int) - value).max() <= 3


def test_a_video_of_echonet_size_opens_as_it_is(tmp_path: Path) -> None:
    """112 x 112 MJPG AVI at 50 frames a second, with a rate that is no whole number elsewhere."""
    clip = open_clip(write_video(tmp_path / "0X1A.avi", beating(60, 112, 112)))
    assert clip.frames.shape == (60, 112, 112)
    assert clip.fps == pytest.approx(50)
    assert clip.spacing_mm is None


@pytest.mark.parametrize(("height", "width"), [(17, 31), (99, 101), (480, 640)])
def test_odd_sizes_keep_every_row_and_column(tmp_path: Path, height: int, width: int) -> None:
    """Decoders pad odd sizes; the padding does not show."""
    frames = beating(2, height, width)
    clip = open_clip(write_video(tmp_path / "odd.mkv", frames, "ffv1", "gray"))
    assert np.array_equal(np.asarray(clip.frames), frames)


@pytest.mark.parametrize(("suffix", "codec"), [("mp4", "libx264"), ("webm", "libvpx"), ("mkv", "ffv1")])
def test_a_variable_rate_is_kept(tmp_path: Path, suffix: str, codec: str) -> None:
    """Frame times are those of the container, not a mean rate."""
    pts_ms = [0, 20, 40, 90, 100, 133, 180, 200]
    path = write_video(tmp_path / f"variable.{suffix}", beating(8), codec, "yuv420p", pts_ms=pts_ms)
    clip = open_clip(path)
    assert clip.times_s * 1000 == pytest.approx(pts_ms, abs=1.1)  # WebM counts in ms
    assert clip.warnings == ()


def test_times_start_at_zero(tmp_path: Path) -> None:
    """A stream that begins late, as after a cut, does not begin with a pause."""
    path = write_video(tmp_path / "late.mkv", beating(4), "ffv1", "gray", pts_ms=[5000, 5020, 5040, 5060])
    assert open_clip(path).times_s == pytest.approx([0, 0.02, 0.04, 0.06])


def test_gif_delays_are_taken_as_stated(tmp_path: Path) -> None:
    """Also under 20 ms, which browsers slow down, and where they vary."""
    assert open_clip(write_gif(tmp_path / "fast.gif", beating(6), 10)).fps == pytest.approx(100)
    clip = open_clip(write_gif(tmp_path / "uneven.gif", beating(4), [20, 50, 30, 20]))
    assert clip.times_s == pytest.approx([0, 0.02, 0.07, 0.1])


@pytest.mark.parametrize("keep_extension", [True, False])
def test_a_gif_without_delays_asks_for_the_rate(tmp_path: Path, keep_extension: bool) -> None:
    """A delay of zero, or none, is no rate; no rate is made up."""
    path = write_gif(tmp_path / "still.gif", beating(4), 20 if keep_extension else 0)
    path.write_bytes(re.sub(rb"(\x21\xf9\x04.)..", b"\\1\0\0", path.read_bytes(), flags=re.DOTALL))
    with pytest.raises(InvalidClip, match=r"frame rate.*--fps"):
        open_clip(path)
    assert open_clip(path, fps=40).fps == pytest.approx(40)


def test_a_video_held_upright_is_turned(tmp_path: Path) -> None:
    """The rotation that phones write into MP4 is applied."""
    frames = beating(3, 48, 64)
    path = write_video(tmp_path / "turned.mp4", frames, "libx264", "yuv420p")
    identity = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    quarter = struct.pack(">9i", 0, 0x10000, 0, -0x10000, 0, 0, 48 << 16, 0, 0x40000000)
    head, track = path.read_bytes().split(b"tkhd", 1)
    path.write_bytes(head + b"tkhd" + track.replace(identity, quarter, 1))
    clip = open_clip(path)
    assert clip.frames.shape == (3, 64, 48)
    clockwise = np.rot90(frames[0], -1)  # matrix of a quarter turn clockwise: QuickTime File Format, Matrices
    assert np.abs(np.asarray(clip.frames)[0].astype(int) - clockwise).max() <= 24


def test_a_size_that_changes_is_refused(tmp_path: Path) -> None:
    """Frames of two sizes in one stream are no clip; the error names both."""
    path = tmp_path / "two.avi"
    small = write_video(tmp_path / "small.avi", beating(2, 48, 64))
    with av.open(str(path), "w") as output, av.open(str(small)) as other:
        stream = output.add_stream("mjpeg", rate=FPS)
        stream.height, stream.width, stream.pix_fmt = 72, 96, "yuvj420p"
        for picture in in_colour(beating(3)):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode())
        for number, packet in enumerate(other.demux(video=0)):
            if packet.size:
                packet.stream, packet.pts, packet.dts, packet.time_base = (
                    stream,
                    3 + number,
                    3 + number,
                    Fraction(1, FPS),
                )
                output.mux(packet)
    with pytest.raises(InvalidClip, match=r"72 x 96 to 48 x 64.*frame 3"):
        open_clip(path)


def test_a_damaged_frame_is_left_out(tmp_path: Path) -> None:
    """The others keep their times, and the clip says that it is not whole."""
    path = write_video(tmp_path / "damaged.avi", beating(12))
    data = path.read_bytes()
    starts = [place for place in range(data.index(b"movi"), len(data)) if data[place : place + 4] == b"00dc"]
    begin, end = starts[4] + 8, starts[5]
    path.write_bytes(data[:begin] + bytes(end - begin) + data[end:])
    clip = open_clip(path)
    assert clip.times_s == pytest.approx([number / FPS for number in range(12) if number != 4])
    assert [warning.code for warning in clip.warnings] == ["truncated"]
    assert "11 of 12" in clip.warnings[0].message


@pytest.mark.parametrize("lost", [range(4, 8), range(2)])
def test_damaged_frames_keep_their_time_at_a_given_rate(tmp_path: Path, lost: range) -> None:
    """What is left before and behind them is not drawn together; the first frame that is left is at 0 s."""
    path = write_video(tmp_path / "damaged.avi", beating(12))
    data = bytearray(path.read_bytes())
    starts = [place for place in range(data.index(b"movi"), len(data)) if data[place : place + 4] == b"00dc"]
    for number in lost:
        begin, end = starts[number] + 8, starts[number + 1]
        data[begin:end] = bytes(end - begin)
    path.write_bytes(data)
    left = np.array([number for number in range(12) if number not in lost])
    assert open_clip(path, fps=25.0).times_s == pytest.approx((left - left[0]) / 25.0)


def test_a_frame_dropped_while_recording_is_a_gap_and_no_damage(tmp_path: Path) -> None:
    """AVI keeps the place of a dropped frame with an empty chunk."""
    path = write_video(tmp_path / "dropped.avi", beating(12))
    data = path.read_bytes()
    place = start = data.index(b"movi") + 4
    chunks, index = b"", b""
    while data[place : place + 4] == b"00dc":
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        end = place + 8 + size + size % 2
        chunk = b"00dc" + bytes(4) if len(index) == 16 * 5 else data[place:end]
        index += b"00dc" + struct.pack("<2I", 16, 4 + len(chunks)) + chunk[4:8]
        chunks, place = chunks + chunk, end
    movi = b"LIST" + struct.pack("<I", 4 + len(chunks)) + b"movi" + chunks
    path.write_bytes(data[: start - 12] + movi + b"idx1" + struct.pack("<I", len(index)) + index)
    clip = open_clip(path)
    assert clip.times_s == pytest.approx([number / FPS for number in range(12) if number != 5])
    assert clip.warnings == ()


def test_a_live_recording_states_no_duration(tmp_path: Path) -> None:
    """WebM from a browser has no length in its header; nothing is missing."""
    path = write_video(tmp_path / "live.webm", beating(12), "libvpx", "yuv420p", options={"live": "1"})
    clip = open_clip(path)
    assert len(clip.frames) == 12
    assert clip.warnings == ()


def test_the_index_in_front_lets_half_a_file_be_read(tmp_path: Path) -> None:
    """An MP4 for streaming keeps what came down; what is missing is said."""
    options = {"movflags": "faststart"}
    path = write_video(tmp_path / "stream.mp4", beating(40), "libx264", "yuv420p", options=options)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 7 // 10])
    clip = open_clip(path)
    assert 5 < len(clip.frames) < 40
    assert [warning.code for warning in clip.warnings] == ["truncated"]


def test_a_frame_cut_in_half_is_not_filled_in(tmp_path: Path) -> None:
    """MPEG-4 decoders conceal what is missing; a made-up half frame is no measurement."""
    frames = np.random.default_rng(3).integers(0, 256, (12, 48, 64)).astype(np.uint8)
    whole = np.asarray(open_clip(write_video(tmp_path / "cut.avi", frames, "mpeg4", "yuv420p")).frames)
    data = (tmp_path / "cut.avi").read_bytes()
    (tmp_path / "cut.avi").write_bytes(data[: len(data) * 6 // 10])
    clip = open_clip(tmp_path / "cut.avi")
    assert 4 < len(clip.frames) < 12
    assert np.array_equal(np.asarray(clip.frames), whole[: len(clip.frames)])


def test_sound_alone_is_no_clip(tmp_path: Path) -> None:
    """A file of a kind that is read but without pictures says so."""
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        output.mux(stream.encode(frame))
        output.mux(stream.encode())
    with pytest.raises(UnsupportedFile, match="no video"):
        open_clip(path)


def test_an_unknown_codec_is_named_as_the_reason(tmp_path: Path) -> None:
    """The remedy is to convert the file."""
    path = write_video(tmp_path / "odd.avi", beating(4))
    path.write_bytes(path.read_bytes().replace(b"MJPG", b"QZQZ"))
    with pytest.raises(UnsupportedFile, match=r"codec.*Convert"):
        open_clip(path)


def test_an_8k_frame_is_read(tmp_path: Path) -> None:
    """7680 x 4320 is within the limit."""
    path = tmp_path / "8k.avi"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("mjpeg", rate=FPS)
        stream.height, stream.width, stream.pix_fmt = 4320, 7680, "yuvj420p"
        frame = av.VideoFrame(7680, 4320, "yuvj420p")
        for plane, value in zip(frame.planes, (90, 128, 128), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        output.mux(stream.encode(frame))
        output.mux(stream.encode())
    clip = open_clip(path)
    assert clip.frames.shape == (1, 4320, 7680)
    assert set(np.unique(clip.frames[0][::64, ::64])) == {90}


def test_a_frame_beyond_the_limit_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    """A GIF of a few bytes may claim 65535 x 65535 pixels."""
    path = write_gif(tmp_path / "bomb.gif", beating(2))
    data = bytearray(path.read_bytes())
    data[6:10] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    with pytest.raises(InvalidClip, match=r"65535 x 65535.*At most"):
        open_clip(path)


@pytest.mark.parametrize("side", [1, 15])
def test_a_tiny_frame_is_refused(tmp_path: Path, side: int) -> None:
    """1 x 1 pixels hold no ventricle."""
    with pytest.raises(InvalidClip, match=rf"{side} x {side}.*At least"):
        open_clip(
            write_gif(tmp_path / "tiny.gif", np.zeros((3, side, side), np.uint8) + np.uint8([[[1]], [[2]], [[3]]]))
        )


def test_a_video_without_frames_is_no_clip(tmp_path: Path) -> None:
    """A header alone is not enough."""
    path = write_video(tmp_path / "empty.avi", beating(2))
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"movi") + 4])
    with pytest.raises((InvalidClip, UnreadableFile), match=r"empty\.avi"):
        open_clip(path)


def test_an_implausible_rate_is_warned_of(tmp_path: Path) -> None:
    """A clip exported at one frame a second is read, but says what rate it has and what to do, once."""
    path = write_gif(tmp_path / "slow.gif", beating(4), 1000)
    (warning,) = open_clip(path).warnings
    assert warning.code == "frame_rate_implausible"
    assert "1 a second" in warning.message
    assert "--fps, or fps=" in warning.message
    assert wording.remedy(warning) == ""
    assert open_clip(path, fps=50).warnings == ()
