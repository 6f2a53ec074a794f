"""Plain C depthwise convolution that may overwrite its input: channel by channel with a delay line.

A result waits in scratch memory until the last window that reads the input at its place has been
computed: padding rows above the image, times its width, plus padding columns on the left
(memory.md of the design notes calls it the in-place depthwise line).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Constant, Cost, Kernel, KernelIO, Packed
from edgegen.kernels.depthwise_conv2d.scalar import ScalarDepthwiseConv2D
from edgegen.kernels.order import Accesses, AccessOrder, by_byte
from edgegen.kernels.requantise import bias_constant, channel_constants
from edgegen.ops.depthwise_conv2d import DepthwiseConv2D
from edgegen.target.cores import Core

DELAY_CYCLES = {"m0+": 97, "m3": 49, "m4": 69}
"""For each output, besides what it takes `scalar`, which looks for padding only once a pixel."""


class InPlaceDepthwiseConv2D(Kernel[DepthwiseConv2D]):
    """Input and output of one shape; every window covers its own place."""

    op: ClassVar[type[Op]] = DepthwiseConv2D
    name: ClassVar[str] = "scalar_in_place"
    code_bytes: ClassVar[int] = 520

    def rejects(self, op: DepthwiseConv2D, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        if io.input(0).data is not None:
            return "the input is a constant"
        if io.input(0).type.shape != io.output.type.shape:
            return "input and output differ in shape"
        if self._delay(op, io) == 0:
            return "outputs need not wait: other kernels overwrite their input too"
        return ""

    def _delay(self, op: DepthwiseConv2D, io: OpIO) -> int:
        """Pixels that a result waits."""
        _, height, width, _ = io.input(0).type.shape
        vertical, horizontal = op.window(io)
        return vertical.before(height) * width + horizontal.before(width)

    def scratch_bytes(self, op: DepthwiseConv2D, io: KernelIO) -> int:
        """See `Kernel.scratch_bytes`."""
        return self._delay(op, io)

    def order(self, op: DepthwiseConv2D, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`: byte q of a channel is free after window q + delay."""

        def promise() -> Accesses:
            _, height, width, channels = io.input(0).type.shape
            pixels, delay = height * width, self._delay(op, io)
            place = np.arange(pixels * channels)
            pixel, channel = place // channels, place % channels
            # Two points of time a pixel: its window is read, then a result is written.
            done = 2 * (channel * (pixels + delay) + pixel + delay)
            return by_byte({0: done}, done + 1)

        return AccessOrder(promise)

    def cost(self, op: DepthwiseConv2D, io: KernelIO) -> Cost:
        """See `Kernel.cost`: that of `scalar`, and the delay line."""
        plain = ScalarDepthwiseConv2D().cost(op, io)
        extra = io.output.type.elements * DELAY_CYCLES.get(io.core.pricing, DELAY_CYCLES["m4"])
        return Cost(plain.instructions + round(0.7 * extra), plain.cycles + extra)

    def pack(self, op: DepthwiseConv2D, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        _, height, width, channels = io.output.type.shape
        vertical, horizontal = op.window(io)
        low, high = op.output_range(io)
        return Packed(
            constants=(
                Constant("weights", io.input(1).values.astype(np.int8)),
                bias_constant(io, channels),
                *channel_constants(io, channels),
            ),
            call={
                "height": height,
                "width": width,
                "channels": channels,
                "filter_height": vertical.size,
                "filter_width": horizontal.size,
                "dilation_height": vertical.dilation,
                "dilation_width": horizontal.dilation,
                "pad_top": vertical.before(height),
                "pad_left": horizontal.before(width),
                "delay": self._delay(op, io),
                "in_zero_point": io.input(0).type.zero_point,
                "out_zero_point": io.output.type.zero_point,
                "out_min": low,
                "out_max": high,
            },
            helpers=("requantise", "clamp_s8", "taps"),
        )
