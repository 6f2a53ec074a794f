"""Fixed-point requantisation as TFLite's reference kernels define it (rounding twice).

Source: TFLite 2.14 `kernels/internal/quantization_util.cc` (QuantizeMultiplier),
`kernels/internal/common.h` (MultiplyByQuantizedMultiplier) and gemmlowp `fixedpoint.h`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgegen.errors import Problem

Int64 = npt.NDArray[np.int64]

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1


@dataclass(frozen=True)
class Multiplier:
    """A real factor as `mantissa * 2**(shift - 31)`.

    The mantissa is 0 or has 31 bits, fewer only where a factor below 1 is to be rounded once.
    """

    mantissa: int
    shift: int

    @property
    def real(self) -> float:
        """The factor's value."""
        return self.mantissa * 2.0 ** (self.shift - 31)


def quantize_multiplier(real: float) -> Multiplier:
    """The nearest `Multiplier` to a non-negative factor, as TFLite's QuantizeMultiplier."""
    if real == 0.0:
        return Multiplier(0, 0)
    fraction, exponent = math.frexp(real)
    # std::round: halves away from zero; the product is exact in float64.
    mantissa = math.floor(fraction * 2**31 + 0.5)
    if mantissa == 2**31:
        mantissa //= 2
        exponent += 1
    if exponent < -31:
        return Multiplier(0, 0)
    if exponent > 30:
        return Multiplier(INT32_MAX, 30)
    return Multiplier(mantissa, exponent)


def single_rounding_multiplier(real: float) -> Multiplier:
    """A `Multiplier` near a non-negative factor with which `multiply` rounds once, halves up.

    Without a right shift the second of the two roundings has nothing to do; the factor is then a
    multiple of 2**-31. From 2**-8 on that is as fine as float32, in which runtimes of ONNX models
    multiply.
    """
    usual = quantize_multiplier(real)
    if usual.shift >= 0:
        return usual
    return Multiplier(math.floor(math.ldexp(real, 31) + 0.5), 0)


def doubling_high_multiply(a: npt.ArrayLike, b: npt.ArrayLike) -> Int64:
    """SaturatingRoundingDoublingHighMul on int32 values held in int64.

    The sign-dependent nudge and truncating division of the original equal one floor for both
    signs, floor((a * b + 2**30) / 2**31); only -2**31 * -2**31 saturates.
    """
    product = np.asarray(a, np.int64) * np.asarray(b, np.int64)
    result: Int64 = np.minimum((product + (1 << 30)) >> 31, INT32_MAX)
    return result


def rounding_divide_by_pot(x: npt.ArrayLike, exponent: npt.ArrayLike) -> Int64:
    """Division by 2**exponent, ties away from zero (gemmlowp RoundingDivideByPOT)."""
    value = np.asarray(x, np.int64)
    power = np.asarray(exponent, np.int64)
    mask = (np.int64(1) << power) - 1
    threshold = (mask >> 1) + (value < 0)
    result: Int64 = (value >> power) + ((value & mask) > threshold)
    return result


def multiply(x: npt.ArrayLike, mantissa: npt.ArrayLike, shift: npt.ArrayLike) -> Int64:
    """MultiplyByQuantizedMultiplier: x * mantissa * 2**(shift - 31), rounded twice.

    Args:
        x: int32 values.
        mantissa: Q31 mantissas, broadcast against `x`.
        shift: exponents, left when positive, broadcast against `x`.
    """
    power = np.asarray(shift, np.int64)
    left = np.maximum(power, 0)
    right = np.maximum(-power, 0)
    # The left shift is done in int32 in C and wraps.
    shifted = (np.asarray(x, np.int64) << left).astype(np.int32).astype(np.int64)
    return rounding_divide_by_pot(doubling_high_multiply(shifted, mantissa), right)


def multiply_by(x: npt.ArrayLike, multiplier: Multiplier) -> Int64:
    """`multiply` with one multiplier for all values."""
    return multiply(x, multiplier.mantissa, multiplier.shift)


ACTIVATIONS = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6")


def activation_range(
    activation: str, scale: float, zero_point: int, limits: tuple[int, int]
) -> tuple[int, int]:
    """Lowest and highest quantised output of a fused activation.

    Source: TFLite `kernel_util.cc` CalculateActivationRangeQuantized; the division and rounding
    are done in float32 there.
    """

    def quantise(real: float) -> int:
        with np.errstate(over="ignore"):  # a denormal scale gives infinity
            ratio = float(np.float32(real) / np.float32(scale))
        return zero_point + round_half_away(max(-(2.0**40), min(2.0**40, ratio)))

    low, high = limits
    if activation == "RELU":
        low = max(low, quantise(0.0))
    elif activation == "RELU6":
        low, high = max(low, quantise(0.0)), min(high, quantise(6.0))
    elif activation == "RELU_N1_TO_1":
        low, high = max(low, quantise(-1.0)), min(high, quantise(1.0))
    return low, high


def round_half_away(value: float) -> int:
    """C's round(): nearest integer, halves away from zero."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def activation_problems(activation: str) -> list[Problem]:
    """The problem of a fused activation that kernels do not compute, if any."""
    if activation in ACTIVATIONS:
        return []
    return [
        Problem(
            f"fused activation {activation} is not supported",
            why="TFLite's int8 kernels compute it as no activation at all",
            hint="use one of " + ", ".join(ACTIVATIONS) + ", or a separate operator",
        )
    ]
