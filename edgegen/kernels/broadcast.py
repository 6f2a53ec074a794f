"""Loops of kernels with two inputs that broadcast: as few as the shapes allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgegen.ir import OpIO
from edgegen.kernels.base import Formats, KernelIO
from edgegen.kernels.c_types import c_type
from edgegen.kernels.formats import DENSE
from edgegen.kernels.operands import ALL_FORMATS, storage_offset
from edgegen.kernels.order import UNTOUCHED, Accesses, AccessOrder, by_byte


@dataclass(frozen=True)
class Loop:
    """One loop over the output.

    Attributes:
        size: iterations.
        a_step: elements from one iteration to the next in the first input; 0 where it repeats.
        b_step: the same for the second input.
    """

    size: int
    a_step: int
    b_step: int


def broadcast_loops(io: KernelIO) -> tuple[Loop, ...]:
    """Loops over the output, outermost first, at least one; neighbours that can be one are.

    Equal shapes make a single loop, over the padding of their format too.
    """
    a, b = io.input(0).type.shape, io.input(1).type.shape
    if io.input(0).type.elements == io.input(1).type.elements == io.output.type.elements:
        size = io.output_format.size(io.output.type)
        return (Loop(size // io.output.type.dtype.bytes, 1, 1),)
    rank = len(io.output.type.shape)
    dims = zip(io.output.type.shape, _steps(a, rank), _steps(b, rank), strict=True)
    loops: list[Loop] = []
    for loop in (Loop(*dim) for dim in dims):
        if loop.size == 1:
            continue
        if loops and loops[-1].a_step == loop.size * loop.a_step:
            outer = loops[-1]
            if outer.b_step == loop.size * loop.b_step:
                loops[-1] = Loop(outer.size * loop.size, loop.a_step, loop.b_step)
                continue
        loops.append(loop)
    return tuple(loops)


def _steps(shape: tuple[int, ...], rank: int) -> list[int]:
    """Elements between neighbours along each of `rank` dimensions; 0 where the shape has 1."""
    steps = [0] * rank
    distance = 1
    for i in range(1, len(shape) + 1):
        if shape[-i] != 1:
            steps[-i] = distance
        distance *= shape[-i]
    return steps


def binary_formats(io: OpIO) -> tuple[Formats, ...]:
    """Any format, the same for all tensors, where nothing is broadcast or constant."""
    plain = all(t is not None and t.data is None for t in io.inputs)
    equal = plain and io.input(0).type.shape == io.input(1).type.shape == io.output.type.shape
    return tuple(Formats((f, f), f) for f in (ALL_FORMATS if equal else (DENSE,)))


def binary_order(io: KernelIO) -> AccessOrder:
    """Reads the one or two values of an output byte, then writes it."""

    def promise() -> Accesses:
        reads, writes = {}, np.zeros(1, np.int64)
        for k in range(2):
            at = np.zeros(1, np.int64)
            for loop in broadcast_loops(io):
                step = loop.a_step if k == 0 else loop.b_step
                at = (at[:, np.newaxis] + np.arange(loop.size) * step).ravel()
            writes = np.arange(at.size)
            reads[k] = np.full(at.max() + 1, UNTOUCHED)
            # Of several reads of a byte the last assignment, the latest time, stays.
            reads[k][at] = writes
        item = io.output.type.dtype.bytes
        return by_byte(
            {k: np.repeat(times, item) for k, times in reads.items()}, np.repeat(writes, item)
        )

    return AccessOrder(promise)


def binary_call(io: KernelIO, output_range: tuple[int, int]) -> dict[str, Any]:
    """Variables of `call` that all binary kernels share; zero points are those of stored bytes."""
    offset = storage_offset(io.output_format)
    return {
        "loops": broadcast_loops(io),
        "a_zero_point": io.input(0).type.zero_point + offset,
        "b_zero_point": io.input(1).type.zero_point + offset,
        "out_zero_point": io.output.type.zero_point + offset,
        "out_min": output_range[0] + offset,
        "out_max": output_range[1] + offset,
    }


def stored_type(io: KernelIO) -> str:
    """The C type of the values that the output's buffer stores."""
    return "uint8_t" if storage_offset(io.output_format) else c_type(io.output.type.dtype)


def binary_routine(io: KernelIO) -> dict[str, Any]:
    """Variables of `routine`: the number of loops and the type of stored bytes."""
    return {
        "depth": len(broadcast_loops(io)),
        "ctype": stored_type(io),
    }


def binary_variant(io: KernelIO) -> str:
    """Tells routines with different variables apart."""
    suffix = {"int8_t": "", "uint8_t": "_u8"}.get(stored_type(io), "_s16")
    return f"{len(broadcast_loops(io))}d{suffix}"
