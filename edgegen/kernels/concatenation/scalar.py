"""Concatenation with memmove: each input is spread over the output in blocks."""

from __future__ import annotations

import itertools
from typing import ClassVar

import numpy as np

from edgegen.ir import Op
from edgegen.ir.types import Array
from edgegen.kernels.base import (
    ANY_NUMBERS,
    Constant,
    ConstantKind,
    Cost,
    Kernel,
    KernelIO,
    Numbers,
    Packed,
)
from edgegen.kernels.order import Accesses, AccessOrder, Ints, by_byte
from edgegen.ops.concatenation import Concatenation


class ScalarConcatenation(Kernel[Concatenation]):
    """Any axis and any number of inputs; constant inputs are read from flash."""

    op: ClassVar[type[Op]] = Concatenation
    name: ClassVar[str] = "scalar"
    computes: ClassVar[frozenset[Numbers]] = ANY_NUMBERS
    code_bytes: ClassVar[int] = 80

    def order(self, op: Concatenation, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`: input by input, and at worst byte by byte."""

        def promise() -> Accesses:
            sizes, count = op.parts(io)
            reads: dict[int, Ints] = {}
            writes = []
            for k, size in enumerate(sizes):
                reads[k] = count * (sum(sizes[:k])) + np.arange(count * size)
                writes.append(reads[k].reshape(count, size))
            return by_byte(reads, np.concatenate(writes, axis=1).ravel())

        return AccessOrder(promise)

    def cost(self, op: Concatenation, io: KernelIO) -> Cost:
        """See `Kernel.cost`: about 40 cycles a block and 1 a byte."""
        blocks = len(io.inputs) * op.parts(io)[1]
        size = io.output.type.bytes
        return Cost(32 * blocks + size, 40 * blocks + size)

    def pack(self, op: Concatenation, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        sizes, count = op.parts(io)
        starts = itertools.accumulate(sizes, initial=0)
        constants = tuple(
            Constant(f"part_{i}", _bytes(t.values), ConstantKind.TABLE)
            for i, t in enumerate(io.inputs)
            if t is not None and t.data is not None
        )
        roles = {c.role for c in constants}
        parts = [
            {
                "input": index,
                "constant": f"part_{index}" if f"part_{index}" in roles else "",
                "size": size,
                "start": start,
            }
            for index, (size, start) in enumerate(zip(sizes, starts, strict=False))
        ]
        return Packed(
            constants=constants, call={"parts": parts, "count": count, "pitch": sum(sizes)}
        )


def _bytes(values: Array) -> Array:
    """The bytes of a constant in little-endian order, as every Cortex-M stores them."""
    stored = values.astype(values.dtype.newbyteorder("<"))
    return np.frombuffer(stored.tobytes(), np.int8)
