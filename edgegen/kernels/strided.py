"""Kernels that copy a strided part of their input: transpositions and slices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgegen.ir import DType, OpIO
from edgegen.kernels.base import Cost, Packed
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
    kept: list[tuple[int, int]] = []
    for size, step in zip(sizes, steps, strict=True):
        if size == 1:
            continue
        if kept and kept[-1][1] == size * step:
            kept[-1] = (kept[-1][0] * size, step)
        else:
            kept.append((size, step))
    kept = [(1, 0)] * (DEPTH - len(kept)) + kept
    assert len(kept) == DEPTH
    return Copy(first, tuple(n for n, _ in kept), tuple(s for _, s in kept))


def dense_steps(shape: Sequence[int]) -> tuple[int, ...]:
    """Elements between neighbours along each dimension.

    >>> dense_steps((2, 3, 4))
    (12, 4, 1)
    """
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))


def element_type(dtype: DType) -> str:
    """The C type of an element."""
    return {DType.FLOAT32: "float", DType.BOOL: "uint8_t"}.get(dtype, f"{dtype.value}_t")


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
    ctype = element_type(io.output.type.dtype)
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
