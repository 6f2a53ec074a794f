"""3x3 depthwise convolution for cores with the DSP extension: channel planes in, pixels out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Constant, Cost, Formats, Kernel, KernelIO, Packed
from edgegen.kernels.depthwise_conv2d.plane_cost import plane_code, plane_cost
from edgegen.kernels.depthwise_conv2d.plane_layer import packed_channels, solved_layer
from edgegen.kernels.depthwise_conv2d.plane_tile import Tile
from edgegen.kernels.depthwise_conv2d.plane_walk import TAPS, Axis
from edgegen.kernels.formats import DENSE, HWC, PLANES_HIGH, PLANES_WIDE, Format, Layout, round_up
from edgegen.kernels.image_order import Reach, lines
from edgegen.kernels.order import UNTOUCHED, Accesses, AccessOrder
from edgegen.ops.depthwise_conv2d import DepthwiseConv2D
from edgegen.ops.window import padding_name
from edgegen.target.cores import Core

LONGEST_ROW = 1024
"""Pixels: three rows must lie within the reach of an immediate offset."""


class DspPlanesDepthwiseConv2D(Kernel[DepthwiseConv2D]):
    """Any padding, strides of 1 or 2 along the planes' rows and of any size across them."""

    op: ClassVar[type[Op]] = DepthwiseConv2D
    name: ClassVar[str] = "dsp_planes"
    requires: ClassVar[frozenset[str]] = frozenset({"dsp"})
    code_bytes: ClassVar[int] = 2048

    def rejects(self, op: DepthwiseConv2D, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        vertical, horizontal = op.window(io)
        if (vertical.size, horizontal.size) != (TAPS, TAPS):
            return "the filter is not 3x3"
        if op.multiplier(io) != 1:
            return "the depth multiplier is not 1"
        if (vertical.dilation, horizontal.dilation) != (1, 1):
            return "the filter is dilated"
        if max(op.pads, default=0) > 1:
            return "more than one pixel of padding on a side"
        if not _inputs(op, io):
            return f"no axis has a stride of 1 or 2 and up to {LONGEST_ROW} pixels"
        if solved_layer(op, io) is None:
            return "no requantisation constants could be proved for some channel"
        return ""

    def formats(self, op: DepthwiseConv2D, io: OpIO) -> tuple[Formats, ...]:
        """See `Kernel.formats`."""
        rest = tuple(DENSE for _ in io.inputs[1:])
        return tuple(
            Formats((source, *rest), target)
            for source in _inputs(op, io)
            for target in (HWC, DENSE)
        )

    def flash_bytes(self, op: DepthwiseConv2D, io: KernelIO) -> int:
        """See `Kernel.flash_bytes`."""
        return io.output.type.shape[3] * self._tile(op, io).words_per_channel * 4

    def code(self, op: DepthwiseConv2D, io: KernelIO) -> Mapping[str, int]:
        """See `Kernel.code`."""
        tile = self._tile(op, io)
        return {f"{self.path} {tile.variant}": plane_code(tile)}

    def order(self, op: DepthwiseConv2D, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`: plane by plane and row by row; within a row, writes and reads mix."""
        tile = self._tile(op, io)

        def promise() -> Accesses:
            rows, channels = tile.rows, np.arange(io.output.type.shape[3])
            row = np.arange(rows.outputs, dtype=np.int64)
            last = Reach.run(rows.inputs, rows.stride, TAPS, rows.before).last_use(row, 0)
            reads = last[:, np.newaxis] + rows.outputs * channels
            reads = np.where(last[:, np.newaxis] == UNTOUCHED, UNTOUCHED, 2 * reads + 1)
            writes = 2 * (row[:, np.newaxis] + rows.outputs * channels)
            return lines(io, reads, writes, transposed=io.input_formats[0] == PLANES_HIGH)

        return AccessOrder(promise)

    def cost(self, op: DepthwiseConv2D, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        return plane_cost(self._tile(op, io), io.output.type.shape[3])

    def _tile(self, op: DepthwiseConv2D, io: KernelIO) -> Tile:
        layer = solved_layer(op, io)
        assert layer is not None
        _, height, width, _ = io.input(0).type.shape
        _, _, out_width, channels = io.output.type.shape
        vertical, horizontal = op.window(io)
        signed = io.output_format.layout is Layout.DENSE
        pixel = channels if signed else round_up(channels, 4)
        rows, columns = Axis.of(vertical, height), Axis.of(horizontal, width)
        steps = (out_width * pixel, pixel)
        if io.input_formats[0] == PLANES_HIGH:
            rows, columns, steps = columns, rows, steps[::-1]
        pad = io.input(0).type.zero_point + 128
        return Tile(
            rows, columns, padding_name(op.padding, op.pads), pad, *steps, layer.solved, signed
        )

    def pack(self, op: DepthwiseConv2D, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        tile, layer = self._tile(op, io), solved_layer(op, io)
        assert layer is not None
        stream = packed_channels(io, layer, transposed=io.input_formats[0] == PLANES_HIGH)
        return Packed(
            constants=(Constant("weights", stream),),
            call={"total": stream.size, "arguments": tile.arguments},
            routine=tile.variables(),
            variant=tile.variant,
            pieces={"requantise": tile.finish.piece},
        )


def _inputs(op: DepthwiseConv2D, io: OpIO) -> tuple[Format, ...]:
    """The plane formats whose rows the tile can walk along."""
    vertical, horizontal = op.window(io)
    _, height, width, _ = io.input(0).type.shape
    axes = ((PLANES_WIDE, horizontal, width), (PLANES_HIGH, vertical, height))
    return tuple(f for f, w, pixels in axes if w.stride <= 2 and pixels <= LONGEST_ROW)
