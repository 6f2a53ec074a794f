"""Pools over windows and over whole images."""

from __future__ import annotations

import numpy as np

from edgegen.errors import Problem, UnsupportedError
from edgegen.frontends.onnx.lower.conv import padded
from edgegen.frontends.onnx.lower.emitter import Emitter
from edgegen.frontends.onnx.lower.padding import Padding, padding, pads_of
from edgegen.frontends.onnx.lower.registry import lowers
from edgegen.frontends.onnx.model import Node, Shape
from edgegen.ir import DType

LOWEST = {DType.INT8: -128.0, DType.FLOAT32: float(np.finfo(np.float32).min)}
"""What never wins a maximum."""


def _image(emitter: Emitter, node: Node) -> tuple[Shape, Shape, Shape] | None:
    """Filter, input and output sizes of a pool that TFLite has, or None."""
    shape, goal = emitter.shape(node.inputs[0]), emitter.shape(node.outputs[0])
    size = node.integers("kernel_shape")
    plain = set(node.integers("dilations", (1,))) == {1} and not any(node.outputs[1:])
    if len(shape) not in (3, 4) or not plain or node.integer("channels_last", 0):
        return None
    return size, shape[2:], goal[2:]


@lowers("MaxPool")
def max_pool(emitter: Emitter, node: Node) -> bool:
    """MaxPool without indices."""
    found = _image(emitter, node)
    if found is None:
        return False
    size, image, goal = found
    pad = padding(node, size, image, goal)
    x = emitter.channels_last(node, node.inputs[0])
    x = padded(emitter, node, x, pad, LOWEST[emitter.tensors[x].type.dtype])
    _pool(emitter, node, "MAX_POOL_2D", x, pad, size)
    return True


@lowers("AveragePool")
def average_pool(emitter: Emitter, node: Node) -> bool:
    """AveragePool; padding counts or not as the model says."""
    found = _image(emitter, node)
    if found is None:
        return False
    size, image, goal = found
    pad = padding(node, size, image, goal)
    before, after = pads_of(node, size, image)
    if node.integer("count_include_pad", 0) == 1 and any((*before, *after)):
        # The model's padding counts; what only rounding up makes windows reach does not.
        reached = _after(node, size, image, goal)
        if any(r > a for r, a in zip(reached, after, strict=True)):
            return _refused(emitter, node, "padding that counts, and sizes rounded up")
        pad = Padding("VALID", before, reached)
    elif pad.explicit:
        return _refused(
            emitter, node, f"padding {list(before)} and {list(after)} that does not count"
        )
    x = emitter.channels_last(node, node.inputs[0])
    x = padded(emitter, node, x, pad)
    _pool(emitter, node, "AVERAGE_POOL_2D", x, pad, size)
    return True


def _refused(emitter: Emitter, node: Node, what: str) -> bool:
    """False: another operator of the IR may take it, on float32; on integers there is none.

    Raises:
        UnsupportedError: the pool is quantised.
    """
    if not emitter.is_integer(node):
        return False
    raise UnsupportedError(
        Problem(
            what,
            why="TFLite's integer pools have the paddings SAME and VALID only",
            hint="count_include_pad=1, or a symmetric padding that keeps the size",
        )
    )


def _after(node: Node, size: Shape, image: Shape, goal: Shape) -> Shape:
    """Elements behind the image that windows reach."""
    before, _ = pads_of(node, size, image)
    strides = node.integers("strides", (1,) * len(size))
    return tuple(
        max((out - 1) * s + k - b - n, 0)
        for out, s, k, b, n in zip(goal, strides, size, before, image, strict=True)
    )


def _pool(emitter: Emitter, node: Node, kind: str, x: str, pad: Padding, size: Shape) -> None:
    """The pool itself, which keeps its input's quantisation."""
    strides = node.integers("strides", (1,) * len(size))
    high, wide = (1, *size) if len(size) == 1 else size
    down, right = (1, *strides) if len(size) == 1 else strides
    # Behind the image nothing is ever read with VALID but what `pad` says.
    quant = emitter.value(node.inputs[0]).quant
    written = emitter.channels_last_target(node.outputs[0], quant)
    emitter.emit(
        node,
        kind,
        [x],
        written,
        padding=pad.scheme,
        filter_height=high,
        filter_width=wide,
        stride_h=down,
        stride_w=right,
        fused_activation_function="NONE",
    )
    emitter.finish_channels_last(node, written, node.outputs[0])


@lowers("GlobalAveragePool")
def global_average(emitter: Emitter, node: Node) -> None:
    """The mean over all image dimensions."""
    axes = tuple(range(2, len(emitter.shape(node.inputs[0]))))
    _mean(emitter, node, axes, keep=True)


@lowers("ReduceMean")
def reduce_mean(emitter: Emitter, node: Node) -> bool | None:
    """ReduceMean over constant axes."""
    rank = len(emitter.shape(node.inputs[0]))
    axes = node.integers("axes")
    if node.input(1):
        data = emitter.value(node.input(1)).data
        if data is None:
            return False
        axes = tuple(int(a) for a in data.ravel())
    if not axes:
        if node.integer("noop_with_empty_axes", 0):
            return False
        axes = tuple(range(rank))
    _mean(emitter, node, tuple(a % rank for a in axes), keep=node.integer("keepdims", 1) == 1)
    return None


def _mean(emitter: Emitter, node: Node, axes: Shape, *, keep: bool) -> None:
    axis = emitter.constant("axes", np.array(axes, np.int32))
    written = emitter.target(node.outputs[0])
    emitter.emit(node, "MEAN", [emitter.read(node.inputs[0]), axis], written, keep_dims=keep)
