"""Depthwise convolution by rows in C: the channels of a pixel together, tap by tap.

Unlike `scalar_rows` it asks once a tap whether that is on the image, not once a channel, and
requantises with two 32-bit products, proved at build time (`edgegen.kernels.split`).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Constant, ConstantKind, Cost, Formats, KernelIO, Packed
from edgegen.kernels.fitted import FittedTable, fitted, valid_taps
from edgegen.kernels.formats import DENSE, HWC, Layout
from edgegen.kernels.pooled import pixel_pitch
from edgegen.kernels.row_call import row_cycles
from edgegen.kernels.row_split import centred_split
from edgegen.kernels.rows import RowKernel
from edgegen.ops.depthwise_conv2d import DepthwiseConv2D
from edgegen.target.cores import Core

SUMS = 64
"""Channels whose sums are on the stack at a time."""

_COSTS: FittedTable = {
    "m0+": ((9.0, 44.0, 44.0), (12.5, 60.0, 60.0)),
    "m3": ((6.3, 28.0, 26.0), (9.0, 40.0, 40.0)),
    "m4": ((6.3, 28.0, 26.0), (9.0, 40.0, 40.0)),
}
"""For one multiply-accumulate, tap of a pixel, and output."""


class ChannelDepthwiseConv2DRows(RowKernel[DepthwiseConv2D]):
    """Any filter and core."""

    op: ClassVar[type[Op]] = DepthwiseConv2D
    name: ClassVar[str] = "channel_rows"
    code_bytes: ClassVar[int] = 420

    def rejects(self, op: DepthwiseConv2D, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        if io.input(0).data is not None:
            return "the input is a constant"
        if op.multiplier(io) != 1:
            return "the depth multiplier is not 1"
        if centred_split(op, io) is None:
            return "no requantisation constants could be proved for some channel"
        return ""

    def formats(self, op: DepthwiseConv2D, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        rest = tuple(DENSE for _ in io.inputs[1:])
        return tuple(Formats((DENSE, *rest), target) for target in (HWC, DENSE))

    def group_pixels(self, op: DepthwiseConv2D, io: KernelIO) -> int | None:  # noqa: ARG002
        """See `RowKernel.group_pixels`: a pixel whose sums are all on the stack."""
        return 1 if io.output.type.shape[3] <= SUMS else None

    def flash_bytes(self, op: DepthwiseConv2D, io: KernelIO) -> int:
        """See `Kernel.flash_bytes`."""
        channels = io.output.type.shape[3]
        split = centred_split(op, io)
        assert split is not None
        words = 1 + split.words_per_channel
        return io.input(1).type.elements + 4 * channels * words

    def cost(self, op: DepthwiseConv2D, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        vertical, horizontal = op.window(io)
        _, height, width, channels = io.input(0).type.shape
        taps = valid_taps(vertical, height) * valid_taps(horizontal, width)
        features = (taps * channels, taps * -(-channels // SUMS), io.output.type.elements)
        rows = row_cycles(io, vertical)
        cost = fitted(io.core, _COSTS, features)
        return Cost(cost.instructions + round(0.7 * rows), cost.cycles + rows)

    def pack(self, op: DepthwiseConv2D, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        split = centred_split(op, io)
        assert split is not None
        vertical, horizontal = op.window(io)
        _, _, width, channels = io.input(0).type.shape
        signed = io.output_format.layout is Layout.DENSE
        weights = io.input(1).values.astype(np.int64) * ~split.constant
        words = (split.words & 0xFFFFFFFF).astype(np.uint32)
        return Packed(
            constants=(
                Constant("weights", weights.astype(np.int8)),
                Constant("bias", split.bias.astype(np.int32)),
                Constant("words", words, ConstantKind.REQUANTISE),
            ),
            call={
                "in_width": width,
                "out_width": io.output.type.shape[2],
                "channels": channels,
                "out_pixel": pixel_pitch(io.output_format, channels),
                "filter_height": vertical.size,
                "filter_width": horizontal.size,
                "stride": horizontal.stride,
                "dilation": horizontal.dilation,
                "pad_left": horizontal.before(width),
                "in_zero_point": io.input(0).type.zero_point,
            },
            routine={"sums": SUMS, **split.variables(signed=signed)},
            variant=split.variant(signed=signed),
        )
