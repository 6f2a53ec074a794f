"""Tables with interpolation, by which TFLite's int16 kernels compute functions of one value."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from edgegen.quant.fixed_point import Int64

Float32 = npt.NDArray[np.float32]
Int16 = npt.NDArray[np.int16]

STEPS = 512
"""Intervals of a table of `interpolated_table`; it has one value more."""

SIGMOID_STEP = 24
"""Values of the sigmoid's table for each 1 of its argument."""
SIGMOID_SIZE = 256
SIGMOID_SCALE = 4096.0 * 3.0
"""Steps for each 1 of the argument, after the kernels' rescaling."""


def sigmoid_table() -> Int64:
    """sigmoid(i / 24) in units of 2**-16, [256]; the last value is 1.

    Each value is moved by half of the error in the middle of the interval after it. That is the
    table `sigmoid_table_uint16` of TFLite's `common.h`.
    """
    halves = np.arange(2 * SIGMOID_SIZE + 1) / (2 * SIGMOID_STEP)
    real = 65536.0 / (1.0 + np.exp(-halves))
    exact, middle = real[:-1:2], real[1::2]
    error = middle - (exact + real[2::2]) / 2.0
    table = np.floor(exact + error / 2.0 + 0.5).astype(np.int64)
    table[-1] = 65535
    return table


def interpolated_table(low: float, high: float, function: Callable[[Float32], Float32]) -> Int16:
    """A function over [low, high] in Q15 at `STEPS` + 1 equal distances, int16.

    Each value is moved by half of the error in the middle of the interval after it.

    Source: TFLite 2.14 `kernels/internal/common.h` LUTPopulate on int16, in float32.
    """
    one = np.float32(1.0)
    step = np.float32((np.float32(high) - np.float32(low)) / np.float32(STEPS))
    at = np.arange(STEPS + 1).astype(np.float32) * step + np.float32(low)
    scaling = np.float32(32768.0)
    exact = function(at) * scaling
    rounded = _round(exact)
    middle = _round(function(at[:-1] + step / (one + one)) * scaling)
    between = _round((exact[1:] + rounded[:-1]) / (one + one))
    bias = _round((between - middle) / (one + one))
    table = np.append(rounded[:-1] - bias, rounded[-1:])
    return np.clip(table, -32768, 32767).astype(np.int16)


def look_up(table: Int16, values: npt.ArrayLike) -> Int64:
    """The interpolated results for int16 values; TFLite `common.h` LUTLookup."""
    x = np.asarray(values, np.int64)
    index, offset = 256 + (x >> 7), x & 0x7F
    wide = table.astype(np.int64)
    base = wide[index]
    result: Int64 = base + (((wide[index + 1] - base) * offset + 64) >> 7)
    return result


def _round(values: Float32) -> Float32:
    """C's round(): halves away from zero."""
    return np.trunc(values + np.copysign(np.float32(0.5), values)).astype(np.float32)
