"""Makes the graph of an assignment: operators on permuted tensors, few transpositions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from edgegen.ir import DType, Graph, Op, OpIO, Origin, Tensor, TensorKind, TensorType
from edgegen.ir.types import Array
from edgegen.ops.fully_connected import FullyConnected
from edgegen.ops.reshape import Reshape
from edgegen.ops.transpose import MAX_RANK, Transpose
from edgegen.passes.dead_code import remove_dead_code
from edgegen.passes.layout.assign import Assignment, assign
from edgegen.passes.layout.merge import merge_views
from edgegen.passes.layout.order import Move, Order, Shape, dense, indices, move, permute
from edgegen.passes.layout.rules import (
    Config,
    aligned_shape,
    column_order,
    is_free,
    permuted,
    row_major,
)


def assign_layouts(graph: Graph) -> Graph:
    """Removes transpositions by storing tensors in other orders.

    Transpositions stay where operators disagree about an order and where graph inputs and outputs
    are in another one than their neighbours want.
    """
    if not any(isinstance(op, Transpose) for op in graph.ops):
        return graph
    graph = merge_views(graph)
    return _Rewriter(graph, assign(graph)).run()


@dataclass(frozen=True)
class _Stored:
    """Where a tensor of the old graph is in the new one: a tensor, its shape, its order."""

    name: str
    shape: Shape
    order: Order


class _Rewriter:
    """State of one rewrite."""

    def __init__(self, graph: Graph, assignment: Assignment) -> None:
        self.graph, self.assignment = graph, assignment
        self.tensors: dict[str, Tensor] = {
            n: t for n, t in graph.tensors.items() if t.kind is not TensorKind.ACTIVATION
        }
        self.ops: list[Op] = []
        self.stored = {
            name: _Stored(name, t.type.shape, dense(t.type.shape))
            for name, t in ((n, graph.tensor(n)) for n in graph.inputs)
        }
        self.transposed: dict[tuple[str, Move], str] = {}
        self.reshaped: dict[tuple[str, Shape], str] = {}
        self.constants: dict[tuple[str, bytes], str] = {}

    def run(self) -> Graph:
        """The new graph."""
        for op, config in zip(self.graph.ops, self.assignment.configs, strict=True):
            io = self.graph.io(op)
            if is_free(op, io) and config.inputs[0] is not None and io.inputs[0] is not None:
                source = self.take(io.input(0).name, config.inputs[0], None, op.origin)
                shape = self.tensors[source].type.shape
                self.stored[op.outputs[0]] = _Stored(source, shape, config.output)
            else:
                self.operator(op, io, config)
        for name in self.graph.outputs:
            self.output(name)
        graph = replace(self.graph, tensors=self.tensors, ops=tuple(self.ops))
        return remove_dead_code(graph)

    # --- names and tensors

    def fresh(self, base: str) -> str:
        """A name that neither graph uses."""
        name, count = base, 1
        while name in self.tensors or name in self.graph.tensors:
            count += 1
            name = f"{base}_{count}"
        return name

    def add(self, name: str, kind: TensorType) -> str:
        """Adds an activation."""
        self.tensors[name] = Tensor(name, kind, TensorKind.ACTIVATION)
        return name

    def constant(self, base: str, data: Array, kind: TensorType) -> str:
        """Adds a constant, once for equal data."""
        data = np.ascontiguousarray(data)
        key = (f"{base} {kind}", data.tobytes())
        if key not in self.constants:
            name = self.constants[key] = self.fresh(f"{base}_moved")
            kind = replace(kind, shape=data.shape)
            self.tensors[name] = Tensor(name, kind, TensorKind.CONSTANT, data.copy())
        return self.constants[key]

    def take(self, name: str, order: Order, shape: Shape | None, origin: Origin) -> str:
        """A tensor of the new graph with a value of the old one in some order and shape.

        Args:
            name: the value's.
            order: what its bytes must lie in.
            shape: what the tensor must have; None: any.
            origin: the operator that wants it.
        """
        source = self.stored[name]
        result = source.name
        if source.order != order:
            for step in moves(source.order, order):
                result = self._transpose(result, step, Origin(origin.index, "TRANSPOSE"))
        if shape is not None and self.tensors[result].type.shape != shape:
            result = self._reshape(result, shape, Origin(origin.index, "RESHAPE"))
        return result

    def _transpose(self, source: str, step: Move, origin: Origin) -> str:
        """The bytes of a tensor, transposed; once for equal bytes."""
        kind = self.tensors[source].type
        key = (source, step)
        if key not in self.transposed:
            if kind.shape != step.shape:
                source = self._reshape(source, step.shape, Origin(origin.index, "RESHAPE"))
            goal = replace(kind, shape=permute(step.shape, step.axes))
            target = self.transposed[key] = self.add(self.fresh(f"{source}_moved"), goal)
            axes = np.array(step.axes, np.int32)
            order = self.constant("order", axes, TensorType(DType.INT32, axes.shape))
            self.ops.append(Transpose((source, order), (target,), origin))
        return self.transposed[key]

    def _reshape(self, source: str, shape: Shape, origin: Origin, target: str | None = None) -> str:
        """The bytes of a tensor in another shape; once for equal shapes."""
        key = (source, shape)
        if target is None and key in self.reshaped:
            return self.reshaped[key]
        kind = replace(self.tensors[source].type, shape=shape)
        name = self.add(self.fresh(f"{source}_shaped") if target is None else target, kind)
        self.ops.append(Reshape((source,), (name,), origin, shape))
        self.reshaped.setdefault(key, name)
        return name

    # --- operators

    def operator(self, op: Op, io: OpIO, config: Config) -> None:
        """Adds an operator that computes on tensors in the assigned orders."""
        inputs = list(op.inputs)
        kinds = [t.type for t in io.outputs]
        if config == row_major(io):
            shapes: dict[int, Shape] = {}
        elif isinstance(op, FullyConnected):
            shapes = {}
            assert config.inputs[0] is not None
            inputs[1] = self._columns(io, column_order(io, config.inputs[0]))
        elif op.elementwise:
            shapes = self._elementwise(io, config, inputs)
            kinds = [replace(kinds[0], shape=_shape(kinds[0].shape, config.axes))]
        else:
            assert config.axes is not None
            result = permuted(op, io, config.axes)
            assert result is not None
            op = result.op
            shapes = self._whole_axes(io, config.axes, result.data, result.constants, inputs)
            kinds = [replace(kinds[0], shape=permute(kinds[0].shape, result.output))]
        for i, order in enumerate(config.inputs):
            if order is not None:
                tensor = io.input(i)
                shape = shapes.get(i, tensor.type.shape)
                inputs[i] = self.take(tensor.name, order, shape, op.origin)
        outputs = []
        for tensor, kind in zip(io.outputs, kinds, strict=True):
            order = config.output if len(io.outputs) == 1 else dense(tensor.type.shape)
            own = order == dense(tensor.type.shape) and kind.shape == tensor.type.shape
            name = tensor.name
            if name in self.graph.outputs and not own:
                name = self.fresh(f"{name}_inner")
            outputs.append(self.add(name, kind))
            self.stored[tensor.name] = _Stored(name, kind.shape, order)
        self.ops.append(replace(op, inputs=tuple(inputs), outputs=tuple(outputs)))

    def _elementwise(self, io: OpIO, config: Config, inputs: list[str | None]) -> dict[int, Shape]:
        """Shapes of the operands, constants replaced."""
        rank = len(io.output.type.shape)
        shapes = {}
        for i, tensor in enumerate(io.inputs):
            if tensor is None:
                continue
            whole = tensor.type.elements == io.output.type.elements
            if config.axes is not None and (tensor.type.elements > 1 or whole):
                aligned = aligned_shape(tensor, rank)
                shapes[i] = permute(aligned, config.axes)
                if tensor.data is not None:
                    data = tensor.values.reshape(aligned).transpose(config.axes)
                    inputs[i] = self.constant(tensor.name, data, tensor.type)
            elif tensor.data is not None and whole:
                flat = tensor.values.ravel()[indices(config.output, tensor.type.elements)]
                data = flat.reshape(tensor.type.shape)
                inputs[i] = self.constant(tensor.name, data, tensor.type)
        return shapes

    def _whole_axes(
        self,
        io: OpIO,
        axes: Shape,
        data: tuple[int, ...],
        constants: Mapping[int, Array],
        inputs: list[str | None],
    ) -> dict[int, Shape]:
        """Shapes of the data inputs, constants replaced."""
        shapes = {}
        for i in data:
            tensor = io.input(i)
            shapes[i] = permute(tensor.type.shape, axes)
            if tensor.data is not None:
                inputs[i] = self.constant(tensor.name, tensor.values.transpose(axes), tensor.type)
        for i, values in constants.items():
            kind = replace(io.input(i).type, dtype=DType(values.dtype.name))
            inputs[i] = self.constant(io.input(i).name, values, kind)
        return shapes

    def _columns(self, io: OpIO, order: Order) -> str:
        """The weights of a fully connected layer with their columns in another order."""
        weights = io.input(1)
        depth = weights.type.shape[1]
        return self.constant(weights.name, weights.values[:, indices(order, depth)], weights.type)

    def output(self, name: str) -> None:
        """Makes sure that a graph output exists under its name, row-major."""
        kind = self.graph.tensor(name).type
        if name in self.tensors and self.stored.get(name, _Stored(name, (), ())).name == name:
            return
        origin = Origin(len(self.graph.ops), "RESHAPE")
        source = self.take(name, dense(kind.shape), None, origin)
        last = self.ops[-1] if self.ops else None
        fits = self.tensors[source].type.shape == kind.shape
        if isinstance(last, Transpose) and last.outputs == (source,) and fits:
            # The transposition may write the output itself.
            self.ops[-1] = replace(last, outputs=(self.add(name, kind),))
            return
        self._reshape(source, kind.shape, origin, name)


def _shape(shape: Shape, axes: Shape | None) -> Shape:
    return shape if axes is None else permute(shape, axes)


def moves(before: Order, after: Order) -> tuple[Move, ...]:
    """The transpositions from one order to another, by way of row-major order if need be."""
    direct = move(before, after)
    if direct is not None and len(direct.axes) <= MAX_RANK:
        return (direct,)
    elements = int(np.prod([n for n, _ in before], dtype=np.int64))
    middle = dense((elements,))
    steps = (move(before, middle), move(middle, after))
    return tuple(s for s in steps if s is not None and s.axes != tuple(range(len(s.axes))))
