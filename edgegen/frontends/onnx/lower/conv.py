"""Convolutions: CONV_2D and DEPTHWISE_CONV_2D, one-dimensional ones with a height of 1."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgegen.errors import Problem, UnsupportedError
from edgegen.frontends.onnx.lower.emitter import Emitter
from edgegen.frontends.onnx.lower.padding import Padding, padding
from edgegen.frontends.onnx.lower.registry import lowers
from edgegen.frontends.onnx.lower.weighted import bias, weights
from edgegen.frontends.onnx.model import Node, Shape


@lowers("Conv")
def conv(emitter: Emitter, node: Node) -> None:
    """Conv with one or two image dimensions."""
    shape, goal = emitter.shape(node.inputs[0]), emitter.shape(node.outputs[0])
    filters = emitter.shape(node.inputs[1])
    if len(shape) not in (3, 4):
        raise UnsupportedError(
            Problem(f"a convolution with {len(shape) - 2} image dimensions is not supported")
        )
    size, image = filters[2:], shape[2:]
    group, channels = node.integer("group", 1), filters[0]
    x = emitter.channels_last(node, node.inputs[0])
    pad = padding(node, size, image, goal[2:])
    x = padded(emitter, node, x, pad)
    depthwise = group == shape[1] and group > 1
    plane = (1, *size) if len(size) == 1 else size
    if depthwise:
        # [out, 1, ...] to [1, high, wide, out]
        order = (1, *range(2, len(filters)), 0)
        w = weights(emitter, node, order, 3, (1, *plane, channels))
    else:
        order = (0, *range(2, len(filters)), 1)
        w = weights(emitter, node, order, 0, (channels, *plane, filters[1]))
    b = bias(emitter, node, w, channels)
    high, wide = _pair(node.integers("strides", (1,) * len(size)))
    tall, broad = _pair(node.integers("dilations", (1,) * len(size)))
    written = emitter.channels_last_target(node.outputs[0])
    emitter.emit(
        node,
        "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D",
        [x, w] if b is None else [x, w, b],
        written,
        padding=pad.scheme,
        stride_h=high,
        stride_w=wide,
        dilation_h_factor=tall,
        dilation_w_factor=broad,
        fused_activation_function=node.activation,
        **({"depth_multiplier": channels // group} if depthwise else {}),
    )
    emitter.finish_channels_last(node, written, node.outputs[0])


def padded(emitter: Emitter, node: Node, x: str, pad: Padding, fill: float | None = None) -> str:
    """The [N, H, W, C] tensor with explicit padding around the image, if there is any.

    Args:
        emitter: where it goes.
        node: what needs it.
        x: the tensor.
        pad: how much.
        fill: quantised or real value of the border; None for real 0.
    """
    if not pad.explicit:
        return x
    kind = emitter.tensors[x].type
    before, after = _pair(pad.before, 0), _pair(pad.after, 0)
    amounts = ((0, 0), (before[0], after[0]), (before[1], after[1]), (0, 0))
    shape = tuple(d + a + b for d, (a, b) in zip(kind.shape, amounts, strict=True))
    goal = emitter.temporary(f"{node.inputs[0]}_padded", replace(kind, shape=shape))
    inputs: list[str | None] = [x, emitter.constant("padding", np.array(amounts, np.int32))]
    if fill is None:
        return emitter.emit(node, "PAD", inputs, goal)
    value = np.array([fill], kind.dtype.numpy)
    inputs.append(emitter.constant("border", value, kind.quant))
    return emitter.emit(node, "PADV2", inputs, goal)


def _pair(values: Shape, default: int = 1) -> tuple[int, int]:
    """Values for height and width; a single one is the width's."""
    return (default, values[0]) if len(values) == 1 else (values[0], values[1])
