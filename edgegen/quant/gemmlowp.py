"""Fixed-point functions of gemmlowp that TFLite's reference kernels compute with, bit for bit.

A raw value in the format Qm.n is an int32 worth `raw * 2**-n` with m + n = 31. All functions take
and return raw values as int64 arrays of any shape.

Source: gemmlowp `fixedpoint/fixedpoint.h`; TFLite 2.14 `kernels/internal/common.h`
(GetReciprocal) and `kernels/internal/quantization_util.cc` (PreprocessSoftmaxScaling,
CalculateInputRadius).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgegen.quant.fixed_point import (
    INT32_MAX,
    INT32_MIN,
    Int64,
    Multiplier,
    doubling_high_multiply,
    quantize_multiplier,
    rounding_divide_by_pot,
)

# exp(-1/8) and 1/3 in Q0.31, 48/17 and -32/17 in Q2.29.
_EXP_MINUS_EIGHTH = 1895147668
_THIRD = 715827883
_NEWTON_START = 1515870810
_NEWTON_SLOPE = -1010580540

# exp(-2**k) in Q0.31, from k = -2 on.
_EXP_OF_POWERS = tuple(
    enumerate((1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242), start=-2)
)


def shift_left_saturating(x: npt.ArrayLike, bits: int) -> Int64:
    """`x * 2**bits` saturated to int32 (SaturatingRoundingMultiplyByPOT, positive exponent).

    The lowest values that would just fit saturate too, as in the original.
    """
    value = np.asarray(x, np.int64)
    threshold = (1 << (31 - bits)) - 1
    shifted = np.where(value > threshold, INT32_MAX, value << bits)
    return np.where(value < -threshold, INT32_MIN, shifted)


def exp_on_negative_values(x: npt.ArrayLike, integer_bits: int) -> Int64:
    """exp(x) in Q0.31 for x <= 0 (exp_on_negative_values).

    The fraction below a quarter goes through a Taylor series around -1/8, every higher bit of -x
    through one multiplication with a constant.

    Args:
        x: raw values in the format of `integer_bits`.
        integer_bits: m of the argument's format Qm.n, at most 5.
    """
    assert 0 <= integer_bits <= 5
    value = np.asarray(x, np.int64)
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    low = (value & (quarter - 1)) - quarter
    result = _exp_on_last_quarter(shift_left_saturating(low, integer_bits))
    rest = low - value
    for power, factor in _EXP_OF_POWERS:
        if power < integer_bits:
            bit = (rest >> (fraction_bits + power)) & 1
            result = np.where(bit == 1, doubling_high_multiply(result, factor), result)
    return np.where(value == 0, INT32_MAX, result)


def _exp_on_last_quarter(x: Int64) -> Int64:
    """exp(x) for x in [-1/4, 0), both Q0.31: a Taylor series of degree 4 around -1/8."""
    y = x + (1 << 28)
    y2 = doubling_high_multiply(y, y)
    y3 = doubling_high_multiply(y2, y)
    y4 = doubling_high_multiply(y2, y2)
    cubic = doubling_high_multiply(rounding_divide_by_pot(y4, 2) + y3, _THIRD)
    tail = rounding_divide_by_pot(cubic + y2, 1)
    return _EXP_MINUS_EIGHTH + doubling_high_multiply(_EXP_MINUS_EIGHTH, y + tail)


def one_over_one_plus_x(x: npt.ArrayLike) -> Int64:
    """1 / (1 + x) for x in [0, 1), both Q0.31 (one_over_one_plus_x_for_x_in_0_1).

    Three Newton-Raphson steps on half the denominator, in Q2.29.
    """
    # Half of x + 1, rounded up: the sum is never negative.
    half = (np.asarray(x, np.int64) + INT32_MAX + 1) >> 1
    result = _NEWTON_START + doubling_high_multiply(half, _NEWTON_SLOPE)
    for _ in range(3):
        error = (1 << 29) - doubling_high_multiply(half, result)
        result = result + shift_left_saturating(doubling_high_multiply(result, error), 2)
    return shift_left_saturating(result, 1)


def reciprocal(x: npt.ArrayLike, integer_bits: int) -> tuple[Int64, Int64]:
    """1 / x as a Q0.31 in [1/2, 1] and an exponent (GetReciprocal).

    Args:
        x: positive raw values in the format of `integer_bits`.
        integer_bits: m of the argument's format Qm.n.

    Returns:
        Mantissas and exponents: 1 / x = mantissa * 2**(-31 - exponent).
    """
    value = np.asarray(x, np.int64)
    # Exact: the mantissa of a float64 holds every int32.
    headroom = 32 - np.frexp(value.astype(np.float64))[1].astype(np.int64)
    mantissa = one_over_one_plus_x((value << headroom) - (1 << 31))
    return mantissa, integer_bits - headroom


@dataclass(frozen=True)
class SoftmaxScaling:
    """How softmax turns a difference of int8 values into the argument of exp.

    Attributes:
        multiplier: from the difference to the argument's raw value.
        radius: largest difference whose argument is representable; exp counts as 0 beyond.
    """

    multiplier: Multiplier
    radius: int


def softmax_scaling(beta: float, scale: float, integer_bits: int) -> SoftmaxScaling | None:
    """Scaling of softmax arguments into the format of `integer_bits`.

    Args:
        beta: the operator's attribute, a float32 value.
        scale: of the input, a float32 value.
        integer_bits: m of the argument's format Qm.n.

    Returns:
        None where TFLite gives up: the step of one input unit is not above 2**-n.
    """
    real = min(beta * scale * (1 << (31 - integer_bits)), 2.0**31 - 1.0)
    if not real > 1.0:
        return None
    multiplier = quantize_multiplier(real)
    largest = ((1 << integer_bits) - 1) * (1 << (31 - integer_bits)) / (1 << multiplier.shift)
    return SoftmaxScaling(multiplier, math.floor(largest))


def softmax_exp(scaling: SoftmaxScaling, integer_bits: int, count: int = 256) -> Int64:
    """exp(-beta * scale * d) in Q0.31 for the differences d = 0 ... count - 1.

    Source: TFLite 2.14 `kernels/internal/reference/softmax.h`, the int8 version.
    """
    difference = np.arange(count, dtype=np.int64)
    known = np.minimum(difference, scaling.radius)
    argument = doubling_high_multiply(
        -known << scaling.multiplier.shift, scaling.multiplier.mantissa
    )
    return np.where(difference <= scaling.radius, exp_on_negative_values(argument, integer_bits), 0)
