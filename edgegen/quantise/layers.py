"""What the steps of quantisation ask about a graph: readers, writers, weighted layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edgegen.ir import DType, Graph, Op, QuantParams, Tensor, TensorKind, TensorType
from edgegen.ir.types import Array
from edgegen.ops.pad import Pad

LOWEST = np.float32(-1e30)
"""A fill below this stands for minus infinity."""

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Uses:
    """Who writes and who reads every tensor of a graph, as operator indices."""

    writers: Mapping[str, int]
    readers: Mapping[str, tuple[int, ...]]
    outputs: frozenset[str]

    def sole_reader(self, name: str) -> int | None:
        """The only operator that reads a tensor, if nobody else does, the user included."""
        found = self.readers.get(name, ())
        return found[0] if len(found) == 1 and name not in self.outputs else None


def uses(graph: Graph) -> Uses:
    """Collects the uses of all tensors; an operator that reads one twice counts twice."""
    writers: dict[str, int] = {}
    readers: dict[str, tuple[int, ...]] = {}
    for i, op in enumerate(graph.ops):
        writers |= dict.fromkeys(op.outputs, i)
        for name in op.inputs:
            if name is not None:
                readers[name] = (*readers.get(name, ()), i)
    return Uses(writers, readers, frozenset(graph.outputs))


def channel_axis(op: Op, graph: Graph) -> int | None:
    """The weights' dimension of output channels; None for an operator without constant weights."""
    axis = op.int8_form(graph.io(op)).channel_axis
    if axis is None or graph.io(op).input(1).kind is not TensorKind.CONSTANT:
        return None
    return axis


def by_channel(values: Array, axis: int) -> Float64:
    """Weights as float64 [channels, rest]."""
    return np.moveaxis(values.astype(np.float64), axis, 0).reshape(values.shape[axis], -1)


def along(factors: npt.ArrayLike, axis: int, rank: int) -> Float64:
    """A vector shaped to broadcast along one of `rank` dimensions."""
    shape = [1] * rank
    shape[axis] = -1
    return np.asarray(factors, np.float64).reshape(shape)


def bias_of(op: Op, graph: Graph, channels: int) -> Float64:
    """The bias of a weighted layer, float64 [channels]; zeros where it has none."""
    tensor = graph.io(op).optional(2)
    return np.zeros(channels) if tensor is None else tensor.values.astype(np.float64).ravel()


def constant(name: str, values: npt.ArrayLike, dtype: DType = DType.FLOAT32) -> Tensor:
    """A constant tensor without quantisation."""
    data = np.array(values, dtype.numpy)
    return Tensor(name, TensorType(dtype, data.shape), TensorKind.CONSTANT, data)


def with_weights(graph: Graph, changes: Mapping[int, tuple[npt.ArrayLike, npt.ArrayLike]]) -> Graph:
    """The graph with other float weights and biases for some operators, by index.

    Every changed operator gets constants of its own, since others may share the old ones.
    """
    tensors, ops = dict(graph.tensors), list(graph.ops)
    for index, (weights, bias) in changes.items():
        op = ops[index]
        names = [fresh(f"{op.outputs[0]}/{part}", tensors) for part in ("weights", "bias")]
        for name, values in zip(names, (weights, bias), strict=True):
            tensors[name] = constant(name, values)
        ops[index] = replace(op, inputs=(op.inputs[0], *names))
    return without_unused(replace(graph, tensors=tensors, ops=tuple(ops)))


def limitless_pads(graph: Graph) -> dict[str, str]:
    """Pads with the lowest of all floats, as a max pool needs them: their outputs and inputs.

    Such a fill never comes out of the pool; on int8 the lowest representable value does as well.
    """
    found = {}
    for op in graph.ops:
        fill = graph.io(op).optional(2) if isinstance(op, Pad) else None
        if fill is not None and fill.data is not None and (fill.data <= LOWEST).all():
            assert op.inputs[0] is not None
            found[op.outputs[0]] = op.inputs[0]
    return found


def fresh(name: str, taken: Iterable[str]) -> str:
    """A name that is not taken yet."""
    names, candidate, count = set(taken), name, 1
    while candidate in names:
        count += 1
        candidate = f"{name}#{count}"
    return candidate


def without_unused(graph: Graph) -> Graph:
    """The graph without tensors that no operator names."""
    used = {*graph.inputs, *graph.outputs}
    for op in graph.ops:
        used |= {n for n in (*op.inputs, *op.outputs) if n is not None}
    return replace(graph, tensors={n: t for n, t in graph.tensors.items() if n in used})


def quantised(values: npt.ArrayLike, quant: QuantParams, dtype: DType = DType.INT8) -> Array:
    """Real values as integers, rounded half to even and saturated; per tensor."""
    steps = np.round(np.asarray(values, np.float64) / quant.scale) + quant.zero_point
    # An array even where the values are a single number.
    return np.asarray(np.clip(steps, *dtype.limits), dtype.numpy)


def dequantised(values: Array, quant: QuantParams) -> Float32:
    """Integers as real values; per tensor."""
    steps = values.astype(np.float64) - quant.zero_point
    return np.asarray(steps * quant.scale, np.float32)
