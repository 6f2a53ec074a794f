"""Fixed-point arithmetic on int16, as gemmlowp and TFLite's hard swish define it.

Values are int64 arrays that hold int16. Source: gemmlowp `fixedpoint.h`, TFLite 2.14
`kernels/internal/reference/hard_swish.h` and `kernels/internal/quantization_util.cc`.
"""

from __future__ import annotations

import numpy as np

from edgegen.quant.fixed_point import Int64

INT16_MIN, INT16_MAX = -(2**15), 2**15 - 1


def _truncated(product: Int64) -> Int64:
    """Division by 2**15 as C does it, towards zero; saturated."""
    quotient = np.sign(product) * (np.abs(product) >> 15)
    result: Int64 = np.minimum(quotient, INT16_MAX)
    return result


def rounding_high_multiply(a: Int64, b: int) -> Int64:
    """SaturatingRoundingDoublingHighMul: a * b / 2**15, rounded."""
    product = a * b
    return _truncated(product + np.where(product >= 0, 1 << 14, 1 - (1 << 14)))


def high_multiply(a: Int64, b: Int64) -> Int64:
    """SaturatingDoublingHighMul: a * b / 2**15, towards zero."""
    return _truncated(a * b)


def left_shift(a: Int64, amount: int) -> Int64:
    """SaturatingLeftShift."""
    result: Int64 = np.clip(a << amount, INT16_MIN, INT16_MAX)
    return result


def narrowed(mantissa: int) -> int:
    """DownScaleInt32ToInt16Multiplier: a Q31 mantissa as Q15, rounded."""
    if mantissa >= 2**31 - 1 - (1 << 15):
        return INT16_MAX
    return (mantissa + (1 << 15)) >> 16
