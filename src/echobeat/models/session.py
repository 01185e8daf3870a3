"""Run a network: one small interface, ONNX Runtime behind it, OpenVINO where it is installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from echobeat.errors import ModelError
from echobeat.machine import cores_here

Float32 = NDArray[np.float32]
BackendName = Literal["auto", "onnxruntime", "openvino", "openvino-bf16"]
"""auto: OpenVINO where it is installed, otherwise ONNX Runtime. All in float32, but the last."""


class Backend(Protocol):
    """What a network looks like to the rest of echobeat."""

    def run(self, frames: Float32) -> Float32:
        """(batch, channels, ...) float32 in, the model's only output, float32, out."""


class OnnxRuntime:
    """ONNX Runtime on the CPU, float32."""

    def __init__(self, path: Path, threads: int) -> None:
        import onnxruntime  # 0.1 s that `echobeat --help` need not wait for

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its exceptions share no base class of their own
            raise ModelError(f"The model {path} cannot be loaded: {error}") from error
        self._input = self._session.get_inputs()[0].name

    def run(self, frames: Float32) -> Float32:
        """See `Backend.run`."""
        output: Float32 = self._session.run(None, {self._input: frames})[0]
        return output


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
        raise ModelError("OpenVINO is not installed. Install it with: pip install 'echobeat[openvino]'")
