"""Plain C mean over any axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import ANY_INTEGERS, Cost, Formats, Kernel, KernelIO, Numbers, Packed
from edgegen.kernels.c_types import c_type, short_type
from edgegen.kernels.formats import DENSE, HWC
from edgegen.kernels.operands import operand_constants, storage_offset
from edgegen.kernels.order import UNTOUCHED, Accesses, AccessOrder, Ints, by_byte
from edgegen.kernels.pooled import pixel_pitch
from edgegen.ops.mean import Mean
from edgegen.ops.rules import is_int16


@dataclass(frozen=True)
class Loop:
    """One loop over the input: iterations, and values from one to the next."""

    size: int
    step: int


class ScalarMean(Kernel[Mean]):
    """One output value at a time; the output is dense, the input may have padded pixels."""

    op: ClassVar[type[Op]] = Mean
    name: ClassVar[str] = "scalar"
    code_bytes: ClassVar[int] = 192
    computes: ClassVar[frozenset[Numbers]] = ANY_INTEGERS

    def formats(self, op: Mean, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        padded = io.input(0).data is None and len(io.input(0).type.shape) == 4
        return tuple(Formats((f, DENSE), DENSE) for f in ((DENSE, HWC) if padded else (DENSE,)))

    def flash_bytes(self, op: Mean, io: KernelIO) -> int:  # noqa: ARG002
        """See `Kernel.flash_bytes`: the axes are not stored."""
        return sum(c.data.nbytes for c in operand_constants(io, 1))

    def order(self, op: Mean, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`: output by output, each reads all values of its mean."""

        def promise() -> Accesses:
            kept, reduced = (_places(loops) for loops in mean_loops(op, io))
            at = kept[:, np.newaxis] + reduced
            reads = np.full(at.max() + 1, UNTOUCHED)
            reads[at] = np.arange(len(kept))[:, np.newaxis]
            item = io.output.type.dtype.bytes
            return by_byte({0: np.repeat(reads, item)}, np.repeat(np.arange(len(kept)), item))

        return AccessOrder(promise)

    def cost(self, op: Mean, io: KernelIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`: about 7 cycles a value read and 25 a value written."""
        reads, writes = io.input(0).type.elements, io.output.type.elements
        return Cost(4 * reads + 25 * writes, 7 * reads + 25 * writes)

    def pack(self, op: Mean, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        kept, reduced = mean_loops(op, io)
        offset = storage_offset(io.input_formats[0])
        routine = {
            "kept": len(kept),
            "reduced": len(reduced),
            "ctype": "uint8_t" if offset else c_type(io.input(0).type.dtype),
            "out": c_type(io.output.type.dtype),
            "limits": io.output.type.dtype.limits,
            "clamp": f"clamp_{short_type(io.output.type.dtype).replace('i', 's')}",
        }
        wide = "_s16" if is_int16(io) else ""
        return Packed(
            constants=operand_constants(io, 1),
            call={
                "kept_loops": kept,
                "reduced_loops": reduced,
                "bias": -(io.input(0).type.zero_point + offset) * op.count(io),
                "multiplier": op.multiplier(io),
                "out_zero_point": io.output.type.zero_point,
                "ctype": routine["ctype"],
                "out": routine["out"],
            },
            routine=routine,
            variant=f"{len(kept)}of{len(kept) + len(reduced)}d" + ("_u8" if offset else wide),
            helpers=("requantise", str(routine["clamp"])),
        )


def _places(loops: tuple[Loop, ...]) -> Ints:
    """Where the loops go, in values from their start."""
    at: Ints = np.zeros(1, np.int64)
    for loop in loops:
        at = (at[:, np.newaxis] + np.arange(loop.size) * loop.step).ravel()
    return at


def mean_loops(op: Mean, io: KernelIO) -> tuple[tuple[Loop, ...], tuple[Loop, ...]]:
    """Loops over kept and over reduced dimensions, outermost first, at least one of each.

    Neighbouring dimensions that are both kept or both reduced make one loop.
    """
    shape, axes = io.input(0).type.shape, op.axes(io)
    step = 1
    dims: list[tuple[bool, Loop]] = []
    for i in reversed(range(len(shape))):
        if shape[i] > 1:
            dims.insert(0, (i in axes, Loop(shape[i], step)))
        # A pixel may be padded; all other dimensions are dense.
        step *= pixel_pitch(io.input_formats[0], shape[i]) if i == len(shape) - 1 else shape[i]
    merged: list[tuple[bool, Loop]] = []
    for reduced, loop in dims:
        if merged and merged[-1][0] == reduced and merged[-1][1].step == loop.size * loop.step:
            merged[-1] = (reduced, Loop(merged[-1][1].size * loop.size, loop.step))
        else:
            merged.append((reduced, loop))
    none = (Loop(1, 1),)
    return (
        tuple(loop for reduced, loop in merged if not reduced) or none,
        tuple(loop for reduced, loop in merged if reduced) or none,
    )
