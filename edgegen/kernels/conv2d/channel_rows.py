"""Convolution by rows in C: four output channels of a pixel at a time, in registers.

Requantised with two 32-bit products, proved at build time (`edgegen.kernels.split`).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Constant, ConstantKind, Cost, Formats, KernelIO, Packed
from edgegen.kernels.fitted import FittedTable, fitted, valid_taps
from edgegen.kernels.formats import DENSE, HWC, Layout, round_up
from edgegen.kernels.pooled import pixel_pitch
from edgegen.kernels.row_call import HELD, row_cycles
from edgegen.kernels.row_split import centred_split
from edgegen.kernels.rows import RowKernel
from edgegen.ops.conv2d import Conv2D
from edgegen.target.cores import Core

BLOCK = 4
"""Output channels at a time."""

_COSTS: FittedTable = {
    "m0+": ((5.9, 67.0, 44.0), (7.4, 105.0, 60.0)),
    "m3": ((3.2, 40.0, 26.0), (5.45, 72.0, 40.0)),
    "m4": ((3.2, 40.0, 26.0), (5.45, 72.0, 40.0)),
}
"""For one multiply-accumulate, row of the window of a pixel and block, and output."""


class ChannelConv2DRows(RowKernel[Conv2D]):
    """Any filter and core, without groups."""

    op: ClassVar[type[Op]] = Conv2D
    name: ClassVar[str] = "channel_rows"
    code_bytes: ClassVar[int] = 520

    def rejects(self, op: Conv2D, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        if io.input(0).data is not None:
            return "the input is a constant"
        if op.groups(io) != 1:
            return "the convolution has groups"
        if op.window(io)[1].dilation != 1:
            return "the filter has gaps along the width"
        if centred_split(op, io) is None:
            return "no requantisation constants could be proved for some channel"
        return ""

    def formats(self, op: Conv2D, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        rest = tuple(DENSE for _ in io.inputs[1:])
        return tuple(Formats((DENSE, *rest), target) for target in (HWC, DENSE))

    def group_pixels(self, op: Conv2D, io: KernelIO) -> int | None:  # noqa: ARG002
        """See `RowKernel.group_pixels`: a pixel whose outputs wait on the stack."""
        return 1 if io.output.type.shape[3] <= HELD else None

    def flash_bytes(self, op: Conv2D, io: KernelIO) -> int:
        """See `Kernel.flash_bytes`."""
        split = centred_split(op, io)
        assert split is not None
        channels, high, wide, depth = io.input(1).type.shape
        return round_up(channels, BLOCK) * (high * wide * depth + 4 * (1 + split.words_per_channel))

    def cost(self, op: Conv2D, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        vertical, horizontal = op.window(io)
        _, height, width, depth = io.input(0).type.shape
        blocks = -(-io.output.type.shape[3] // BLOCK)
        runs = blocks * valid_taps(vertical, height)
        products = runs * valid_taps(horizontal, width) * depth * BLOCK
        features = (products, runs * io.output.type.shape[2], io.output.type.elements)
        rows = row_cycles(io, vertical)
        cost = fitted(io.core, _COSTS, features)
        return Cost(cost.instructions + round(0.7 * rows), cost.cycles + rows)

    def pack(self, op: Conv2D, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        split = centred_split(op, io)
        assert split is not None
        vertical, horizontal = op.window(io)
        channels, high, wide, depth = io.input(1).type.shape
        width = io.input(0).type.shape[2]
        signed = io.output_format.layout is Layout.DENSE
        extra = -channels % BLOCK
        live = io.input(1).values.astype(np.int64)
        live = live * ~split.constant[:, np.newaxis, np.newaxis, np.newaxis]
        # [block, tap, input channel, output channel of the block]
        blocks = np.pad(live, ((0, extra), (0, 0), (0, 0), (0, 0)))
        blocks = blocks.reshape(-1, BLOCK, high * wide, depth).transpose(0, 2, 3, 1)
        words = np.pad((split.words & 0xFFFFFFFF).astype(np.uint32), ((0, extra), (0, 0)))
        return Packed(
            constants=(
                Constant("weights", np.ascontiguousarray(blocks.astype(np.int8))),
                Constant("bias", np.pad(split.bias.astype(np.int32), (0, extra))),
                Constant("words", words, ConstantKind.REQUANTISE),
            ),
            call={
                "in_width": width,
                "in_channels": depth,
                "out_width": io.output.type.shape[2],
                "channels": channels,
                "held": channels if channels <= HELD else 0,
                "out_pixel": pixel_pitch(io.output_format, channels),
                "filter_height": vertical.size,
                "filter_width": horizontal.size,
                "stride": horizontal.stride,
                "pad_left": horizontal.before(width),
                "in_zero_point": io.input(0).type.zero_point,
            },
            routine={**split.variables(signed=signed)},
            variant=split.variant(signed=signed),
            helpers=("taps",),
        )
