"""Convolution for cores without SMLAD: gathers the taps of each output pixel by a table of offsets.

Quick where few input channels or many output channels make gathering cheap beside multiplying. Any
tap can be anywhere, so that quads are balanced over the whole filter and none is wasted on padding.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.kernels.balance import balanced_order
from edgegen.kernels.base import Constant, ConstantKind, Cost, Formats, Kernel, KernelIO, Packed
from edgegen.kernels.conv2d.quad_layer import split_layer
from edgegen.kernels.conv2d.quad_rows import Rows, quad_formats
from edgegen.kernels.formats import Layout, round_up
from edgegen.kernels.image_order import band_order, beyond, pixel_order, reaches, row_major
from edgegen.kernels.order import AccessOrder
from edgegen.kernels.pixels import LONGEST_ORDER, Source
from edgegen.kernels.quads import (
    QUAD_BYTES,
    QuadWeights,
    Runs,
    Tile,
    fit_quads,
    group_taps,
    pack_stream,
    stream_words,
)
from edgegen.ops.conv2d import Conv2D
from edgegen.quant.fixed_point import Int64
from edgegen.target.cores import Core

PIXEL_CYCLES = 60
"""Cycles of the driver for one output pixel, measured."""


class V6mGather(Kernel[Conv2D]):
    """Any filter, stride, padding and dilation without groups."""

    op: ClassVar[type[Op]] = Conv2D
    name: ClassVar[str] = "v6m_gather"
    requires: ClassVar[frozenset[str]] = frozenset({"armv6m"})
    code_bytes: ClassVar[int] = 2400
    pixels_per_pass: ClassVar[int] = 1

    def rejects(self, op: Conv2D, io: OpIO, core: Core) -> str:
        """See `Kernel.rejects`."""
        if op.groups(io) != 1:
            return "the convolution has groups"
        if split_layer(op, io) is None:
            return "no requantisation constants could be proved for some channel"
        for formats in self.formats(op, io):
            site = KernelIO(io.inputs, io.outputs, formats.inputs, formats.output, core)
            layer = _Layer(op, site)
            if layer.offsets.max(initial=0) >= 1 << 16:
                return "the filter spans more than 64 kB of input"
            if layer.fitted is None:
                return "sums of four products do not fit 16 bits (pairs of weights of -128)"
        return ""

    def formats(self, op: Conv2D, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        return quad_formats(io)

    def scratch_bytes(self, op: Conv2D, io: KernelIO) -> int:
        """See `Kernel.scratch_bytes`: quads of one output, the last one's channels, input rows."""
        return _Layer(op, io).scratch_bytes

    def order(self, op: Conv2D, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`; the tile writes whole blocks of channels."""
        layer = _Layer(op, io)
        rows, times = layer.rows, row_major(io)
        if rows.count:
            times = times // (rows.outputs * io.output.type.shape[2])
            order = band_order(io, op.window(io)[0], rows.outputs, rows.length // rows.pixel)
        else:
            order = pixel_order(io, times, reaches(io, op.window(io)))
        written = round_up(layer.channels, layer.tile.block)
        size = io.output_format.size(io.output.type)
        return beyond(order, times, layer.out_pixel, written, size)

    def cost(self, op: Conv2D, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        layer = _Layer(op, io)
        corrections = int(layer.weights.corrections.sum())
        pixel = layer.source.cycles(layer.runs.total) + PIXEL_CYCLES
        pixel += layer.tile.cycles(layer.channels, corrections)
        _, height, width, _ = io.output.type.shape
        cycles = 100 + height * width * pixel + layer.rows.fill_cycles(height, per_byte=6)
        return Cost(round(0.84 * cycles), cycles)

    def flash_bytes(self, op: Conv2D, io: KernelIO) -> int:
        """See `Kernel.flash_bytes`."""
        layer = _Layer(op, io)
        corrections = int(layer.weights.corrections.sum())
        return 4 * stream_words(layer.channels, corrections, layer.tile) + 8 * layer.runs.total

    def pack(self, op: Conv2D, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        layer = _Layer(op, io)
        stream, rows = pack_stream(layer.weights, layer.tile), layer.rows
        table = np.pad(layer.offsets, (0, -len(layer.offsets) % 4))[list(layer.order)]
        _, height, width, _ = io.output.type.shape
        return Packed(
            constants=(
                Constant("weights", stream),
                Constant("offsets", table.astype(np.uint16), ConstantKind.TABLE),
            ),
            call={
                "words": stream.size,
                "runs": [] if layer.runs.unrolled else layer.runs.passes().tolist(),
                "quads": layer.runs.total,
                "height": height,
                "width": width,
                "rows": rows,
                "out_pixel": layer.out_pixel,
                "spare": layer.spare,
                "spare_at": QUAD_BYTES * layer.runs.total,
                "rows_at": layer.rows_at,
            },
            helpers=("v6m_run",),
            pieces={"widen": layer.source.piece, **layer.tile.pieces},
        )


@dataclass(frozen=True, eq=False)
class _Layer:
    """What the kernel derives from an operator and its formats."""

    op: Conv2D
    io: KernelIO

    @cached_property
    def rows(self) -> Rows:
        """Where input rows lie."""
        return Rows.of(self.op, self.io, copied=False)

    @property
    def channels(self) -> int:
        """Of the output."""
        return self.io.output.type.shape[3]

    @property
    def source(self) -> Source:
        """How bytes are read."""
        return Source("order", self.io.input_formats[0].layout is Layout.DENSE)

    @cached_property
    def offsets(self) -> Int64:
        """Byte offset of every tap from the first."""
        _, high, wide, depth = self.io.input(1).type.shape
        vertical, horizontal = self.op.window(self.io)
        y = np.arange(high)[:, np.newaxis, np.newaxis] * vertical.dilation * self.rows.pitch
        x = np.arange(wide)[:, np.newaxis] * horizontal.dilation * self.rows.pixel
        offsets: Int64 = (y + x + np.arange(depth)).astype(np.int64).ravel()
        return offsets

    @cached_property
    def order(self) -> tuple[int, ...]:
        """Taps in the order of quads."""
        taps = round_up(len(self.offsets), 4)
        return balanced_order(self._live) if taps <= LONGEST_ORDER else tuple(range(taps))

    @property
    def _live(self) -> Int64:
        """Weights [channels, taps], taps padded to whole quads."""
        split = split_layer(self.op, self.io)
        assert split is not None
        weights = self.io.input(1).values.astype(np.int64).reshape(self.channels, -1)
        live = weights * ~split.constant[:, np.newaxis]
        return group_taps(live).reshape(self.channels, -1)

    @cached_property
    def fitted(self) -> QuadWeights | None:
        """Weights as quads."""
        return fit_quads(group_taps(self._live[:, list(self.order)]))

    @property
    def weights(self) -> QuadWeights:
        """Weights as quads, where they fit."""
        assert self.fitted is not None
        return self.fitted

    @cached_property
    def runs(self) -> Runs:
        """Where quads lie."""
        return Runs(-(-len(self.offsets) // 4))

    @cached_property
    def tile(self) -> Tile:
        """The tile."""
        split = split_layer(self.op, self.io)
        assert split is not None
        signed = self.io.output_format.layout is Layout.DENSE
        return Tile.best(self.channels, self.runs, split, signed=signed)

    @property
    def out_pixel(self) -> int:
        """Output bytes from one pixel to the next."""
        return self.channels if self.tile.signed else round_up(self.channels, 4)

    @property
    def spare(self) -> int:
        """Bytes for the last pixel's output where its last block is not whole."""
        block = self.tile.block
        return round_up(self.channels, block) if self.tile.signed and self.channels % block else 0

    @property
    def rows_at(self) -> int:
        """Offset of the rows in scratch memory."""
        return QUAD_BYTES * self.runs.total + round_up(self.spare, 4)

    @property
    def scratch_bytes(self) -> int:
        """Quads, spare output and rows."""
        return self.rows_at + round_up(self.rows.size, 4)
