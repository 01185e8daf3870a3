"""Run a network: one small interface, ONNX Runtime behind it, OpenVINO where it is installed."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from echobeat.errors import ModelError
from echobeat.machine import cores_here

Float32 = NDArray[np.float32]
BackendName = Literal["auto", "onnxruntime", "openvino", "openvino-bf16"]
"""auto: OpenVINO where it is installed, otherwise ONNX Runtime. All in float32, but the last."""

PART = 4
"""Items of a batch that one thread is given at once: their activations stay near the processor. On two cores with AVX2
a frame of `lv` takes 9.1 ms in batches of 16 that both share, 7.6 ms in parts of 4 that each has for itself."""


IMAGES = 4
"""Axes of a batch of images: (batch, channels, height, width). Clips have one more; shared out, they gain nothing, and
a large network would be held twice."""


class Backend(Protocol):
    """What a network looks like to the rest of echobeat."""

    def run(self, frames: Float32) -> Float32:
        """(batch, channels, ...) float32 in, the model's only output, float32, out."""


class OnnxRuntime:
    """ONNX Runtime on the CPU, float32.

    A batch of images is shared out among the threads, each of which works alone; fewer images than threads, and clips,
    have all threads together.
    """

    def __init__(self, path: Path, threads: int) -> None:
        model = _read_model(path)
        self._threads = threads
        self._together = _session(path, model, threads)
        source = self._together.get_inputs()[0]
        self._input = source.name
        self._alone = _session(path, model, 1) if threads > 1 and len(source.shape) == IMAGES else None
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="onnxruntime")  # starts none before it has work

    def run(self, frames: Float32) -> Float32:
        """See `Backend.run`."""
        alone = self._alone
        if alone is None or len(frames) < self._threads:
            return self._answer(self._together, frames)
        size = min(PART, math.ceil(len(frames) / self._threads))
        parts = [frames[first : first + size] for first in range(0, len(frames), size)]
        return np.concatenate(list(self._pool.map(lambda part: self._answer(alone, part), parts)))

    def _answer(self, session: Any, frames: Float32) -> Float32:
        output: Float32 = session.run(None, {self._input: frames})[0]
        return output


def _read_model(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"The model {path} cannot be read: {error.strerror}.") from error


def _session(path: Path, model: bytes, threads: int) -> Any:
    import onnxruntime  # 0.1 s that `echobeat --help` need not wait for

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions share no base class of their own
        raise ModelError(f"The model {path} cannot be loaded: {error}") from error


class OpenVino:
    """OpenVINO on the CPU; float32 unless asked otherwise, although its own default on some processors is bfloat16.

    Only the runtime is imported: the telemetry that comes with the package belongs to its conversion
    tools and is never started.
    """

    def __init__(self, path: Path, threads: int, precision: Literal["f32", "bf16"] = "f32") -> None:
        import openvino

        core = openvino.Core()
        if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise ModelError("This processor does not calculate with bfloat16. Take --backend openvino.")
        settings = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads}
        try:
            self._request = core.compile_model(str(path), "CPU", settings).create_infer_request()
        except RuntimeError as error:
            raise ModelError(f"The model {path} cannot be loaded: {error}") from error

    def run(self, frames: Float32) -> Float32:
        """See `Backend.run`."""
        return np.array(self._request.infer([frames])[0], np.float32)


def open_backend(path: Path, backend: BackendName = "auto", threads: int = 0) -> Backend:
    """Load a model file.

    Parameters
    ----------
    path : Path
        ONNX file; loading it executes no code of its own.
    backend : str
        See `BackendName`.
    threads : int
        0: as many as `machine.cores_here` says.

    Raises
    ------
    ModelError
        The file is no model, the backend is not installed, or the processor cannot run it.
    """
    threads = threads or cores_here()
    check_backend(backend)
    if backend == "auto":
        backend = "openvino" if find_spec("openvino") else "onnxruntime"
    if backend != "onnxruntime":
        return OpenVino(path, threads, "bf16" if backend == "openvino-bf16" else "f32")
    return OnnxRuntime(path, threads)


def check_backend(backend: BackendName) -> None:
    """Look whether a backend is installed, without loading it.

    Raises
    ------
    ModelError
        It is not.
    """
    if backend.startswith("openvino") and not find_spec("openvino"):
        raise ModelError("OpenVINO is not installed. In a clone of echobeat: pip install '.[openvino]'")
