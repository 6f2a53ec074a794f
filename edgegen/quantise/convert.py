"""A float graph and the parameters of its activations become an int8 graph, or one with int16."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from edgegen.ir import DType, Graph, Op, Origin, QuantParams, Tensor, TensorKind, TensorType
from edgegen.ops.additive import Additive
from edgegen.ops.dequantize import Dequantize
from edgegen.ops.quantize import Quantize
from edgegen.quantise.assign import Assignment, Stored, fitting, form_of
from edgegen.quantise.layers import (
    Float64,
    bias_of,
    channel_axis,
    fresh,
    quantised,
    without_unused,
)
from edgegen.quantise.observers import minmax_of
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
    """The integer graph: same operators, tensors keep their names.

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
        self.assignment = assignment
        self.copies: dict[tuple[str, Stored], str] = {}
        self.ops: list[Op] = []
        self.tensors: dict[str, Tensor] = {}

    def run(self) -> Graph:
        for tensor in self.graph.tensors.values():
            if tensor.name in self.params:
                dtype = self.assignment.dtype(tensor.name)
                kind = TensorType(dtype, tensor.type.shape, self.params[tensor.name])
                self.tensors[tensor.name] = replace(tensor, type=kind)
            else:
                self.tensors[tensor.name] = tensor
        for index, op in enumerate(self.graph.ops):
            inputs = self._inputs(index, op)
            # Scales that happen to be powers of two need not suit the kernel that only shifts.
            plain = replace(op, powers_of_two=False) if isinstance(op, Additive) else op
            self.ops.append(replace(plain, inputs=inputs))
        return without_unused(replace(self.graph, tensors=self.tensors, ops=tuple(self.ops)))

    def _inputs(self, index: int, op: Op) -> tuple[str | None, ...]:
        axis = channel_axis(op, self.graph)
        names = list(op.inputs)
        for i, name in enumerate(names):
            target = self.assignment.converted.get((index, i))
            if name is not None and target is not None:
                names[i] = self._converted(name, target, op.origin)
        dtype = self.assignment.dtype(op.outputs[0])
        if axis is not None and op.inputs[0] in self.params:
            assert names[0] is not None
            weights = integer_weights(
                self.graph, op, axis, self.tensors[names[0]].type.scale, self.options,
                self.biases.get(index), wide=dtype is DType.INT16,
            )  # fmt: skip
            bias_name = names[2] if len(names) > 2 and names[2] else f"{op.outputs[0]}/bias"
            bias_type = DType.INT64 if dtype is DType.INT16 else DType.INT32
            assert names[1] is not None
            return (
                names[0],
                self._constant(names[1], weights.values, DType.INT8, weights.quant),
                self._constant(bias_name, weights.bias, bias_type, weights.bias_quant),
            )
        shared = form_of(op, self.graph, self.assignment.wide).shared
        for i, name in enumerate(op.inputs):
            if name is None:
                continue
            tensor = self.graph.tensor(name)
            if tensor.kind is TensorKind.CONSTANT and tensor.type.dtype is DType.FLOAT32:
                quant = (
                    self.params[op.outputs[0]]
                    if i in shared
                    else fitting(minmax_of(tensor.values), dtype is DType.INT16)
                )
                values = quantised(tensor.values, quant, dtype)
                names[i] = self._constant(name, values, dtype, quant)
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

    def _converted(self, name: str, target: Stored, origin: Origin) -> str:
        """A copy of a tensor on another type or scale, made once for all that need it."""
        if (name, target) in self.copies:
            return self.copies[name, target]
        source = self.tensors[name]
        shape = source.type.shape
        read = name
        if (source.type.dtype, target.dtype) == (DType.INT8, DType.INT16):
            # TFLite 2.14 has no QUANTIZE from int8 to int16.
            read = self._activation(f"{name}/real", TensorType(DType.FLOAT32, shape))
            self.ops.append(Dequantize((name,), (read,), Origin(origin.index, "DEQUANTIZE", 2)))
        word = "rescaled" if source.type.dtype is target.dtype else target.dtype.value
        made = self._activation(f"{name}/{word}", TensorType(target.dtype, shape, target.quant))
        self.ops.append(Quantize((read,), (made,), Origin(origin.index, "QUANTIZE", 2)))
        self.copies[name, target] = made
        return made

    def _activation(self, name: str, kind: TensorType) -> str:
        chosen = fresh(name, self.tensors)
        self.tensors[chosen] = Tensor(chosen, kind, TensorKind.ACTIVATION)
        return chosen


def integer_weights(
    graph: Graph,
    op: Op,
    axis: int,
    input_scale: float,
    options: WeightOptions,
    bias: Float64 | None = None,
    *,
    wide: bool = False,
) -> IntegerWeights:
    """The integer constants of one weighted layer of a float graph; `wide`: with int16 inputs."""
    weights = graph.io(op).input(1).values.astype(np.float64)
    if bias is None:
        bias = bias_of(op, graph, weights.shape[axis])
    one_each = options.one_each(op)
    return quantise_weights(weights, bias, axis, input_scale, per_channel=one_each, wide=wide)
