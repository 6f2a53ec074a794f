"""Files that edgegen quantised, in an independent runtime and in our C: the same bytes."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest

from edgegen.emulate.model_run import run_model
from edgegen.pipeline import Compilation, compile_model, load_model, read_graph
from edgegen.quantise.measure import measure
from edgegen.quantise.quantise import quantise
from edgegen.target.board import load_board
from edgegen.verify.reference import evaluate
from edgegen.verify.vectors import Vectors
from edgegen.verify.verify import verify_host
from tests.emulator.test_cases import BOARDS
from tests.support.models import model_inputs, quantised_files, recorded_models
from tests.support.networks import digits, network_file


def compiled(path: Path, core: str) -> Compilation:
    blob = load_model(path)
    assert zlib.crc32(blob) == recorded_models()[path.stem].crc, "recorded from another file"
    return compile_model(blob, path.stem, load_board(BOARDS[core]).core)


def test_there_are_networks_of_every_kind() -> None:
    assert len(quantised_files()) >= 6
    stems = {
        op.stem for path in quantised_files() for op in read_graph(load_model(path), "net").ops
    }
    assert stems >= {
        "add", "average_pool2d", "concatenation", "conv2d", "depthwise_conv2d", "fully_connected",
        "logistic", "max_pool2d", "mean", "mul", "pad", "quantize", "relu", "reshape", "softmax",
        "transpose",
    }  # fmt: skip


@pytest.mark.parametrize("path", quantised_files(), ids=lambda p: p.stem)
def test_c_and_reference_equal_the_oracle(path: Path) -> None:
    compilation = compiled(path, "m4")
    (source,) = compilation.source.inputs
    inputs = model_inputs(path.stem, compilation.source.tensor(source).type.shape)
    recorded = np.stack(recorded_models()[path.stem].outputs)
    vectors = Vectors(tuple({source: x} for x in inputs), "recorded", {"tflite": recorded})
    verdict = verify_host(compilation, vectors, flags=("-O1",))
    assert verdict.inferences == len(inputs)
    assert verdict.recorded == ("tflite",)


@pytest.mark.parametrize("core", ["m4", "m0+"])
def test_digits_are_exact_on_emulated_cores(core: str) -> None:
    path = next(p for p in quantised_files() if p.stem == "digits_int8")
    compilation = compiled(path, core)
    (source,), (output,) = compilation.source.inputs, compilation.source.outputs
    inputs = model_inputs(path.stem, compilation.source.tensor(source).type.shape)[-4:]
    batches = [{source: x} for x in inputs]
    expected = [evaluate(compilation.graph, b) for b in batches]
    for values, want in zip(expected, recorded_models()[path.stem].outputs[-4:], strict=True):
        np.testing.assert_array_equal(values[output].ravel(), want.ravel())
    run = run_model(compilation, load_board(BOARDS[core]), batches, expected)
    assert run.inferences == len(batches)
    assert run.compared > 0


def test_digits_stay_digits() -> None:
    graph = read_graph(load_model(network_file("digits")), "digits")
    (port,) = graph.inputs
    data = digits()
    made = quantise(graph, [{port: x[np.newaxis]} for x in data.train[:100]])
    test = [{port: x[np.newaxis]} for x in data.test]
    names = {n: n for n in (*graph.inputs, *graph.outputs)}
    found = measure(graph, made.graph, test, data.test_labels, names)
    assert found.samples > 400
    assert found.accuracy is not None
    real, integer = found.accuracy
    print(f"digits: float {real:.4f}, int8 {integer:.4f}")  # `pytest -s` shows it
    assert real >= 0.97
    assert integer >= real - 0.005
    assert found.agreement is not None
    assert found.agreement >= 0.99
