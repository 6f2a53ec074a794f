"""Convolution for cores with the DSP extension, over a band of widened, padded input rows.

A few input rows are widened to int16 once, with their padding, into scratch memory: the band. The
taps of an output are then contiguous runs in it, and no padding is left to test for. Two output
pixels a fixed distance apart are computed at a time: neighbours along the width, or along the
height where the width is odd.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
from edgegen.kernels.image_order import band_order
from edgegen.kernels.order import AccessOrder
from edgegen.ops.conv2d import Conv2D
from edgegen.quant.fixed_point import Int64
from edgegen.target.cores import Core

BAND_OUTPUTS = 4
"""Output rows of a band: more would widen less input twice, at the price of scratch memory."""
DRIVER_BYTES = 500
"""Code of the driver."""
PAIR_CYCLES = 34
"""Cycles of the driver for one pair of pixels, measured."""


@dataclass(frozen=True)
class Band:
    """Geometry of the band, in int16 elements unless stated otherwise.

    Attributes:
        outputs: output rows computed from one filling.
        rows: input rows it holds.
        pitch: elements from one row to the next.
        left: elements of padding before the first pixel.
        count: input elements copied of every row.
        taps: where an output's taps lie.
        vertical: whether pixel pairs are neighbours along the height.
        step_high: elements from an output row's taps to the next one's.
        step_wide: elements from an output column's taps to the next one's.
        size: elements in all, what the last runs may read beyond the end included.
    """

    outputs: int
    rows: int
    pitch: int
    left: int
    count: int
    taps: Taps
    vertical: bool
    step_high: int
    step_wide: int
    size: int

    @classmethod
    def of(cls, op: Conv2D, io: OpIO, channels: int, core: Core) -> Band:
        """The band of a convolution whose widened pixels have `channels` elements."""
        unroll = unrolled_pairs(core)
        high, wide = op.window(io)
        _, _, in_width, _ = io.input(0).type.shape
        _, out_height, out_width, _ = io.output.type.shape
        vertical = bool(out_width % 2) and (out_height % 2 == 0 or out_height > out_width)
        columns = out_width if vertical else round_up(out_width, 2)
        pixels = (columns - 1) * wide.stride + wide.extent
        left = wide.before(in_width)
        count = min(in_width, pixels - left)
        if wide.dilation == 1:
            chunks, pairs = split_run(-(-wide.size * channels // 2), unroll)
            chunk = 2 * pairs
        else:
            chunks, chunk, pairs = wide.size, wide.dilation * channels, -(-channels // 2)
        pitch = round_up(pixels * channels, 2)
        outputs = min(BAND_OUTPUTS, round_up(out_height, 2))
        rows = (outputs - 1) * high.stride + high.extent
        overrun = chunk * (chunks - 1) + 2 * pairs - wide.extent * channels
        step_high, step_wide = high.stride * pitch, wide.stride * channels
        taps = Taps(
            high.size,
            high.dilation * pitch,
            chunks,
            chunk,
            pairs,
            step_high if vertical else step_wide,
            unroll,
        )
        return cls(
            outputs,
            rows,
            pitch,
            left * channels,
            count * channels,
            taps,
            vertical,
            step_high,
            step_wide,
            rows * pitch + max(overrun, 0),
        )


class DspBand(Kernel[Conv2D]):
    """Any filter, stride, padding and dilation without groups."""

    op: ClassVar[type[Op]] = Conv2D
    name: ClassVar[str] = "dsp_band"
    requires: ClassVar[frozenset[str]] = frozenset({"dsp"})
    code_bytes: ClassVar[int] = 2600
    pixels_per_pass: ClassVar[int] = 2

    def rejects(self, op: Conv2D, io: OpIO, core: Core) -> str:
        """See `Kernel.rejects`."""
        if op.groups(io) != 1:
            return "the convolution has groups"
        for channels in {GemmInput.of(io, f.inputs[0]).channels for f in gemm_formats(io)}:
            band = Band.of(op, io, channels, core)
            # Addresses in the tile are immediates of at most 12 bits, steps of 16.
            reach = 2 * band.taps.pixel + 4 * band.taps.pairs
            if (
                reach > 4095
                or 2 * band.taps.row * band.taps.rows >= 1 << 16
                or band.taps.pairs > 64
            ):
                return "rows of taps are too long for the tile's address ranges"
        return reject_weights(op, io)

    def formats(self, op: Conv2D, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        return gemm_formats(io)

    def scratch_bytes(self, op: Conv2D, io: KernelIO) -> int:
        """The band."""
        source = GemmInput.of(io, io.input_formats[0])
        return 2 * Band.of(op, io, source.channels, io.core).size

    def order(self, op: Conv2D, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`."""
        channels = GemmInput.of(io, io.input_formats[0]).channels
        band = Band.of(op, io, channels, io.core)
        return band_order(io, op.window(io)[0], band.outputs, band.count // channels)

    def code(self, op: Conv2D, io: KernelIO) -> Mapping[str, int]:
        """See `Kernel.code`."""
        return {self.path: DRIVER_BYTES, **self._tile(op, io).code}

    def _tile(self, op: Conv2D, io: KernelIO) -> Tile:
        form = io.input_formats[0]
        band = Band.of(op, io, GemmInput.of(io, form).channels, io.core)
        signed = io.output_format.layout is Layout.DENSE
        return Tile(band.taps, solved_layer(op, io, form), bool(PixelSteps.of(io).plane), signed)

    def cost(self, op: Conv2D, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        _, height, width, channels = io.output.type.shape
        source = GemmInput.of(io, io.input_formats[0])
        band = Band.of(op, io, source.channels, io.core)
        if band.vertical:
            pairs = (height // band.outputs * -(-band.outputs // 2)) * width
            pairs += -(-(height % band.outputs) // 2) * width
        else:
            pairs = height * -(-width // 2)
        cycles = pairs * (self._tile(op, io).cycles(round_up(channels, 4) // 4) + PAIR_CYCLES)
        fillings = -(-height // band.outputs)
        cycles += fillings * band.rows * (source.expand_cycles(band.count) + 30)
        cycles += 4 * band.size
        return Cost(round(cycles * 0.93), cycles)

    def flash_bytes(self, op: Conv2D, io: KernelIO) -> int:
        """See `Kernel.flash_bytes`."""
        tile = self._tile(op, io)
        channels = round_up(io.output.type.shape[3], 4)
        return channels * (tile.taps.taps + 4 * tile.solved.words_per_channel)

    def pack(self, op: Conv2D, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        source = GemmInput.of(io, io.input_formats[0])
        band = Band.of(op, io, source.channels, io.core)
        tile, steps = self._tile(op, io), PixelSteps.of(io)
        stream = pack_two_lane(*pad_channels(tap_order(io, source, band.taps), tile.solved))
        assert stream is not None
        vertical, _ = op.window(io)
        _, in_height, in_width, _ = io.input(0).type.shape
        _, height, width, _ = io.output.type.shape
        return Packed(
            constants=(stream_constant(stream),),
            call={
                "words": stream.size,
                "in_height": in_height,
                "in_row": in_width * source.channels,
                "pad_top": vertical.before(in_height),
                "stride": vertical.stride,
                "pad_value": source.source.zero,
                "height": height,
                "width": width,
                "band_outputs": band.outputs,
                "rows": band.rows,
                "pitch": band.pitch,
                "left": band.left,
                "count": band.count,
                "size": band.size,
                "step_high": band.step_high,
                "step_wide": band.step_wide,
                "vertical": int(band.vertical),
                "out_high": steps.high,
                "out_wide": steps.wide,
                "interleave": steps.interleave,
                "plane": steps.plane,
                "second": steps.neighbour(vertical=band.vertical),
            },
            pieces={"expand": source.expand, **tile.pieces},
        )


def tap_order(io: KernelIO, source: GemmInput, taps: Taps) -> Int64:
    """Weights [out, taps] in the order in which the tile walks the band, zero where it overruns."""
    weights = source.order(io.input(1).values.astype(np.int64))
    out, high, wide, channels = weights.shape
    run = 2 * taps.pairs
    if taps.chunks == wide and taps.chunk != run:  # one run a tap: dilated
        parts = np.pad(weights, ((0, 0), (0, 0), (0, 0), (0, run - channels)))
        return parts.reshape(out, -1)
    rows = weights.reshape(out, high, wide * channels)
    fill = taps.chunks * run - wide * channels
    return np.pad(rows, ((0, 0), (0, 0), (0, fill))).reshape(out, -1)
