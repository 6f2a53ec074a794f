"""32-bit instructions on numpy arrays: int64 values that hold int32, wrapping as registers do.

Names follow the Arm instructions; on other cores and on the host the same results come from
64-bit C expressions.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgegen.quant.fixed_point import INT32_MAX, INT32_MIN, Int64


def wrap(x: Int64) -> Int64:
    """The low 32 bits, as int32."""
    return x.astype(np.int32).astype(np.int64)


def wrap_unsigned(x: Int64) -> Int64:
    """The low 32 bits, as uint32."""
    return x & 0xFFFFFFFF


def fits(x: Int64) -> npt.NDArray[np.bool_]:
    """Whether values are int32."""
    return (x >= INT32_MIN) & (x <= INT32_MAX)


def smmul(x: Int64, y: Int64) -> Int64:
    """SMMUL: high half of the signed 64-bit product, that is floor(x * y / 2**32)."""
    return (x * y) >> 32


def smmla(x: Int64, y: Int64, add: Int64) -> Int64:
    """SMMLA: `add` plus SMMUL, wrapping."""
    return wrap(add + smmul(x, y))


def smmlar(x: Int64, y: Int64, add: Int64) -> Int64:
    """SMMLAR: `add` plus the product rounded to its high half, floor(x * y / 2**32 + 1/2)."""
    # |x * y| <= 2**62: adding 2**31 stays within int64.
    return wrap(add + ((x * y + (1 << 31)) >> 32))
