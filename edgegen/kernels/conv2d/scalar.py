"""Plain C convolution: one output at a time, any shape that the operator allows."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import ANY_INTEGERS, Constant, Cost, Kernel, KernelIO, Numbers, Packed
from edgegen.kernels.fitted import FittedTable, fitted, window_features
from edgegen.kernels.image_order import channel_order, reaches
from edgegen.kernels.order import AccessOrder
from edgegen.kernels.row_call import row_call, row_helpers
from edgegen.kernels.sums import sums_bias, sums_multipliers, sums_of
from edgegen.ops.conv2d import Conv2D
from edgegen.ops.requantise import channel_multipliers

_COSTS: FittedTable = {
    "m0+": ((8.0, 51.03, 136.09, 143.5), (10.99, 79.02, 179.92, 191.87)),
    "m3": ((5.99, 41.94, 73.4, 70.44), (9.98, 60.9, 100.78, 95.44)),
    "m4": ((5.99, 41.94, 73.4, 72.44), (8.98, 60.91, 93.74, 100.59)),
}
"""For one multiply-accumulate, filter row of an output, output, and pixel."""


class ScalarConv2D(Kernel[Conv2D]):
    """Weights as the model has them: [out, high, wide, in / groups]."""

    op: ClassVar[type[Op]] = Conv2D
    name: ClassVar[str] = "scalar"
    code_bytes: ClassVar[int] = 640
    computes: ClassVar[frozenset[Numbers]] = ANY_INTEGERS
    pixels_per_pass: ClassVar[int] = 1
    by_rows: ClassVar[bool] = False

    def order(self, op: Conv2D, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`."""
        inputs, groups = io.input(1).type.shape[3], op.groups(io)
        outputs = io.output.type.shape[3] // groups
        return channel_order(io, reaches(io, op.window(io)), inputs, outputs)

    def features(self, op: Conv2D, io: OpIO) -> tuple[int, ...]:
        """What its cost depends on; see `window_features`."""
        return window_features(io, *op.window(io), depth=io.input(1).type.shape[3])

    def cost(self, op: Conv2D, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        return fitted(io.core, _COSTS, self.features(op, io))

    def pack(self, op: Conv2D, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        _, _, in_w, in_c = io.input(0).type.shape
        _, _, out_w, out_c = io.output.type.shape
        vertical, horizontal = op.window(io)
        low, high = op.output_range(io)
        multipliers = channel_multipliers(io, out_c)
        sums = sums_of(io, 0, multipliers[1])
        return Packed(
            constants=(
                Constant("weights", io.input(1).values.astype(np.int8)),
                sums_bias(io, out_c, sums),
                *sums_multipliers(*multipliers, sums),
            ),
            call={
                **sums.routine,
                **row_call(io, vertical, by_rows=self.by_rows),
                "in_width": in_w,
                "in_channels": in_c,
                "out_width": out_w,
                "groups": op.groups(io),
                "filter_height": vertical.size,
                "filter_width": horizontal.size,
                "group_in": io.input(1).type.shape[3],
                "group_out": out_c // op.groups(io),
                "stride_width": horizontal.stride,
                "dilation_width": horizontal.dilation,
                "contiguous": int(op.groups(io) == 1 and horizontal.dilation == 1),
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
