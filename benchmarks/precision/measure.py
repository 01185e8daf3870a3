"""What fewer bits change and save: ``python -m benchmarks.precision.measure --phantoms DIR [--camus DIR]``.

The bundled networks as ONNX Runtime runs them in float32 (the baseline), with 8-bit integers, and through OpenVINO in
float32, bfloat16 and 8-bit integers. The integers are statically quantised, a scale each channel, on phantoms of
training seeds. One table: time against the baseline in the same run, and what changes: the EF of phantom studies and
the Dice of CAMUS ``valid`` images. Neither decides anything else, and no test data are read.

ONNX Runtime has no bfloat16 convolution on a processor; the table says so where that is still true.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from echobeat.datasets.camus import CamusImage, read_camus
from echobeat.errors import ModelError
from echobeat.evaluation.bootstrap import mean_metric
from echobeat.evaluation.dice import dice
from echobeat.frames import FrameStack
from echobeat.measurement import find_beats, volume_curve
from echobeat.models import Segmenter, load_segmenter, load_video_reader
from echobeat.models.beat_clips import beat_clip
from echobeat.models.beat_reader import BeatReader
from echobeat.models.cards import model_file
from echobeat.models.session import Backend, OnnxRuntime, OpenVino, open_backend
from echobeat.phantom import sample_frames
from echobeat.pipeline import Models, analyze_clip
from echobeat.records import Clip
from echobeat.sources import open_clip

Float32 = NDArray[np.float32]

BATCH = 16
QUANTISED_ON = 200
"""Frames from which the segmentation's scales are taken; the beats' come from twelve further studies."""

EF_MAY_CHANGE, DICE_MAY_CHANGE = 0.3, 0.002
"""Points of EF, and Dice, that a variant may cost and still be kept."""


@dataclass(frozen=True)
class Variant:
    """One way to run both networks."""

    name: str
    segmentation: Backend
    beats: Backend


@dataclass(frozen=True)
class Row:
    """What one variant costs and changes; times in ms, EF in points."""

    name: str
    frame_ms: float
    beat_ms: float
    efs: NDArray[np.float64]
    dices: NDArray[np.float64]


class Batches(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime ships no types
    """Inputs of a network, one batch after another, as the quantiser asks for them."""

    def __init__(self, name: str, batches: Iterator[Float32]) -> None:
        self._name, self._batches = name, batches

    def get_next(self) -> dict[str, Float32] | None:
        """The next batch; None after the last."""
        batch = next(self._batches, None)
        return None if batch is None else {self._name: batch}


def quantised(path: Path, batches: list[Float32], folder: Path) -> Path:
    """Write the network with 8-bit weights and activations; returns the file."""
    prepared, out = folder / f"{path.stem}.prepared.onnx", folder / f"{path.stem}.int8.onnx"
    quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
    name = onnx.load(str(prepared)).graph.input[0].name
    quantize_static(
        str(prepared),
        str(out),
        Batches(name, iter(batches)),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["Conv", "MatMul", "Gemm"],
    )
    return out


def bfloat16_refused(folder: Path) -> str | None:
    """What ONNX Runtime says to a convolution of bfloat16; None where it runs one."""
    half, node = onnx.TensorProto.BFLOAT16, onnx.helper.make_node("Conv", ["x", "w"], ["y"])
    x, w = (onnx.helper.make_tensor_value_info(name, half, [1, 1, 3, 3]) for name in "xw")
    y = onnx.helper.make_tensor_value_info("y", half, [1, 1, 1, 1])
    graph = onnx.helper.make_graph([node], "one", [x, w], [y])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 22)], ir_version=10)
    onnx.save(model, str(folder / "one.onnx"))
    try:
        OnnxRuntime(folder / "one.onnx", 1)
    except ModelError as error:
        return str(error).splitlines()[-1][-160:]
    return None


def variants(threads: int, folder: Path, frames: list[Float32], beats: list[Float32]) -> Iterator[Variant]:
    """All that can be run here; the baseline first."""
    plain = [model_file("lv"), model_file("ef")]
    whole = [quantised(path, batches, folder) for path, batches in zip(plain, (frames, beats), strict=True)]
    yield Variant("ONNX Runtime float32", *(open_backend(path, "onnxruntime", threads) for path in plain))
    yield Variant("ONNX Runtime int8", *(open_backend(path, "onnxruntime", threads) for path in whole))
    try:
        import openvino  # noqa: F401  # asked for by this benchmark alone
    except ImportError:
        print("OpenVINO is not installed: its rows are left out (pip install 'echobeat[openvino]').")
        return
    ways: tuple[tuple[str, list[Path], Literal["f32", "bf16"]], ...]
    ways = (("float32", plain, "f32"), ("bfloat16", plain, "bf16"), ("int8", whole, "f32"))
    for name, files, precision in ways:
        yield Variant(f"OpenVINO {name}", *(OpenVino(path, threads, precision) for path in files))


def measure(variant: Variant, clips: list[Clip], stills: list[CamusImage], inputs: list[Float32]) -> Row:
    """Run one variant over everything."""
    segmenter = Segmenter(load_segmenter("lv").card, variant.segmentation)
    reader = load_video_reader("ef")
    assert isinstance(reader, BeatReader)
    models = Models(segmenter, BeatReader(reader.card, variant.beats))
    efs = [_study_ef(clip, models) for clip in clips]
    dices = [dice(np.asarray(segmenter.segment(still_frames(s)).lv)[0], s.labels == 1) for s in stills]
    times = [_ms(backend, batch) for backend, batch in zip((variant.segmentation, variant.beats), inputs, strict=True)]
    return Row(variant.name, *times, np.array(efs), np.array(dices))


def still_frames(still: CamusImage) -> FrameStack:
    """One image as a stack of one frame."""
    return FrameStack.from_array(still.image[None])


def _study_ef(clip: Clip, models: Models) -> float:
    """The EF of the beats that count, whatever the clip's quality; NaN without one."""
    found = analyze_clip(clip, models).result
    calibration = models.video_calibration
    if calibration is None or found.ef_geometric is None or found.ef_video is None:
        return float("nan")
    return calibration.together(found.ef_geometric.value, found.ef_video.value)


def _ms(backend: Backend, batch: Float32) -> float:
    """Milliseconds an item: the shortest of several runs."""
    took = []
    for _ in range(12):
        began = time.perf_counter()
        backend.run(batch)
        took.append(time.perf_counter() - began)
    return min(took) * 1000 / len(batch)


def taught_on() -> list[Float32]:
    """Frames of phantoms of training seeds, in batches, for the scales."""
    images = np.concatenate([sample_frames(seed, 4, 112)[0] for seed in range(QUANTISED_ON // 4)])
    return [images[first : first + BATCH, None].astype(np.float32) for first in range(0, len(images), BATCH)]


def beats_of(clips: list[Clip]) -> list[Float32]:
    """Beats of clips, cut out around the contours of `lv`, one batch a clip."""
    segmenter, batches = load_segmenter("lv"), []
    for clip in clips:
        lv = segmenter.segment(clip.frames).lv
        beats = find_beats(volume_curve(lv, clip.times_s, clip.spacing_mm))
        cut = [one for beat in beats if (one := beat_clip(clip.frames, lv, beat)) is not None]
        if cut:
            batches.append(np.stack(cut).astype(np.float32))
    return batches


def report(rows: list[Row], write: Callable[[str], None] = print) -> None:
    """One table, ratios against the first row."""
    base = rows[0]
    write(
        "| networks run by | ms a frame | ratio | ms a beat | ratio | change of EF | largest | of Dice | small enough |"
    )
    write("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        change = np.abs(row.efs - base.efs)
        change = change[np.isfinite(change)]
        moved = mean_metric("", change, "")
        span = "none" if moved.low is None or moved.high is None else f"{moved.low:.2f}, {moved.high:.2f}"
        dice_change = float(np.mean(row.dices - base.dices)) if len(row.dices) else float("nan")
        kept = moved.value <= EF_MAY_CHANGE and not abs(dice_change) > DICE_MAY_CHANGE
        write(
            f"| {row.name} | {row.frame_ms:.2f} | {row.frame_ms / base.frame_ms:.2f} | {row.beat_ms:.2f} "
            f"| {row.beat_ms / base.beat_ms:.2f} | {moved.value:.2f} [{span}] "
            f"| {change.max():.2f} | {dice_change:+.4f} | {'yes' if kept else 'no'} |"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--phantoms", type=Path, required=True, help="studies from `echobeat phantom`")
    parser.add_argument("--camus", type=Path, help="folder of CAMUS; its valid images give the change of Dice")
    parser.add_argument("--count", type=int, default=24, help="phantom studies whose EF is read")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    truths = sorted((options.phantoms / "Truth").glob("*.json"))
    clips = []
    for path in truths[: options.count + 12]:
        truth = json.loads(path.read_text(encoding="utf-8"))
        video = options.phantoms / "Videos" / f"{truth['name']}.avi"
        clips.append(open_clip(video, fps=truth["fps"], spacing_mm=tuple(truth["spacing_mm"])))
    judged, teachers = clips[: options.count], clips[options.count :]
    frames = taught_on()
    beats = beats_of(teachers)
    stills = list(read_camus(options.camus, "valid")) if options.camus else []
    with tempfile.TemporaryDirectory() as scratch:
        rows = [
            measure(variant, judged, stills, [frames[0], np.concatenate(beats)[:8]])
            for variant in variants(options.threads, Path(scratch), frames, beats)
        ]
        refused = bfloat16_refused(Path(scratch))
    report(rows)
    print(f"\n{len(judged)} phantom studies, {len(stills)} CAMUS valid images, {options.threads} threads.")
    print(f"bfloat16 in ONNX Runtime: {refused or 'a convolution runs; add a row for it'}")


if __name__ == "__main__":
    main()
