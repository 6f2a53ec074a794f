"""Convolutions and pools over one to three spatial axes, channels first."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgegen.errors import Problem, UnsupportedError
from edgegen.frontends.onnx.general.products import centred
from edgegen.frontends.onnx.general.registry import generally
from edgegen.frontends.onnx.general.writer import Writer
from edgegen.frontends.onnx.model import Shape
from edgegen.ir import DType


def window(w: Writer, size: Shape, inputs: Shape, outputs: Shape) -> dict[str, Any]:
    """The attributes of a window: sizes, strides, dilations and paddings of each axis."""
    rank = len(size)
    stride = w.node.integers("strides", (1,) * rank)
    dilation = w.node.integers("dilations", (1,) * rank)
    before, after = _pads(w, size, stride, dilation, inputs, outputs)
    return {
        "size": size,
        "stride": stride,
        "dilation": dilation,
        "before": before,
        "after": after,
    }


def _pads(
    w: Writer, size: Shape, stride: Shape, dilation: Shape, inputs: Shape, outputs: Shape
) -> tuple[Shape, Shape]:
    """Elements before and after each axis; source: ONNX's attribute `auto_pad`."""
    mode, rank = w.node.text("auto_pad", "NOTSET"), len(size)
    if mode == "VALID":
        return (0,) * rank, (0,) * rank
    if mode == "NOTSET":
        pads = w.node.integers("pads", (0,) * 2 * rank)
        return pads[:rank], pads[rank:]
    before, after = [], []
    for n, k, s, d, count in zip(inputs, size, stride, dilation, outputs, strict=True):
        total = max((count - 1) * s + (k - 1) * d + 1 - n, 0)
        small, large = total // 2, total - total // 2
        before.append(small if mode == "SAME_UPPER" else large)
        after.append(large if mode == "SAME_UPPER" else small)
    return tuple(before), tuple(after)


def _spatial(w: Writer) -> tuple[Shape, Shape]:
    """Spatial sizes of input and output, at most three.

    Raises:
        UnsupportedError: there are more.
    """
    shape = w.value(0).shape
    if not 3 <= len(shape) <= 5:
        raise UnsupportedError(Problem(f"windows over {len(shape) - 2} spatial dimensions"))
    return shape[2:], w.result().shape[2:]


@generally("Conv")
def conv(w: Writer) -> None:
    """Conv with filters and bias that may be computed at run time."""
    inputs, outputs = _spatial(w)
    tensors = [w.read(i) for i in range(3) if w.has(i)]
    written = w.write(
        "convolution",
        tensors,
        w.clamped(),
        groups=w.node.integer("group", 1),
        **window(w, w.value(1).shape[2:], inputs, outputs),
    )
    w.clamp(written)


@generally("ConvInteger")
def conv_integer(w: Writer) -> None:
    """Convolution of 8-bit integers less their zero points, in int32."""
    inputs, outputs = _spatial(w)
    x, filters = centred(w, 0, 2, axis=1), centred(w, 1, 3, axis=0)
    w.write(
        "convolution",
        [x, filters],
        w.out(),
        groups=w.node.integer("group", 1),
        **window(w, w.value(1).shape[2:], inputs, outputs),
    )


@generally("ConvTranspose")
def conv_transpose(w: Writer) -> None:
    """ConvTranspose."""
    inputs, outputs = _spatial(w)
    size = w.value(1).shape[2:]
    rank = len(size)
    stride = w.node.integers("strides", (1,) * rank)
    dilation = w.node.integers("dilations", (1,) * rank)
    extra = w.node.integers("output_padding", (0,) * rank)
    before = w.node.integers("pads", (0,) * 2 * rank)[:rank]
    mode = w.node.text("auto_pad", "NOTSET")
    if w.node.integers("output_shape") or mode not in ("NOTSET", "VALID"):
        # The padding follows from the sizes.
        total = [
            s * (n - 1) + e + (k - 1) * d + 1 - out
            for s, n, e, k, d, out in zip(
                stride, inputs, extra, size, dilation, outputs, strict=True
            )
        ]
        upper = mode == "SAME_UPPER"
        before = tuple(t // 2 if upper else t - t // 2 for t in total)
    w.write(
        "transposed_convolution",
        [w.read(i) for i in range(3) if w.has(i)],
        w.out(),
        groups=w.node.integer("group", 1),
        size=size,
        stride=stride,
        dilation=dilation,
        before=before,
        after=(0,) * rank,
    )


@generally("MaxPool", "AveragePool", "LpPool")
def pool(w: Writer) -> None:
    """Pools; MaxPool gives indices too where they are asked for."""
    inputs, outputs = _spatial(w)
    attributes = window(w, w.node.integers("kernel_shape"), inputs, outputs)
    function = {"MaxPool": "max", "AveragePool": "average", "LpPool": "power"}[w.node.op]
    attributes["include_padding"] = w.node.integer("count_include_pad", 0)
    attributes["power"] = w.node.integer("p", 2)
    attributes["column_major"] = w.node.integer("storage_order", 0)
    w.write("pooling", [w.read(0)], w.out(), function=function, **attributes)
    if len(w.node.outputs) > 1 and w.node.outputs[1]:
        w.write("pooling", [w.read(0)], w.out(1), function="first_max", **attributes)


@generally("LRN")
def local_response(w: Writer) -> None:
    """Each value over a power of the squares of the channels around it."""
    x, size = w.read(0), w.node.integer("size", 1)
    shape = w.shape(x)
    rest = int(np.prod(shape[2:], dtype=np.int64))
    # Channels become an axis of space: the mean over a window of them, zeros included.
    squares = w.reshape(w.pointwise("mul", x, x), (shape[0], 1, shape[1], rest))
    before = (size - 1) // 2
    mean = w.write(
        "pooling",
        [squares],
        w.temporary(DType.FLOAT32, (shape[0], 1, shape[1], rest)),
        function="average",
        size=(size, 1),
        stride=(1, 1),
        dilation=(1, 1),
        before=(before, 0),
        after=(size - 1 - before, 0),
        include_padding=1,
    )
    alpha, beta, bias = (
        w.constant(w.node.number(name, default), DType.FLOAT32)
        for name, default in (("alpha", 0.0001), ("beta", 0.75), ("bias", 1.0))
    )
    scale = w.pointwise("add", w.pointwise("mul", mean, alpha), bias)
    power = w.reshape(w.pointwise("power", scale, beta), shape)
    w.pointwise("div", x, power, out=w.out())
