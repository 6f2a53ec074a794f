"""Requantisation of int64 accumulators, as TFLite's kernels on int16 activations define it.

Source: TFLite 2.14 `kernels/internal/common.h`, MultiplyByQuantizedMultiplier on int64: the
mantissa is cut to 15 bits, and the product rounded once, halves up.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgegen.quant.fixed_point import Int64

ACCUMULATOR_LIMIT = 1 << 47
"""Accumulators are below this in magnitude, so that their products fit int64."""
MAX_SHIFT = 7
"""Largest left shift that the function is defined for."""

_MANTISSA_LIMIT = 0x7FFF0000


def reduced_mantissa(mantissa: npt.ArrayLike) -> Int64:
    """A Q31 mantissa rounded to Q15.

    >>> reduced_mantissa([1 << 30, 0x7FFFFFFF]).tolist()
    [16384, 32767]
    """
    full = np.asarray(mantissa, np.int64)
    return np.where(full < _MANTISSA_LIMIT, (full + (1 << 15)) >> 16, 0x7FFF)


def multiply_wide(x: npt.ArrayLike, mantissa: npt.ArrayLike, shift: npt.ArrayLike) -> Int64:
    """Products x * mantissa * 2**(shift - 31), rounded once.

    Args:
        x: accumulators below `ACCUMULATOR_LIMIT`.
        mantissa: Q31 mantissas, broadcast against `x`.
        shift: exponents from -31 to `MAX_SHIFT`, left when positive, broadcast against `x`.
    """
    right = 15 - np.asarray(shift, np.int64)
    product = np.asarray(x, np.int64) * reduced_mantissa(mantissa)
    result: Int64 = (product + (np.int64(1) << (right - 1))) >> right
    return result
