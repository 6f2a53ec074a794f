"""Convolution by rows for cores with the DSP extension, from a small widened copy on the stack.

The window of two neighbouring output pixels is widened to int16, with its padding, and used by all
output channels. It suits first layers, whose pixels are no whole words, and short 1x1 filters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Formats, KernelIO, Packed
from edgegen.kernels.conv2d.dsp_band import tap_order
from edgegen.kernels.conv2d.gemm_input import GemmInput, PixelSteps, gemm_formats
from edgegen.kernels.conv2d.gemm_layer import reject_weights, solved_layer
from edgegen.kernels.formats import DENSE, HWC, Layout, round_up
from edgegen.kernels.gemm import (
    Taps,
    Tile,
    pack_two_lane,
    pad_channels,
    split_run,
    stream_constant,
    unrolled_pairs,
)
from edgegen.kernels.gemm_finish import GemmFinish
from edgegen.kernels.row_call import row_cycles
from edgegen.kernels.row_gemm import RowTaps, RowTiles
from edgegen.kernels.rows import RowKernel
from edgegen.ops.conv2d import Conv2D
from edgegen.target.cores import Core

MOST_BYTES = 288
"""Of the copy on the stack."""
DRIVER_BYTES = 300
"""Code of the driver."""
PAIR_CYCLES = 10
"""Cycles of the driver for two pixels, besides `ROW_CYCLES`; measured."""
ROW_CYCLES = 25
"""For each row of the filter, besides widening it."""


@dataclass(frozen=True)
class Copy:
    """The widened window of two output pixels.

    Attributes:
        taps: where the tile finds the taps in it.
        columns: input columns.
        size: int16 elements.
    """

    taps: Taps
    columns: int
    size: int

    @classmethod
    def of(cls, op: Conv2D, io: OpIO, channels: int, core: Core) -> Copy:
        """That of a convolution whose widened pixels have `channels` elements."""
        unroll = unrolled_pairs(core)
        high, wide = op.window(io)
        columns = wide.extent + wide.stride
        if wide.dilation == 1:
            chunks, pairs = split_run(-(-wide.size * channels // 2), unroll)
            chunk = 2 * pairs
        else:
            chunks, chunk, pairs = wide.size, wide.dilation * channels, -(-channels // 2)
        pixel = wide.stride * channels
        pitch = round_up(max(columns * channels, pixel + chunk * (chunks - 1) + 2 * pairs), 2)
        taps = Taps(high.size, pitch, chunks, chunk, pairs, pixel, unroll)
        return cls(taps, columns, high.size * pitch)


class DspConv2DRowsWidened(RowKernel[Conv2D]):
    """Any small filter, stride, padding and dilation without groups."""

    op: ClassVar[type[Op]] = Conv2D
    name: ClassVar[str] = "dsp_rows_widened"
    requires: ClassVar[frozenset[str]] = frozenset({"dsp"})

    def rejects(self, op: Conv2D, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        if op.groups(io) != 1:
            return "the convolution has groups"
        if not self.formats(op, io):
            return f"the window of two pixels takes over {MOST_BYTES} bytes"
        return reject_weights(op, io)

    def formats(self, op: Conv2D, io: OpIO) -> tuple[Formats, ...]:
        """See `Kernel.formats`."""
        small = [f for f in (HWC, DENSE) if _small(op, GemmInput.of(io, f).channels, io)]
        return tuple(
            f for f in gemm_formats(io) if f.output in (HWC, DENSE) and f.inputs[0] in small
        )

    def group_pixels(self, op: Conv2D, io: KernelIO) -> int | None:
        """See `RowKernel.group_pixels`: an odd last pixel is read while it is computed."""
        return None if _single(op, io) else 2

    def code(self, op: Conv2D, io: KernelIO) -> Mapping[str, int]:
        """See `Kernel.code`."""
        code = {self.path: DRIVER_BYTES, **self._tile(op, io).code}
        if _single(op, io):
            name, size = list(_singles(op, io).code.items())[1]
            code[name] = size
        return code

    def _tile(self, op: Conv2D, io: KernelIO) -> Tile:
        form = io.input_formats[0]
        copy = Copy.of(op, io, GemmInput.of(io, form).channels, io.core)
        signed = io.output_format.layout is Layout.DENSE
        return Tile(copy.taps, solved_layer(op, io, form), planes=False, signed=signed)

    def cost(self, op: Conv2D, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        vertical, _ = op.window(io)
        _, height, width, channels = io.output.type.shape
        source = GemmInput.of(io, io.input_formats[0])
        copy = Copy.of(op, io, source.channels, io.core)
        blocks = round_up(channels, 4) // 4
        single = _single(op, io)
        pairs = width // 2 if single else -(-width // 2)
        widen = vertical.size * (source.expand_cycles(copy.columns * source.channels) + ROW_CYCLES)
        cycles = pairs * (self._tile(op, io).cycles(blocks) + widen + PAIR_CYCLES)
        if single:
            cycles += _singles(op, io).single_cycles(blocks, source.channels // 4) + PAIR_CYCLES
        cycles = height * (cycles + copy.size) + row_cycles(io, vertical)
        return Cost(round(cycles * 0.93), cycles)

    def flash_bytes(self, op: Conv2D, io: KernelIO) -> int:
        """See `Kernel.flash_bytes`."""
        tile = self._tile(op, io)
        channels = round_up(io.output.type.shape[3], 4)
        return channels * (tile.taps.taps + 4 * tile.solved.words_per_channel)

    def pack(self, op: Conv2D, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        source = GemmInput.of(io, io.input_formats[0])
        copy, tile = Copy.of(op, io, source.channels, io.core), self._tile(op, io)
        stream = pack_two_lane(*pad_channels(tap_order(io, source, copy.taps), tile.solved))
        assert stream is not None
        vertical, horizontal = op.window(io)
        in_width, single = io.input(0).type.shape[2], _single(op, io)
        pieces = {"expand": source.expand, **tile.pieces}
        if single:
            pieces["single"] = _singles(op, io).single
        return Packed(
            constants=(stream_constant(stream),),
            call={
                "words": stream.size,
                "one": single,
                "in_width": in_width,
                "width": io.output.type.shape[2],
                "filter_height": vertical.size,
                "columns": copy.columns,
                "stride": horizontal.stride,
                "pad_left": horizontal.before(in_width),
                "channels": source.channels,
                "out_pixel": PixelSteps.of(io).wide,
                "rest": 4 * (tile.taps.taps - source.channels),
                "pitch": copy.taps.row,
                "pad_value": source.source.zero,
                "size": copy.size,
                "size_words": copy.size // 2,
            },
            routine={"single": single},
            variant="odd" if single else "",
            pieces=pieces,
        )


def _small(op: Conv2D, channels: int, io: OpIO) -> bool:
    """Whether the copy of pixels of so many elements may lie on the stack."""
    high, wide = op.window(io)
    return 2 * high.size * (wide.extent + wide.stride) * channels <= MOST_BYTES


def _single(op: Conv2D, io: KernelIO) -> bool:
    """Whether an odd last pixel of a row goes to the tile for one pixel: only without padding."""
    vertical, horizontal = op.window(io)
    _, height, width, _ = io.input(0).type.shape
    return (
        io.output.type.shape[2] % 2 == 1
        and io.input_formats[0] == HWC
        and (vertical.size, horizontal.size) == (1, 1)
        and not vertical.after(height)
        and not horizontal.after(width)
    )


def _singles(op: Conv2D, io: KernelIO) -> RowTiles:
    _, horizontal = op.window(io)
    signed = io.output_format.layout is Layout.DENSE
    channels = GemmInput.of(io, HWC).channels
    taps = RowTaps.of((1, 1), channels, horizontal.stride, io.core)
    return RowTiles(taps, GemmFinish(solved_layer(op, io, HWC), signed))
