"""Interval analysis: bounds of every channel of every activation, proved from the real weights.

A channel is an index of the last dimension. Its interval holds every value that it takes at any
position for any input of the graph, in quantised units. Graph inputs and whatever an unknown
operator computes take the whole range of their type.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from edgegen.ir import DType, Graph, Op, OpIO, Tensor, TensorType
from edgegen.ir.types import Array
from edgegen.ops.add import Add
from edgegen.ops.concatenation import Concatenation
from edgegen.ops.fully_connected import FullyConnected
from edgegen.ops.logistic import Logistic
from edgegen.ops.mean import Mean
from edgegen.ops.mul import Mul
from edgegen.ops.pad import Pad
from edgegen.ops.pool2d import Pool2D
from edgegen.ops.quantize import Quantize
from edgegen.ops.relu import Relu
from edgegen.ops.same_bytes import SameBytes
from edgegen.passes.weighted import Bool, weighted
from edgegen.quant.fixed_point import Int64

RISING = (Add, Concatenation, Mean, Pad, Pool2D, SameBytes)
"""Operators whose every output grows, or stays, when any input grows: the reference, run on the
lowest and on the highest inputs, gives the bounds."""

TABLES = (Logistic, Quantize, Relu)
"""Operators that map every value by itself."""

_BYTES = (DType.INT8, DType.UINT8)
_UNKNOWN = np.iinfo(np.int64)


@dataclass(frozen=True, eq=False)
class Interval:
    """Bounds of each channel: `low` and `high` are int64 [channels], both ends included."""

    low: Int64
    high: Int64

    @property
    def constant(self) -> Bool:
        """The channels that hold one value, `low`, everywhere and always."""
        settled: Bool = self.low == self.high
        return settled


def channels(kind: TensorType) -> int:
    """Number of channels: the last dimension; a scalar has one."""
    return kind.shape[-1] if kind.shape else 1


def full_range(kind: TensorType) -> Interval:
    """All values of a type; beyond those of int64 where the type is no integer."""
    if kind.dtype in (DType.FLOAT32, DType.BOOL, DType.UINT64):
        low, high = int(_UNKNOWN.min), int(_UNKNOWN.max)
    else:
        low, high = kind.dtype.limits
    count = channels(kind)
    return Interval(np.full(count, low, np.int64), np.full(count, high, np.int64))


def columns(interval: Interval, kind: TensorType, depth: int) -> Interval:
    """The bounds of a tensor cut into rows of `depth` elements: one interval for each column."""
    low, high = (_spread(bound, kind).reshape(-1, depth) for bound in (interval.low, interval.high))
    return Interval(low.min(axis=0), high.max(axis=0))


def channel_intervals(graph: Graph) -> Mapping[str, Interval]:
    """The intervals of all activations and graph inputs, and of int8 constants, by name."""
    found = {t.name: _given(t) for t in graph.tensors.values() if _is_given(t, graph)}
    for op in graph.ops:
        io = graph.io(op)
        found |= zip(op.outputs, _outputs(op, io, found), strict=True)
    return found


def _is_given(tensor: Tensor, graph: Graph) -> bool:
    return tensor.data is not None or tensor.name in graph.inputs


def _given(tensor: Tensor) -> Interval:
    """What is known of a tensor that no operator computes."""
    if tensor.data is None or tensor.type.dtype not in _BYTES or not tensor.data.size:
        return full_range(tensor.type)
    return _hull(tensor.data, tensor.data)


def _outputs(op: Op, io: OpIO, found: Mapping[str, Interval]) -> Sequence[Interval]:
    """The intervals of an operator's outputs."""
    known = [t for t in io.inputs if t is not None and t.data is None]
    if any(t.type.dtype not in _BYTES or not t.type.elements for t in (*known, *io.outputs)):
        return [full_range(t.type) for t in io.outputs]
    sources = [None if t is None else found[t.name] for t in io.inputs]
    layer = weighted(op, io)
    if layer is not None:
        source = sources[0]
        assert source is not None
        if isinstance(op, FullyConnected):
            source = columns(source, io.input(0).type, io.input(1).type.shape[1])
        return [Interval(*layer.outputs(source.low, source.high))]
    if isinstance(op, RISING):
        return [_corners(op, io, [_ends(io, sources, (0,)), _ends(io, sources, (1,))])]
    if isinstance(op, Mul):
        # Each factor alone moves the product one way: the extremes are at corners.
        return [_corners(op, io, [_ends(io, sources, pick) for pick in product((0, 1), repeat=2)])]
    if isinstance(op, TABLES):
        assert sources[0] is not None
        return [_mapped(op, io, sources[0])]
    return [full_range(t.type) for t in io.outputs]


def _ends(
    io: OpIO, sources: Sequence[Interval | None], pick: tuple[int, ...]
) -> list[Array | None]:
    """Arguments for an operator's reference: constants as they are, else one end of the bounds.

    Args:
        io: the operator's tensors.
        sources: intervals of its inputs.
        pick: 0 for the low end and 1 for the high end, of each input or of all.
    """
    values: list[Array | None] = []
    for index, (tensor, interval) in enumerate(zip(io.inputs, sources, strict=True)):
        if tensor is None or interval is None or tensor.data is not None:
            values.append(None if tensor is None else tensor.data)
            continue
        bound = (interval.low, interval.high)[pick[index % len(pick)]]
        values.append(_spread(bound.astype(tensor.type.dtype.numpy), tensor.type))
    return values


def _corners(op: Op, io: OpIO, corners: Sequence[list[Array | None]]) -> Interval:
    """The hull of what the reference makes of several arguments."""
    results = [op.evaluate(io, values)[0].astype(np.int64) for values in corners]
    return _hull(np.minimum.reduce(results), np.maximum.reduce(results))


def _mapped(op: Op, io: OpIO, source: Interval) -> Interval:
    """The extremes of a table over each channel's interval."""
    low, high = io.input(0).type.dtype.limits
    values = np.arange(low, high + 1, dtype=np.int64)
    table = op.evaluate(io, (values.astype(io.input(0).type.dtype.numpy),))[0].astype(np.int64)
    inside = (values >= source.low[:, np.newaxis]) & (values <= source.high[:, np.newaxis])
    return Interval(
        np.where(inside, table, table.max()).min(axis=1),
        np.where(inside, table, table.min()).max(axis=1),
    )


def _spread(bound: Array, kind: TensorType) -> Array:
    """One value for each channel, repeated to the tensor's shape."""
    return np.broadcast_to(bound.reshape(kind.shape[-1:]), kind.shape)


def _hull(low: Array, high: Array) -> Interval:
    """The smallest intervals that hold whole tensors of lower and upper bounds."""
    depth = low.shape[-1] if low.shape else 1
    return Interval(
        low.reshape(-1, depth).astype(np.int64).min(axis=0),
        high.reshape(-1, depth).astype(np.int64).max(axis=0),
    )
