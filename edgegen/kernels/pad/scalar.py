"""Padding with memset and memmove, a row of the output at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import ANY_INTEGERS, Cost, Kernel, KernelIO, Numbers, Packed
from edgegen.kernels.order import Accesses, AccessOrder, by_byte
from edgegen.ops.pad import MAX_RANK, Pad
from edgegen.ops.rules import is_int16
from edgegen.target.cores import Core


class Axis(NamedTuple):
    """One dimension of the input and its border, in elements."""

    size: int
    before: int
    after: int

    @property
    def padded(self) -> int:
        """Size in the output."""
        return self.before + self.size + self.after


def merge(axes: Sequence[Axis]) -> tuple[Axis, ...]:
    """Folds every axis without a border into the one before it, so that rows become long.

    >>> merge([Axis(1, 0, 0), Axis(8, 1, 1), Axis(6, 1, 2), Axis(3, 0, 0)])
    (Axis(size=8, before=1, after=1), Axis(size=18, before=3, after=6))
    """
    merged = [Axis(1, 0, 0)]
    for axis in axes:
        if axis.before == axis.after == 0:
            merged[-1] = Axis(*(v * axis.size for v in merged[-1]))
        else:
            merged.append(axis)
    if merged[0] == Axis(1, 0, 0) and len(merged) > 1:
        del merged[0]
    return tuple(merged)


class ScalarPad(Kernel[Pad]):
    """Up to five dimensions; those without a border are merged with their neighbours."""

    op: ClassVar[type[Op]] = Pad
    name: ClassVar[str] = "scalar"
    code_bytes: ClassVar[int] = 260
    computes: ClassVar[frozenset[Numbers]] = ANY_INTEGERS

    def rejects(self, op: Pad, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        if is_int16(io) and op.fill(io) not in (0, -1):
            return "the bytes of the fill differ"
        return ""

    def order(self, op: Pad, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`: forward through the output, and at worst byte by byte."""

        def promise() -> Accesses:
            kind = io.output.type
            writes = np.arange(kind.bytes).reshape(*kind.shape, kind.dtype.bytes)
            inner = zip(op.amounts(io), io.input(0).type.shape, strict=True)
            reads = writes[tuple(slice(a[0], a[0] + size) for a, size in inner)]
            return by_byte({0: reads.ravel()}, writes.ravel())

        return AccessOrder(promise)

    def flash_bytes(self, op: Pad, io: KernelIO) -> int:  # noqa: ARG002
        """See `Kernel.flash_bytes`: amounts and fill are parameters, not arrays."""
        return 0

    def cost(self, op: Pad, io: KernelIO) -> Cost:
        """See `Kernel.cost`: about 120 cycles a row and 1 a byte."""
        rows = math.prod(a.padded for a in self._axes(op, io)[:-1])
        size = io.output.type.bytes
        return Cost(100 * rows + size, 120 * rows + size)

    def pack(self, op: Pad, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        axes = self._axes(op, io)
        padded = (Axis(1, 0, 0),) * (MAX_RANK - len(axes)) + axes
        return Packed(
            call={
                "sizes": tuple(a.size for a in padded),
                "before": tuple(a.before for a in padded),
                "after": tuple(a.after for a in padded),
                "fill": op.fill(io),
            }
        )

    @staticmethod
    def _axes(op: Pad, io: OpIO) -> tuple[Axis, ...]:
        shape = io.input(0).type.shape
        axes = [Axis(d, *amount) for d, amount in zip(shape, op.amounts(io), strict=True)]
        # The innermost axis counts bytes.
        axes[-1] = Axis(*(v * io.output.type.dtype.bytes for v in axes[-1]))
        return merge(axes)
