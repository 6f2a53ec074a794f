"""Convolution by rows for cores with the DSP extension, straight from u8 pixels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Formats, KernelIO, Packed
from edgegen.kernels.conv2d.gemm_input import GemmInput, PixelSteps
from edgegen.kernels.conv2d.gemm_layer import reject_weights, solved_layer
from edgegen.kernels.formats import DENSE, HWC, Layout, round_up
from edgegen.kernels.gemm import pack_two_lane, pad_channels, stream_constant
from edgegen.kernels.gemm_finish import GemmFinish
from edgegen.kernels.row_call import row_cycles, rows_inside
from edgegen.kernels.row_gemm import RowTaps, RowTiles
from edgegen.kernels.rows import RowKernel
from edgegen.ops.conv2d import Conv2D
from edgegen.ops.pool2d import valid_spans
from edgegen.target.cores import Core

DRIVER_BYTES = 260
"""Code of the driver."""
PIXEL_CYCLES = 40
"""Cycles of the driver for a pair of pixels, or one, besides `TAP_CYCLES`; measured."""
TAP_CYCLES = 11
"""For each row of the filter."""
SINGLE_CYCLES = 14
"""Besides, for one pixel."""


class DspConv2DRows(RowKernel[Conv2D]):
    """Any filter without gaps along the width; padding must be stored as 0."""

    op: ClassVar[type[Op]] = Conv2D
    name: ClassVar[str] = "dsp_rows"
    requires: ClassVar[frozenset[str]] = frozenset({"dsp"})

    def rejects(self, op: Conv2D, io: OpIO, core: Core) -> str:
        """See `Kernel.rejects`."""
        vertical, horizontal = op.window(io)
        _, height, width, _ = io.input(0).type.shape
        if op.groups(io) != 1:
            return "the convolution has groups"
        if horizontal.dilation > 1:
            return "the filter has gaps along the width"
        padded = vertical.before(height) or vertical.after(height)
        padded = padded or horizontal.before(width) or horizontal.after(width)
        if padded and GemmInput.of(io, HWC).source.zero:
            return "padding is not stored as 0"
        return _taps(op, io, core).reject or reject_weights(op, io)

    def formats(self, op: Conv2D, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        targets = (HWC, DENSE) if io.output.type.shape[3] % 4 == 0 else (HWC,)
        rest = tuple(DENSE for _ in io.inputs[1:])
        return tuple(Formats((HWC, *rest), target) for target in targets)

    def code(self, op: Conv2D, io: KernelIO) -> Mapping[str, int]:
        """See `Kernel.code`."""
        return {self.path: DRIVER_BYTES, **_tiles(op, io).code}

    def cost(self, op: Conv2D, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        vertical, horizontal = op.window(io)
        tiles = _tiles(op, io)
        _, height, width, channels = io.output.type.shape
        blocks = round_up(channels, 4) // 4
        # Rows that are padding cost a few cycles only.
        shown = rows_inside(vertical, io.input(0).type.shape[1])
        inside = sum(shown) / (height * vertical.size)
        driver = PIXEL_CYCLES + TAP_CYCLES * vertical.size
        pair = round(inside * tiles.pair_cycles(blocks)) + driver
        cycles = 0
        columns = valid_spans(horizontal, io.input(0).type.shape[2])
        x = 0
        while x < width:
            both = columns[x : x + 2]
            if len(both) == 2 and all(s.stop - s.start == horizontal.size for s in both):
                cycles += pair
                x += 2
            else:
                words = (both[0].stop - both[0].start) * tiles.taps.column
                one = tiles.single_cycles(blocks, words)
                cycles += round(inside * one) + driver + SINGLE_CYCLES
                x += 1
        cycles = height * cycles + row_cycles(io, vertical)
        return Cost(round(cycles * 0.92), cycles)

    def flash_bytes(self, op: Conv2D, io: KernelIO) -> int:
        """See `Kernel.flash_bytes`."""
        channels = round_up(io.output.type.shape[3], 4)
        words = solved_layer(op, io, HWC).words_per_channel
        return channels * (_taps(op, io, io.core).taps + 4 * words)

    def pack(self, op: Conv2D, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        vertical, horizontal = op.window(io)
        source, tiles = GemmInput.of(io, HWC), _tiles(op, io)
        _, _, in_width, _ = io.input(0).type.shape
        _, _, width, channels = io.output.type.shape
        weights = source.order(io.input(1).values.astype(np.int64)).reshape(channels, -1)
        stream = pack_two_lane(*pad_channels(weights, tiles.finish.solved))
        assert stream is not None
        return Packed(
            constants=(stream_constant(stream),),
            call={
                "words": stream.size,
                "in_width": in_width,
                "width": width,
                "filter_height": vertical.size,
                "filter_width": horizontal.size,
                "stride": horizontal.stride,
                "pad_left": horizontal.before(in_width),
                "in_pixel": source.channels,
                "out_pixel": PixelSteps.of(io).wide,
            },
            pieces=tiles.pieces,
        )


def _taps(op: Conv2D, io: OpIO, core: Core) -> RowTaps:
    vertical, horizontal = op.window(io)
    size = (vertical.size, horizontal.size)
    return RowTaps.of(size, GemmInput.of(io, HWC).channels, horizontal.stride, core)


def _tiles(op: Conv2D, io: KernelIO) -> RowTiles:
    signed = io.output_format.layout is Layout.DENSE
    return RowTiles(_taps(op, io, io.core), GemmFinish(solved_layer(op, io, HWC), signed))
