"""Scales that TFLite takes for powers of two: `kernels/kernel_util.cc` CheckedLog2, in float32."""

from __future__ import annotations

import math

import numpy as np

from edgegen.quant.fixed_point import round_half_away

_TOLERANCE = np.float32(1e-3)


def log2_of(scale: float) -> int:
    """The nearest power of two's exponent.

    >>> log2_of(0.25), log2_of(0.26)
    (-2, -2)
    """
    return round_half_away(float(_log2(scale)))


def is_power_of_two(scale: float) -> bool:
    """Whether a scale is as good as a power of two.

    >>> is_power_of_two(0.25), is_power_of_two(0.26)
    (True, False)
    """
    return bool(abs(_log2(scale) - np.float32(log2_of(scale))) < _TOLERANCE)


def _log2(scale: float) -> np.float32:
    return np.float32(np.log(np.float32(scale)) * np.float32(1.0 / math.log(2.0)))
