"""Depthwise convolution on int16 for cores with the DSP extension."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Constant, Cost, KernelIO, Packed
from edgegen.kernels.dot16 import BLOCK, CYCLES_PER_OUTPUT, ORDER, DspInt16, weight_words
from edgegen.kernels.image_order import channel_order, reaches
from edgegen.kernels.order import AccessOrder
from edgegen.kernels.sums import sums_bias, sums_multipliers, sums_of
from edgegen.ops.depthwise_conv2d import DepthwiseConv2D
from edgegen.target.cores import Core

_CYCLES_PER_TAP, _CYCLES_PER_ROW, _CYCLES_PER_BLOCK = 17, 14, 70
"""Of a Cortex-M4, for four channels."""


class DspInt16DepthwiseConv2D(DspInt16[DepthwiseConv2D]):
    """Four channels of a pixel at a time."""

    op: ClassVar[type[Op]] = DepthwiseConv2D
    pixels_per_pass: ClassVar[int] = 1
    axis: ClassVar[int] = 3

    def rejects(self, op: DepthwiseConv2D, io: OpIO, core: Core) -> str:
        """See `Kernel.rejects`."""
        if op.multiplier(io) != 1:
            return "there are several output channels for an input channel"
        if io.output.type.shape[3] % BLOCK:
            return f"channels are no multiple of {BLOCK}"
        if io.input(0).data is not None:
            return "the input is a constant"
        return super().rejects(op, io, core)

    def order(self, op: DepthwiseConv2D, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`."""
        return channel_order(io, reaches(io, op.window(io)), BLOCK, BLOCK)

    def flash_bytes(self, op: DepthwiseConv2D, io: KernelIO) -> int:  # noqa: ARG002
        """See `Kernel.flash_bytes`."""
        return io.input(1).type.elements + io.output.type.shape[3] * (4 + 4 + 1)

    def code(self, op: DepthwiseConv2D, io: KernelIO) -> Mapping[str, int]:  # noqa: ARG002
        """See `Kernel.code`."""
        return {self.path: 480, "dsp_taps16": 100}

    def cost(self, op: DepthwiseConv2D, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        vertical, horizontal = op.window(io)
        row = horizontal.size * _CYCLES_PER_TAP + _CYCLES_PER_ROW
        block = vertical.size * row + _CYCLES_PER_BLOCK + BLOCK * CYCLES_PER_OUTPUT
        cycles = io.output.type.elements // BLOCK * block
        return Cost(cycles * 4 // 5, cycles)

    def pack(self, op: DepthwiseConv2D, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        _, in_h, in_w, channels = io.input(0).type.shape
        _, out_h, out_w, _ = io.output.type.shape
        vertical, horizontal = op.window(io)
        low, high = op.output_range(io)
        multipliers = op.multipliers(io)
        sums = sums_of(io, 3, multipliers[1])
        # [taps, block, byte] to [block, taps, byte]
        taps = io.input(1).values.astype(np.int8).reshape(-1, channels // BLOCK, BLOCK)
        return Packed(
            constants=(
                Constant("weights", weight_words(taps.transpose(1, 0, 2)[..., list(ORDER)])),
                sums_bias(io, channels, sums),
                *sums_multipliers(*multipliers, sums),
            ),
            call={
                "in_height": in_h,
                "in_width": in_w,
                "channels": channels,
                "out_height": out_h,
                "out_width": out_w,
                "filter": (vertical.size, horizontal.size),
                "stride": (vertical.stride, horizontal.stride),
                "dilation": (vertical.dilation, horizontal.dilation),
                "pads": (vertical.before(in_h), horizontal.before(in_w)),
                "out_min": low,
                "out_max": high,
            },
            routine={"sums": sums},
            variant=sums.variant,
            helpers=(*sums.helpers, "taps", "dsp_taps16"),
        )
