"""Plain C depthwise convolution: one output at a time, any shape that the operator allows."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import ANY_INTEGERS, Constant, Cost, Kernel, KernelIO, Numbers, Packed
from edgegen.kernels.fitted import FittedTable, fitted, window_features
from edgegen.kernels.image_order import channel_order, reaches
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.order import AccessOrder
from edgegen.kernels.row_call import row_call, row_helpers
from edgegen.kernels.sums import sums_bias, sums_multipliers, sums_of
from edgegen.ops.depthwise_conv2d import DepthwiseConv2D
from edgegen.ops.requantise import channel_multipliers

_COSTS: FittedTable = {
    "m0+": ((16.59, 40.21, 146.25, 111.14), (22.4, 55.64, 201.04, 156.24)),
    "m3": ((10.7, 19.27, 88.41, 55.18), (16.48, 22.72, 124.68, 85.6)),
    "m4": ((9.71, 14.29, 80.27, 53.98), (13.53, 21.73, 108.2, 82.59)),
}
"""For one multiply-accumulate, filter row of an output, output, and pixel."""


class ScalarDepthwiseConv2D(Kernel[DepthwiseConv2D]):
    """Weights as the model has them: [1, high, wide, out]."""

    op: ClassVar[type[Op]] = DepthwiseConv2D
    name: ClassVar[str] = "scalar"
    code_bytes: ClassVar[int] = 560
    computes: ClassVar[frozenset[Numbers]] = ANY_INTEGERS
    pixels_per_pass: ClassVar[int] = 1
    by_rows: ClassVar[bool] = False

    def order(self, op: DepthwiseConv2D, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`."""
        return channel_order(io, reaches(io, op.window(io)), 1, op.multiplier(io))

    def features(self, op: DepthwiseConv2D, io: OpIO) -> tuple[int, ...]:
        """What its cost depends on; see `window_features`."""
        return window_features(io, *op.window(io), depth=1)

    def cost(self, op: DepthwiseConv2D, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        return fitted(io.core, _COSTS, self.features(op, io))

    def pack(self, op: DepthwiseConv2D, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        _, _, in_w, in_c = io.input(0).type.shape
        _, _, out_w, out_c = io.output.type.shape
        vertical, horizontal = op.window(io)
        low, high = op.output_range(io)
        multipliers = channel_multipliers(io, out_c)
        sums = sums_of(io, 3, multipliers[1])
        return Packed(
            constants=(
                Constant("weights", io.input(1).values.astype(np.int8)),
                sums_bias(io, out_c, sums),
                *sums_multipliers(*multipliers, sums),
                *operand_constants(io, 1),
            ),
            call={
                **sums.routine,
                **row_call(io, vertical, by_rows=self.by_rows),
                "in_width": in_w,
                "in_channels": in_c,
                "out_width": out_w,
                "out_channels": out_c,
                "multiplier": op.multiplier(io),
                "filter_height": vertical.size,
                "filter_width": horizontal.size,
                "stride_width": horizontal.stride,
                "dilation_width": horizontal.dilation,
                "pad_left": horizontal.before(in_w),
                "in_zero_point": io.input(0).type.zero_point,
                "out_zero_point": io.output.type.zero_point,
                "out_min": low,
                "out_max": high,
            },
            routine={"by_rows": self.by_rows, **sums.routine},
            variant=sums.variant + ("row" if self.by_rows else ""),
            helpers=(*sums.helpers, "taps", *row_helpers(by_rows=self.by_rows)),
        )
