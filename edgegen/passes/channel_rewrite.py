"""Rewrites a graph so that its tensors have only some of their channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from edgegen.ir import DType, Graph, Op, OpIO, QuantParams, Tensor, TensorKind, TensorType
from edgegen.ir.types import Array
from edgegen.ops.depthwise_conv2d import DepthwiseConv2D
from edgegen.ops.reshape import Reshape
from edgegen.ops.squeeze import Squeeze
from edgegen.passes.channel_needs import Needs, data_inputs, is_dense, links
from edgegen.passes.intervals import Interval, channels
from edgegen.passes.weighted import Bool, weighted
from edgegen.quant.fixed_point import Int64

SUFFIX = "/kept"
"""Ends the names of constants that lost channels."""


def drop_channels(graph: Graph, intervals: Mapping[str, Interval], needs: Needs) -> Graph:
    """The graph without the channels that `needs`, which its own analysis gave, leaves out.

    Activations keep their names and get smaller; changed constants get new names.
    """
    rewriter = _Rewriter(graph, intervals, needs, dict(graph.tensors))
    ops = tuple(rewriter.rewritten(op) for op in graph.ops)
    used = {n for op in ops for n in (*op.inputs, *op.outputs)} | {*graph.inputs, *graph.outputs}
    return replace(graph, ops=ops, tensors={n: t for n, t in rewriter.tensors.items() if n in used})


@dataclass(frozen=True)
class _Rewriter:
    """The state of one rewrite: `tensors` are those of the result."""

    graph: Graph
    intervals: Mapping[str, Interval]
    needs: Needs
    tensors: dict[str, Tensor]

    def rewritten(self, op: Op) -> Op:
        """The operator between tensors with fewer channels; itself if it sees no difference."""
        io = self.graph.io(op)
        dense = is_dense(op, io)
        if not dense and links(op, io) is None:
            return op
        touched = [io.input(i) for i in data_inputs(op, io)] + [io.output]
        if all(self.needs[t.name].all() for t in touched):
            return op
        inputs = list(op.inputs)
        for index in data_inputs(op, io):
            inputs[index] = self._smaller(io.input(index))
        self._smaller(io.output)
        if dense:
            inputs[1:] = self._dense(op, io)
        elif isinstance(op, DepthwiseConv2D):
            inputs[1:] = self._depthwise(io)
        elif isinstance(op, Reshape):
            # Sizes in the shape that the model has, -1 included, no longer hold.
            inputs = inputs[:1]
            op = replace(op, new_shape=self.tensors[io.output.name].type.shape)
        elif isinstance(op, Squeeze) and not op.dims:
            # Of the dimensions of 1 only the old ones are to go.
            shape = io.input(0).type.shape
            op = replace(op, dims=tuple(i for i, size in enumerate(shape) if size == 1))
        return replace(op, inputs=tuple(inputs))

    def _smaller(self, tensor: Tensor) -> str:
        """Makes the tensor's smaller version, if there is one, and gives its name."""
        need = self.needs[tensor.name]
        if need.all():
            return tensor.name
        if tensor.kind is TensorKind.CONSTANT:
            return self._constant(
                tensor, tensor.type, tensor.values, len(tensor.type.shape) - 1, need
            )
        shape = (*tensor.type.shape[:-1], int(need.sum()))
        self.tensors[tensor.name] = replace(tensor, type=replace(tensor.type, shape=shape))
        return tensor.name

    def _dense(self, op: Op, io: OpIO) -> list[str | None]:
        """New weights and bias of a convolution or fully connected layer.

        Input channels that are constant and go leave their share in the bias. Constant output
        channels that stay are computed from the bias alone: their inputs may be gone.
        """
        source, weights = io.input(0), io.input(1)
        layer = weighted(op, io)
        assert layer is not None
        stays = self.needs[io.output.name]
        settled = self.intervals[io.output.name].constant
        known = self.intervals[source.name]
        # A row of a fully connected layer may hold the channels several times over.
        column = np.arange(layer.weights.shape[1]) % channels(source.type)
        keeps = self.needs[source.name][column]
        folded = np.flatnonzero(~keeps & known.constant[column])
        shares = layer.shares(folded, known.low[column[folded]])[:, :, 0].sum(axis=1)
        rest = layer.settled_bias(known.low[column], known.high[column])
        values = weights.values.copy()
        values[settled] = 0
        name = self._constant(weights, weights.type, values[..., keeps], 0, stays)
        bias = np.where(settled, rest, layer.bias + shares)
        return [name, self._bias(io, bias, stays)]

    def _depthwise(self, io: OpIO) -> list[str | None]:
        """New weights and bias of a depthwise convolution."""
        weights, bias = io.input(1), io.optional(2)
        stays = self.needs[io.output.name]
        name = self._constant(weights, weights.type, weights.values, 3, stays)
        values = np.zeros(stays.size, np.int64) if bias is None else bias.values.ravel()
        return [name, self._bias(io, values.astype(np.int64), stays)]

    def _bias(self, io: OpIO, values: Int64, stays: Bool) -> str | None:
        """A bias with the channels that stay; none if the operator needs none.

        Args:
            io: the operator's tensors as they were.
            values: a value for each of its output channels.
            stays: which of them remain.
        """
        old = io.optional(2)
        if old is None:
            if not values[stays].any():
                return None
            name = f"{io.output.name}/bias"
            old = Tensor(name, TensorType(DType.INT32, values.shape), TensorKind.CONSTANT)
        kind = replace(old.type, shape=values.shape)
        return self._constant(old, kind, values.astype(np.int32), 0, stays)

    def _constant(self, old: Tensor, kind: TensorType, data: Array, axis: int, stays: Bool) -> str:
        """Adds a constant that has part of the indices of `axis`, and gives its name.

        Args:
            old: the constant that it replaces.
            kind: its type before.
            data: its values before; dimensions other than `axis` may be shorter already.
            axis: the dimension of channels.
            stays: the indices that remain.
        """
        values = np.ascontiguousarray(data.compress(stays, axis))
        quant = kind.quant
        if quant is not None and quant.axis == axis and len(quant.scales) == stays.size:
            quant = _quant_of(quant, stays)
        name = self._fresh(old.name)
        new = TensorType(kind.dtype, values.shape, quant)
        self.tensors[name] = Tensor(name, new, TensorKind.CONSTANT, values)
        return name

    def _fresh(self, name: str) -> str:
        """A name that no tensor has."""
        base = name.removesuffix(SUFFIX) + SUFFIX
        fresh, number = base, 2
        while fresh in self.tensors:
            fresh, number = f"{base}_{number}", number + 1
        return fresh


def _quant_of(quant: QuantParams, stays: Bool) -> QuantParams:
    """Per-channel quantisation of the channels that stay."""
    kept = np.flatnonzero(stays)
    points = quant.zero_points
    return replace(
        quant,
        scales=tuple(quant.scales[i] for i in kept),
        zero_points=tuple(points[i] for i in kept),
    )
