"""Element types and literals in C."""

from __future__ import annotations

import math

import numpy as np

from edgegen.ir import DType


def c_type(dtype: DType) -> str:
    """The C type of an element; a bool is a byte.

    >>> c_type(DType.INT8), c_type(DType.FLOAT32), c_type(DType.BOOL)
    ('int8_t', 'float', 'uint8_t')
    """
    return {DType.FLOAT32: "float", DType.BOOL: "uint8_t"}.get(dtype, f"{dtype.value}_t")


def short_type(dtype: DType) -> str:
    """A type in the name of a C function.

    >>> short_type(DType.UINT8), short_type(DType.FLOAT32)
    ('u8', 'f32')
    """
    if dtype is DType.BOOL:
        return "b8"
    return f"{dtype.value[0]}{8 * dtype.bytes}"


def float_literal(value: float) -> str:
    """A C literal that reads back as the same float32.

    >>> float_literal(1.0), float_literal(0.1), float_literal(-math.inf), float_literal(1e-7)
    ('1.0f', '0.1f', '-INFINITY', '1e-07f')
    """
    if math.isnan(value):
        return "NAN"
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    # Nine digits identify every float32; fewer where they do too.
    text = str(np.float32(value))
    return (text if "." in text or "e" in text else text + ".0") + "f"


def integer_literal(value: int, dtype: DType) -> str:
    """A C literal of an integer type.

    >>> integer_literal(-(2**31), DType.INT32), integer_literal(2**64 - 1, DType.UINT64)
    ('(-2147483647 - 1)', '18446744073709551615u')
    """
    if dtype.numpy.kind == "u":
        return f"{value}u"
    if value == -(1 << (8 * dtype.bytes - 1)) and dtype.bytes >= 4:
        return f"({value + 1} - 1)"
    return str(value)
