"""What kernels share that render kernels/convolution/scalar: any convolution, any layout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from edgegen.ir import DType, Op, OpIO
from edgegen.kernels.base import Cost, Packed
from edgegen.kernels.c_types import c_type, float_literal, short_type
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.plain import Float32Kernel
from edgegen.ops.strided import strides

OpT = TypeVar("OpT", bound=Op)

TEMPLATE = "kernels/convolution/scalar.c.j2"

Triple = tuple[int, int, int]

_CYCLES_PER_MAC, _CYCLES_PER_OUTPUT = 12, 60
"""Rough figures for a Cortex-M4 with an FPU; plain C has no rivals, they only rank layers."""


@dataclass(frozen=True)
class Axes:
    """Where a tensor keeps batch, channels and space.

    Attributes:
        batch: index of the batch dimension.
        channel: index of the channels.
        space: indices of depth, height and width, as many as there are, at most three.
    """

    batch: int
    channel: int
    space: tuple[int, ...]


CHANNELS_LAST = Axes(0, 3, (1, 2))


def channels_first(rank: int) -> Axes:
    """The axes of NCHW and its relatives."""
    return Axes(0, 1, tuple(range(2, rank)))


@dataclass(frozen=True)
class StridedConvolution:
    """A convolution as the C routine sees it; its struct says what the fields are."""

    batch: int
    groups: int
    group_in: int
    group_out: int
    in_size: Triple
    out_size: Triple
    filter: Triple
    stride: Triple
    dilation: Triple
    before: Triple
    in_batch: int
    in_channel: int
    in_step: Triple
    out_batch: int
    out_channel: int
    out_step: Triple
    filter_out: int
    filter_in: int
    filter_step: Triple

    @property
    def contiguous(self) -> bool:
        """Whether the channels of a group lie side by side in input and filter."""
        return (self.in_channel == 1 and self.filter_in == 1) or self.group_in == 1


def triple(values: Sequence[int], fill: int) -> Triple:
    """Values for the last axes, `fill` for those in front.

    >>> triple((5, 7), 1)
    (1, 5, 7)
    """
    padded = (fill,) * (3 - len(values)) + tuple(values)
    return padded[0], padded[1], padded[2]


def strided(
    shapes: tuple[Sequence[int], Sequence[int]],
    axes: Axes,
    filters: tuple[Sequence[int], Axes],
    groups: int,
    stride: Sequence[int],
    dilation: Sequence[int],
    before: Sequence[int],
) -> StridedConvolution:
    """The routine's view of a convolution.

    Args:
        shapes: of input and output.
        axes: of both.
        filters: shape and axes of the filters; their `batch` is the output channel, their
            `channel` the input channel of a group.
        groups: number of groups.
        stride: along each spatial axis.
        dilation: the same.
        before: padding before the first input, the same.
    """
    source, target = shapes
    shape, own = filters
    in_steps, out_steps, filter_steps = strides(source), strides(target), strides(shape)

    def space(values: Sequence[int], at: Axes, fill: int) -> Triple:
        return triple([values[i] for i in at.space], fill)

    return StridedConvolution(
        batch=source[axes.batch],
        groups=groups,
        group_in=source[axes.channel] // groups,
        group_out=target[axes.channel] // groups,
        in_size=space(source, axes, 1),
        out_size=space(target, axes, 1),
        filter=space(shape, own, 1),
        stride=triple(stride, 1),
        dilation=triple(dilation, 1),
        before=triple(before, 0),
        in_batch=in_steps[axes.batch],
        in_channel=in_steps[axes.channel],
        in_step=space(in_steps, axes, 0),
        out_batch=out_steps[axes.batch],
        out_channel=out_steps[axes.channel],
        out_step=space(out_steps, axes, 0),
        filter_out=filter_steps[own.batch],
        filter_in=filter_steps[own.channel],
        filter_step=space(filter_steps, own, 0),
    )


def convolution_cost(macs: int, outputs: int) -> Cost:
    """A rough cost; see `_CYCLES_PER_MAC`."""
    cycles = macs * _CYCLES_PER_MAC + outputs * _CYCLES_PER_OUTPUT
    return Cost(cycles * 3 // 4, cycles)


def pack_convolution(
    io: OpIO,
    shape: StridedConvolution,
    limits: tuple[float, float] = (-math.inf, math.inf),
) -> Packed:
    """What the template needs.

    Args:
        io: input, filters, perhaps a bias for each output channel.
        shape: the convolution.
        limits: lowest and highest float32 output.
    """
    dtype = io.input(0).type.dtype
    real = dtype is DType.FLOAT32
    return Packed(
        constants=operand_constants(io, len(io.inputs)),
        call={
            "shape": shape,
            "type": c_type(dtype),
            "bias": io.optional(2) is not None,
            "clamp": tuple(float_literal(v) for v in limits) if real else (),
        },
        routine={"type": c_type(dtype), "real": real, "contiguous": shape.contiguous},
        variant=short_type(dtype) + ("_contiguous" if shape.contiguous else ""),
    )


class Float32Layer(Float32Kernel[OpT]):
    """Base of float32 kernels of layers with weights."""

    code_bytes: ClassVar[int] = 600
    shared_template: ClassVar[str] = TEMPLATE

    def cost(self, op: OpT, io: OpIO) -> Cost:
        """See `Kernel.cost`."""
        return convolution_cost(op.macs(io), io.output.type.elements)
