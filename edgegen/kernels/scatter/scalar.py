"""Plain C: elements replaced or updated at indices read at run time."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import DType, Op, OpIO
from edgegen.kernels.base import Cost, Packed
from edgegen.kernels.indexed import (
    indexed_call,
    indexed_cost,
    indexed_routine,
    indexed_variant,
)
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.plain import PlainKernel
from edgegen.ops.scatter import Scatter


class ScalarScatter(PlainKernel[Scatter]):
    """A copy, then update by update."""

    op: ClassVar[type[Op]] = Scatter
    code_bytes: ClassVar[int] = 240

    def cost(self, op: Scatter, io: OpIO) -> Cost:
        """See `Kernel.cost`."""
        return indexed_cost(op.addressing, io.input(2).type.elements)

    def pack(self, op: Scatter, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        dtype = io.output.type.dtype
        real = dtype is DType.FLOAT32
        return Packed(
            constants=operand_constants(io, 3),
            call={**indexed_call(op.addressing, io), "bytes": io.output.type.bytes},
            routine={
                **indexed_routine(op.addressing, io),
                "function": op.function,
                # Unsigned integers wrap around.
                "sum": "float" if real else f"uint{max(32, 8 * dtype.bytes)}_t",
            },
            variant=f"{op.function}_{indexed_variant(op.addressing, io)}",
        )
