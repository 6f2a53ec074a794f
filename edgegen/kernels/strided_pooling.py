"""What kernels share that render kernels/pooling/scalar: pooling over any strided layout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from edgegen.ir import OpIO
from edgegen.kernels.base import Cost, Packed
from edgegen.kernels.c_types import c_type, float_literal, short_type
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.strided_convolution import Axes, StridedConvolution, strided

TEMPLATE = "kernels/pooling/scalar.c.j2"

_CYCLES_PER_TAP, _CYCLES_PER_OUTPUT = 24, 60
"""Rough; plain C has no rivals, the figures only rank layers."""


def pooling_shape(
    io: OpIO,
    axes: Axes,
    size: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    before: Sequence[int],
) -> StridedConvolution:
    """Layout and windows of a pooling layer; arguments as for `strided`."""
    window = Axes(0, 1, tuple(range(2, 2 + len(size))))
    shapes = (io.input(0).type.shape, io.output.type.shape)
    return strided(shapes, axes, ((1, 1, *size), window), 1, stride, dilation, before)


def pooling_cost(io: OpIO, taps: int) -> Cost:
    """A rough cost; `taps` is the size of a window."""
    cycles = io.output.type.elements * (taps * _CYCLES_PER_TAP + _CYCLES_PER_OUTPUT)
    return Cost(cycles * 3 // 4, cycles)


def pack_pooling(
    io: OpIO,
    function: str,
    shape: StridedConvolution,
    extra: dict[str, Any],
    limits: tuple[float, float] = (-math.inf, math.inf),
) -> Packed:
    """What the template needs.

    Args:
        io: the operator's tensors.
        function: one of `ops.pooling.FUNCTIONS`.
        shape: layout and windows.
        extra: `low` and `high` of `average`, `index_step` of `first_max`, `power` and `root`.
        limits: lowest and highest float32 output.
    """
    clamped = limits != (-math.inf, math.inf)
    source, out = io.input(0).type.dtype, io.output.type.dtype
    types = {"type": c_type(source), "out": c_type(out)}
    return Packed(
        constants=operand_constants(io, 1),
        call={
            "shape": shape,
            "channels": shape.group_in,
            "function": function,
            "clamp": tuple(float_literal(v) for v in limits) if clamped else (),
            **types,
            **extra,
        },
        routine={"function": function, "clamped": clamped, **types},
        variant=f"{function}_{short_type(source)}" + ("_clamped" if clamped else ""),
    )
