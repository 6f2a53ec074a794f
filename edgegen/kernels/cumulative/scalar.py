"""Plain C: running sums and products along an axis."""

from __future__ import annotations

import math
from typing import ClassVar

from edgegen.ir import DType, Op, OpIO
from edgegen.kernels.base import Cost, Packed
from edgegen.kernels.c_types import c_type, short_type
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.plain import PlainKernel
from edgegen.ops.cumulative import Cumulative


class ScalarCumulative(PlainKernel[Cumulative]):
    """Line by line, with the steps that the axis and the direction ask for."""

    op: ClassVar[type[Op]] = Cumulative
    code_bytes: ClassVar[int] = 120

    def cost(self, op: Cumulative, io: OpIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`: about 12 cycles a value."""
        cycles = 12 * io.output.type.elements
        return Cost(cycles * 3 // 4, cycles)

    def pack(self, op: Cumulative, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        shape, dtype = io.input(0).type.shape, io.output.type.dtype
        inner, size = math.prod(shape[op.axis + 1 :]), shape[op.axis]
        wide = f"uint{max(32, 8 * dtype.bytes)}_t"
        return Packed(
            constants=operand_constants(io, 1),
            call={
                "outer": math.prod(shape[: op.axis]),
                "size": size,
                "inner": inner,
                "first": (size - 1) * inner if op.reverse else 0,
                "step": -inner if op.reverse else inner,
                "type": c_type(dtype),
            },
            routine={
                "type": c_type(dtype),
                # Unsigned integers wrap around.
                "sum": "float" if dtype is DType.FLOAT32 else wide,
                "product": op.function == "product",
                "exclusive": op.exclusive,
            },
            variant=f"{op.function}_{short_type(dtype)}" + ("_exclusive" if op.exclusive else ""),
        )
