"""Operators that move values.

Where the way does not depend on run-time values, ONNX's own reference implementation is run on the
numbers 0, 1, 2, ... of the elements; what comes out says where each element comes from.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from edgegen.errors import Problem, UnsupportedError
from edgegen.frontends.onnx.general.index_tables import OUTSIDE
from edgegen.frontends.onnx.general.registry import generally
from edgegen.frontends.onnx.general.writer import Index, Writer
from edgegen.frontends.onnx.infer import evaluate
from edgegen.frontends.onnx.model import Shape, Value, constant
from edgegen.ir import DType
from edgegen.ops.strided import strides

MAX_MOVED = 1 << 22
"""Largest tensor whose elements are moved one by one, in elements."""

FIXED = (
    "Transpose",
    "Slice",
    "Split",
    "Expand",
    "Tile",
    "DepthToSpace",
    "SpaceToDepth",
    "ReverseSequence",
    "Compress",
)
"""Operators that only move elements of their first input, in a way that the others fix."""


def need_small(*shapes: Shape) -> None:
    """Refuses tensors too large to look at every element.

    Raises:
        UnsupportedError: one has more than `MAX_MOVED` elements.
    """
    largest = max(int(np.prod(s, dtype=np.int64)) for s in shapes)
    if largest > MAX_MOVED:
        raise UnsupportedError(Problem(f"it moves {largest} elements, more than {MAX_MOVED}"))


def numbered(w: Writer, node_inputs: dict[int, Any] | None = None) -> list[Index]:
    """Where each output's elements come from.

    Args:
        w: the node; all its inputs but the first must be constants.
        node_inputs: other constants instead of some inputs.

    Raises:
        UnsupportedError: an input is computed at run time.
    """
    x = w.value(0)
    need_small(x.shape, *(w.result(i).shape for i, n in enumerate(w.node.outputs) if n))
    numbers = np.arange(np.prod(x.shape, dtype=np.int64)).reshape(x.shape)
    inputs: list[Value | None] = [constant(numbers)]
    for i in range(1, len(w.node.inputs)):
        if node_inputs and i in node_inputs:
            inputs.append(constant(node_inputs[i]))
        else:
            w.integers(i, "input")
            inputs.append(w.value(i) if w.has(i) else None)
    node = w.node
    if node_inputs:
        names = list(node.inputs) + [""] * (max(node_inputs) + 1 - len(node.inputs))
        for i in node_inputs:
            names[i] = names[i] or f"numbered_{i}"
            if i >= len(inputs):
                inputs += [None] * (i + 1 - len(inputs))
                inputs[i] = constant(node_inputs[i])
        node = replace(node, inputs=tuple(names))
    return [np.asarray(a, np.int64) for a in evaluate(node, inputs, w.opset)]


@generally(*FIXED)
def fixed(w: Writer) -> None:
    """Operators that only move elements."""
    x = w.read(0)
    for position, index in enumerate(numbered(w)):
        if w.node.outputs[position]:
            w.rearrange(x, index, out=w.out(position))


@generally("Pad")
def pad(w: Writer) -> bool | None:
    """Borders of a constant, or made of the tensor itself."""
    x = w.read(0)
    fill = 0.0
    if w.node.text("mode", "constant") == "constant":
        if w.opset < 11:
            return False
        if w.has(2):
            data = w.data(2)
            if data is None:
                raise UnsupportedError("a border that is computed at run time")
            fill = float(data.ravel()[0])
        (index,) = numbered(w, {2: np.array(OUTSIDE, np.int64)})
    else:
        (index,) = numbered(w)
    w.rearrange(x, index, out=w.out(), fill=fill)
    return None


@generally("Reshape", "Flatten", "Squeeze", "Unsqueeze")
def reshape(w: Writer) -> None:
    """The same elements in the shape that inference found."""
    w.reshape(w.read(0), w.result().shape, out=w.out())


@generally("Concat")
def concat(w: Writer) -> None:
    """Concatenation of any element type."""
    parts = [w.read(i) for i in range(len(w.node.inputs))]
    rank = len(w.result().shape)
    w.write(
        "CONCATENATION",
        parts,
        w.out(),
        axis=w.node.integer("axis", 0) % rank,
        fused_activation_function="NONE",
    )


@generally("Trilu")
def triangle(w: Writer) -> None:
    """One triangle of each matrix; the rest is zero."""
    shift = (w.integers(1, "diagonal") or (0,))[0]
    rows, columns = w.result().shape[-2:]
    distance = np.arange(columns) - np.arange(rows)[:, np.newaxis]
    mask = distance >= shift if w.node.integer("upper", 1) else distance <= shift
    zero = w.constant(0, w.kind(w.read(0)).dtype)
    w.pointwise("where", w.constant(mask), w.read(0), zero, out=w.out())


@generally("Gather")
def gather(w: Writer) -> None:
    """Slices at indices along one axis."""
    data, indices = w.value(0), w.value(1)
    if indices.data is not None:
        fixed(w)
        return
    axis = w.node.integer("axis", 0) % max(data.rank, 1)
    steps = strides(data.shape)
    before, after = data.shape[:axis], data.shape[axis + 1 :]
    w.write(
        "gather",
        [w.read(0), w.read(1)],
        w.out(),
        sizes=(*before, *indices.shape, *after),
        data_steps=(*steps[:axis], *(0,) * indices.rank, *steps[axis + 1 :]),
        index_steps=(*(0,) * axis, *strides(indices.shape), *(0,) * len(after)),
        axis_sizes=(data.shape[axis],),
        axis_steps=(steps[axis],),
    )


def _element_addressing(w: Writer, axis: int) -> dict[str, Any]:
    """Addresses of GatherElements and ScatterElements: an index for each element."""
    data, indices = w.value(0), w.value(1)
    axis %= max(data.rank, 1)
    steps = strides(data.shape)
    return {
        "sizes": indices.shape,
        "data_steps": tuple(0 if i == axis else s for i, s in enumerate(steps)),
        "index_steps": strides(indices.shape),
        "axis_sizes": (data.shape[axis],),
        "axis_steps": (steps[axis],),
    }


@generally("GatherElements")
def gather_elements(w: Writer) -> None:
    """An index along one axis for each element of the result."""
    if w.data(1) is not None:
        fixed(w)
        return
    addressing = _element_addressing(w, w.node.integer("axis", 0))
    w.write("gather", [w.read(0), w.read(1)], w.out(), **addressing)


def _nd_addressing(w: Writer, batch: int) -> dict[str, Any]:
    """Addresses of GatherND and ScatterND: the last axis of the indices holds one for each axis."""
    data, indices = w.value(0), w.value(1)
    count = indices.shape[-1]
    steps, places = strides(data.shape), strides(indices.shape)
    rest = data.shape[batch + count :]
    outer = indices.shape[batch:-1]
    return {
        "sizes": (*indices.shape[:-1], *rest),
        "data_steps": (*steps[:batch], *(0,) * len(outer), *steps[batch + count :]),
        "index_steps": (*places[:-1], *(0,) * len(rest)),
        "axis_sizes": data.shape[batch : batch + count],
        "axis_steps": steps[batch : batch + count],
    }


@generally("GatherND")
def gather_nd(w: Writer) -> None:
    """Slices at tuples of indices."""
    if w.data(1) is not None:
        fixed(w)
        return
    addressing = _nd_addressing(w, w.node.integer("batch_dims", 0))
    w.write("gather", [w.read(0), w.read(1)], w.out(), **addressing)


@generally("ScatterElements", "Scatter")
def scatter_elements(w: Writer) -> None:
    """An element of the result for each index along one axis."""
    _scatter(w, _element_addressing(w, w.node.integer("axis", 0)))


@generally("ScatterND")
def scatter_nd(w: Writer) -> None:
    """Slices of the result at tuples of indices."""
    _scatter(w, _nd_addressing(w, 0))


def _scatter(w: Writer, addressing: dict[str, Any]) -> None:
    name = w.node.text("reduction", "none")
    function = "replace" if name == "none" else name
    w.write("scatter", [w.read(0), w.read(1), w.read(2)], w.out(), function=function, **addressing)


@generally("OneHot")
def one_hot(w: Writer) -> None:
    """A vector for each index, on at its place and off elsewhere."""
    depth = w.integers(1, "depth")
    assert depth is not None
    (count,) = depth
    indices, rank = w.read(0), len(w.shape(w.read(0)))
    axis = w.node.integer("axis", -1) % (rank + 1)
    if w.kind(indices).dtype is not DType.INT64:
        indices = w.cast(indices, DType.INT64)
    shape = w.shape(indices)
    indices = w.reshape(indices, (*shape[:axis], 1, *shape[axis:]))
    places = np.arange(count, dtype=np.int64).reshape(-1, *(1,) * (rank - axis))
    # An index may count from the end.
    here = w.pointwise("equal", indices, w.constant(places))
    there = w.pointwise("equal", indices, w.constant(places - count))
    chosen = w.pointwise("or", here, there)
    off, on = (w.rearrange(w.read(2), np.array(i, np.int64).reshape(())) for i in (0, 1))
    w.pointwise("where", chosen, on, off, out=w.out())


@generally("EyeLike")
def eye_like(w: Writer) -> None:
    """Ones on a diagonal; only the input's shape matters."""
    value = w.result()
    rows, columns = value.shape
    eye = np.eye(rows, columns, k=w.node.integer("k", 0)).astype(value.dtype)
    w.pointwise("identity", w.constant(eye), out=w.out())


@generally("MaxUnpool")
def max_unpool(w: Writer) -> None:
    """Values put back to where a pool found them."""
    value = w.result()
    if w.has(2):
        raise UnsupportedError(Problem("an output shape besides that of the pads"))
    zeros = w.constant(np.zeros(value.shape, value.dtype))
    count = int(np.prod(value.shape))
    w.write(
        "scatter",
        [zeros, w.read(1), w.read(0)],
        w.out(),
        function="replace",
        sizes=(w.elements(w.read(0)),),
        data_steps=(0,),
        index_steps=(1,),
        axis_sizes=(count,),
        axis_steps=(1,),
    )
