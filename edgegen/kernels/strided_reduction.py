"""What kernels share that render kernels/reduction/scalar: reductions over any axes."""

from __future__ import annotations

import math
from collections.abc import Collection

from edgegen.ir import DType, OpIO
from edgegen.kernels.base import Cost, Packed
from edgegen.kernels.c_types import c_type, short_type
from edgegen.kernels.nest import nest
from edgegen.kernels.operands import operand_constants
from edgegen.ops.strided import strides

TEMPLATE = "kernels/reduction/scalar.c.j2"

_OWN_TYPE = frozenset({"max", "min", "arg_max", "arg_min", "last_arg_max", "last_arg_min"})
"""Functions whose running value has the element type; integer sums run in an unsigned one."""

_CYCLES_PER_VALUE, _CYCLES_PER_OUTPUT = 10, 40
"""Rough; plain C has no rivals, the figures only rank layers."""


def reduction_cost(io: OpIO) -> Cost:
    """A rough cost."""
    cycles = (
        io.input(0).type.elements * _CYCLES_PER_VALUE + io.output.type.elements * _CYCLES_PER_OUTPUT
    )
    return Cost(cycles * 3 // 4, cycles)


def pack_reduction(io: OpIO, function: str, axes: Collection[int]) -> Packed:
    """What the template needs.

    Args:
        io: the operator's tensors; only input 0 is read.
        function: a name in `ops.reduction.FUNCTIONS`.
        axes: what to reduce, counted from the start.
    """
    source, out = io.input(0).type, io.output.type
    steps = strides(source.shape)
    kept = [i for i in range(len(source.shape)) if i not in axes]
    gone = sorted(axes)
    outer = nest([source.shape[i] for i in kept], [steps[i] for i in kept])
    inner = nest([source.shape[i] for i in gone], [steps[i] for i in gone])
    real = source.dtype is DType.FLOAT32
    own = real or function in _OWN_TYPE
    return Packed(
        constants=operand_constants(io, 1),
        call={
            "nest": outer,
            "inner": inner,
            "type": c_type(source.dtype),
            "out": c_type(out.dtype),
            "count": math.prod(source.shape[i] for i in gone) if function == "mean" else 0,
        },
        routine={
            "function": function,
            "real": real,
            "depth": outer.depth,
            "inner_depth": inner.depth,
            "type": c_type(source.dtype),
            "out": c_type(out.dtype),
            "sum": c_type(source.dtype) if own else f"uint{max(32, 8 * source.dtype.bytes)}_t",
        },
        variant=f"{function}_{short_type(source.dtype)}_{outer.depth}d_{inner.depth}d",
    )
