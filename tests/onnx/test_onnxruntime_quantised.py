"""Networks that onnxruntime and torchao quantised: our C against onnxruntime's recorded outputs.

onnxruntime multiplies by a float32 where edgegen multiplies by an integer, and softmax and sigmoid
have another output scale in TFLite's arithmetic: the last bit may differ, and hardly ever more.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

from edgegen.ir import Graph
from edgegen.pipeline import compile_model
from edgegen.target.board import load_board
from edgegen.verify.compare import require_equal
from edgegen.verify.host import host_program
from edgegen.verify.reference import evaluate
from tests.support.data import Array
from tests.support.networks import QUANTISED_OUTPUTS, TASKS, Recorded, network_file, recordings

RECORDED = recordings(QUANTISED_OUTPUTS)
NEAR, SAME_LABELS = 0.99, 0.99
"""Least share of elements within one step, and of equal labels."""
LESS_NEAR = {"unet_qoperator_channel_uint8": 0.98}
"""onnxruntime truncates where it enlarges uint8 bilinearly; edgegen rounds, as TFLite does."""
REFERENCE_INPUTS = 500 if os.environ.get("EDGEGEN_FULL") else 25
"""Inputs on which every layer is compared with the numpy reference; C runs all of them."""


def quantised_inputs(graph: Graph, inputs: Array) -> list[dict[str, Array]]:
    """Float inputs [n, ...] as the graph takes them: QuantizeLinear, in float32 as ONNX says."""
    (name,) = graph.inputs
    kind = graph.tensor(name).type
    low, high = kind.dtype.limits
    steps = np.rint(inputs / np.float32(kind.scale)) + kind.zero_point
    integers = np.clip(steps, low, high).astype(kind.dtype.numpy)
    return [{name: x.reshape(kind.shape)} for x in integers]


def labels(recorded: Recorded, outputs: Array) -> Array:
    """The class of each output, or for masks of each pixel."""
    if TASKS[recorded.network].segments:
        return np.asarray(outputs > recorded.zero_point + 0.5 / recorded.scale)
    return np.asarray(outputs.argmax(1))


@pytest.mark.parametrize("stem", sorted(RECORDED))
def test_agrees_with_onnxruntime(stem: str) -> None:
    recorded = RECORDED[stem]
    blob = network_file(stem).read_bytes()
    compilation = compile_model(blob, "network", load_board("nrf52840").core)
    (name,) = compilation.source.outputs
    kind = compilation.source.tensor(name).type
    assert kind.dtype.value == recorded.outputs.dtype.name
    assert np.float32(kind.scale) == np.float32(recorded.scale)
    assert kind.zero_point == recorded.zero_point

    batches = quantised_inputs(compilation.source, recorded.inputs)
    reference = [evaluate(compilation.graph, b) for b in batches[:REFERENCE_INPUTS]]
    with host_program(compilation.package, flags=("-O1",)) as program:
        runs = program.run(batches)
    require_equal(compilation.program, reference, runs[:REFERENCE_INPUTS])

    outputs = np.stack([r[name].reshape(recorded.outputs.shape[1:]) for r in runs])
    distance = np.abs(outputs.astype(np.int64) - recorded.outputs)
    agree = labels(recorded, outputs) == labels(recorded, recorded.outputs)
    # `pytest -s` shows the figures.
    print(f"{stem}: within 1: {np.mean(distance <= 1):.4f}, same label: {np.mean(agree):.4f}")
    assert np.mean(distance <= 1) >= LESS_NEAR.get(stem, NEAR)
    assert np.mean(agree) >= SAME_LABELS
