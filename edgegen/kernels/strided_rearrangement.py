"""What kernels share that render kernels/rearrange/scalar: elements moved along tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgegen.ir import DType, OpIO
from edgegen.kernels.base import Constant, ConstantKind, Cost, Packed
from edgegen.kernels.c_types import c_type, float_literal, integer_literal, short_type
from edgegen.kernels.operands import operand_constants
from edgegen.quant.fixed_point import Int64

TEMPLATE = "kernels/rearrange/scalar.c.j2"

_CYCLES_PER_VALUE = 12
"""Rough; plain C has no rivals, the figure only ranks layers."""


@dataclass(frozen=True)
class Axis:
    """One loop.

    Attributes:
        size: iterations.
        start: offset of the first element, taken out of the table.
        step: from one iteration to the next, where the offsets are evenly spaced.
        table: the offsets [size] where they are not; negative outside the input.
    """

    size: int
    start: int
    step: int
    table: Int64 | None


def axes_of(tables: Sequence[Int64]) -> tuple[Axis, ...]:
    """The fewest loops that walk the tables: evenly spaced neighbours are one."""
    found: list[Axis] = []
    for table in tables:
        axis = _axis(table)
        if axis.size == 1 and axis.table is None:
            found.append(axis)
            continue
        last = next((a for a in reversed(found) if a.size > 1 or a.table is not None), None)
        even = last is not None and last.table is None and axis.table is None
        if last is not None and even and last.step == axis.size * axis.step:
            merged = Axis(last.size * axis.size, last.start + axis.start, axis.step, None)
            found[found.index(last)] = merged
        else:
            found.append(axis)
    start = sum(a.start for a in found)
    loops = [a for a in found if a.size > 1 or a.table is not None]
    loops = loops or [Axis(1, 0, 0, None)]
    return (Axis(loops[0].size, start, loops[0].step, loops[0].table), *loops[1:])


def _axis(table: Int64) -> Axis:
    steps = np.diff(table)
    if bool((table < 0).any()) or (steps.size and not bool((steps == steps[0]).all())):
        return Axis(len(table), 0, 0, table)
    return Axis(len(table), int(table[0]), int(steps[0]) if steps.size else 0, None)


def rearrange_cost(io: OpIO) -> Cost:
    """A rough cost."""
    cycles = io.output.type.elements * _CYCLES_PER_VALUE
    return Cost(cycles * 3 // 4, cycles)


def pack_rearrangement(io: OpIO, tables: Sequence[Int64], start: int, fill: float) -> Packed:
    """What the template needs; see `ops.rearrange.Rearrange`.

    Args:
        io: the operator's tensors; input 0 is read.
        tables: offsets along each axis.
        start: added to all of them.
        fill: the value of elements outside.
    """
    loops = axes_of(tables)
    dtype = io.input(0).type.dtype
    filled = any(a.table is not None and bool((a.table < 0).any()) for a in loops)
    with_table = [d for d, a in enumerate(loops) if a.table is not None]
    literal = float_literal(fill) if dtype is DType.FLOAT32 else integer_literal(int(fill), dtype)
    shape = "".join("t" if a.table is not None else "s" for a in loops)
    return Packed(
        constants=(
            *operand_constants(io, 1),
            *(
                Constant(f"table{d}", a.table.astype(np.int32), ConstantKind.TABLE)
                for d, a in enumerate(loops)
                if a.table is not None
            ),
        ),
        call={
            "sizes": tuple(a.size for a in loops),
            # The first axis carries the start of all.
            "start": start + loops[0].start,
            "steps": tuple(a.step for a in loops),
            "tables": with_table,
            "type": c_type(dtype),
            "filled": filled,
            "fill": literal,
        },
        routine={
            "depth": len(loops),
            "tables": with_table,
            "type": c_type(dtype),
            "filled": filled,
        },
        variant=f"{short_type(dtype)}_{shape}" + ("_filled" if filled else ""),
    )
