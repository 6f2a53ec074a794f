"""Depthwise convolution by rows for cores with the DSP extension, straight from u8 pixels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Constant, Cost, Formats, KernelIO, Packed
from edgegen.kernels.depthwise_conv2d.finish import Finish
from edgegen.kernels.depthwise_conv2d.plane_layer import solved_layer
from edgegen.kernels.depthwise_conv2d.row_tile import RowTile, packed_rows
from edgegen.kernels.formats import DENSE, HWC, Format, Layout, round_up
from edgegen.kernels.row_call import row_cycles, rows_inside
from edgegen.kernels.rows import RowKernel
from edgegen.ops.depthwise_conv2d import DepthwiseConv2D
from edgegen.target.cores import Core


class DspDepthwiseConv2DRows(RowKernel[DepthwiseConv2D]):
    """Any filter as far as the tile's code stays small; padding must be stored as 0."""

    op: ClassVar[type[Op]] = DepthwiseConv2D
    name: ClassVar[str] = "dsp_rows"
    requires: ClassVar[frozenset[str]] = frozenset({"dsp"})

    def rejects(self, op: DepthwiseConv2D, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        if op.multiplier(io) != 1:
            return "the depth multiplier is not 1"
        _, height, width, _ = io.input(0).type.shape
        axes = zip(op.window(io), (height, width), strict=True)
        padded = any(w.before(n) or w.after(n) for w, n in axes)
        if padded and io.input(0).type.zero_point != -128:
            return "padding is not stored as 0"
        if solved_layer(op, io) is None:
            return "no requantisation constants could be proved for some channel"
        return _tile(op, io, HWC).reject

    def formats(self, op: DepthwiseConv2D, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        targets = (HWC, DENSE) if io.output.type.shape[3] % 4 == 0 else (HWC,)
        rest = tuple(DENSE for _ in io.inputs[1:])
        return tuple(Formats((HWC, *rest), target) for target in targets)

    def flash_bytes(self, op: DepthwiseConv2D, io: KernelIO) -> int:
        """See `Kernel.flash_bytes`."""
        return 2 * round_up(io.output.type.shape[3], 4) * _tile(op, io, io.output_format).words

    def code(self, op: DepthwiseConv2D, io: KernelIO) -> Mapping[str, int]:
        """See `Kernel.code`."""
        tile = _tile(op, io, io.output_format)
        return {f"{self.path} {tile.variant}": tile.code}

    def cost(self, op: DepthwiseConv2D, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        vertical, _ = op.window(io)
        tile = _tile(op, io, io.output_format)
        channels = round_up(io.output.type.shape[3], 4)
        calls = row_cycles(io, vertical)
        instructions = round(0.7 * calls)
        for inside in rows_inside(vertical, io.input(0).type.shape[1]):
            count = tile.count(channels, inside)
            instructions += count.instructions
            calls += count.cycles
        return Cost(instructions, calls)

    def pack(self, op: DepthwiseConv2D, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        tile, layer = _tile(op, io, io.output_format), solved_layer(op, io)
        assert layer is not None
        stream = packed_rows(io, layer)
        return Packed(
            constants=(Constant("weights", stream),),
            call={"total": stream.size},
            pieces={"requantise": tile.finish.piece, "tile": tile.piece},
        )


def _tile(op: DepthwiseConv2D, io: OpIO, target: Format) -> RowTile:
    layer = solved_layer(op, io)
    assert layer is not None
    vertical, horizontal = op.window(io)
    pixel = round_up(io.input(0).type.shape[3], 4)
    signed = target.layout is Layout.DENSE
    width = io.input(0).type.shape[2]
    return RowTile(vertical, horizontal, width, pixel, pixel, Finish(layer.solved, signed))
