"""One file becomes a clip: whatever it is stored as, only the sector is left; otherwise its reason is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_archive import (
    FAN,
    FPS,
    HEIGHT,
    SPACING_MM,
    WIDTH,
    cine,
    compressed,
    dicom,
    instance,
    region,
    screen,
    take,
    write_dicom,
    write_video,
)
from numpy.typing import NDArray
from pydicom import Dataset, examples
from pydicom.pixels import convert_color_space
from pydicom.tag import Tag
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from echobeat.deidentification.split import has_two_pictures
from echobeat.errors import NoRoom
from echobeat.frames import FrameStack
from echobeat.ingest.one_clip import Ingester, Outcome, Settings
from echobeat.sources import open_clip

NATIVE = Settings(size=None)


def facts_of(outcome: Outcome) -> dict[str, Any]:
    assert outcome.code == "clip", outcome.code
    assert outcome.clip is not None
    return json.loads(outcome.clip.as_json())


def frames_of(outcome: Outcome, stage: Path) -> NDArray[np.uint8]:
    return np.asarray(open_clip(stage / f"{outcome.input}.avi").frames)


def in_colour(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(frames[..., None], 3, axis=-1)


def palette() -> dict[str, Any]:
    table = np.arange(256).astype(np.uint8).tobytes()
    return {
        f"{colour}PaletteColorLookupTable{part}": value
        for colour in ("Red", "Green", "Blue")
        for part, value in (("Descriptor", [256, 0, 8]), ("Data", table))
    } | {"PhotometricInterpretation": "PALETTE COLOR"}


def stored(form: str) -> Dataset:
    """The same cine in one of the forms that are read."""
    grey = screen(cine())
    rgb = in_colour(grey)
    syntaxes: dict[str, tuple[UID, NDArray[np.uint8]]] = {
        "rle": (RLELossless, grey),
        "rle rgb": (RLELossless, rgb),
        "jpeg 2000": (JPEG2000Lossless, grey),
        "jpeg 2000 rgb": (JPEG2000Lossless, rgb),
        "jpeg ybr 422": (JPEGBaseline8Bit, rgb),
        "jpeg lossless rgb": (JPEGLosslessSV1, rgb),
        "jpeg-ls": (JPEGLSLossless, grey),
    }
    if form in syntaxes:
        syntax, frames = syntaxes[form]
        return compressed(instance(frames), syntax)
    ybr = convert_color_space(rgb, "RGB", "YBR_FULL")
    half = np.stack([ybr[..., ::2, 0], ybr[..., 1::2, 0], ybr[..., ::2, 1], ybr[..., ::2, 2]], axis=-1)
    return {
        "monochrome2": lambda: instance(grey),
        "monochrome1": lambda: instance(255 - grey, PhotometricInterpretation="MONOCHROME1"),
        "12 bits": lambda: instance((grey * (4095 / 255)).round().astype("<u2"), BitsStored=12, HighBit=11),
        "rgb": lambda: instance(rgb),
        "rgb by plane": lambda: instance(rgb, PlanarConfiguration=1, PixelData=rgb.transpose(0, 3, 1, 2).tobytes()),
        "ybr full": lambda: instance(rgb, PixelData=ybr.tobytes(), PhotometricInterpretation="YBR_FULL"),
        "ybr full 422": lambda: instance(rgb, PixelData=half.tobytes(), PhotometricInterpretation="YBR_FULL_422"),
        "palette": lambda: instance(grey, **palette()),
    }[form]()


FORMS = (
    *("rle", "rle rgb", "jpeg 2000", "jpeg 2000 rgb", "jpeg ybr 422", "jpeg lossless rgb", "jpeg-ls"),
    *("monochrome2", "monochrome1", "12 bits", "rgb", "rgb by plane", "ybr full", "ybr full 422", "palette"),
)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_dicom_becomes_the_same_clip(tmp_path: Path, form: str) -> None:
    """Grey values come through within what MJPEG loses, and the word outside the sector is gone."""
    outcome = take(write_dicom(tmp_path / "IM_0001", stored(form)), tmp_path / "stage", NATIVE)
    facts = facts_of(outcome)
    place, made = facts["source"], frames_of(outcome, tmp_path / "stage")
    inside = FAN.mask(HEIGHT, WIDTH, margin_px=4.0)
    part = (slice(place["top"], place["bottom"]), slice(place["left"], place["right"]))
    down, right = made.shape[1] - (place["bottom"] - place["top"]), made.shape[2] - (place["right"] - place["left"])
    moved = made[:, down // 2 :, right // 2 :][:, : inside[part].shape[0], : inside[part].shape[1]].astype(int)
    original = cine()[:, *part].astype(int)
    assert np.abs(moved - original)[:, inside[part]].mean() < 6
    outside = ~FAN.mask(HEIGHT, WIDTH, margin_px=-4.0)[part]
    assert moved[:, outside].max(initial=0) < 40


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_other_encodings_of_the_header(tmp_path: Path, syntax: UID) -> None:
    little = syntax == ImplicitVRLittleEndian
    made = instance(screen(cine()))
    made.file_meta.TransferSyntaxUID = syntax
    if not little:
        made.PixelData = np.frombuffer(made.PixelData, "<u2").astype(">u2").tobytes()
        made["PixelData"].VR = "OW"
    made.save_as(tmp_path / "IM", implicit_vr=little, little_endian=little, enforce_file_format=True)
    assert take(tmp_path / "IM", tmp_path / "stage").code == "clip"


@pytest.mark.parametrize(("suffix", "codec", "form"), [("avi", "mjpeg", "yuvj420p"), ("mp4", "libx264", "yuv420p")])
def test_videos_become_clips_without_calibration(tmp_path: Path, suffix: str, codec: str, form: str) -> None:
    path = write_video(tmp_path / f"clip.{suffix}", screen(cine()), codec, form)
    facts = facts_of(take(path, tmp_path / "stage"))
    assert (facts["frames"], facts["height"], facts["width"], facts["header"]) == (24, 112, 112, False)
    assert facts["spacing_mm"] is None
    assert "uncalibrated" in facts["notes"]


def test_spacing_follows_the_scale_and_the_rate_is_kept(tmp_path: Path) -> None:
    """A length on the new picture is the length it was."""
    facts = facts_of(take(write_dicom(tmp_path / "a", instance(HeartRate=66)), tmp_path / "stage"))
    scale = facts["source"]["scale"]
    assert scale == 112 / max(
        facts["source"]["bottom"] - facts["source"]["top"], facts["source"]["right"] - facts["source"]["left"]
    )
    assert facts["spacing_mm"] == pytest.approx([SPACING_MM[0] / scale, SPACING_MM[1] / scale])
    assert (facts["fps"], facts["frames"], facts["heart_rate_bpm"]) == (pytest.approx(FPS), 24, 66)


@pytest.mark.parametrize("rate", [0, 400, None])
def test_a_heart_rate_that_no_heart_has_is_missing(tmp_path: Path, rate: int | None) -> None:
    facts = facts_of(take(write_dicom(tmp_path / "a", instance(HeartRate=rate)), tmp_path / "stage"))
    assert facts["heart_rate_bpm"] is None


def test_irregular_times_are_kept_beside_the_clip_or_resampled(tmp_path: Path) -> None:
    steps = [0, *([20, 40] * 12)][:24]
    made = instance(FrameTime=None, FrameIncrementPointer=Tag("FrameTimeVector"), FrameTimeVector=steps)
    path = write_dicom(tmp_path / "a", made)
    facts = facts_of(take(path, tmp_path / "stage"))
    assert "irregular_times" in facts["notes"]
    assert facts["times_s"] == pytest.approx(np.cumsum(steps) / 1000)
    assert facts["fps"] == pytest.approx(23 / (sum(steps) / 1000))
    outcome = take(path, tmp_path / "resampled", Settings(fps=25))
    even = facts_of(outcome)
    assert "irregular_times" not in even["notes"]
    assert np.diff(even["times_s"]) == pytest.approx(0.04)
    assert (even["fps"], open_clip(tmp_path / "resampled" / f"{outcome.input}.avi").fps) == (25, pytest.approx(25))


def test_only_the_tissue_region_of_the_header_is_looked_at(tmp_path: Path) -> None:
    """A second, smaller moving picture beside the region does not disturb, and is gone."""
    wide = np.concatenate([cine(), np.random.default_rng(1).integers(0, 255, (24, HEIGHT, 60), np.uint8)], axis=2)
    box = region(HEIGHT, WIDTH, PhysicalDeltaX=0.15, PhysicalDeltaY=0.15)
    made = dicom(wide, SequenceOfUltrasoundRegions=[box])
    facts = facts_of(take(write_dicom(tmp_path / "a", made), tmp_path / "stage"))
    assert facts["source"]["right"] <= WIDTH
    box.RegionLocationMaxX1 = 500  # no longer fits the picture: the detector alone decides
    outcome = take(write_dicom(tmp_path / "b", dicom(wide, SequenceOfUltrasoundRegions=[box])), tmp_path / "stage")
    assert outcome.code in ("several_pictures", "no_sector")


def view_item(scheme: str, value: str) -> Dataset:
    item = Dataset()
    item.CodingSchemeDesignator, item.CodeValue, item.CodeMeaning = scheme, value, "a view"
    return item


@pytest.mark.parametrize(
    ("code", "a4c", "everything"),
    [
        (("SCT", "399214001"), "A4C", "A4C"),
        (("SRT", "G-A19C"), "A4C", "A4C"),
        (("SCT", "399232001"), None, "A2C"),
        (("SCT", "399139001"), None, "other"),
        (None, "", ""),
    ],
)
def test_the_view_that_the_header_states_decides(
    tmp_path: Path, code: tuple[str, str] | None, a4c: str | None, everything: str
) -> None:
    path = write_dicom(tmp_path / "a", instance(ViewCodeSequence=[view_item(*code)] if code else None))
    outcome = take(path, tmp_path / "stage")
    assert outcome.code == ("clip" if a4c is not None else "other_view")
    assert facts_of(take(path, tmp_path / "stage", Settings(view="any")))["view"] == everything
    if outcome.clip:
        assert outcome.clip.view == a4c
        assert ("view_unstated" in outcome.clip.notes) == (not code)


def two_pictures() -> list[Dataset]:
    left = region(HEIGHT, WIDTH, RegionLocationMaxX1=WIDTH // 2 - 1)
    return [left, region(HEIGHT, WIDTH, RegionLocationMinX0=WIDTH // 2)]


def in_motion_colours() -> NDArray[np.uint8]:
    """Flow towards the probe in red, away from it in blue, as bright as the speckle was."""
    frames = in_colour(cine())
    frames[:, 20:80, 35:60] = frames[:, 20:80, 35:60] * (1.0, 0.2, 0.1)
    frames[:, 20:80, 60:85] = frames[:, 20:80, 60:85] * (0.1, 0.3, 1.0)
    return frames


REFUSED: dict[str, tuple[Any, str]] = {
    "a still": (lambda: instance(cine(count=1)), "still_image"),
    "nothing moves": (lambda: instance(np.repeat(cine(count=1), 24, axis=0)), "still_image"),
    "black": (lambda: instance(np.zeros((24, HEIGHT, WIDTH), np.uint8)), "blank"),
    "short": (lambda: instance(cine(count=6)), "too_short"),
    "colour flow": (lambda: instance(in_motion_colours()), "colour_doppler"),
    "a region of colour flow": (
        lambda: instance(SequenceOfUltrasoundRegions=[region(HEIGHT, WIDTH), region(HEIGHT, WIDTH, RegionDataType=2)]),
        "colour_doppler",
    ),
    "two tissue regions": (lambda: instance(SequenceOfUltrasoundRegions=two_pictures()), "split_screen"),
    "a spectrum beside": (
        lambda: instance(
            SequenceOfUltrasoundRegions=[region(HEIGHT, WIDTH), region(HEIGHT, WIDTH, RegionSpatialFormat=3)]
        ),
        "trace_beside",
    ),
    "two sectors": (
        lambda: dicom(np.concatenate([cine(1), cine(2)], axis=2), SequenceOfUltrasoundRegions=None),
        "several_pictures",
    ),
    "no sector": (
        lambda: dicom(
            np.random.default_rng(0).integers(0, 255, (24, 64, 64), np.uint8), SequenceOfUltrasoundRegions=None
        ),
        "not_ultrasound",
    ),
    "magnetic resonance": (lambda: instance(Modality="MR", SOPClassUID="1.2.840.10008.5.1.4.1.1.4"), "not_ultrasound"),
    "no rate": (lambda: instance(FrameTime=None, FrameIncrementPointer=None), "no_frame_rate"),
    "an hour a frame": (lambda: instance(FrameTime=3600000), "frame_rate"),
    "a volume": (lambda: instance(SOPClassUID="1.2.840.10008.5.1.4.1.1.6.2"), "volume"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_clip_is_refused_with_its_reason(tmp_path: Path, case: str) -> None:
    make, code = REFUSED[case]
    outcome = take(write_dicom(tmp_path / "a", make()), tmp_path / "stage")
    assert (outcome.code, outcome.clip) == (code, None)
    assert not list((tmp_path / "stage").iterdir())


def test_a_fault_of_the_file_is_no_fault_of_ours(tmp_path: Path) -> None:
    """Cut off anywhere, a file is refused or gives what is left; nothing is raised."""
    whole = write_dicom(tmp_path / "a", compressed(instance(in_colour(cine())), JPEGBaseline8Bit)).read_bytes()
    codes = set()
    for length in (0, 100, 400, 1500, len(whole) // 2, len(whole) - 7):
        (tmp_path / "cut").write_bytes(whole[:length])
        codes.add(take(tmp_path / "cut", tmp_path / "stage").code)
    assert codes <= {"empty", "other_kind", "cut_off", "damaged", "cut_short", "clip"}
    assert {"empty", "clip"} <= codes


@pytest.mark.parametrize("left", [1, 5])
def test_a_clip_that_is_cut_to_a_few_frames_was_damaged_and_not_recorded_short(tmp_path: Path, left: int) -> None:
    """Its remedy is another copy; it is tried again by the next run."""
    whole = write_dicom(tmp_path / "a", instance()).read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) - (24 - left) * HEIGHT * WIDTH])
    outcome = take(tmp_path / "cut", tmp_path / "stage")
    assert (outcome.code, outcome.state, outcome.clip) == ("cut_short", "failed", None)


def test_a_clip_whose_frames_have_no_room_fails_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise NoRoom("The temporary folder cannot hold the frames.")

    source = write_dicom(tmp_path / "a", instance())
    with monkeypatch.context() as patched:
        patched.setattr(FrameStack, "append", full)
        outcome = take(source, tmp_path / "stage")
    assert (outcome.code, outcome.state, outcome.trouble) == ("no_room", "failed", "")
    assert take(source, tmp_path / "stage").code == "clip"


def test_the_real_clip_that_ships_inside_pydicom(tmp_path: Path) -> None:
    """Its region is of another size: the sector is found in the picture, and there is no spacing."""
    outcome = take(Path(examples.get_path("ybr_color")), tmp_path / "stage")
    facts = facts_of(outcome)
    assert (facts["frames"], facts["height"], facts["spacing_mm"]) == (30, 112, None)
    assert "calibration_refused" in facts["notes"]
    made = frames_of(outcome, tmp_path / "stage")
    assert made[:, :40, :20].max() < 24  # where the screen has its words
    assert made[:, :40, 92:].max() < 24


def test_a_video_of_the_wanted_size_is_left_where_it_is(tmp_path: Path) -> None:
    """Only what is outside its sector goes."""
    outcome = take(write_dicom(tmp_path / "a", instance()), tmp_path / "stage")
    first = tmp_path / "stage" / f"{outcome.input}.avi"
    again = take(first, tmp_path / "again")
    assert facts_of(again)["source"]["scale"] == 1.0
    change = np.abs(frames_of(again, tmp_path / "again").astype(int) - frames_of(outcome, tmp_path / "stage"))
    assert change.mean() < 4


def test_the_same_key_gives_the_same_names_and_another_key_others(tmp_path: Path) -> None:
    from made_archive import PSEUDONYMS

    from echobeat.deidentification.pseudonyms import Pseudonyms
    from echobeat.ingest.finding import Input

    path = write_dicom(tmp_path / "a", instance())
    one = Input(str(path), "a", None, "stamp")
    stages = [tmp_path / name for name in ("one", "two", "three")]
    for stage in stages:
        stage.mkdir()
    keys = (PSEUDONYMS, PSEUDONYMS, Pseudonyms(b"another key of 16 bytes"))
    made = [facts_of(Ingester(Settings(), key, stage)(one)) for key, stage in zip(keys, stages, strict=True)]
    assert made[0] == made[1]
    for name in ("name", "patient", "study", "instance", "source_hash", "fingerprint"):
        assert made[0][name] != made[2][name]


@pytest.mark.parametrize("gap", [0, 12])
def test_two_pictures_are_seen_by_their_outline_and_one_is_not(gap: int) -> None:
    """Also where the sectors touch; a shadow in the middle of one does not split it."""
    beside = [cine(1), np.zeros((24, HEIGHT, gap), np.uint8), cine(2)]
    assert has_two_pictures(np.concatenate(beside, axis=2))
    assert not has_two_pictures(cine())
    shadowed = cine()
    shadowed[:, 35:, 56:64] = 0
    assert not has_two_pictures(shadowed)
