"""Functions of one int8 value as a table of all 256 results."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from edgegen.ir.types import TensorType

Float32 = npt.NDArray[np.float32]
Int8 = npt.NDArray[np.int8]


def lookup_table(
    source: TensorType, target: TensorType, function: Callable[[Float32], Float32]
) -> Int8:
    """The results of a real function on every int8 input, quantised.

    All arithmetic is float32, as in TFLite 2.14 `kernels/internal/common.h` (LUTPopulate).

    Args:
        source: quantisation of the input.
        target: quantisation of the output.
        function: maps float32 values to float32 values, one by one, as C's float functions do.

    Returns:
        int8 [256]; the result for input q is at index q modulo 256.
    """
    values = np.arange(256, dtype=np.uint8).view(np.int8).astype(np.int32)
    # Extreme scales make infinities, which are clamped below.
    with np.errstate(over="ignore", under="ignore"):
        real = np.float32(source.scale) * (values - source.zero_point).astype(np.float32)
        steps = function(real) * (np.float32(1) / np.float32(target.scale))
    # round(): halves away from zero. Clamped first so that the conversion cannot overflow.
    steps = np.clip(steps, np.float32(-(2.0**24)), np.float32(2.0**24))
    rounded = np.copysign(np.floor(np.abs(steps).astype(np.float64) + 0.5), steps)
    table: Int8 = np.clip(rounded + target.zero_point, -128, 127).astype(np.int8)
    return table


def apply(table: Int8, values: npt.NDArray[np.generic]) -> Int8:
    """Looks up every int8 value; the result has the shape of `values`."""
    return np.asarray(table[values.astype(np.uint8)], np.int8)


def exp(x: Float32) -> Float32:
    """expf: correctly rounded through float64; overflow is infinite."""
    with np.errstate(over="ignore", under="ignore"):
        return np.exp(x.astype(np.float64)).astype(np.float32)
