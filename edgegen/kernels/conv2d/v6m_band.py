"""Convolution for cores without SMLAD over a band of input rows that are made into quads once.

The quads of an output pixel are runs in the band, and no padding is left to test for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Constant, Cost, Formats, Kernel, KernelIO, Packed
from edgegen.kernels.conv2d.quad_layer import split_layer
from edgegen.kernels.conv2d.quad_rows import Rows, quad_formats
from edgegen.kernels.formats import DENSE, Layout, round_up
from edgegen.kernels.image_order import band_order, beyond, row_major
from edgegen.kernels.order import AccessOrder
from edgegen.kernels.pixels import Source
from edgegen.kernels.quads import (
    QUAD_BYTES,
    QuadWeights,
    Runs,
    Tile,
    fit_quads,
    group_taps,
    pack_stream,
    quad_words,
    stream_words,
)
from edgegen.ops.conv2d import Conv2D
from edgegen.target.cores import Core

BAND_OUTPUTS = 2
"""Output rows of a band: it takes three bytes for each of the input's."""

PIXEL_CYCLES = 40
"""Cycles of the driver for one output pixel, measured."""


class V6mBand(Kernel[Conv2D]):
    """Any filter, stride, padding and dilation; whole words of input channels, no groups."""

    op: ClassVar[type[Op]] = Conv2D
    name: ClassVar[str] = "v6m_band"
    requires: ClassVar[frozenset[str]] = frozenset({"armv6m"})
    code_bytes: ClassVar[int] = 2400
    pixels_per_pass: ClassVar[int] = 1

    def rejects(self, op: Conv2D, io: OpIO, core: Core) -> str:
        """See `Kernel.rejects`."""
        if op.groups(io) != 1:
            return "the convolution has groups"
        if split_layer(op, io) is None:
            return "no requantisation constants could be proved for some channel"
        formats = self.formats(op, io)[0]
        site = KernelIO(io.inputs, io.outputs, formats.inputs, formats.output, core)
        layer = _Layer(op, site)
        if layer.runs.offsets.max(initial=0) + QUAD_BYTES >= 1 << 16:
            return "the filter spans more than 64 kB of band"
        if layer.fitted is None:
            return "sums of four products do not fit 16 bits (pairs of weights of -128)"
        return ""

    def formats(self, op: Conv2D, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        whole = io.input(0).type.shape[3] % 4 == 0
        return tuple(f for f in quad_formats(io) if whole or f.inputs[0] != DENSE)

    def scratch_bytes(self, op: Conv2D, io: KernelIO) -> int:
        """See `Kernel.scratch_bytes`: the band, and the last output where it needs room."""
        layer = _Layer(op, io)
        return layer.band_bytes + layer.spare

    def order(self, op: Conv2D, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`; the tile writes whole blocks of channels."""
        layer = _Layer(op, io)
        rows, block = layer.rows, layer.tile.block
        order = band_order(io, op.window(io)[0], rows.outputs, rows.length // rows.pixel)
        times = row_major(io) // (rows.outputs * io.output.type.shape[2])
        size = io.output_format.size(io.output.type)
        return beyond(order, times, layer.out_pixel, round_up(layer.channels, block), size)

    def cost(self, op: Conv2D, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        layer = _Layer(op, io)
        corrections = int(layer.weights.corrections.sum())
        pixel = PIXEL_CYCLES + layer.tile.cycles(layer.channels, corrections)
        _, height, width, _ = io.output.type.shape
        fillings = -(-height // layer.rows.outputs)
        fill = layer.source.cycles(layer.rows.length // 4) + 30
        cycles = height * width * pixel + fillings * layer.rows.count * fill
        cycles += 4 * layer.band_bytes // 4
        return Cost(round(0.84 * cycles), cycles)

    def flash_bytes(self, op: Conv2D, io: KernelIO) -> int:
        """See `Kernel.flash_bytes`."""
        layer = _Layer(op, io)
        corrections = int(layer.weights.corrections.sum())
        return 4 * stream_words(layer.channels, corrections, layer.tile)

    def pack(self, op: Conv2D, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        layer = _Layer(op, io)
        stream, rows = pack_stream(layer.weights, layer.tile), layer.rows
        _, height, width, _ = io.output.type.shape
        return Packed(
            constants=(Constant("weights", stream),),
            call={
                "words": stream.size,
                "runs": [] if layer.runs.unrolled else layer.runs.passes().tolist(),
                "height": height,
                "width": width,
                "rows": rows,
                # In words: a quad has three for four bytes.
                "pitch": 3 * rows.pitch // 4,
                "left": 3 * rows.left // 4,
                "quads": rows.length // 4,
                "size": 3 * rows.size // 4,
                "step": 3 * rows.step // 4,
                "pad": [f"0x{w:08x}u" for w in quad_words(io.input(0).type.zero_point)],
                "out_pixel": layer.out_pixel,
                "spare": layer.spare,
                "spare_at": layer.band_bytes,
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
        """Where input rows lie, in bytes before they are made into quads."""
        return Rows.of(self.op, self.io, BAND_OUTPUTS, copied=True)

    @property
    def channels(self) -> int:
        """Of the output."""
        return self.io.output.type.shape[3]

    @property
    def source(self) -> Source:
        """How bytes are read."""
        return Source("words", self.io.input_formats[0].layout is Layout.DENSE)

    @cached_property
    def runs(self) -> Runs:
        """Where an output's quads lie in the band."""
        vertical, horizontal = self.op.window(self.io)
        pixel, row = 3 * self.rows.pixel, 3 * self.rows.pitch * vertical.dilation
        if horizontal.dilation == 1:
            length = horizontal.size * pixel
            return Runs(length // QUAD_BYTES, (0, *(row - length,) * (vertical.size - 1)))
        between = (horizontal.dilation - 1) * pixel
        turn = row - horizontal.size * pixel - (horizontal.size - 1) * between
        line = (between,) * (horizontal.size - 1)
        return Runs(pixel // QUAD_BYTES, (0, *line, *(turn, *line) * (vertical.size - 1)))

    @cached_property
    def fitted(self) -> QuadWeights | None:
        """Weights as quads."""
        split = split_layer(self.op, self.io)
        assert split is not None
        weights = self.io.input(1).values.astype(np.int64)
        live = weights * ~split.constant[:, np.newaxis, np.newaxis, np.newaxis]
        return fit_quads(group_taps(live).reshape(self.channels, -1, 4))

    @property
    def weights(self) -> QuadWeights:
        """Weights as quads, where they fit."""
        assert self.fitted is not None
        return self.fitted

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
    def band_bytes(self) -> int:
        """Size of the band."""
        return 3 * self.rows.size
