"""The functions of POINTWISE: names, operand types, and what they are in numpy.

Source: the ONNX operator specification. float32 goes through float64 and is rounded once; integers
wrap around. What C leaves undefined has a defined result here and in the generated code: integer
division by zero gives 0, a real number outside an integer type becomes the type's nearest value,
NaN becomes 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

from edgegen.ir import DType

Array = npt.NDArray[Any]
Operands = Sequence[Array]


class Kind(Enum):
    """How the element types of operands and result are tied together."""

    FLOAT = "float32 only"
    NUMBERS = "one type of numbers"
    INTEGERS = "one integer type"
    ANY = "one type"
    TEST = "one type, the result is a bool"
    LOGIC = "bools"
    FREE = "any types"


@dataclass(frozen=True)
class Function:
    """One function.

    Attributes:
        operands: how many there are.
        kind: which element types go together.
        compute: operands (float32 as float64), parameters and result type to a result that is still
            to be converted to the result type.
        parameters: how many real constants it has.
    """

    operands: int
    kind: Kind
    compute: Callable[[Operands, Sequence[float], DType], Array]
    parameters: int = 0


def _one(function: Callable[[Array], Array]) -> Callable[..., Array]:
    return lambda x, _p, _d: function(x[0])


def _two(function: Callable[[Array, Array], Array]) -> Callable[..., Array]:
    return lambda x, _p, _d: function(x[0], x[1])


def _is_real(x: Array) -> bool:
    return x.dtype.kind == "f"


def erf(x: Array) -> Array:
    """The error function in float64, with an absolute error below 1e-15 or so."""
    return np.asarray(np.vectorize(math.erf, otypes=[np.float64])(x))


def _divide(x: Operands, _p: Sequence[float], _d: DType) -> Array:
    a, b = np.broadcast_arrays(x[0], x[1])
    if _is_real(a):
        return np.asarray(a / b)
    # Integers are divided as in C, towards zero.
    quotient = np.abs(a) // np.where(b == 0, 1, np.abs(b))
    return np.asarray(np.where(b == 0, 0, np.where((a < 0) != (b < 0), -quotient, quotient)))


def _modulo(x: Operands, _p: Sequence[float], _d: DType) -> Array:
    a, b = np.broadcast_arrays(x[0], x[1])
    if _is_real(a):
        return np.asarray(np.mod(a, b))
    return np.asarray(np.where(b == 0, 0, np.mod(a, np.where(b == 0, 1, b))))


def _remainder(x: Operands, _p: Sequence[float], _d: DType) -> Array:
    a, b = np.broadcast_arrays(x[0], x[1])
    if _is_real(a):
        return np.asarray(np.fmod(a, b))
    return np.asarray(np.where(b == 0, 0, np.fmod(a, np.where(b == 0, 1, b))))


def _power(x: Operands, _p: Sequence[float], _d: DType) -> Array:
    a, b = np.broadcast_arrays(x[0], x[1])
    if a.dtype.kind == "f" or b.dtype.kind == "f":
        return np.asarray(np.power(a.astype(np.float64), b.astype(np.float64)))
    # Squaring and multiplying modulo 2^64.
    result, factor = np.ones(a.shape, np.uint64), a.astype(np.int64).view(np.uint64)
    left = np.maximum(b, 0).astype(np.uint64)
    for _ in range(64):
        result = np.where(left & np.uint64(1), result * factor, result)
        factor, left = factor * factor, left >> np.uint64(1)
    unit = np.where(a == 1, 1, np.where(a == -1, np.where(b % 2 == 0, 1, -1), 0))
    return np.asarray(np.where(b < 0, unit, result.view(np.int64)))


def _shift(x: Operands, left: bool) -> Array:
    a, b = np.broadcast_arrays(x[0], x[1])
    bits = 8 * a.dtype.itemsize
    # Amounts that are negative or too large shift every bit out; a right shift keeps the sign.
    whole = (b < 0) | (b >= bits)
    amount = np.where(whole, 0, b).astype(b.dtype)
    if left:
        return np.asarray(np.where(whole, 0, np.left_shift(a, amount)))
    return np.asarray(np.where(whole, np.where(a < 0, -1, 0), np.right_shift(a, amount)))


def _quantise(x: Operands, _p: Sequence[float], dtype: DType) -> Array:
    value, scale, zero = x
    # Division and rounding to even are done in float32.
    steps = np.rint((value / scale).astype(np.float32)).astype(np.float64)
    return np.asarray(np.clip(steps + zero.astype(np.float64), *dtype.limits))


def _dequantise(x: Operands, _p: Sequence[float], _d: DType) -> Array:
    value, scale, zero = x
    return np.asarray((value.astype(np.float64) - zero.astype(np.float64)) * scale)


def _infinite(x: Operands, p: Sequence[float], _d: DType) -> Array:
    up, down = (x[0] == np.inf) & bool(p[1]), (x[0] == -np.inf) & bool(p[0])
    return np.asarray(up | down)


def _sigmoid(x: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


def _softplus(x: Array) -> Array:
    return np.asarray(np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x))))


def _elu(x: Array, alpha: float) -> Array:
    return np.asarray(np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0))))


_REAL: Mapping[str, Callable[[Array], Array]] = {
    "acos": np.arccos,
    "acosh": np.arccosh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atanh": np.arctanh,
    "ceil": np.ceil,
    "cos": np.cos,
    "cosh": np.cosh,
    "erf": erf,
    "exp": np.exp,
    "floor": np.floor,
    "hard_swish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "log": np.log,
    "mish": lambda x: x * np.tanh(_softplus(x)),
    "round": np.rint,
    "sigmoid": _sigmoid,
    "sin": np.sin,
    "sinh": np.sinh,
    "softplus": _softplus,
    "softsign": lambda x: x / (1 + np.abs(x)),
    "sqrt": np.sqrt,
    "tan": np.tan,
    "tanh": np.tanh,
}

FUNCTIONS: Mapping[str, Function] = {
    **{name: Function(1, Kind.FLOAT, _one(f)) for name, f in _REAL.items()},
    "reciprocal": Function(1, Kind.FLOAT, _one(lambda x: 1.0 / x)),
    # With parameters.
    "elu": Function(1, Kind.FLOAT, lambda x, p, _d: _elu(x[0], p[0]), 1),
    "selu": Function(1, Kind.FLOAT, lambda x, p, _d: p[1] * _elu(x[0], p[0]), 2),
    "celu": Function(1, Kind.FLOAT, lambda x, p, _d: _elu(x[0] / p[0], 1.0) * p[0], 1),
    "leaky_relu": Function(
        1, Kind.FLOAT, lambda x, p, _d: np.where(x[0] < 0, p[0] * x[0], x[0]), 1
    ),
    "thresholded_relu": Function(
        1, Kind.FLOAT, lambda x, p, _d: np.where(x[0] > p[0], x[0], 0.0), 1
    ),
    "hard_sigmoid": Function(
        1, Kind.FLOAT, lambda x, p, _d: np.clip(p[0] * x[0] + p[1], 0.0, 1.0), 2
    ),
    "shrink": Function(
        1,
        Kind.NUMBERS,
        lambda x, p, _d: np.where(
            x[0] < -p[0], x[0] + p[1], np.where(x[0] > p[0], x[0] - p[1], 0.0)
        ),
        2,
    ),
    "swish": Function(1, Kind.FLOAT, lambda x, p, _d: x[0] * _sigmoid(p[0] * x[0]), 1),
    # Numbers of one type.
    "abs": Function(1, Kind.NUMBERS, _one(np.abs)),
    "neg": Function(1, Kind.NUMBERS, _one(np.negative)),
    "sign": Function(1, Kind.NUMBERS, _one(np.sign)),
    "relu": Function(1, Kind.NUMBERS, _one(lambda x: np.maximum(x, 0))),
    "add": Function(2, Kind.NUMBERS, _two(np.add)),
    "sub": Function(2, Kind.NUMBERS, _two(np.subtract)),
    "mul": Function(2, Kind.NUMBERS, _two(np.multiply)),
    "div": Function(2, Kind.NUMBERS, _divide),
    "mod": Function(2, Kind.NUMBERS, _modulo),
    "fmod": Function(2, Kind.NUMBERS, _remainder),
    "max": Function(2, Kind.NUMBERS, _two(np.maximum)),
    "min": Function(2, Kind.NUMBERS, _two(np.minimum)),
    "prelu": Function(2, Kind.NUMBERS, _two(lambda x, slope: np.where(x < 0, x * slope, x))),
    "clip": Function(3, Kind.NUMBERS, lambda x, _p, _d: np.minimum(np.maximum(x[0], x[1]), x[2])),
    # Integers.
    "bit_and": Function(2, Kind.INTEGERS, _two(np.bitwise_and)),
    "bit_or": Function(2, Kind.INTEGERS, _two(np.bitwise_or)),
    "bit_xor": Function(2, Kind.INTEGERS, _two(np.bitwise_xor)),
    "bit_not": Function(1, Kind.INTEGERS, _one(np.invert)),
    "shift_left": Function(2, Kind.INTEGERS, lambda x, _p, _d: _shift(x, left=True)),
    "shift_right": Function(2, Kind.INTEGERS, lambda x, _p, _d: _shift(x, left=False)),
    # Comparisons and logic.
    "equal": Function(2, Kind.TEST, _two(np.equal)),
    "greater": Function(2, Kind.TEST, _two(np.greater)),
    "greater_equal": Function(2, Kind.TEST, _two(np.greater_equal)),
    "less": Function(2, Kind.TEST, _two(np.less)),
    "less_equal": Function(2, Kind.TEST, _two(np.less_equal)),
    "is_nan": Function(1, Kind.TEST, _one(np.isnan)),
    "is_infinite": Function(1, Kind.TEST, _infinite, 2),
    "and": Function(2, Kind.LOGIC, _two(np.logical_and)),
    "or": Function(2, Kind.LOGIC, _two(np.logical_or)),
    "xor": Function(2, Kind.LOGIC, _two(np.logical_xor)),
    "not": Function(1, Kind.LOGIC, _one(np.logical_not)),
    # Types that differ.
    "identity": Function(1, Kind.ANY, _one(lambda x: x)),
    "where": Function(3, Kind.FREE, lambda x, _p, _d: np.where(x[0], x[1], x[2])),
    "cast": Function(1, Kind.FREE, _one(lambda x: x)),
    "power": Function(2, Kind.FREE, _power),
    "quantise": Function(3, Kind.FREE, _quantise),
    "dequantise": Function(3, Kind.FREE, _dequantise),
}


def converted(x: Array, dtype: DType) -> Array:
    """The values in another type: integers wrap, real numbers saturate and lose their fraction."""
    if dtype is DType.BOOL:
        return np.asarray(x != 0)
    if dtype is DType.FLOAT32 or x.dtype.kind != "f":
        return np.asarray(x.astype(dtype.numpy))
    low, high = dtype.limits
    whole = np.nan_to_num(np.trunc(x), nan=0.0, posinf=high, neginf=low)
    # The largest integers of 64 bits are no float64: those at the limit take the limit itself.
    inside = (whole > low) & (whole < high)
    limits = np.where(whole <= low, np.array(low, dtype.numpy), np.array(high, dtype.numpy))
    return np.asarray(np.where(inside, np.where(inside, whole, 0.0).astype(dtype.numpy), limits))
