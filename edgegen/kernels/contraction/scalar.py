"""Plain C: sums of products along strided loops."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import DType, Op, OpIO
from edgegen.kernels.base import Cost, Packed
from edgegen.kernels.c_types import c_type, short_type
from edgegen.kernels.nest import nest
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.plain import PlainKernel
from edgegen.kernels.strided_convolution import convolution_cost
from edgegen.ops.contraction import Contraction


class ScalarContraction(PlainKernel[Contraction]):
    """Output by output."""

    op: ClassVar[type[Op]] = Contraction
    code_bytes: ClassVar[int] = 240

    def cost(self, op: Contraction, io: OpIO) -> Cost:
        """See `Kernel.cost`."""
        return convolution_cost(op.macs(io), io.output.type.elements)

    def pack(self, op: Contraction, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        outer = nest(op.sizes, *op.steps)
        inner = nest(op.inner_sizes, *op.inner_steps)
        dtype = io.output.type.dtype
        real = dtype is DType.FLOAT32
        kind = c_type(dtype)
        return Packed(
            constants=operand_constants(io, 2),
            call={"nest": outer, "inner": inner, "type": kind},
            routine={
                "depth": outer.depth,
                "inner_depth": inner.depth,
                "type": kind,
                # Unsigned integers wrap around.
                "sum": kind if real else f"uint{max(32, 8 * dtype.bytes)}_t",
                "real": real,
            },
            variant=f"{short_type(dtype)}_{outer.depth}d_{inner.depth}d",
        )
