"""Which orders of bytes an operator can work with.

Rules:
1. Reshapes take any order and hand it on; transpositions hand on what makes them free.
2. Elementwise operators take any order, the same for all tensors of full size; where one is
   broadcast, an order of whole dimensions.
3. Operators that define `Op.permuted` take orders of whole dimensions.
4. A fully connected layer takes any order within the rows of its input: its weights' columns are
   put in that order.
5. All others want and give row-major order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from edgegen.ir import Op, OpIO, Tensor
from edgegen.ir.permuted import Permuted
from edgegen.ops.fully_connected import FullyConnected
from edgegen.ops.transpose import Transpose
from edgegen.passes.layout.order import (
    Order,
    Shape,
    axes_of,
    dense,
    permutation,
    pieces,
    transposed,
)


@dataclass(frozen=True)
class Config:
    """The orders that an operator works with.

    Attributes:
        inputs: what it wants; None for constants and absent inputs.
        output: what it gives.
        axes: the order of dimensions of input 0 that `Op.permuted` is asked for; None where it is
            not.
    """

    inputs: tuple[Order | None, ...]
    output: Order
    axes: Shape | None = None


def is_free(op: Op, io: OpIO) -> bool:
    """Whether the operator moves no bytes once orders are assigned."""
    return op.alias_of(io) is not None or isinstance(op, Transpose)


def row_major(io: OpIO) -> Config:
    """Rule 5."""
    return Config(
        tuple(None if t is None or t.data is not None else dense(t.type.shape) for t in io.inputs),
        dense(io.output.type.shape),
    )


def default(op: Op, io: OpIO) -> Config:
    """What is always possible: reading in row-major order, and giving that where bytes move."""
    if isinstance(op, Transpose):
        config = from_input(op, io, 0, dense(io.input(0).type.shape))
        assert config is not None
        return config
    return row_major(io)


def from_input(op: Op, io: OpIO, index: int, order: Order) -> Config | None:
    """The configuration that takes input `index` in `order`, if there is one."""
    tensor = io.input(index)
    if len(io.outputs) != 1:
        return None
    if op.alias_of(io) is not None:
        return _single(io, index, order, order) if index == op.alias_of(io) else None
    if isinstance(op, Transpose):
        given = transposed(order, tensor.type.shape, op.order(io))
        return None if given is None else _single(io, 0, order, given)
    if isinstance(op, FullyConnected):
        return (
            _single(io, 0, order, dense(io.output.type.shape)) if _keeps_rows(io, order) else None
        )
    if op.elementwise:
        full = tensor.type.elements == io.output.type.elements
        return _elementwise(io, order) if full else None
    axes = axes_of(order, tensor.type.shape)
    return None if axes is None or index != 0 else _permuted(op, io, axes)


def from_output(op: Op, io: OpIO, order: Order) -> Config | None:
    """The configuration that gives the output in `order`, if there is one."""
    shape = io.output.type.shape
    alias = op.alias_of(io)
    if len(io.outputs) != 1:
        return None
    if alias is not None:
        return _single(io, alias, order, order)
    if isinstance(op, Transpose):
        source = op.order(io)
        inverse = tuple(source.index(a) for a in range(len(source)))
        wanted = transposed(order, shape, inverse)
        return None if wanted is None else _single(io, 0, wanted, order)
    if op.elementwise:
        return _elementwise(io, order)
    axes = axes_of(order, shape)
    if axes is None or isinstance(op, FullyConnected) or len(axes) != len(io.input(0).type.shape):
        return None
    found = _permuted(op, io, axes)
    return found if found is not None and found.output == order else None


def permuted(op: Op, io: OpIO, axes: Shape) -> Permuted | None:
    """`Op.permuted` for operators whose data inputs are there."""
    return op.permuted(io, axes) if io.inputs and io.inputs[0] is not None else None


def aligned_shape(tensor: Tensor, rank: int) -> Shape:
    """A broadcast operand's shape with as many dimensions as the output has."""
    return (1,) * (rank - len(tensor.type.shape)) + tensor.type.shape


def operands(io: OpIO) -> Iterator[tuple[int, Tensor]]:
    """The inputs that are there."""
    return ((i, t) for i, t in enumerate(io.inputs) if t is not None)


def _single(io: OpIO, index: int, wanted: Order, given: Order) -> Config:
    return Config(tuple(wanted if i == index else None for i in range(len(io.inputs))), given)


def _elementwise(io: OpIO, order: Order) -> Config | None:
    """Rule 2."""
    shape, elements = io.output.type.shape, io.output.type.elements
    axes = axes_of(order, shape)
    wanted: list[Order | None] = []
    for tensor in io.inputs:
        if tensor is None:
            wanted.append(None)
            continue
        aligned = aligned_shape(tensor, len(shape))
        full = aligned == shape or tensor.type.elements in (1, elements)
        if len(aligned) != len(shape) or (axes is None and not full):
            return None
        part = order if tensor.type.elements == elements else dense(tensor.type.shape)
        if axes is not None and aligned != shape:
            part = permutation(aligned, axes)
        wanted.append(None if tensor.data is not None else part)
    return Config(tuple(wanted), order, axes)


def _permuted(op: Op, io: OpIO, axes: Shape) -> Config | None:
    """Rule 3."""
    result = permuted(op, io, axes)
    if result is None:
        return None
    wanted = tuple(
        permutation(t.type.shape, axes)
        if i in result.data and t is not None and t.data is None
        else None
        for i, t in enumerate(io.inputs)
    )
    return Config(wanted, permutation(io.output.type.shape, result.output), axes)


def _keeps_rows(io: OpIO, order: Order) -> bool:
    """Whether rows stay rows, one after the other: rule 4."""
    depth = io.input(1).type.shape[1]
    rows = io.input(0).type.elements // depth
    parts = pieces(order, (rows, depth))
    if parts is None:
        return False
    return rows == 1 or (parts[0].axis == 0 and parts[0].size == rows)


def column_order(io: OpIO, order: Order) -> Order:
    """The order within a row of a fully connected layer's input."""
    depth = io.input(1).type.shape[1]
    rows = io.input(0).type.elements // depth
    parts = pieces(order, (rows, depth))
    assert parts is not None
    return cast("Order", tuple((p.size, p.step) for p in parts if p.axis == 1))
