"""Three short phantom studies, and an EF model that looks at the mean grey level: enough to run all end to end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from echobeat.__main__ import main
from echobeat.models import Card, ClipSpec
from echobeat.models.cards import file_hash, write_card
from echobeat.phantom.dataset import write_patients
from echobeat.phantom.examination import draw_patient

TEST_SEEDS = {7: 35.0, 15: 52.0, 23: 62.0}
"""Seeds of phantoms that stand in the split TEST, and their EF."""

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of three studies, two or three beats each at 25 frames a second."""
    folder = tmp_path_factory.mktemp("phantoms")
    patients = [
        draw_patient(seed, rhythm="sinus", clip="free", ef=ef, beats=2, fps=25.0) for seed, ef in TEST_SEEDS.items()
    ]
    write_patients(folder, patients)
    return folder


@pytest.fixture(scope="session")
def ef_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training run's folder whose EF model says a quarter of the clip's mean grey level, plus 45."""
    folder = tmp_path_factory.mktemp("ef-run")
    clip = helper.make_tensor_value_info("frames", TensorProto.FLOAT, ["n", 1, "t", 32, 32])
    answer = helper.make_tensor_value_info("ef", TensorProto.FLOAT, ["n", 1])
    nodes = [
        helper.make_node("ReduceMean", ["frames"], ["grey"], axes=[2, 3, 4], keepdims=0),
        helper.make_node("Mul", ["grey", "quarter"], ["part"]),
        helper.make_node("Add", ["part", "start"], ["ef"]),
    ]
    numbers = [helper.make_tensor(n, TensorProto.FLOAT, [1], [v]) for n, v in (("quarter", 0.25), ("start", 45.0))]
    graph = helper.make_graph(nodes, "grey", [clip], [answer], numbers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, folder / "model.onnx")
    card = Card(
        name="grey",
        version="1",
        task="ef",
        summary="",
        licence="Apache-2.0",
        data=(),
        recipe="",
        parameters=0,
        size=32,
        classes=("ef",),
        metrics=(),
        limits=(),
        measurement_error=None,
        sha256=file_hash(folder / "model.onnx"),
        clip=ClipSpec(frames=8, rate_hz=25.0, whole_video=True),
    )
    write_card(card, folder / "model.json")
    return folder


@pytest.fixture
def evaluate(evaluate_and_draw: Call, monkeypatch: pytest.MonkeyPatch) -> Call:
    """The same without pictures, which take most of the time."""
    monkeypatch.setattr("echobeat.evaluation.results.write_picture", lambda *_: None)
    monkeypatch.setattr("echobeat.evaluation.page.svg", lambda _: "")
    return evaluate_and_draw


@pytest.fixture
def evaluate_and_draw(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call ``echobeat evaluate``; returns exit code, standard output, standard error."""
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["evaluate", *(str(argument) for argument in arguments)])
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return call
