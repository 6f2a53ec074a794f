"""Operators that work value by value."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgegen.frontends.onnx.lower.emitter import Emitter
from edgegen.frontends.onnx.lower.registry import lowers
from edgegen.frontends.onnx.matching import clip_bounds
from edgegen.frontends.onnx.model import Node, to_int8
from edgegen.frontends.onnx.quantised import KNOWN_RANGES
from edgegen.ir import QuantParams

BINARY = {"Add": "ADD", "Sub": "SUB", "Mul": "MUL"}
CLAMPS = {
    (0.0, float("inf")): "RELU",
    (0.0, 6.0): "RELU6",
    (-1.0, 1.0): "RELU_N1_TO_1",
    (0.0, 1.0): "RELU_0_TO_1",
}
UNARY = {"Tanh": "TANH", "HardSwish": "HARD_SWISH"}
RELU6_RANGE = QuantParams((6.0 / 255.0,), (-128,))


@lowers("Add", "Sub", "Mul")
def binary(emitter: Emitter, node: Node) -> bool | None:
    """Sums, differences and products; float constants of an integer operator are quantised."""
    value = emitter.value(node.outputs[0])
    if value.quant is None and value.dtype != np.float32:
        return False
    inputs = [_operand(emitter, node, n) for n in node.inputs]
    written = emitter.target(node.outputs[0])
    kind = BINARY[node.op]
    emitter.emit(node, kind, inputs, written, fused_activation_function=node.activation)
    return None


@lowers("Div")
def divide(emitter: Emitter, node: Node) -> bool | None:
    """Division of quantised values by a constant, as a product."""
    divisor = emitter.value(node.inputs[1])
    if divisor.data is None or divisor.dtype.kind != "f" or not np.all(divisor.data):
        return False
    if not emitter.is_integer(node):
        return False
    inverse = (1.0 / divisor.data.astype(np.float64)).astype(np.float32)
    inputs = [emitter.read(node.inputs[0]), quantised(emitter, node.inputs[1], inverse)]
    written = emitter.target(node.outputs[0])
    emitter.emit(node, "MUL", inputs, written, fused_activation_function="NONE")
    return None


def _operand(emitter: Emitter, node: Node, name: str) -> str:
    value = emitter.value(name)
    if emitter.is_integer(node) and value.quant is None and value.data is not None:
        return quantised(emitter, name, value.data)
    return emitter.read(name)


def quantised(emitter: Emitter, name: str, data: np.ndarray) -> str:
    """A float constant as int8, symmetric: a single number is exact up to its scale's rounding."""
    real = data.astype(np.float64)
    largest = float(np.abs(real).max(initial=0.0))
    scale = float(np.float32(largest / 127.0)) if 1e-30 < largest < 1e30 else 1.0
    steps = to_int8(name, real / scale, -127)
    return emitter.constant(name, steps, QuantParams((scale,), (0,)))


@lowers("Relu", "Clip")
def clamp(emitter: Emitter, node: Node) -> bool | None:
    """The clamps that TFLite has."""
    value = emitter.value(node.outputs[0])
    bounds = clip_bounds(node, emitter.model)
    kind = CLAMPS.get(bounds) if bounds is not None else None
    if kind is None or (value.quant is None and value.dtype != np.float32):
        return False
    emitter.emit(node, kind, [emitter.read(node.inputs[0])], emitter.target(node.outputs[0]))
    return None


@lowers("Sigmoid")
def sigmoid(emitter: Emitter, node: Node) -> None:
    """Sigmoid, whose output quantisation TFLite prescribes."""
    written = emitter.target(node.outputs[0], None, KNOWN_RANGES["Sigmoid"])
    emitter.emit(node, "LOGISTIC", [emitter.read(node.inputs[0])], written)
    emitter.finish(node, written, node.outputs[0])


@lowers("Tanh", "HardSwish")
def unary(emitter: Emitter, node: Node) -> None:
    """Functions of one value without attributes."""
    x = emitter.read(node.inputs[0])
    emitter.emit(node, UNARY[node.op], [x], emitter.target(node.outputs[0]))


@lowers("HardSigmoid")
def hard_sigmoid(emitter: Emitter, node: Node) -> bool | None:
    """A slope of 1/6 and an offset of 1/2, as relu6(x + 3) / 6; TFLite has no operator for it."""
    slope, offset = node.number("alpha", 0.2), node.number("beta", 0.5)
    if abs(slope - 1 / 6) > 1e-6 or offset != 0.5:
        return False
    x, integer = node.inputs[0], emitter.is_integer(node)

    def constant(name: str, value: float) -> str:
        data = np.array(value, np.float32)
        return quantised(emitter, name, data) if integer else emitter.constant(name, data)

    kind = emitter.kind(emitter.value(node.outputs[0]))
    if integer:
        kind = replace(kind, quant=RELU6_RANGE)
    gate = emitter.temporary(f"{node.outputs[0]}_gate", kind)
    attributes = {"fused_activation_function": "RELU6"}
    emitter.emit(node, "ADD", [emitter.read(x), constant("three", 3.0)], gate, **attributes)
    written = emitter.target(node.outputs[0])
    attributes = {"fused_activation_function": "NONE"}
    emitter.emit(node, "MUL", [gate, constant("sixth", 1 / 6)], written, **attributes)
    return None


@lowers("Softmax")
def softmax(emitter: Emitter, node: Node) -> bool | None:
    """Softmax along one axis, which becomes the last; up to opset 12 along all from `axis` on."""
    name, rank = node.inputs[0], len(emitter.shape(node.inputs[0]))
    old = emitter.model.opset < 13
    axis = node.integer("axis", 1 if old else -1) % max(rank, 1)
    shape = emitter.shape(name)
    if rank == 0 or (old and np.prod(shape[axis:]) != max(shape[axis:], default=1)):
        return False
    if old:
        # Of the flattened dimensions only one is not 1: it is the axis.
        axis = max(range(axis, rank), key=lambda i: shape[i])
    order = (*(i for i in range(rank) if i != axis), axis)
    x = emitter.read(name)
    quant = KNOWN_RANGES["Softmax"]
    if axis == rank - 1:
        written = emitter.target(node.outputs[0], None, quant)
        emitter.emit(node, "SOFTMAX", [x], written, beta=1.0)
        emitter.finish(node, written, node.outputs[0])
        return None
    x = emitter.transpose(node, x, order)
    kind = replace(
        emitter.kind(emitter.value(node.outputs[0])), shape=emitter.tensors[x].type.shape
    )
    if kind.quant is not None:
        kind = replace(kind, quant=quant)
    written = emitter.temporary(f"{node.outputs[0]}_last", kind)
    emitter.emit(node, "SOFTMAX", [x], written, beta=1.0)
    back = tuple(order.index(i) for i in range(rank))
    emitter.finish(node, written, node.outputs[0], back)
    return None


@lowers("LeakyRelu")
def leaky_relu(emitter: Emitter, node: Node) -> None:
    """LeakyRelu."""
    written = emitter.target(node.outputs[0])
    x = emitter.read(node.inputs[0])
    emitter.emit(node, "LEAKY_RELU", [x], written, alpha=node.number("alpha", 0.01))


@lowers("PRelu")
def prelu(emitter: Emitter, node: Node) -> bool | None:
    """PRelu with constant slopes."""
    if emitter.value(node.inputs[1]).data is None:
        return False
    inputs = [emitter.read(node.inputs[0]), _operand(emitter, node, node.inputs[1])]
    emitter.emit(node, "PRELU", inputs, emitter.target(node.outputs[0]))
    return None


@lowers("QuantizeLinear")
def quantize(emitter: Emitter, node: Node) -> bool | None:
    """Another scale for quantised values, or the way from float to int8."""
    if emitter.value(node.outputs[0]).quant is None:
        return False
    x = emitter.read(node.inputs[0])
    emitter.emit(node, "QUANTIZE", [x], emitter.target(node.outputs[0]))
    return None


@lowers("DequantizeLinear")
def dequantize(emitter: Emitter, node: Node) -> bool | None:
    """The way from int8 to float."""
    if emitter.value(node.inputs[0]).quant is None:
        return False
    x = emitter.read(node.inputs[0])
    emitter.emit(node, "DEQUANTIZE", [x], emitter.target(node.outputs[0]))
    return None
