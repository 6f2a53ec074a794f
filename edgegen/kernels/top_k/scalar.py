"""Plain C: the best elements along an axis, found one after the other."""

from __future__ import annotations

import math
from typing import ClassVar

from edgegen.ir import DType, Op, OpIO
from edgegen.kernels.base import Cost, Packed
from edgegen.kernels.c_types import c_type, short_type
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.plain import PlainKernel
from edgegen.ops.top_k import TopK


class ScalarTopK(PlainKernel[TopK]):
    """No memory besides the output: each search starts from the one found before."""

    op: ClassVar[type[Op]] = TopK
    code_bytes: ClassVar[int] = 200

    def cost(self, op: TopK, io: OpIO) -> Cost:
        """See `Kernel.cost`: about 14 cycles for a value and each of the wanted ones."""
        cycles = 14 * io.input(0).type.elements * io.output.type.shape[op.axis]
        return Cost(cycles * 3 // 4, cycles)

    def pack(self, op: TopK, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        shape, dtype = io.input(0).type.shape, io.input(0).type.dtype
        kinds = {"type": c_type(dtype), "out": c_type(io.output.type.dtype)}
        flags = {"largest": op.largest, "places": op.places}
        return Packed(
            constants=operand_constants(io, 1),
            call={
                "outer": math.prod(shape[: op.axis]),
                "size": shape[op.axis],
                "inner": math.prod(shape[op.axis + 1 :]),
                "count": io.output.type.shape[op.axis],
                **kinds,
            },
            routine={**kinds, **flags, "real": dtype is DType.FLOAT32},
            variant="_".join([short_type(dtype), *(k for k, v in flags.items() if v)]),
        )
