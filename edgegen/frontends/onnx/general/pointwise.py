"""Operators that work value by value, with broadcasting."""

from __future__ import annotations

import numpy as np

from edgegen.errors import Problem, UnsupportedError
from edgegen.frontends.onnx import proto
from edgegen.frontends.onnx.general.registry import generally
from edgegen.frontends.onnx.general.writer import Writer
from edgegen.ir import DType

PLAIN = {
    **{
        name: name.lower()
        for name in (
            "Abs Acos Acosh Asin Asinh Atan Atanh Ceil Cos Cosh Erf Exp Floor Log Mish Neg "
            "Reciprocal Round Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Tan Tanh Relu Not And "
            "Or Xor Add Sub Mul Div Equal Greater Less Where Identity"
        ).split()
    },
    "HardSwish": "hard_swish",
    "GreaterOrEqual": "greater_equal",
    "LessOrEqual": "less_equal",
    "PRelu": "prelu",
    "Pow": "power",
    "BitwiseNot": "bit_not",
    "BitwiseAnd": "bit_and",
    "BitwiseOr": "bit_or",
    "BitwiseXor": "bit_xor",
    "IsNaN": "is_nan",
}
"""Functions without attributes; their outputs have the type that inference found."""

PARAMETERS = {
    "Elu": ("elu", (("alpha", 1.0),)),
    "Celu": ("celu", (("alpha", 1.0),)),
    "Selu": ("selu", (("alpha", 1.67326319217681884765625), ("gamma", 1.05070102214813232421875))),
    "LeakyRelu": ("leaky_relu", (("alpha", 0.01),)),
    "ThresholdedRelu": ("thresholded_relu", (("alpha", 1.0),)),
    "HardSigmoid": ("hard_sigmoid", (("alpha", 0.2), ("beta", 0.5))),
    "Shrink": ("shrink", (("lambd", 0.5), ("bias", 0.0))),
    "Swish": ("swish", (("alpha", 1.0),)),
    "IsInf": ("is_infinite", (("detect_negative", 1), ("detect_positive", 1))),
}
"""Functions with real attributes: their names and defaults as the ONNX operators have them."""


@generally(*PLAIN)
def plain(w: Writer) -> None:
    """Functions without attributes."""
    operands = [w.read(i) for i in range(len(w.node.inputs))]
    w.pointwise(PLAIN[w.node.op], *operands, out=w.clamped())
    _finish(w)


def _finish(w: Writer) -> None:
    w.clamp(w.emitter.nodes[-1].outputs[0])


@generally(*PARAMETERS)
def with_parameters(w: Writer) -> None:
    """Functions with real attributes."""
    function, names = PARAMETERS[w.node.op]
    parameters = [w.node.number(name, default) for name, default in names]
    w.pointwise(function, w.read(0), out=w.out(), parameters=parameters)


@generally("Sum", "Mean", "Max", "Min")
def variadic(w: Writer) -> None:
    """Functions of any number of operands, one pair after the other."""
    function = {"Sum": "add", "Mean": "add", "Max": "max", "Min": "min"}[w.node.op]
    tensors = [w.read(i) for i in range(len(w.node.inputs))]
    mean = w.node.op == "Mean"
    total = tensors[0]
    for i, tensor in enumerate(tensors[1:], 2):
        last = i == len(tensors) and not mean
        total = w.pointwise(function, total, tensor, out=w.out() if last else None)
    if mean:
        share = w.constant(1.0 / len(tensors), w.kind(total).dtype)
        w.pointwise("mul", total, share, out=w.out())
    elif len(tensors) == 1:
        w.pointwise("identity", total, out=w.out())


@generally("Mod")
def modulo(w: Writer) -> None:
    """Mod, whose sign is the divisor's, or the dividend's with `fmod`."""
    function = "fmod" if w.node.integer("fmod", 0) else "mod"
    w.pointwise(function, w.read(0), w.read(1), out=w.out())


@generally("BitShift")
def shift(w: Writer) -> None:
    """BitShift."""
    function = "shift_left" if w.node.text("direction", "LEFT") == "LEFT" else "shift_right"
    w.pointwise(function, w.read(0), w.read(1), out=w.out())


@generally("Clip")
def clip(w: Writer) -> None:
    """Clip; a bound that is left out is the type's."""
    dtype = w.kind(w.read(0)).dtype
    limits = (-np.inf, np.inf) if dtype is DType.FLOAT32 else dtype.limits
    old = (w.node.number("min", limits[0]), w.node.number("max", limits[1]))
    bounds = [
        w.reshape(w.read(i), ()) if w.has(i) else w.constant(old[i - 1], dtype) for i in (1, 2)
    ]
    w.pointwise("clip", w.read(0), *bounds, out=w.out())


@generally("Cast", "CastLike")
def cast(w: Writer) -> None:
    """Another element type."""
    w.cast(w.read(0), w.emitter.kind(w.result()).dtype, out=w.out())


@generally("Dropout")
def dropout(w: Writer) -> None:
    """Dropout in inference: its input, and a mask of ones."""
    mode = w.data(2) if w.has(2) else np.array(False)
    if mode is None or bool(mode):
        raise UnsupportedError("dropout in training is random")
    w.pointwise("identity", w.read(0), out=w.out())
    if len(w.node.outputs) > 1 and w.node.outputs[1]:
        value = w.result(1)
        if value.dtype == np.bool_:
            w.pointwise("identity", w.constant(np.ones(value.shape, np.bool_)), out=w.out(1))
        else:
            w.pointwise("identity", w.constant(np.ones(value.shape, value.dtype)), out=w.out(1))


@generally("QuantizeLinear", "DequantizeLinear")
def quantisation(w: Writer) -> None:
    """Quantisation with scales known at run time only, or where float code is wanted."""
    x = w.read(0)
    rank = len(w.shape(x))
    if w.node.integer("block_size", 0):
        raise UnsupportedError("quantisation in blocks")
    scale = _along_axis(w, w.read(1), rank)
    wanted = w.emitter.kind(w.result()).dtype
    integer = wanted if w.node.op == "QuantizeLinear" else w.kind(x).dtype
    if not integer.is_integer:
        raise UnsupportedError(Problem(f"quantisation with {integer.value}"))
    if w.kind(scale).dtype is not DType.FLOAT32:
        raise UnsupportedError(Problem(f"a scale of {w.kind(scale).dtype.value}"))
    zero = _along_axis(w, w.read(2), rank) if w.has(2) else w.constant(0, integer)
    if w.node.op == "QuantizeLinear":
        x = w.cast(x, DType.FLOAT32)
        w.pointwise("quantise", x, scale, zero, out=w.out(), dtype=integer)
    else:
        w.pointwise("dequantise", x, scale, zero, out=w.out(), dtype=DType.FLOAT32)


def _along_axis(w: Writer, tensor: str, rank: int) -> str:
    """One number, or one for each index of the axis, in a shape that broadcasts."""
    shape = w.shape(tensor)
    if w.elements(tensor) == 1:
        return w.reshape(tensor, ())
    if len(shape) != 1:
        raise UnsupportedError(f"scales of the shape {list(shape)}")
    axis = w.node.integer("axis", 1) % max(rank, 1)
    return w.reshape(tensor, (*shape, *(1,) * (rank - axis - 1)))


@generally("Binarizer")
def binarizer(w: Writer) -> None:
    """1 above the threshold, 0 elsewhere."""
    limit = w.constant(w.node.number("threshold", 0.0), w.kind(w.read(0)).dtype)
    above = w.pointwise("greater", w.read(0), limit)
    w.cast(above, w.emitter.kind(w.result()).dtype, out=w.out())


def element_type(code: int) -> DType:
    """The IR's element type with ONNX's number `code`.

    Raises:
        UnsupportedError: the IR has none.
    """
    name = proto.element_type(code).name
    try:
        return DType(name)
    except ValueError as error:
        raise UnsupportedError(Problem(f"element type {name} is not supported")) from error
