"""Convolution on int16 for cores with the DSP extension."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, KernelIO, Packed
from edgegen.kernels.dot16 import (
    BLOCK,
    DspInt16,
    channels_cycles,
    pack_dot16,
    packed_bytes,
    padded,
)
from edgegen.kernels.image_order import channel_order, pixel_order, reaches, row_major
from edgegen.kernels.order import AccessOrder
from edgegen.ops.conv2d import Conv2D
from edgegen.ops.requantise import channel_multipliers
from edgegen.target.cores import Core


class DspInt16Conv2D(DspInt16[Conv2D]):
    """Four channels at a time; the window of each pixel is copied.

    That of a pointwise layer is copied only where its channels are no whole words of weights.
    """

    op: ClassVar[type[Op]] = Conv2D
    pixels_per_pass: ClassVar[int] = 1

    def rejects(self, op: Conv2D, io: OpIO, core: Core) -> str:
        """See `Kernel.rejects`."""
        if op.groups(io) != 1:
            return "channels are in groups"
        return super().rejects(op, io, core)

    def order(self, op: Conv2D, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`."""
        windows = reaches(io, op.window(io))
        if self._copied(op, io):
            return pixel_order(io, row_major(io), windows)
        return channel_order(io, windows, io.input(1).type.shape[3], io.output.type.shape[3])

    def scratch_bytes(self, op: Conv2D, io: KernelIO) -> int:
        """See `Kernel.scratch_bytes`: one window."""
        return 2 * padded(_taps(io)) if self._copied(op, io) else 0

    def flash_bytes(self, op: Conv2D, io: KernelIO) -> int:  # noqa: ARG002
        """See `Kernel.flash_bytes`."""
        return packed_bytes(_taps(io), io.output.type.shape[3])

    def code(self, op: Conv2D, io: KernelIO) -> Mapping[str, int]:
        """See `Kernel.code`."""
        return {f"{self.path} {self._copied(op, io)}": 480, "dsp_dot16": 100}

    def cost(self, op: Conv2D, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        _, high, wide, out_c = io.output.type.shape
        filter_rows = io.input(1).type.shape[1]
        copy = 90 * filter_rows + _taps(io) if self._copied(op, io) else 15
        cycles = high * wide * (channels_cycles(_taps(io), out_c) + copy)
        return Cost(cycles * 4 // 5, cycles)

    def pack(self, op: Conv2D, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        _, in_h, in_w, in_c = io.input(0).type.shape
        _, out_h, out_w, out_c = io.output.type.shape
        vertical, horizontal = op.window(io)
        weights = io.input(1).values.reshape(out_c, -1)
        sums, constants, variables = pack_dot16(
            io, weights, channel_multipliers(io, out_c), op.output_range(io)
        )
        copied = self._copied(op, io)
        return Packed(
            constants=constants,
            call={
                **variables,
                "in_height": in_h,
                "in_width": in_w,
                "in_channels": in_c,
                "out_height": out_h,
                "out_width": out_w,
                "filter": (vertical.size, horizontal.size),
                "stride": (vertical.stride, horizontal.stride),
                "dilation": (vertical.dilation, horizontal.dilation),
                "pads": (vertical.before(in_h), horizontal.before(in_w)),
                "run": horizontal.size if horizontal.dilation == 1 else 1,
                "copied": copied,
            },
            routine={"sums": sums, "copied": copied},
            variant=sums.variant + ("_copied" if copied else ""),
            helpers=(*sums.helpers, "dsp_dot16"),
        )

    @staticmethod
    def _copied(op: Conv2D, io: OpIO) -> bool:
        """Whether windows are copied: all but single pixels of whole words."""
        vertical, horizontal = op.window(io)
        _, in_h, in_w, in_c = io.input(0).type.shape
        single = vertical.size == horizontal.size == 1
        inside = vertical.before(in_h) == horizontal.before(in_w) == 0
        _, out_h, out_w, _ = io.output.type.shape
        fits = (out_h - 1) * vertical.stride < in_h and (out_w - 1) * horizontal.stride < in_w
        aligned = in_c % BLOCK == 0 and io.input(0).data is None
        return not (single and inside and fits and aligned)


def _taps(io: OpIO) -> int:
    """Weights of an output channel."""
    return io.input(1).type.elements // io.output.type.shape[3]
