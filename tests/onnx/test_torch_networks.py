"""Networks that PyTorch's two exporters wrote: float C against onnxruntime, int8 against float."""

from __future__ import annotations

import numpy as np
import pytest

from edgegen.export import tflite
from edgegen.frontends.onnx import OnnxOptions
from edgegen.ir import Graph, Op
from edgegen.pipeline import Compilation, Options, compile_model, read_graph
from edgegen.quantise.layers import dequantised, quantised
from edgegen.quantise.quantise import quantise
from edgegen.target.board import load_board
from edgegen.verify.host import host_program
from edgegen.verify.reference import evaluate
from edgegen.verify.vectors import Vectors
from edgegen.verify.verify import verify_host
from tests.support.data import Array
from tests.support.networks import FLOAT_OUTPUTS, TASKS, network_file, recordings, samples

RECORDED = recordings(FLOAT_OUTPUTS)
CORE = load_board("nrf52840").core
TESTED, COMPARED = 60, 5
"""Test samples that are classified, and those on which C is compared with the reference."""


def float_compilation(stem: str, layout: str) -> Compilation:
    reading = OnnxOptions(input_layout=layout, output_layout=layout)
    options = Options(dtype="float32", reading=reading)
    return compile_model(network_file(stem).read_bytes(), "network", CORE, options)


def transposes(graph: Graph) -> list[Op]:
    return [op for op in graph.ops if op.stem == "transpose"]


@pytest.mark.parametrize("stem", sorted(RECORDED))
def test_float_c_and_reference_equal_onnxruntime(stem: str) -> None:
    recorded = RECORDED[stem]
    compilation = float_compilation(stem, "model")
    (source,), (output,) = compilation.source.inputs, compilation.source.outputs
    batches = [{source: x[np.newaxis]} for x in recorded.inputs]
    with host_program(compilation.package, flags=("-O1",)) as program:
        runs = program.run(batches)
    for run, batch, wanted in zip(runs, batches, recorded.outputs, strict=True):
        reference = evaluate(compilation.source, batch)[output]
        for got in (run[output], reference):
            np.testing.assert_allclose(got.reshape(wanted.shape), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("stem", sorted(RECORDED))
def test_transposes_are_left_at_the_borders_only(stem: str) -> None:
    """An NCHW image of several channels is reordered once, where it enters or leaves."""
    graph = float_compilation(stem, "model").graph
    left = transposes(graph)
    assert len(left) <= len(graph.inputs) + len(graph.outputs)
    producers = {name: op for op in graph.ops for name in op.outputs}
    for op in left:
        name = op.inputs[0]
        while name in producers and producers[name].stem == "reshape":
            (name, *_) = producers[name].inputs
        assert name in graph.inputs or op.outputs[0] in graph.outputs


@pytest.mark.parametrize("stem", sorted(s for s in RECORDED if not s.startswith("mlp")))
def test_no_transpose_is_left_with_channels_last_ports(stem: str) -> None:
    assert not transposes(float_compilation(stem, "nhwc").graph)


def right(network: str, outputs: Array, targets: Array) -> float:
    """Share of right labels, or of right pixels of a mask."""
    if TASKS[network].segments:
        return float(np.mean((outputs > 0.5).reshape(targets.shape) == targets))
    return float(np.mean(outputs.reshape(len(targets), -1).argmax(1) == targets))


@pytest.mark.parametrize("network", sorted(TASKS))
def test_quantised_network_is_exact_in_c_and_as_good(network: str) -> None:
    graph = read_graph(network_file(f"{network}_dynamo").read_bytes(), "network")
    (source,), (output,) = graph.inputs, graph.outputs
    calibration, _ = samples(network, "calibration", 16)
    blob = tflite.write(quantise(graph, [{source: x[np.newaxis]} for x in calibration]).graph)
    compilation = compile_model(blob, "network", CORE)
    port, result = (
        compilation.source.tensor(names[0])
        for names in (compilation.source.inputs, compilation.source.outputs)
    )
    assert port.type.quant is not None
    assert result.type.quant is not None

    inputs, targets = samples(network, "test", TESTED)
    real = [evaluate(graph, {source: x[np.newaxis]})[output] for x in inputs]
    batches = [{port.name: quantised(x[np.newaxis], port.type.quant)} for x in inputs]
    integer = [
        dequantised(evaluate(compilation.graph, b)[result.name], result.type.quant) for b in batches
    ]
    before, after = (right(network, np.stack(v), targets) for v in (real, integer))
    assert before >= 0.95
    assert after >= before - 0.01
    verdict = verify_host(compilation, Vectors(tuple(batches[:COMPARED]), "samples", {}))
    assert verdict.inferences == COMPARED
