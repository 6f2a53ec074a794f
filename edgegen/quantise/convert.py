"""A float graph and the parameters of its activations become an int8 graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from edgegen.ir import DType, Graph, Op, Origin, QuantParams, Tensor, TensorKind, TensorType
from edgegen.ops.quantize import Quantize
from edgegen.quantise.assign import Assignment
from edgegen.quantise.layers import (
    Float64,
    bias_of,
    channel_axis,
    fresh,
    quantised,
    without_unused,
)
from edgegen.quantise.observers import minmax_of, parameters
from edgegen.quantise.weights import IntegerWeights, quantise_weights


@dataclass(frozen=True)
class WeightOptions:
    """How weights are quantised.

    Attributes:
        per_channel: convolutions have one scale for each output channel.
        per_channel_dense: fully connected layers too, which some runtimes do not support.
    """

    per_channel: bool = True
    per_channel_dense: bool = False

    def one_each(self, op: Op) -> bool:
        """Whether an operator's weights get one scale for each output channel."""
        return self.per_channel_dense if op.stem == "fully_connected" else self.per_channel


def convert(
    graph: Graph,
    assignment: Assignment,
    options: WeightOptions,
    biases: Mapping[int, Float64] | None = None,
) -> Graph:
    """The int8 graph: same operators, tensors keep their names.

    Args:
        graph: the float graph.
        assignment: parameters of its activations.
        options: how weights are quantised.
        biases: float biases that replace those of some operators, by index.
    """
    return _Converter(graph, assignment, options, biases or {}).run()


class _Converter:
    """State of one conversion."""

    def __init__(
        self,
        graph: Graph,
        assignment: Assignment,
        options: WeightOptions,
        biases: Mapping[int, Float64],
    ) -> None:
        self.graph, self.params, self.options, self.biases = (
            graph,
            dict(assignment.params),
            options,
            biases,
        )
        self.rescaled = assignment.rescaled
        self.ops: list[Op] = []
        self.tensors: dict[str, Tensor] = {}

    def run(self) -> Graph:
        for tensor in self.graph.tensors.values():
            if tensor.name in self.params:
                kind = TensorType(DType.INT8, tensor.type.shape, self.params[tensor.name])
                self.tensors[tensor.name] = replace(tensor, type=kind)
            else:
                self.tensors[tensor.name] = tensor
        for index, op in enumerate(self.graph.ops):
            self.ops.append(replace(op, inputs=self._inputs(index, op)))
        return without_unused(replace(self.graph, tensors=self.tensors, ops=tuple(self.ops)))

    def _inputs(self, index: int, op: Op) -> tuple[str | None, ...]:
        axis = channel_axis(op, self.graph)
        names = list(op.inputs)
        if axis is not None and names[0] in self.params:
            weights = integer_weights(
                self.graph, op, axis, self.params[names[0]].scale, self.options,
                self.biases.get(index),
            )  # fmt: skip
            bias_name = names[2] if len(names) > 2 and names[2] else f"{op.outputs[0]}/bias"
            assert names[1] is not None
            return (
                names[0],
                self._constant(names[1], weights.values, DType.INT8, weights.quant),
                self._constant(bias_name, weights.bias, DType.INT32, weights.bias_quant),
            )
        shared = op.int8_form(self.graph.io(op)).shared
        for i, name in enumerate(op.inputs):
            if name is None:
                continue
            tensor = self.graph.tensor(name)
            if tensor.kind is TensorKind.CONSTANT and tensor.type.dtype is DType.FLOAT32:
                quant = (
                    self.params[op.outputs[0]]
                    if i in shared
                    else parameters(minmax_of(tensor.values))
                )
                names[i] = self._constant(name, quantised(tensor.values, quant), DType.INT8, quant)
            elif (index, i) in self.rescaled:
                names[i] = self._rescale(name, self.params[op.outputs[0]], op.origin)
        return tuple(names)

    def _constant(self, name: str, values: np.ndarray, dtype: DType, quant: QuantParams) -> str:
        """Adds a constant under its name, or under another if that is taken by other values."""
        kind = TensorType(dtype, values.shape, quant)
        found = self.tensors.get(name)
        if found is None or found.type.dtype is DType.FLOAT32:
            chosen = name
        elif found.type == kind and np.array_equal(found.values, values):
            return name
        else:
            chosen = fresh(name, self.tensors)
        self.tensors[chosen] = Tensor(chosen, kind, TensorKind.CONSTANT, values)
        return chosen

    def _rescale(self, name: str, quant: QuantParams, origin: Origin) -> str:
        """Inserts a QUANTIZE to other parameters."""
        source = self.tensors[name]
        target = fresh(f"{name}/rescaled", self.tensors)
        self.tensors[target] = Tensor(
            target, TensorType(DType.INT8, source.type.shape, quant), TensorKind.ACTIVATION
        )
        self.ops.append(Quantize((name,), (target,), Origin(origin.index, "QUANTIZE", 2)))
        return target


def integer_weights(
    graph: Graph,
    op: Op,
    axis: int,
    input_scale: float,
    options: WeightOptions,
    bias: Float64 | None = None,
) -> IntegerWeights:
    """The integer constants of one weighted layer of a float graph."""
    weights = graph.io(op).input(1).values.astype(np.float64)
    if bias is None:
        bias = bias_of(op, graph, weights.shape[axis])
    return quantise_weights(weights, bias, axis, input_scale, per_channel=options.one_each(op))
