"""Kernels that copy a strided part of their input: transpositions and slices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgegen.ir import OpIO
from edgegen.kernels.base import Cost, Packed
from edgegen.kernels.c_types import c_type
from edgegen.kernels.nest import nest
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.order import Accesses, AccessOrder

DEPTH = 6
"""Loops of the C function."""


@dataclass(frozen=True)
class Copy:
    """Which elements of the input are read, in the output's order.

    Attributes:
        first: index of the first element.
        sizes: iterations of the loops, outermost first; as many as `DEPTH`.
        steps: elements of the input from one iteration of each loop to the next.
    """

    first: int
    sizes: tuple[int, ...]
    steps: tuple[int, ...]


def copy_of(sizes: Sequence[int], steps: Sequence[int], first: int = 0) -> Copy:
    """The same walk with as few loops as possible, filled up with loops of one iteration.

    >>> copy_of((1, 4, 5, 3), (60, 5, 1, 20))
    Copy(first=0, sizes=(1, 1, 1, 1, 20, 3), steps=(0, 0, 0, 0, 1, 20))
    """
    loops = nest(sizes, steps)
    assert loops.depth <= DEPTH
    idle = DEPTH - loops.depth
    return Copy(first, (1,) * idle + loops.sizes, (0,) * idle + loops.steps[0])


def copy_order(copy: Copy, io: OpIO) -> AccessOrder:
    """Reads an element, writes it."""

    def promise() -> Accesses:
        at = np.array([copy.first], np.int64)
        for size, step in zip(copy.sizes, copy.steps, strict=True):
            at = (at[:, np.newaxis] + np.arange(size) * step).ravel()
        width = io.output.type.dtype.bytes
        time = np.arange(len(at), dtype=np.int64)
        reads = np.column_stack((time, at * width, (at + 1) * width))
        writes = np.column_stack((time, time * width, (time + 1) * width))
        return Accesses({0: reads}, writes)

    return AccessOrder(promise)


def copy_cost(copy: Copy) -> Cost:
    """About 6 instructions and 8 cycles an element, 20 a run."""
    runs = math.prod(copy.sizes[:-1])
    count = math.prod(copy.sizes)
    return Cost(6 * count + 20 * runs + 60, 8 * count + 26 * runs + 80)


def copy_packed(copy: Copy, io: OpIO) -> Packed:
    """What the template needs."""
    ctype = c_type(io.output.type.dtype)
    call: dict[str, Any] = {
        "ctype": ctype,
        "first": copy.first,
        "sizes": copy.sizes,
        "steps": copy.steps,
    }
    return Packed(
        constants=operand_constants(io, 1),
        call=call,
        routine={"ctype": ctype, "depth": DEPTH, "last": DEPTH - 1},
        variant=ctype.removesuffix("_t"),
    )
