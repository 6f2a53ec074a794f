"""1x1 convolution for cores with the DSP extension: two pixels x four channels at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Formats, Kernel, KernelIO, Packed
from edgegen.kernels.conv2d.gemm_input import GemmInput, PixelSteps, gemm_formats
from edgegen.kernels.conv2d.gemm_layer import reject_weights, solved_layer
from edgegen.kernels.formats import Layout, round_up
from edgegen.kernels.gemm import (
    Taps,
    Tile,
    pack_two_lane,
    pad_channels,
    split_run,
    stream_constant,
    unrolled_pairs,
)
from edgegen.kernels.image_order import pixel_order, reaches, row_major
from edgegen.kernels.order import AccessOrder
from edgegen.kernels.solved import GEMM_SHIFTS
from edgegen.ops.conv2d import Conv2D
from edgegen.quant.solver import Shifts
from edgegen.target.cores import Core

DRIVER_BYTES = 260
"""Code of the driver."""
DRIVER_CYCLES = 48
"""Cycles of the driver's loop for one pixel, measured."""


class DspPointwise(Kernel[Conv2D]):
    """Any stride; pixels are widened to int16 once and used by all output channels."""

    op: ClassVar[type[Op]] = Conv2D
    name: ClassVar[str] = "dsp_pointwise"
    requires: ClassVar[frozenset[str]] = frozenset({"dsp"})
    code_bytes: ClassVar[int] = 2400
    pixels_per_pass: ClassVar[int] = 2
    shifts: ClassVar[Shifts] = GEMM_SHIFTS

    def rejects(self, op: Conv2D, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        vertical, horizontal = op.window(io)
        _, height, width, _ = io.input(0).type.shape
        if (vertical.size, horizontal.size) != (1, 1):
            return "the filter is not 1x1"
        if vertical.before(height) or horizontal.before(width):
            return "the filter reads padding"
        if op.groups(io) != 1:
            return "the convolution has groups"
        return reject_weights(op, io)

    def formats(self, op: Conv2D, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        return gemm_formats(io)

    def scratch_bytes(self, op: Conv2D, io: KernelIO) -> int:  # noqa: ARG002
        """Two widened pixels."""
        return 4 * self._taps(io).taps

    def order(self, op: Conv2D, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`: pairs of pixels, in the order in which planes hold them."""
        pixels = row_major(io)
        if PixelSteps.of(io).interleave == 2:
            pixels = pixels.reshape(pixels.shape[::-1]).T
        return pixel_order(io, pixels // 2, reaches(io, op.window(io)))

    def code(self, op: Conv2D, io: KernelIO) -> Mapping[str, int]:
        """See `Kernel.code`."""
        return {"conv2d/dsp_pointwise": DRIVER_BYTES, **self._tile(op, io).code}

    def _pairs(self, channels: int) -> int:
        """Tap pairs of the tile for an input of `channels`."""
        return -(-channels // 2)

    def _taps(self, io: KernelIO) -> Taps:
        channels = GemmInput.of(io, io.input_formats[0]).channels
        unroll = unrolled_pairs(io.core)
        chunks, pairs = split_run(self._pairs(channels), unroll)
        taps = chunks * pairs * 2
        return Taps(1, taps, chunks, 2 * pairs, pairs, taps, unroll)

    def cost(self, op: Conv2D, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        _, height, width, channels = io.output.type.shape
        source = GemmInput.of(io, io.input_formats[0])
        tile = self._tile(op, io)
        pairs = -(-height * width // 2)
        cycles = pairs * tile.cycles(round_up(channels, 4) // 4)
        cycles += height * width * (source.expand_cycles(source.channels) + DRIVER_CYCLES)
        return Cost(round(cycles * 0.93), cycles)

    def flash_bytes(self, op: Conv2D, io: KernelIO) -> int:
        """See `Kernel.flash_bytes`."""
        channels = round_up(io.output.type.shape[3], 4)
        words = solved_layer(op, io, io.input_formats[0], self.shifts).words_per_channel
        return channels * (self._taps(io).taps + 4 * words)

    def _tile(self, op: Conv2D, io: KernelIO) -> Tile:
        solved = solved_layer(op, io, io.input_formats[0], self.shifts)
        signed = io.output_format.layout is Layout.DENSE
        return Tile(self._taps(io), solved, bool(PixelSteps.of(io).plane), signed)

    def pack(self, op: Conv2D, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        source = GemmInput.of(io, io.input_formats[0])
        _, _, in_width, _ = io.input(0).type.shape
        _, height, width, channels = io.output.type.shape
        tile = self._tile(op, io)
        weights = source.order(io.input(1).values.astype(np.int64)).reshape(channels, -1)
        weights = np.pad(weights, ((0, 0), (0, tile.taps.taps - weights.shape[1])))
        stream = pack_two_lane(*pad_channels(weights, tile.solved))
        assert stream is not None
        vertical, horizontal = op.window(io)
        steps = PixelSteps.of(io)
        # The inner loop runs along the rows of the output's planes, if it has any.
        axes = [
            (height, vertical.stride * in_width * source.channels, steps.high),
            (width, horizontal.stride * source.channels, steps.wide),
        ]
        if steps.interleave == 2:
            axes.reverse()
        return Packed(
            constants=(stream_constant(stream),),
            call={
                "words": stream.size,
                "rows": axes[0][0],
                "length": axes[1][0],
                "in_row": axes[0][1],
                "in_pixel": axes[1][1],
                "out_row": axes[0][2],
                "out_pixel": axes[1][2],
                "interleaved": int(bool(steps.interleave)),
                "plane": steps.plane,
                "channels": source.channels,
                "taps": tile.taps.taps,
            },
            pieces={"expand": source.expand, **tile.pieces},
        )
