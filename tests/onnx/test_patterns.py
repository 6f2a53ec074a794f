"""What PyTorch's exporters make of small modules: float C against onnxruntime's outputs."""

from __future__ import annotations

import numpy as np
import pytest

from edgegen.errors import UnsupportedError
from edgegen.pipeline import Options, compile_model
from edgegen.target.board import load_board
from edgegen.verify.host import host_program
from edgegen.verify.reference import evaluate
from tests.support.patterns import pattern_inputs, recorded_patterns

CORE = load_board("nrf52840").core
REFUSED = frozenset(
    "argmax attention avg_pool_excluding_pad clamp_below constants conv_transposed einsum elu "
    "expand gelu gelu_tanh group_norm gru hardtanh instance_norm layer_norm log_softmax "
    "max_pool_dilated max_space mish pad_edge pad_reflect pixel_shuffle softplus sum_rows "
    "where_positive".split()
)
"""Modules that may be refused; if they are not, their results must be right."""


@pytest.mark.parametrize("name", sorted(recorded_patterns()))
def test_equals_onnxruntime(name: str) -> None:
    pattern = recorded_patterns()[name]
    module = name.rpartition("_")[0]
    try:
        compilation = compile_model(pattern.blob, "net", CORE, Options(dtype="float32"))
    except UnsupportedError as error:
        if module in REFUSED:
            return
        raise AssertionError(name) from error
    graph = compilation.source
    batches = [
        dict(zip(graph.inputs, vector, strict=True))
        for vector in pattern_inputs(module, pattern.shapes)
    ]
    with host_program(compilation.package, flags=("-O0",)) as program:
        runs = program.run(batches)
    for run, batch, outputs in zip(runs, batches, pattern.outputs, strict=True):
        reference = evaluate(graph, batch)
        for output, wanted in zip(graph.outputs, outputs, strict=True):
            for got in (run[output], reference[output]):
                assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype)
                np.testing.assert_allclose(np.asarray(got, float), wanted, rtol=1e-4, atol=1e-5)
