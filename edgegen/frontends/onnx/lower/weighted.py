"""Weights and biases as the IR's convolutions and fully connected layers want them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgegen.errors import Problem, UnsupportedError
from edgegen.frontends.onnx.lower.emitter import Emitter
from edgegen.frontends.onnx.model import Array, Node, Shape, Value
from edgegen.ir import QuantParams


def weights(
    emitter: Emitter, node: Node, order: Shape, axis: int, shape: Shape | None = None
) -> str:
    """The weights (input 1) as a constant.

    Args:
        emitter: where it goes.
        node: a convolution or Dense.
        order: the order of axes that the IR wants.
        axis: where the output channels are in that order.
        shape: the shape after that, if it is another one.

    Raises:
        UnsupportedError: they are computed at run time, or not symmetric int8.
    """
    name = node.inputs[1]
    value = emitter.value(name)
    if value.data is None:
        raise UnsupportedError(
            Problem(f"weights {name!r} are computed at run time", hint="constants are needed")
        )
    if (value.quant is None) == emitter.is_integer(node):
        raise UnsupportedError(
            Problem(
                f"weights {name!r} are {'float' if value.quant is None else 'quantised'}, "
                "its input and output are not",
                hint="quantise weights and activations alike",
            )
        )
    data, quant = symmetric(name, value) if value.quant is not None else (value.data, None)
    data = data.transpose(order)
    if quant is not None and quant.axis is not None:
        quant = replace(quant, axis=axis)
    return emitter.constant(name, data if shape is None else data.reshape(shape), quant)


def symmetric(name: str, value: Value) -> tuple[Array, QuantParams]:
    """Weights with a zero point of 0, which is exact where int8 holds them.

    Raises:
        UnsupportedError: int8 does not hold them.
    """
    assert value.data is not None
    assert value.quant is not None
    quant = value.quant
    shape = [1] * value.rank
    if quant.axis is not None:
        shape[quant.axis] = -1
    moved = value.data.astype(np.int32) - np.array(quant.zero_points).reshape(shape)
    if value.dtype != np.int8 or moved.min(initial=0) < -128 or moved.max(initial=0) > 127:
        raise UnsupportedError(
            Problem(
                f"weights {name!r} are not symmetric int8",
                why="the integer kernels multiply by weights without zero points",
                hint="quantise weights to int8 with zero point 0 (weight_type=QInt8)",
            )
        )
    return moved.astype(np.int8), replace(quant, zero_points=(0,) * len(quant.scales))


def bias(emitter: Emitter, node: Node, weight: str, channels: int) -> str | None:
    """The bias (input 2) as a constant in accumulator steps, or in float for a float operator.

    Raises:
        UnsupportedError: it is computed at run time.
    """
    name = node.input(2)
    if not name:
        return None
    value = emitter.value(name)
    if value.data is None:
        raise UnsupportedError(Problem(f"bias {name!r} is computed at run time"))
    flat = np.broadcast_to(value.data.ravel(), (channels,))
    quant = emitter.tensors[weight].type.quant
    source = emitter.value(node.inputs[0]).quant
    if quant is None or source is None:
        return emitter.constant(name, flat.astype(np.float32))
    product = np.float32(source.scale) * np.array(quant.scales, np.float32)
    goal = QuantParams(
        tuple(float(p) for p in product), (0,) * len(product), 0 if quant.axis is not None else None
    )
    steps = _steps(value, flat, product)
    if not (np.abs(steps) <= np.iinfo(np.int32).max).all():
        raise UnsupportedError(Problem(f"bias {name!r} does not fit in int32"))
    return emitter.constant(name, steps.astype(np.int32), goal)


def _steps(value: Value, flat: Array, product: Array) -> Array:
    """The bias in steps of `product`, as float64 with integer values."""
    if value.quant is None and value.dtype.kind != "f":
        return flat.astype(np.float64)
    real = flat.astype(np.float64)
    if value.quant is not None:
        scales = np.array(value.quant.scales)
        # The scale that the file states is the product up to rounding, as a rule.
        if np.allclose(scales, product, rtol=1e-5, atol=0.0) and not any(value.quant.zero_points):
            return real
        real = (real - np.array(value.quant.zero_points)) * scales
    return np.rint(real / product.astype(np.float64))
