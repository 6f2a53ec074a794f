"""Dead code removal and constant folding on small graphs, against the reference."""

from __future__ import annotations

import numpy as np

from edgegen.ir import DType, Graph, Origin, QuantParams, Tensor, TensorKind, TensorType
from edgegen.ops.mul import Mul
from edgegen.ops.relu import Relu
from edgegen.passes.constant_folding import fold_constants
from edgegen.passes.dead_code import remove_dead_code
from edgegen.verify.reference import evaluate, ramp

KIND = TensorType(DType.INT8, (1, 5), QuantParams((0.05,), (3,)))


def tensor(name: str, kind: TensorKind = TensorKind.ACTIVATION) -> Tensor:
    data = ramp(KIND, 5) if kind is TensorKind.CONSTANT else None
    return Tensor(name, KIND, kind, data)


def relu(source: str, target: str, index: int) -> Relu:
    return Relu((source,), (target,), Origin(index, "RELU"), activation="RELU")


def graph() -> Graph:
    """y = x * relu(c), and a branch that nobody reads."""
    tensors = [
        tensor("x", TensorKind.INPUT),
        tensor("c", TensorKind.CONSTANT),
        tensor("rc"),
        tensor("unused"),
        tensor("y"),
    ]
    ops = (
        relu("c", "rc", 0),
        relu("x", "unused", 1),
        Mul(("x", "rc"), ("y",), Origin(2, "MUL"), activation="NONE"),
    )
    return Graph("g", {t.name: t for t in tensors}, ops, ("x",), ("y",))


def test_dead_code_goes_and_outputs_stay() -> None:
    before = graph()
    after = remove_dead_code(before)
    assert [op.origin.index for op in after.ops] == [0, 2]
    assert "unused" not in after.tensors
    inputs = {"x": ramp(KIND)}
    np.testing.assert_array_equal(evaluate(before, inputs)["y"], evaluate(after, inputs)["y"])


def test_constants_are_folded_exactly() -> None:
    before = graph()
    after = fold_constants(before)
    assert [op.origin.index for op in after.ops] == [1, 2]
    assert after.tensors["rc"].kind is TensorKind.CONSTANT
    inputs = {"x": ramp(KIND)}
    np.testing.assert_array_equal(evaluate(before, inputs)["y"], evaluate(after, inputs)["y"])


def test_nothing_to_fold_returns_the_graph_itself() -> None:
    folded = fold_constants(graph())
    assert fold_constants(folded) is folded
