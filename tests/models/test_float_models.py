"""Float32 models in the numpy reference, host C and an emulated core, against TFLite 2.14."""

from __future__ import annotations

import time
import zlib

import numpy as np
import pytest

from edgegen.emulate.model_run import run_model
from edgegen.errors import UnsupportedError
from edgegen.ir import Graph
from edgegen.pipeline import Options, compile_model, read_graph
from edgegen.target.board import load_board
from edgegen.target.cores import CORES
from edgegen.verify.compare import first_difference
from edgegen.verify.reference import evaluate
from edgegen.verify.vectors import standard_vectors
from edgegen.verify.verify import verify_host
from tests.support.data import Array
from tests.support.models import FLOAT_MODELS, model_inputs, recorded_models, shared_folder

HYBRID = "kws_ref_model_float32"
"""Its convolutions have int8 weights, and TFLite rounds their inputs to eight bits too."""


def model_bytes(name: str) -> bytes:
    path = shared_folder() / "models" / f"{name}.tflite"
    if not path.exists():
        pytest.skip(f"{path.name} is not in the shared folder (set EDGEGEN_SHARED)")
    blob = path.read_bytes()
    assert zlib.crc32(blob) == recorded_models()[name].crc, "recorded from another file"
    return blob


def outputs(graph: Graph, name: str) -> list[Array]:
    (source,) = graph.inputs
    inputs = model_inputs(name, graph.tensor(source).type.shape, "float32")
    return [evaluate(graph, {source: x})[graph.outputs[0]] for x in inputs]


@pytest.mark.parametrize("name", [n for n in FLOAT_MODELS if n != HYBRID])
def test_reference_agrees_with_the_oracle(name: str) -> None:
    graph = read_graph(model_bytes(name), "model")
    for got, wanted in zip(outputs(graph, name), recorded_models()[name].outputs, strict=True):
        assert np.abs(got - wanted).max() <= 1e-5 * np.abs(wanted).max()


def test_hybrid_weights_are_read_as_float32() -> None:
    graph = read_graph(model_bytes(HYBRID), "model")
    # The oracle's own rounding of activations costs it about two digits.
    for got, wanted in zip(outputs(graph, HYBRID), recorded_models()[HYBRID].outputs, strict=True):
        assert np.abs(got - wanted).max() <= 0.02
        assert got.argmax() == wanted.argmax()


@pytest.mark.parametrize("name", FLOAT_MODELS)
def test_host_c_agrees_with_the_reference(name: str) -> None:
    options = Options(dtype="float32")
    compilation = compile_model(model_bytes(name), "model", CORES["m4"], options)
    verdict = verify_host(compilation, standard_vectors(compilation.source, 1), flags=("-O1",))
    assert not verdict.exact
    assert verdict.inferences == 4


def test_an_emulated_core_agrees_with_the_reference() -> None:
    board = load_board("nucleo_l4r5zi")
    blob = model_bytes("ad01_float32")
    compilation = compile_model(blob, "model", board.core, Options(dtype="float32"))
    batches = standard_vectors(compilation.source, 0).batches[:1]
    expected = [evaluate(compilation.graph, b) for b in batches]
    result = run_model(compilation, board, batches, expected)
    assert result.compared == sum(call.io.output.type.bytes for call in compilation.program.calls)


def test_a_wrong_value_is_found() -> None:
    options = Options(dtype="float32")
    compilation = compile_model(model_bytes("ad01_float32"), "model", CORES["m4"], options)
    batch = standard_vectors(compilation.source, 0).batches[0]
    expected = evaluate(compilation.graph, batch)
    (output,) = compilation.graph.outputs
    wrong = expected[output].copy()
    wrong[0, 7] += 2e-4 * np.abs(wrong).max()
    difference = first_difference(compilation.program, [expected], [{output: wrong}])
    assert difference is not None
    assert difference.index == (0, 7)
    wrong[0, 7] = np.nan
    assert first_difference(compilation.program, [expected], [{output: wrong}]) is not None


def test_reference_is_quick() -> None:
    graph = read_graph(model_bytes("vww_96_float32"), "model")
    x = model_inputs("x", graph.tensor(graph.inputs[0]).type.shape, "float32")[0]
    start = time.process_time()
    evaluate(graph, {graph.inputs[0]: x})
    assert time.process_time() - start < 1.0


def test_a_float_graph_is_refused_once_and_with_a_way_out() -> None:
    with pytest.raises(UnsupportedError) as caught:
        compile_model(model_bytes("resnet8_float32"), "model", CORES["m4"])
    (problem,) = caught.value.problems
    assert "op 0 CONV_2D" in problem.where
    assert "edgegen quantize" in problem.hint
