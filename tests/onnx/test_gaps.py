"""Values without QuantizeLinear between integer operators: against ONNX's own reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from edgegen.ir import DType
from edgegen.pipeline import read_graph
from edgegen.verify.reference import evaluate

FLOAT = TensorProto.FLOAT


def quantised(tail: list[Any], activation: str | None) -> bytes:
    """x -> Q -> DQ -> Conv (-> activation) -> `tail`, which ends in y -> Q -> DQ."""
    rng = np.random.default_rng(5)
    node = helper.make_node
    conv_out = "c" if activation is None else "before"
    nodes = [
        node("QuantizeLinear", ["x", "xs", "xz"], ["xq"]),
        node("DequantizeLinear", ["xq", "xs", "xz"], ["xd"]),
        node("DequantizeLinear", ["w", "ws", "wz"], ["wd"], axis=0),
        node("Conv", ["xd", "wd", "b"], [conv_out], pads=[1, 1, 1, 1]),
    ]
    if activation == "Relu6":
        nodes.append(node("Clip", [conv_out, "zero", "six"], ["c"]))
    elif activation is not None:
        nodes.append(node(activation, [conv_out], ["c"]))
    nodes += [
        *tail,
        node("QuantizeLinear", ["y", "ys", "yz"], ["yq"]),
        node("DequantizeLinear", ["yq", "ys", "yz"], ["out"]),
    ]
    constants = {
        "xs": np.float32(0.05), "xz": np.uint8(120),
        "w": rng.integers(-127, 128, (4, 4, 3, 3)).astype(np.int8),
        "ws": np.full(4, 0.004, np.float32), "wz": np.zeros(4, np.int8),
        "b": rng.normal(size=4).astype(np.float32),
        "ys": np.float32(0.06), "yz": np.uint8(128),
        "axes": np.array([2, 3]), "zero": np.float32(0), "six": np.float32(6),
    }  # fmt: skip
    graph = helper.make_graph(
        nodes,
        "gap",
        [helper.make_tensor_value_info("x", FLOAT, (1, 4, 6, 6))],
        [helper.make_tensor_value_info("out", FLOAT, list("abcd"))],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    result: bytes = made.SerializeToString()
    return result


SUM = [helper.make_node("Add", ["c", "xd"], ["y"])]
DIFFERENCE = [helper.make_node("Sub", ["xd", "c"], ["y"])]
MEAN = [helper.make_node("ReduceMean", ["c", "axes"], ["y"])]


@pytest.mark.parametrize(
    ("tail", "activation", "steps"),
    [(SUM, None, 2), (SUM, "Relu", 2), (SUM, "Relu6", 1), (DIFFERENCE, None, 2),
     (MEAN, "Relu", 1), (MEAN, "Relu6", 1)],
    ids=["sum", "sum_relu", "sum_relu6", "difference", "mean_relu", "mean_relu6"],
)  # fmt: skip
def test_results_are_near(tail: list[Any], activation: str | None, steps: int) -> None:
    blob = quantised(tail, activation)
    graph = read_graph(blob, "gap")
    assert all(graph.io(op).output.type.dtype is not DType.FLOAT32 for op in graph.ops)
    rng = np.random.default_rng(6)
    x = rng.normal(scale=2.0, size=(1, 4, 6, 6)).astype(np.float32)
    outputs: Any = ReferenceEvaluator(onnx.load_model_from_string(blob)).run(None, {"x": x})
    wanted = np.asarray(outputs[0], np.float64)
    kind = graph.tensor(graph.inputs[0]).type
    q = np.clip(np.rint(x / np.float32(kind.scale)) + kind.zero_point, 0, 255).astype(np.uint8)
    got = evaluate(graph, {graph.inputs[0]: q})[graph.outputs[0]]
    out = graph.tensor(graph.outputs[0]).type
    real = (got.astype(np.float64) - out.zero_point) * out.scale
    assert np.abs(real - wanted).max() <= (steps + 0.01) * out.scale


def test_weights_that_the_graph_quantises() -> None:
    """PyTorch leaves float weights in the file, with QuantizeLinear after them."""
    made = onnx.load_model_from_string(quantised(SUM, "Relu6"))
    plain = read_graph(made.SerializeToString(), "gap")
    weights = next(t for t in made.graph.initializer if t.name == "w")
    real = numpy_helper.to_array(weights).astype(np.float32) * np.float32(0.004)
    weights.CopyFrom(numpy_helper.from_array(real, "w_real"))
    quantize = helper.make_node("QuantizeLinear", ["w_real", "ws", "wz"], ["w"], axis=0)
    made.graph.node.insert(0, quantize)
    for opset in (13, 19):
        made.opset_import[0].version = opset
        graph = read_graph(made.SerializeToString(), "gap")
        for one, other in zip(plain.ops, graph.ops, strict=True):
            for a, b in zip(plain.io(one).inputs, graph.io(other).inputs, strict=True):
                if a is not None and a.data is not None and b is not None:
                    np.testing.assert_array_equal(a.values, b.values)
