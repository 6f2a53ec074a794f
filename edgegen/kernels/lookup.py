"""Kernels that look every int8 value up in a table: shared by all functions of one value."""

from __future__ import annotations

from edgegen.kernels.base import Constant, ConstantKind, Cost, Packed
from edgegen.quant.lookup import Int8


def lookup_packed(table: Int8, elements: int) -> Packed:
    """What a template needs that calls the helper `lookup`.

    Args:
        table: the result for input q at index q modulo 256, int8 [256].
        elements: how many values to look up.
    """
    return Packed(
        constants=(Constant("table", table, ConstantKind.TABLE),),
        call={"elements": elements},
        helpers=("lookup",),
    )


def lookup_cost(elements: int) -> Cost:
    """About 6 instructions and 9 cycles a value."""
    return Cost(6 * elements + 20, 9 * elements + 30)
